//! What is sent, field by field.

use std::collections::BTreeMap;

use keyreeve_connector::{Connector, Outcome};
use keyreeve_model::{AccountCredentialKind, Secret, StepCall};

use super::{DEVICE, PASSWORD, POLICY, answer_to, every_call, operation, perform};
use crate::canned::{Canned, Reply};

/// The fields of a form, but for the version of the API.
fn fields(form: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().unwrap().into_owned()
    };
    let pairs = form.split('&').filter_map(|field| field.split_once('='));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).filter(|(key, _)| key != "Version").collect()
}

/// Sends the call; gives its fields.
async fn sent(call: &StepCall) -> BTreeMap<String, String> {
    let server = Canned::start(Reply::xml(answer_to(operation(call).await, call.account()))).await;
    let performed = perform(&server.connector().await, call).await.unwrap();
    assert_eq!(performed.outcome, Outcome::Changed, "{call:?}");
    assert_eq!(performed.request_id.as_deref(), Some("req-7"), "{call:?}");
    let forms = server.forms();
    assert_eq!(forms.len(), 1, "{call:?}");
    fields(&forms[0])
}

/// The fields that the call must have, without the user's name, which all but one have.
fn expected(call: &StepCall) -> (&'static str, Vec<(&'static str, &'static str)>) {
    use AccountCredentialKind::{AccessKey, ServiceCredential, SigningCertificate, SshKey};
    let (off, always) = (("Status", "Inactive"), ("PasswordResetRequired", "true"));
    match call {
        StepCall::CreateAccount { .. } => ("CreateUser", vec![("Path", "/staff/")]),
        StepCall::UpdateAccount { .. } => ("UpdateUser", vec![("NewUserName", "eva")]),
        StepCall::DeleteAccount { .. } => ("DeleteUser", vec![]),
        StepCall::CreateLoginProfile { .. } => ("CreateLoginProfile", vec![("Password", PASSWORD), always]),
        StepCall::UpdateLoginProfile { .. } => ("UpdateLoginProfile", vec![("Password", PASSWORD), always]),
        StepCall::DeleteLoginProfile { .. } => ("DeleteLoginProfile", vec![]),
        StepCall::AddToGroup { .. } => ("AddUserToGroup", vec![("GroupName", "devs")]),
        StepCall::RemoveFromGroup { .. } => ("RemoveUserFromGroup", vec![("GroupName", "devs")]),
        StepCall::AttachPolicy { .. } => ("AttachUserPolicy", vec![("PolicyArn", POLICY)]),
        StepCall::DetachPolicy { .. } => ("DetachUserPolicy", vec![("PolicyArn", POLICY)]),
        StepCall::SetCredential { credential, .. } => match credential.kind {
            AccessKey => ("UpdateAccessKey", vec![("AccessKeyId", "ID123"), off]),
            SshKey => ("UpdateSSHPublicKey", vec![("SSHPublicKeyId", "ID123"), off]),
            SigningCertificate => ("UpdateSigningCertificate", vec![("CertificateId", "ID123"), off]),
            ServiceCredential => {
                ("UpdateServiceSpecificCredential", vec![("ServiceSpecificCredentialId", "ID123"), off])
            }
        },
        StepCall::DeleteCredential { credential, .. } => match credential.kind {
            AccessKey => ("DeleteAccessKey", vec![("AccessKeyId", "ID123")]),
            SshKey => ("DeleteSSHPublicKey", vec![("SSHPublicKeyId", "ID123")]),
            SigningCertificate => ("DeleteSigningCertificate", vec![("CertificateId", "ID123")]),
            ServiceCredential => {
                ("DeleteServiceSpecificCredential", vec![("ServiceSpecificCredentialId", "ID123")])
            }
        },
        StepCall::DeactivateMfaDevice { .. } => ("DeactivateMFADevice", vec![("SerialNumber", DEVICE)]),
        StepCall::DeleteVirtualMfaDevice { .. } => ("DeleteVirtualMFADevice", vec![("SerialNumber", DEVICE)]),
        StepCall::DeleteInlinePolicy { .. } => ("DeleteUserPolicy", vec![("PolicyName", "own")]),
        StepCall::TagAccount { .. } => {
            ("TagUser", vec![("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "eng ops")])
        }
        StepCall::UntagAccount { .. } => ("UntagUser", vec![("TagKeys.member.1", "team")]),
        StepCall::SetBoundary { .. } => ("PutUserPermissionsBoundary", vec![("PermissionsBoundary", POLICY)]),
        StepCall::RemoveBoundary { .. } => ("DeleteUserPermissionsBoundary", vec![]),
    }
}

#[tokio::test]
async fn each_call_sends_these_fields_and_no_others() {
    for call in every_call("ana") {
        let (action, fields) = expected(&call);
        let mut fields: BTreeMap<String, String> =
            fields.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        fields.insert("Action".into(), action.into());
        // A device that nobody uses is the account's, not a user's.
        if action != "DeleteVirtualMFADevice" {
            fields.insert("UserName".into(), "ana".into());
        }
        assert_eq!(sent(&call).await, fields);
        assert_eq!(operation(&call).await, action);
    }
}

#[tokio::test]
async fn a_creation_sends_tags_and_a_boundary_only_when_there_are_any() {
    let call = StepCall::CreateAccount {
        account: "ana".into(),
        path: "/staff/".into(),
        tags: [("team", "eng"), ("Städte", "Köln")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        permissions_boundary: Some(POLICY.into()),
    };
    let fields = sent(&call).await;
    assert_eq!(fields["PermissionsBoundary"], POLICY);
    assert_eq!((&*fields["Tags.member.1.Key"], &*fields["Tags.member.1.Value"]), ("Städte", "Köln"));
    assert_eq!((&*fields["Tags.member.2.Key"], &*fields["Tags.member.2.Value"]), ("team", "eng"));
}

#[tokio::test]
async fn an_account_can_move_and_a_credential_can_be_switched_on() {
    let call =
        StepCall::UpdateAccount { account: "ana".into(), new_name: None, new_path: Some("/a&b/<c>/".into()) };
    let fields = sent(&call).await;
    assert_eq!(fields["NewPath"], "/a&b/<c>/");
    assert!(!fields.contains_key("NewUserName"), "{fields:?}");
    for call in every_call("ana") {
        if let StepCall::SetCredential { account, credential, .. } = call {
            let call = StepCall::SetCredential { account, credential, active: true };
            assert_eq!(sent(&call).await["Status"], "Active");
        }
    }
}

/// Each call in every way in which it must not be sent.
fn unfit() -> Vec<StepCall> {
    let mut unfit: Vec<_> = ["", "a\nb", "\u{0}"].into_iter().flat_map(every_call).collect();
    let ana = || "ana".to_owned();
    for bad in ["", "a\tb"] {
        let bad = || bad.to_owned();
        unfit.extend([
            StepCall::AddToGroup { account: ana(), group: bad() },
            StepCall::RemoveFromGroup { account: ana(), group: bad() },
            StepCall::AttachPolicy { account: ana(), policy_arn: bad() },
            StepCall::DetachPolicy { account: ana(), policy_arn: bad() },
            StepCall::DeactivateMfaDevice { account: ana(), serial: bad() },
            StepCall::DeleteVirtualMfaDevice { account: ana(), serial: bad() },
            StepCall::DeleteInlinePolicy { account: ana(), name: bad() },
            StepCall::UntagAccount { account: ana(), keys: vec!["team".into(), bad()] },
            StepCall::TagAccount { account: ana(), tags: BTreeMap::from([(bad(), "x".into())]) },
            StepCall::SetBoundary { account: ana(), policy_arn: bad() },
            StepCall::UpdateAccount { account: ana(), new_name: Some(bad()), new_path: None },
            StepCall::UpdateAccount { account: ana(), new_name: None, new_path: Some(bad()) },
        ]);
        for mut call in every_call("ana") {
            if let StepCall::SetCredential { credential, .. }
            | StepCall::DeleteCredential { credential, .. } = &mut call
            {
                credential.id = bad();
                unfit.push(call);
            }
        }
    }
    let create = |account: &str, path: &str, boundary: Option<&str>| StepCall::CreateAccount {
        account: account.into(),
        path: path.into(),
        tags: BTreeMap::new(),
        permissions_boundary: boundary.map(str::to_owned),
    };
    unfit.extend([
        create("jürgen", "/", None),
        create(&"a".repeat(65), "/", None),
        create("ana", "", None),
        create("ana", "staff", None),
        create("ana", "/", Some("")),
        StepCall::UpdateAccount { account: ana(), new_name: None, new_path: None },
        StepCall::TagAccount { account: ana(), tags: BTreeMap::new() },
        StepCall::UntagAccount { account: ana(), keys: vec![] },
    ]);
    unfit
}

#[tokio::test]
async fn what_is_empty_or_unfit_is_never_sent() {
    let server = Canned::start(Reply::refusal(500, "ServiceFailure", "m")).await;
    let connector = server.connector().await;
    for call in unfit() {
        let error = perform(&connector, &call).await.unwrap_err();
        assert!(error.message.contains("nothing was sent"), "{call:?}: {error}");
        assert_eq!(error.effect(), keyreeve_model::Effect::None, "{call:?}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_password_goes_with_exactly_the_calls_that_take_one() {
    let server = Canned::start(Reply::refusal(500, "ServiceFailure", "m")).await;
    let connector = server.connector().await;
    let provisioning = connector.provisioning().unwrap();
    for call in every_call("ana") {
        let wrong = (!call.takes_password()).then(|| Secret::new(PASSWORD.into()));
        let error = provisioning.perform(&call, wrong.as_ref()).await.unwrap_err();
        assert!(error.message.contains("password") && error.message.contains("nothing was sent"), "{error}");
        if call.takes_password() {
            let empty = Secret::new(String::new());
            let error = provisioning.perform(&call, Some(&empty)).await.unwrap_err();
            assert!(error.message.contains("the password is empty"), "{error}");
        }
    }
    assert_eq!(server.requests(), 0);
}
