//! Every call that changes something: what is sent, what each kind of answer means, and what is never shown.

mod answers;
mod facts;
mod forms;
mod lost;
mod permissions;
mod reads;
mod sandbox;
mod secrets;

use std::collections::BTreeMap;

use keyreeve_aws::AwsConnector;
use keyreeve_connector::{Connector, Error, Performed, Provisioning};
use keyreeve_model::{AccountCredential, AccountCredentialKind, Secret, StepCall};

use crate::canned::{Canned, NAMESPACE, Reply};

const PASSWORD: &str = "CANARY+pass'word%7B|{}";
const POLICY: &str = "arn:aws:iam::111122223333:policy/team/p";
const DEVICE: &str = "arn:aws:iam::111122223333:mfa/ana";

/// One call of each kind, each about the account given.
fn every_call(account: &str) -> Vec<StepCall> {
    let account = || account.to_owned();
    let tags = BTreeMap::from([("team".to_owned(), "eng ops".to_owned())]);
    let mut calls = vec![
        StepCall::CreateAccount {
            account: account(),
            path: "/staff/".into(),
            tags: BTreeMap::new(),
            permissions_boundary: None,
        },
        StepCall::UpdateAccount { account: account(), new_name: Some("eva".into()), new_path: None },
        StepCall::DeleteAccount { account: account() },
        StepCall::CreateLoginProfile { account: account() },
        StepCall::UpdateLoginProfile { account: account() },
        StepCall::DeleteLoginProfile { account: account() },
        StepCall::AddToGroup { account: account(), group: "devs".into() },
        StepCall::RemoveFromGroup { account: account(), group: "devs".into() },
        StepCall::AttachPolicy { account: account(), policy_arn: POLICY.into() },
        StepCall::DetachPolicy { account: account(), policy_arn: POLICY.into() },
        StepCall::DeactivateMfaDevice { account: account(), serial: DEVICE.into() },
        StepCall::DeleteVirtualMfaDevice { account: account(), serial: DEVICE.into() },
        StepCall::DeleteInlinePolicy { account: account(), name: "own".into() },
        StepCall::TagAccount { account: account(), tags },
        StepCall::UntagAccount { account: account(), keys: vec!["team".into()] },
        StepCall::SetBoundary { account: account(), policy_arn: POLICY.into() },
        StepCall::RemoveBoundary { account: account() },
    ];
    for kind in AccountCredentialKind::ALL {
        let credential = AccountCredential { kind, id: "ID123".into() };
        calls.push(StepCall::SetCredential {
            account: account(),
            credential: credential.clone(),
            active: false,
        });
        calls.push(StepCall::DeleteCredential { account: account(), credential });
    }
    calls
}

/// A removal: what is not there is as it shall be.
fn is_removal(call: &StepCall) -> bool {
    call.is_destructive()
        && !matches!(call, StepCall::UpdateLoginProfile { .. } | StepCall::SetCredential { active: true, .. })
}

fn password(call: &StepCall) -> Option<Secret> {
    call.takes_password().then(|| Secret::new(PASSWORD.into()))
}

async fn perform(connector: &AwsConnector, call: &StepCall) -> Result<Performed, Error> {
    let provisioning = connector.provisioning().expect("it changes accounts");
    provisioning.perform(call, password(call).as_ref()).await
}

/// Makes the call against a server that has only this reply. Exactly one request is sent, whatever comes.
async fn performed(call: &StepCall, reply: Reply) -> Result<Performed, Error> {
    let server = Canned::start(reply).await;
    let answer = perform(&server.connector().await, call).await;
    assert_eq!(server.requests(), 1, "one call, one request: {call:?}");
    answer
}

/// AWS's answer to a call that it carried out.
fn answer_to(operation: &str, account: &str) -> String {
    let result = match operation {
        "CreateUser" => format!(
            "<CreateUserResult><User><Path>/staff/</Path><UserName>{account}</UserName><UserId>AIDA1</UserId>\
             <Arn>arn:aws:iam::111122223333:user/staff/{account}</Arn><CreateDate>2024-01-01T00:00:00Z</CreateDate>\
             </User></CreateUserResult>"
        ),
        "CreateLoginProfile" => format!(
            "<CreateLoginProfileResult><LoginProfile><UserName>{account}</UserName>\
             <CreateDate>2024-01-02T00:00:00Z</CreateDate><PasswordResetRequired>true</PasswordResetRequired>\
             </LoginProfile></CreateLoginProfileResult>"
        ),
        _ => String::new(),
    };
    format!(
        "<{operation}Response{NAMESPACE}>{result}<ResponseMetadata><RequestId>req-7</RequestId></ResponseMetadata>\
         </{operation}Response>"
    )
}

/// The name of the call, asked of a connector that sends nothing.
async fn operation(call: &StepCall) -> &'static str {
    crate::canned::connector("http://127.0.0.1:9").await.operation(call)
}
