//! Which calls the connector's own policies certainly do not allow: its user's, its groups', or its role's. Silent wherever
//! that is not certain: a text may not be readable, and conditions may hold.

use keyreeve_connector::{PolicyDocument, PolicyHolder, RoleDetail};
use keyreeve_model::{Hint, ObstacleKind, PolicyScope, StepCall};
use keyreeve_policy::{
    Context, ContextValue, Effect as PolicyEffect, Layer, Policy, PolicySet, Request, Target, Verdict,
    evaluate,
};

use super::draft::{TaskDraft, made};
use super::facts::{AccountFact, Facts, Unreadable};
use super::policy_texts::{by_arn, inline, parsed};

/// Whose policies the connector acts under.
pub(super) enum Holder {
    /// Its user.
    Account(Box<AccountFact>),
    /// The role behind its session.
    Role(RoleDetail),
}

impl Holder {
    /// Whose texts must be read; `None` where it holds nothing that has one.
    pub(super) fn reads(&self, facts: &Facts) -> Option<PolicyScope> {
        let is_of_aws = |arn: &String| arn.contains(":iam::aws:policy/");
        let of_aws = match self {
            Self::Account(account) => {
                let AccountFact { groups, policies, inline_policies, permissions_boundary, .. } = &**account;
                if groups.is_empty() && policies.is_empty() && inline_policies.is_empty() {
                    return None;
                }
                let groups = groups.iter().filter_map(|name| facts.group(name));
                let through = groups.flat_map(|group| &group.policies);
                policies.iter().chain(through).chain(permissions_boundary).any(is_of_aws)
            }
            Self::Role(role) => role.policies.iter().chain(&role.permissions_boundary).any(is_of_aws),
        };
        Some(if of_aws { PolicyScope::Attached } else { PolicyScope::Customer })
    }

    /// The policies: its own, those of its groups, and its boundary. No policies are passed with the sessions of a role.
    /// `None` when they cannot be all there is, because they deny what the connector has just done.
    pub(super) fn policies(
        &self,
        facts: &Facts,
        documents: &[PolicyDocument],
        read_with: &str,
    ) -> Option<PolicySet> {
        let managed = |arn: &String| by_arn(documents, arn);
        let (identity, boundary): (Vec<Policy>, _) = match self {
            Self::Account(account) => {
                let holder = PolicyHolder::Account(account.name.clone());
                let inline = account.inline_policies.iter().map(|name| inline(documents, &holder, name));
                let through = account.groups.iter().flat_map(|name| match facts.group(name) {
                    Some(group) => of_group(documents, name, group.policies.iter()),
                    // Nothing is known of what it gives and takes.
                    None => vec![Policy::unreadable(format!("the policies of group {name}"))],
                });
                let own = account.policies.iter().map(managed);
                (own.chain(inline).chain(through).collect(), &account.permissions_boundary)
            }
            Self::Role(role) => {
                let inline = &role.inline_policies;
                let inline = inline.iter().map(|(name, text)| parsed(name.clone(), text.as_deref()));
                (role.policies.iter().map(managed).chain(inline).collect(), &role.permissions_boundary)
            }
        };
        let boundary = boundary.as_ref().map(managed);
        all_there_is(PolicySet { identity, boundary, ..PolicySet::default() }, read_with)
    }
}

fn of_group<'a>(
    documents: &[PolicyDocument],
    name: &str,
    attached: impl Iterator<Item = &'a String>,
) -> Vec<Policy> {
    let holder = PolicyHolder::Group(name.to_owned());
    let inline = documents.iter().filter(|document| document.holder == holder);
    let inline = inline.map(|document| parsed(document.name.clone(), document.document.as_deref()));
    attached.map(|arn| by_arn(documents, arn)).chain(inline).collect()
}

fn all_there_is(set: PolicySet, read_with: &str) -> Option<PolicySet> {
    let reading = evaluate(&set, &Request::new(read_with));
    (reading.verdict != Verdict::Deny).then_some(set)
}

