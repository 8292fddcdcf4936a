//! Whether what an account is denied, or its boundary, leaves it nothing of AdministratorAccess.

use keyreeve_connector::PolicyHolder;
use keyreeve_policy::{Policy, PolicySet, Request, Target, Verdict, evaluate};

use super::facts::{AccountFact, Facts};
use super::policy_texts::{by_arn, parsed};
use super::protect::administrator_access;

/// Who cannot do these gives nobody back what was lost.
const POWER: [&str; 2] = ["iam:CreateUser", "iam:AttachUserPolicy"];

/// Whether an account that holds AdministratorAccess certainly has no power by it. A denial on a condition may not
/// hold, so it does not count; a boundary counts unless it certainly leaves the power.
pub(super) fn is_disarmed(facts: &Facts, account: &AccountFact) -> bool {
    let identity = PolicySet { identity: identity_policies(facts, account), ..PolicySet::default() };
    let boundary = account
        .permissions_boundary
        .as_ref()
        .map(|arn| PolicySet { identity: managed(facts, arn).into_iter().collect(), ..PolicySet::default() });
    let users = Target::Pattern(format!("arn:{}:iam::{}:user/*", facts.partition, facts.account_id));
    POWER.iter().any(|action| {
        let request = Request::new(*action).on(users.clone());
        evaluate(&identity, &request).verdict == Verdict::Deny
            || boundary.as_ref().is_some_and(|set| evaluate(set, &request).verdict != Verdict::Allow)
    })
}

/// Whether a policy of AWS's own denies what makes an administrator. (That AWSCompromisedKeyQuarantine, V2 and V3 deny
/// CreateUser and AttachUserPolicy: a copy of the documents in moto 5.2.1.)
fn denies_power(facts: &Facts, arn: &str) -> bool {
    let quarantine = facts.aws_policy("AWSCompromisedKeyQuarantine");
    arn == facts.aws_policy("AWSDenyAll")
        || arn.strip_prefix(quarantine.as_str()).is_some_and(|version| matches!(version, "" | "V2" | "V3"))
}

fn identity_policies(facts: &Facts, account: &AccountFact) -> Vec<Policy> {
    let groups = account.groups.iter().filter_map(|name| facts.group(name));
    let attached = account.policies.iter().chain(groups.flat_map(|group| &group.policies));
    let documents = facts.documents.read().map_or(&[][..], Vec::as_slice);
    let inline = documents.iter().filter(|document| match &document.holder {
        PolicyHolder::Account(name) => *name == account.name,
        PolicyHolder::Group(name) => account.groups.contains(name),
        PolicyHolder::Managed(_) => false,
    });
    let inline = inline.map(|one| parsed(one.name.clone(), one.document.as_deref()));
    attached.filter_map(|arn| managed(facts, arn)).chain(inline).collect()
}

/// A managed policy: AWS's own as far as it decides, a customer's by its text.
fn managed(facts: &Facts, arn: &String) -> Option<Policy> {
    if !arn.contains(":iam::aws:policy/") {
        let documents = facts.documents.read().map_or(&[][..], Vec::as_slice);
        return Some(by_arn(documents, arn));
    }
    let effect = if *arn == administrator_access(&facts.partition) {
        "Allow"
    } else if denies_power(facts, arn) {
        "Deny"
    } else {
        return None;
    };
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "*", "Resource": "*"}}}}"#
    );
    Some(parsed(arn.clone(), Some(&text)))
}
