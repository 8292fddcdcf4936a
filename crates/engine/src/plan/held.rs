//! What an account holds, in the order in which a deletion takes it away.

use keyreeve_connector::{PolicyDocument, PolicyHolder};
use keyreeve_model::StepCall;
use keyreeve_policy::{Policy, removal_order};

use super::facts::{AccountFact, Facts};
use super::policy_texts::{by_arn, inline, parsed};

/// AWS's policies that only deny, by the beginnings of their names. (The lists are from a copy of 1,485 documents of AWS
/// managed policies, in moto 5.2.1. AWS adds policies, and adds denials to old ones, so what is on no list may deny.)
const ONLY_DENYING: [&str; 3] =
    ["AWSCompromisedKeyQuarantine", "AWSDenyAll", "AWSIAMIdentityCenterAllowListForIdentityContext"];
/// Some of those that only allow: the job functions, and what is widely attached to people. (The same copy; AWS
/// describes them as granting, "AWS managed policies for job functions" in the IAM User Guide.)
const ONLY_ALLOWING: [&str; 24] = [
    "AdministratorAccess",
    "AmazonDynamoDBFullAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "AmazonEC2FullAccess",
    "AmazonEC2ReadOnlyAccess",
    "AmazonRDSFullAccess",
    "AmazonRDSReadOnlyAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonVPCFullAccess",
    "AmazonVPCReadOnlyAccess",
    "Billing",
    "CloudWatchReadOnlyAccess",
    "DatabaseAdministrator",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "IAMUserChangePassword",
    "NetworkAdministrator",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "SecurityAudit",
    "SupportUser",
    "SystemAdministrator",
    "ViewOnlyAccess",
];

/// Removals of everything held. The rule is that of [`removal_order`]: what certainly denies nothing goes first, then
/// whatever a `Deny` may hold back goes before that `Deny`. Of those for which that leaves no order, attached policies
/// go first, then groups, then inline policies.
pub(super) struct Held {
    /// What certainly denies nothing, in any order.
    pub(super) allowing: Vec<StepCall>,
    /// What denies or may deny, one after the other.
    pub(super) denying: Vec<StepCall>,
    /// Names of those of `denying` for which no order is known to leave the account weaker.
    doubtful: Vec<String>,
}

impl Held {
    pub(super) fn of(facts: &Facts, account: &AccountFact) -> Self {
        let removals = removals(account);
        let documents = facts.documents.read().map_or(&[][..], Vec::as_slice);
        let policies: Vec<Vec<Policy>> =
            removals.iter().map(|call| taken_away(facts, documents, call)).collect();
        let order = removal_order(&policies);
        let calls = |places: &[usize]| places.iter().filter_map(|at| removals.get(*at)).cloned().collect();
        let doubtful: Vec<StepCall> = calls(&order.doubtful);
        Self {
            allowing: calls(&order.allowing),
            denying: calls(&order.denying),
            doubtful: doubtful.iter().map(|call| name_of(call).to_owned()).collect(),
        }
    }

    /// What a person should know of an order that is not certain.
    pub(super) fn doubt(&self, account: &str) -> Option<String> {
        (!self.doubtful.is_empty()).then(|| {
            format!(
                "{} may deny what {account} is allowed by something that is removed after it, and no order is known \
                 that does without: if the deletion stops in between, {account} may do more than before",
                self.doubtful.join(", ")
            )
        })
    }
}

fn removals(account: &AccountFact) -> Vec<StepCall> {
    let name = || account.name.clone();
    let policies = account
        .policies
        .iter()
        .map(|arn| StepCall::DetachPolicy { account: name(), policy_arn: arn.clone() });
    let groups = account
        .groups
        .iter()
        .map(|group| StepCall::RemoveFromGroup { account: name(), group: group.clone() });
    let inline = account
        .inline_policies
        .iter()
        .map(|policy| StepCall::DeleteInlinePolicy { account: name(), name: policy.clone() });
    policies.chain(groups).chain(inline).collect()
}

/// The policies that stop holding with a removal. A group that no import has seen may hold anything.
fn taken_away(facts: &Facts, documents: &[PolicyDocument], call: &StepCall) -> Vec<Policy> {
    match call {
        StepCall::DetachPolicy { policy_arn, .. } => vec![managed(documents, policy_arn)],
        StepCall::DeleteInlinePolicy { account, name } => {
            vec![inline(documents, &PolicyHolder::Account(account.clone()), name)]
        }
        StepCall::RemoveFromGroup { group, .. } => {
            let Some(fact) = facts.group(group) else { return vec![Policy::unreadable(group.clone())] };
            let attached = fact.policies.iter().map(|arn| managed(documents, arn));
            let holder = PolicyHolder::Group(group.clone());
            let own = documents.iter().filter(|document| document.holder == holder);
            let own = own.map(|one| parsed(format!("{} of {group}", one.name), one.document.as_deref()));
            attached.chain(own).collect()
        }
        _ => Vec::new(),
    }
}

/// A managed policy: AWS's own by what is known of it, a customer's by its text.
fn managed(documents: &[PolicyDocument], arn: &str) -> Policy {
    if !arn.contains(":iam::aws:policy/") {
        return by_arn(documents, arn);
    }
    let name = arn.rsplit('/').next().unwrap_or_default();
    let effect = if ONLY_ALLOWING.contains(&name) {
        "Allow"
    } else if ONLY_DENYING.iter().any(|beginning| name.starts_with(beginning)) {
        "Deny"
    } else {
        return Policy::unreadable(arn);
    };
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "*", "Resource": "*"}}}}"#
    );
    parsed(arn.to_owned(), Some(&text))
}

fn name_of(call: &StepCall) -> &str {
    match call {
        StepCall::DetachPolicy { policy_arn, .. } => policy_arn,
        StepCall::RemoveFromGroup { group, .. } => group,
        StepCall::DeleteInlinePolicy { name, .. } => name,
        other => other.account(),
    }
}
