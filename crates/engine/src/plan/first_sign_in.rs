//! Whether a user could change a new password at the first sign-in: yes, no, or not known.

use keyreeve_connector::PolicyHolder;
use keyreeve_model::{FirstSignIn, ObstacleKind, StepCall, StepReason};
use keyreeve_policy::{Context, Policy, PolicySet, Request, Target, Verdict, evaluate};

use super::draft::TaskDraft;
use super::facts::{AccountFact, Facts};
use super::policy_texts::{by_arn, parsed};

/// AWS's policies that allow `iam:ChangePassword`, by name. (These lists are from a copy of all 1,485 documents of AWS
/// managed policies, in moto 5.2.1; all others are silent about it.)
const ALLOWING: [&str; 3] = ["IAMUserChangePassword", "AdministratorAccess", "IAMFullAccess"];
/// Beginnings of the names of those that deny it, most of them by denying all but something else.
const DENYING: [&str; 7] = [
    "AWSCompromisedKeyQuarantine",
    "AWSDenyAll",
    "AWSIAMIdentityCenterAllowListForIdentityContext",
    "AmazonDataZoneEnvironmentRolePermissionsBoundary",
    "AmazonDataZoneSageMakerEnvironmentRolePermissionsBoundary",
    "AmazonSecurityLakePermissionsBoundary",
    "SageMakerStudioProjectUserRolePermissionsBoundary",
];

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// Why it is not known.
    Unknown(String),
    /// The statement that denies it.
    Denied(String),
}

/// Adds the step that lets the user change the password, if it is needed and the system's setting wants it. What
/// counts is what the account will hold after the task: the planned steps, and `groups` and `policies` besides. Gives
/// what the login profile must wait for.
pub(super) fn steps(
    draft: &mut TaskDraft<'_>,
    account: &AccountFact,
    groups: &[String],
    policies: &[String],
    after: &[u32],
) -> Vec<u32> {
    let setting = draft.facts.settings.first_sign_in;
    if setting == FirstSignIn::Ignore {
        return after.to_vec();
    }
    let account = &draft.afterwards(account);
    let name = &account.name;
    let why = match judge(draft.facts, account, groups, policies) {
        Answer::Yes => return after.to_vec(),
        Answer::Denied(which) => {
            let message = format!(
                "{name} could never change the password at the first sign-in: {which} denies iam:ChangePassword"
            );
            draft.refuse(ObstacleKind::FirstSignIn, message);
            return after.to_vec();
        }
        Answer::No => "nothing allows iam:ChangePassword".to_owned(),
        Answer::Unknown(why) => why,
    };
    if setting == FirstSignIn::Refuse {
        let message = format!(
            "{name} may not be able to change the password at the first sign-in ({why}); the setting \
             first_sign_in=attach gives the right to, ignore goes on without"
        );
        draft.refuse(ObstacleKind::FirstSignIn, message);
        return after.to_vec();
    }
    let policy_arn = draft.facts.aws_policy("IAMUserChangePassword");
    let held = account.policies.contains(&policy_arn) || policies.contains(&policy_arn);
    if held {
        return after.to_vec();
    }
    if account.policies.len() + policies.len() >= 10 {
        let message = format!("{name} has no room for IAMUserChangePassword among its ten policies");
        draft.refuse(ObstacleKind::QuotaFull, message);
    }
    let message =
        format!("IAMUserChangePassword is attached to {name}, so that the first sign-in can succeed: {why}");
    draft.notice(ObstacleKind::FirstSignIn, message);
    let call = StepCall::AttachPolicy { account: name.clone(), policy_arn };
    vec![draft.step(call, StepReason::FirstSignIn, after)]
}

/// Whether the account could change its own password, with what it will hold.
pub(super) fn judge(facts: &Facts, account: &AccountFact, groups: &[String], policies: &[String]) -> Answer {
    let groups: Vec<&String> = account.groups.iter().chain(groups).collect();
    let of_groups =
        groups.iter().filter_map(|name| facts.group(name)).flat_map(|group| group.policies.iter());
    let attached: Vec<&String> = account.policies.iter().chain(policies).chain(of_groups).collect();
    let set = PolicySet {
        identity: identity_policies(facts, account, &groups, &attached),
        boundary: account
            .permissions_boundary
            .as_ref()
            .map(|arn| managed(facts, arn).unwrap_or_else(|| Policy::unreadable(arn.clone()))),
        ..PolicySet::default()
    };
    let context = Context::open().with("aws:username", account.name.clone());
    let request = Request::new("iam:ChangePassword").on(Target::Arn(account.arn.clone())).within(context);
    let decision = evaluate(&set, &request);
    let may_change =
        facts.password_policy.read().map(|policy| policy.as_ref().is_some_and(|one| one.users_may_change));
    match (decision.verdict, may_change) {
        (Verdict::Deny, _) if decision.explicit => {
            let which = decision.because.first().map_or("a policy", |statement| statement.policy.as_str());
            Answer::Denied(which.to_owned())
        }
        (Verdict::Allow, _) => Answer::Yes,
        // What every user of the account may do is only taken away by a deny.
        (Verdict::Deny, Some(true)) => Answer::Yes,
        (Verdict::Unknown, Some(true)) if !decision.because.iter().any(|one| one.effect != allow()) => {
            Answer::Yes
        }
        (Verdict::Deny, Some(false)) => Answer::No,
        (Verdict::Deny, None) => Answer::Unknown("the account's password policy cannot be read".to_owned()),
        (Verdict::Unknown, _) => {
            let which = decision.because.first().map_or("a policy", |statement| statement.policy.as_str());
            Answer::Unknown(format!("it depends on {which}"))
        }
    }
}

fn allow() -> Option<keyreeve_policy::Effect> {
    Some(keyreeve_policy::Effect::Allow)
}

fn identity_policies(
    facts: &Facts,
    account: &AccountFact,
    groups: &[&String],
    attached: &[&String],
) -> Vec<Policy> {
    let mut policies: Vec<Policy> = attached.iter().filter_map(|arn| managed(facts, arn)).collect();
    let Some(documents) = facts.documents.read() else {
        let inline = account
            .inline_policies
            .iter()
            .map(|name| Policy::unreadable(format!("the inline policy {name}")));
        policies.extend(inline);
        return policies;
    };
    for document in documents {
        let ours = match &document.holder {
            PolicyHolder::Account(name) => *name == account.name,
            PolicyHolder::Group(name) => groups.contains(&name),
            PolicyHolder::Managed(_) => false,
        };
        if ours {
            policies
                .push(parsed(format!("the inline policy {}", document.name), document.document.as_deref()));
        }
    }
    policies
}

/// A managed policy: AWS's own by what is known of it, a customer's by its text; `None` for one of AWS's that has no say
/// in this.
fn managed(facts: &Facts, arn: &str) -> Option<Policy> {
    if arn.contains(":iam::aws:policy/") {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let effect = match name {
            _ if ALLOWING.contains(&name) => "Allow",
            _ if DENYING.iter().any(|beginning| name.starts_with(beginning)) => "Deny",
            _ => return None,
        };
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "iam:ChangePassword", "Resource": "*"}}}}"#
        );
        return Some(parsed(arn.to_owned(), Some(&text)));
    }
    let documents = facts.documents.read().map_or(&[][..], Vec::as_slice);
    Some(by_arn(documents, arn))
}