impl TaskDraft<'_> {
    /// What the profile promises may still not be granted: what the connector's own policies certainly deny is named,
    /// each reason once.
    pub(super) fn check_own_rights(&mut self) {
        let profile = self.facts.settings.permission_profile;
        let mut found: Vec<(Lack, Vec<&'static str>)> = Vec::new();
        for step in &self.steps {
            let account = self.account_of(step.call.account());
            for action in self.connector.needs(&step.call) {
                if !self.connector.lacks(profile, &[action]).is_empty() {
                    continue;
                }
                let Some(lack) = lack(self.facts, &step.call, account.as_ref(), action) else { continue };
                match found.iter_mut().find(|(known, _)| *known == lack) {
                    Some((_, actions)) if actions.contains(&action) => {}
                    Some((_, actions)) => actions.push(action),
                    None => found.push((lack, vec![action])),
                }
            }
        }
        let creates = self.steps.iter().any(|step| matches!(step.call, StepCall::CreateAccount { .. }));
        for (lack, actions) in found {
            let message = lack.in_words(self.facts, &actions, creates);
            self.refuse(ObstacleKind::PermissionMissing, message);
        }
    }

    /// What the task needs to know of an account and the connector may not read.
    pub(super) fn unreadable(&mut self, account: &AccountFact, unreadable: &Unreadable) {
        let action = format!("iam:{}", unreadable.operation);
        let scopes = match &self.facts.connector.policies {
            Some(set) => scopes(self.facts, set, &action),
            None => Vec::new(),
        };
        let message = if scopes.is_empty() {
            format!("{}, so nothing is planned for it: {}", unreadable.message, unreadable.why)
        } else {
            format!(
                "{}, so nothing is planned for it: it lies under {}, and the connector's own policies allow {action} on \
                 {} only; widen them if that is to change",
                unreadable.message,
                account.path.escape_debug(),
                scopes.join(", ")
            )
        };
        self.refuse(ObstacleKind::PermissionMissing, message);
    }

    /// An account that is there, or that this task makes.
    fn account_of(&self, name: &str) -> Option<AccountFact> {
        let creation = self
            .steps
            .iter()
            .find(|step| matches!(&step.call, StepCall::CreateAccount { account, .. } if account == name));
        let made = creation.and_then(|step| made(self.facts, &step.call));
        made.or_else(|| self.facts.account(name).cloned())
    }
}

/// How the connector's own policies deny an action.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lack {
    /// Something denies it on this resource, whatever else allows it.
    Forbidden { resource: String, why: String },
    /// It is not allowed on this resource; these are named instead, if any are.
    Elsewhere { resource: String, scopes: Vec<String> },
    /// It is allowed for other policies alone.
    OtherPolicies { verb: &'static str, policy_arn: String },
    /// It is allowed with another permissions boundary alone.
    OtherBoundary { account: String, boundary: Option<String> },
}

impl Lack {
    fn in_words(&self, facts: &Facts, actions: &[&str], creates: bool) -> String {
        let actions = actions.join(", ");
        let ours = format!("the policies of {}, as read at {:.0},", facts.connector.arn, facts.read_at);
        match self {
            Self::Forbidden { resource, why } => format!("{ours} deny {actions} on {resource}: {why}"),
            Self::Elsewhere { resource, scopes } if scopes.is_empty() => {
                format!("{ours} do not allow {actions} on {resource}; grant it in them")
            }
            Self::Elsewhere { resource, scopes } => {
                let path = scopes.iter().find(|scope| scope.starts_with('/') && !scope.contains('*'));
                let way_out = match path {
                    Some(path) if creates => format!("give the path {path}, or widen them"),
                    _ => "widen them if that is to change".to_owned(),
                };
                let scopes = scopes.join(", ");
                format!("{ours} do not allow {actions} on {resource}, but on {scopes} only; {way_out}")
            }
            Self::OtherPolicies { verb, policy_arn } => format!(
                "the connector may not {verb} the policy {policy_arn}: {ours} allow {actions} for others only \
                 (iam:PolicyARN); name it in them ({} writes them)",
                Hint::WritePolicy
            ),
            Self::OtherBoundary { account, boundary: Some(boundary) } => format!(
                "the connector may not do this to {account} with the permissions boundary {boundary}: {ours} allow \
                 {actions} with another one only (iam:PermissionsBoundary)"
            ),
            Self::OtherBoundary { account, boundary: None } => format!(
                "the connector may not do this to {account} without a permissions boundary: {ours} allow {actions} \
                 with one only (iam:PermissionsBoundary)"
            ),
        }
    }
}

/// How the connector's policies deny an action of a call, whatever is not known of them and of the request; `None` when
/// they may allow it.
fn lack(facts: &Facts, call: &StepCall, account: Option<&AccountFact>, action: &str) -> Option<Lack> {
    let set = facts.connector.policies.as_ref()?;
    let moved = moved(facts, call, account);
    let targets = [Some(target(facts, call, account)), moved];
    targets.into_iter().flatten().find_map(|target| lack_on(facts, set, (call, target), account, action))
}

