//! Which calls the connector's own policies certainly do not allow. Silent wherever that is not certain: policies of
//! groups and of AWS are not looked into, and conditions may hold.

use keyreeve_connector::{PolicyDocument, PolicyHolder, Provisioning};
use keyreeve_model::{ObstacleKind, StepCall};
use keyreeve_policy::{PolicySet, Request, Target, Verdict, evaluate};

use super::draft::TaskDraft;
use super::facts::{AccountFact, Facts};
use super::policy_texts::{customer_managed, inline};

/// Whether the connector's account holds policies whose text would have to be read.
pub(super) fn worth_reading(account: &AccountFact) -> bool {
    account.groups.is_empty() && (!account.inline_policies.is_empty() || !account.policies.is_empty())
}

/// The policies of the connector's own account. `None` when they cannot be all there is, because they deny what the
/// connector has just done.
pub(super) fn policies_of(
    account: &AccountFact,
    documents: &[PolicyDocument],
    read_with: &str,
) -> Option<PolicySet> {
    let managed = |arn: &String| customer_managed(documents, arn);
    let holder = PolicyHolder::Account(account.name.clone());
    let inline = |name: &String| inline(documents, &holder, name);
    let set = PolicySet {
        identity: account
            .policies
            .iter()
            .map(managed)
            .chain(account.inline_policies.iter().map(inline))
            .collect(),
        boundary: account.permissions_boundary.as_ref().map(managed),
        ..PolicySet::default()
    };
    let reading = evaluate(&set, &Request::new(read_with));
    (reading.verdict != Verdict::Deny).then_some(set)
}

impl TaskDraft<'_> {
    /// What the profile promises may still not be granted: what the connector's own policies certainly deny is named.
    pub(super) fn check_own_rights(&mut self) {
        let profile = self.facts.settings.permission_profile;
        let mut found: Vec<(&'static str, &'static str)> = Vec::new();
        for step in &self.steps {
            let path = self.path_of(step.call.account()).unwrap_or_else(|| "/".to_owned());
            for action in denied(self.facts, self.connector, &step.call, &path) {
                let promised = self.connector.lacks(profile, &[action]).is_empty();
                if promised && !found.contains(&(step.operation, action)) {
                    found.push((step.operation, action));
                }
            }
        }
        let (arn, read_at) = (self.facts.connector.arn.clone(), self.facts.read_at);
        for (operation, action) in found {
            let message = format!(
                "{operation}: the action {action} is not allowed here by the policies of {arn} as read at \
                 {read_at:.0}; grant it in them"
            );
            self.refuse(ObstacleKind::PermissionMissing, message);
        }
    }

    /// The path of an account that is there, or that this task makes.
    fn path_of(&self, name: &str) -> Option<String> {
        let made = self.steps.iter().find_map(|step| match &step.call {
            StepCall::CreateAccount { account, path, .. } if account == name => Some(path.clone()),
            _ => None,
        });
        made.or_else(|| self.facts.account(name).map(|account| account.path.clone()))
    }
}

/// Which of these actions on the connector's own user its policies certainly do not allow.
#[must_use]
pub fn denied_on_user(facts: &Facts, user: &str, actions: &[&'static str]) -> Vec<&'static str> {
    let Some(set) = &facts.connector.policies else { return Vec::new() };
    if facts.account(user).is_none() {
        return Vec::new();
    }
    let itself = Target::Arn(facts.connector.arn.clone());
    let mut denied = actions.to_vec();
    denied.retain(|action| evaluate(set, &Request::new(*action).on(itself.clone())).verdict == Verdict::Deny);
    denied
}

/// The actions of a call that the connector's policies deny, whatever is not known of them. `path` is that of the
/// account it is about.
fn denied(facts: &Facts, connector: &dyn Provisioning, call: &StepCall, path: &str) -> Vec<&'static str> {
    let Some(set) = &facts.connector.policies else { return Vec::new() };
    let target = target(facts, call, path);
    let mut actions = connector.needs(call);
    actions
        .retain(|action| evaluate(set, &Request::new(*action).on(target.clone())).verdict == Verdict::Deny);
    actions
}

/// What a call is about, as policies name it (Service Authorization Reference, "AWS IAM").
fn target(facts: &Facts, call: &StepCall, path: &str) -> Target {
    let arn = |resource: String| format!("arn:{}:iam::{}:{resource}", facts.partition, facts.account_id);
    match call {
        StepCall::AddToGroup { .. } | StepCall::RemoveFromGroup { .. } => {
            Target::Pattern(arn("group/*".to_owned()))
        }
        StepCall::DeleteVirtualMfaDevice { serial, .. } => Target::Arn(serial.clone()),
        call => Target::Arn(arn(format!("user{path}{}", call.account()))),
    }
}