fn lack_on(
    facts: &Facts,
    set: &PolicySet,
    (call, target): (&StepCall, Target),
    account: Option<&AccountFact>,
    action: &str,
) -> Option<Lack> {
    let boundary = boundary(call, account, action);
    let of_call = match call {
        StepCall::AttachPolicy { policy_arn, .. } => Some(("attach", policy_arn.clone())),
        StepCall::DetachPolicy { policy_arn, .. } => Some(("detach", policy_arn.clone())),
        _ => None,
    };
    let of_policy = match &of_call {
        Some((_, arn)) => Context::open().with("iam:PolicyARN", arn.clone()),
        None => Context::open(),
    };
    let decide = |context: Context| evaluate(set, &Request::new(action).on(target.clone()).within(context));
    let whole = decide(of_policy.clone().with_value("iam:PermissionsBoundary", boundary.clone()));
    if whole.verdict != Verdict::Deny {
        return None;
    }
    let resource = in_words(facts, &target);
    if whole.explicit {
        let by = whole.because.first().map_or("a statement", |one| one.sid.as_deref().unwrap_or(&one.policy));
        return Some(Lack::Forbidden { resource, why: format!("{by} does so expressly") });
    }
    if whole.lacks == Some(Layer::Boundary) {
        let why = "the connector's permissions boundary does not allow it".to_owned();
        return Some(Lack::Forbidden { resource, why });
    }
    if decide(Context::open()).verdict == Verdict::Deny {
        return Some(Lack::Elsewhere { resource, scopes: scopes(facts, set, action) });
    }
    if let Some((verb, policy_arn)) = of_call
        && decide(of_policy).verdict == Verdict::Deny
    {
        return Some(Lack::OtherPolicies { verb, policy_arn });
    }
    let boundary = match boundary {
        ContextValue::Known(values) => values.into_iter().next(),
        ContextValue::Absent | ContextValue::Unknown => None,
    };
    Some(Lack::OtherBoundary { account: call.account().to_owned(), boundary })
}

/// The permissions boundary as a condition sees it: the one that is asked for, or the one that is held. That an account
/// shows none proves nothing, unless this job makes it.
fn boundary(call: &StepCall, account: Option<&AccountFact>, action: &str) -> ContextValue {
    let known = |arn: &Option<String>| match arn {
        Some(arn) => ContextValue::Known(vec![arn.clone()]),
        None => ContextValue::Absent,
    };
    match call {
        StepCall::SetBoundary { policy_arn, .. } => ContextValue::Known(vec![policy_arn.clone()]),
        StepCall::CreateAccount { permissions_boundary, .. } if action != "iam:TagUser" => {
            known(permissions_boundary)
        }
        StepCall::AttachPolicy { .. }
        | StepCall::DetachPolicy { .. }
        | StepCall::DeleteInlinePolicy { .. }
        | StepCall::RemoveBoundary { .. } => match account {
            Some(account) if account.external_id.is_none() || account.permissions_boundary.is_some() => {
                known(&account.permissions_boundary)
            }
            _ => ContextValue::Unknown,
        },
        _ => ContextValue::Unknown,
    }
}

/// What a call is about, as policies name it (Service Authorization Reference, "AWS IAM").
fn target(facts: &Facts, call: &StepCall, account: Option<&AccountFact>) -> Target {
    let arn = |resource: String| format!("{}{resource}", arn_start(facts));
    match call {
        StepCall::AddToGroup { group, .. } | StepCall::RemoveFromGroup { group, .. } => {
            match facts.group(group) {
                Some(group) => Target::Arn(group.arn.clone()),
                None => Target::Pattern(arn("group/*".to_owned())),
            }
        }
        StepCall::DeleteVirtualMfaDevice { serial, .. } => Target::Arn(serial.clone()),
        call => {
            let path = account.map_or("/", |account| account.path.as_str());
            Target::Arn(arn(format!("user{path}{}", call.account())))
        }
    }
}

/// What a renamed or moved account will be: AWS asks for the permission on both (`UpdateUser` in the IAM API Reference).
fn moved(facts: &Facts, call: &StepCall, account: Option<&AccountFact>) -> Option<Target> {
    let StepCall::UpdateAccount { new_name, new_path, .. } = call else { return None };
    let account = account?;
    let name = new_name.as_ref().unwrap_or(&account.name);
    let path = new_path.as_ref().unwrap_or(&account.path);
    Some(Target::Arn(format!("{}user{path}{name}", arn_start(facts))))
}

fn arn_start(facts: &Facts) -> String {
    format!("arn:{}:iam::{}:", facts.partition, facts.account_id)
}

/// A resource without what all of the account's have in common.
fn in_words(facts: &Facts, target: &Target) -> String {
    let (Target::Arn(arn) | Target::Pattern(arn)) = target else { return "anything".to_owned() };
    arn.strip_prefix(&arn_start(facts)).unwrap_or(arn).escape_debug().to_string()
}

/// On what the connector's own policies allow an action, as they write it; users of a path by the path alone.
fn scopes(facts: &Facts, set: &PolicySet, action: &str) -> Vec<String> {
    let start = arn_start(facts);
    let documents = set.identity.iter().filter_map(|policy| policy.document.as_ref());
    let allowing = documents
        .flat_map(|document| document.statements())
        .filter(|statement| statement.effect() == PolicyEffect::Allow)
        .filter_map(|statement| statement.resources_of(action));
    let mut scopes: Vec<String> = Vec::new();
    for resource in allowing.flatten() {
        let short = resource.strip_prefix(&start).unwrap_or(resource);
        let path = short.strip_prefix("user").and_then(|rest| rest.strip_suffix('*'));
        let scope = path.filter(|path| path.starts_with('/') && path.ends_with('/')).unwrap_or(short);
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}
