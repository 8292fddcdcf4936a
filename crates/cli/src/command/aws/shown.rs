//! What is shown of the connector's access: what would be made, and what was.

use std::collections::BTreeSet;

use keyreeve_aws::{Difference, Escalation, Grant};
use keyreeve_model::{PermissionProfile, System};
use serde::Serialize;
use serde_json::Value;

use super::plan::{Plan, Step, Target};
use crate::args::Bootstrap;
use crate::command::{Context, policy};
use crate::output::escape::line;
use crate::output::{Column, Narrow, note, single};

/// The access, with every call that makes it.
#[derive(Debug, Serialize)]
pub(super) struct Access {
    system_id: String,
    /// `planned`, `done`, `broken_off`, or `there` when nothing was to be done.
    pub(super) state: &'static str,
    signed_in_as: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    policy_arns: Vec<String>,
    permission_profile: &'static str,
    limits: Limits,
    /// Whether the system is registered, too.
    registers_system: bool,
    /// What would let whoever holds the policies become an administrator.
    administrator_equivalent: Vec<Way>,
    warnings: Vec<String>,
    pub(super) calls: Vec<Call>,
}

#[derive(Debug, Serialize)]
struct Limits {
    paths: Vec<String>,
    groups: Vec<String>,
    policies: Vec<String>,
    boundary: Option<String>,
    break_glass: Vec<String>,
    rotate_own_key: bool,
}

#[derive(Debug, Serialize)]
struct Way {
    action: &'static str,
    what: String,
}

/// A call to AWS.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    seq: usize,
    operation: &'static str,
    on: String,
    what: String,
    /// `planned`, `applied`, `failed`, or `not_made` after one that failed.
    pub(super) state: &'static str,
    pub(super) request_id: Option<String>,
    /// The policy or trust policy that it sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Value>,
    /// The one in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_before: Option<Value>,
    /// Of a policy, what comes and goes by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
}

impl Access {
    pub(super) fn new(
        plan: &Plan,
        target: &Target<'_>,
        known: Option<&System>,
        signed_in_as: &str,
        ways: &[Escalation],
    ) -> Self {
        let arguments = target.arguments;
        let calls: Vec<Call> = plan
            .steps
            .iter()
            .filter_map(|step| Some((step, step.call(target)?)))
            .enumerate()
            .map(|(index, (step, (operation, on)))| Call::new(index + 1, operation, on, step, target))
            .collect();
        let sets_policy = calls.iter().any(|call| call.difference.is_some() || call.sets_policy());
        let ways = if sets_policy { ways } else { &[] };
        let limits = &arguments.limits;
        let arn = |is: bool| is.then(|| target.arn.clone());
        Self {
            system_id: arguments.system_id.to_string(),
            state: if plan.steps.is_empty() { "there" } else { "planned" },
            signed_in_as: signed_in_as.to_owned(),
            user_arn: arn(arguments.user.is_some()),
            role_arn: arn(arguments.role.is_some()),
            policy_arns: target.policies.iter().map(|(_, arn, _)| arn.clone()).collect(),
            permission_profile: PermissionProfile::from(arguments.profile).as_str(),
            limits: Limits {
                paths: limits.paths.clone(),
                groups: limits.groups.clone(),
                policies: limits.policies.clone(),
                boundary: limits.boundary.clone(),
                break_glass: limits.break_glass.clone(),
                rotate_own_key: limits.rotate_own_key,
            },
            registers_system: plan.steps.iter().any(|step| step.registers() && known.is_none()),
            administrator_equivalent: ways
                .iter()
                .map(|way| Way { action: way.action, what: way.what.clone() })
                .collect(),
            warnings: warnings(&calls, plan, target, known),
            calls,
        }
    }

    /// Says what whoever approves this must not overlook.
    pub(super) fn warn(&self, ways: &[Escalation]) {
        if !self.administrator_equivalent.is_empty() {
            policy::warn_of(ways);
        }
        self.warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));
    }

    /// Where it is now, after so many calls were made and this one, if any, failed.
    pub(super) fn ended(&mut self, request_ids: Vec<Option<String>>, broken_off: bool) {
        let made = request_ids.len();
        for (call, request_id) in self.calls.iter_mut().zip(request_ids) {
            (call.state, call.request_id) = ("applied", request_id);
        }
        let mut left = self.calls.iter_mut().skip(made);
        if broken_off && let Some(failed) = left.next() {
            failed.state = "failed";
        }
        left.for_each(|call| call.state = "not_made");
        self.state = if broken_off { "broken_off" } else { "done" };
    }

    /// On standard output.
    pub(super) fn show(&self, context: &Context) -> anyhow::Result<()> {
        context.output.one(self, COLUMNS, |tables| {
            tables.facts(single(self.facts()));
            // Before a call is made there is no id of a request.
            let made = self.calls.iter().any(|call| call.request_id.is_some());
            let columns = if made { CALLS } else { CALLS.split_last().map_or(CALLS, |(_, others)| others) };
            tables.list("Calls, in this order", &self.calls, columns, Narrow::Wrap { sentences: 1 });
            for call in self.calls.iter().filter(|call| call.state == "planned") {
                tables.sentences(&format!("{}. {}", call.seq, call.what), &call.details());
            }
        })
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let limits = &self.limits;
        let arn = self.user_arn.as_ref().or(self.role_arn.as_ref()).cloned().unwrap_or_default();
        let system = match self.registers_system {
            true => format!("{}, registered with it", self.system_id),
            false => self.system_id.clone(),
        };
        let state = match self.state {
            "there" => "all of it is there already".to_owned(),
            other => other.replace('_', " "),
        };
        let mut facts = vec![
            ("System", system),
            ("State", state),
            ("Signed in as", self.signed_in_as.clone()),
            (if self.user_arn.is_some() { "User" } else { "Role" }, arn),
            ("Policies", self.policy_arns.join(", ")),
            ("Profile", self.permission_profile.to_owned()),
            ("Paths", or_all(&limits.paths)),
            ("Groups", or_all(&limits.groups)),
            ("Attaches", or_all(&limits.policies)),
            ("Boundary", limits.boundary.clone().unwrap_or_default()),
            ("Break glass", limits.break_glass.join(", ")),
            ("Own key", if limits.rotate_own_key { "may be rotated" } else { "" }.to_owned()),
        ];
        if self.permission_profile == PermissionProfile::Read.as_str() {
            facts.retain(|(name, _)| !["Paths", "Groups", "Attaches"].contains(name));
        }
        facts
    }

    /// In words, for whoever is asked to agree.
    pub(super) fn in_words(&self) -> String {
        let mut lines = vec![format!("Signed in as {}, in this order:", line(&self.signed_in_as))];
        for call in &self.calls {
            lines.push(format!("  {}. {} ({})", call.seq, line(&call.what), call.operation));
            lines.extend(call.details().iter().map(|detail| format!("       {}", line(detail))));
        }
        if self.registers_system {
            lines.push(format!("  System {} is registered with it.", self.system_id));
        }
        lines.join("\n")
    }
}

fn or_all(limits: &[String]) -> String {
    if limits.is_empty() { "all".to_owned() } else { limits.join(", ") }
}

impl Call {
    fn new(seq: usize, operation: &'static str, on: String, step: &Step, target: &Target<'_>) -> Self {
        let (document, before) = step.documents();
        let parsed = |text: &str| serde_json::from_str(text).ok();
        let is_policy = matches!(step, Step::CreatePolicy { .. } | Step::ReplacePolicy { .. });
        Self {
            seq,
            operation,
            what: step.in_words(target),
            on,
            state: "planned",
            request_id: None,
            document: document.and_then(parsed),
            document_before: before.and_then(parsed),
            difference: document.filter(|_| is_policy).and_then(|after| Difference::between(before, after)),
        }
    }

    fn sets_policy(&self) -> bool {
        matches!(self.operation, "CreatePolicy" | "CreatePolicyVersion")
    }

    /// What of a policy comes and goes; of a trust policy both texts.
    fn details(&self) -> Vec<String> {
        match &self.difference {
            Some(difference) => {
                let comes = difference.comes.iter().map(|grant| format!("comes: {}", granted(grant)));
                comes.chain(difference.goes.iter().map(|grant| format!("goes: {}", granted(grant)))).collect()
            }
            None => {
                let before = self.document_before.iter().map(|before| format!("in force: {before}"));
                before.chain(self.document.iter().map(|document| format!("new: {document}"))).collect()
            }
        }
    }
}

fn granted(grant: &Grant) -> String {
    let when = grant.condition.as_ref().map(|condition| format!(" when {condition}")).unwrap_or_default();
    format!("{} {} on {}{when}", grant.effect, grant.actions.join(", "), grant.resources.join(", "))
}

fn warnings(calls: &[Call], plan: &Plan, target: &Target<'_>, known: Option<&System>) -> Vec<String> {
    let mut warnings = Vec::new();
    for call in calls.iter().filter(|call| call.operation == "CreatePolicyVersion") {
        match &call.difference {
            Some(difference) if difference.wider => {
                let actions: BTreeSet<&str> = difference
                    .comes
                    .iter()
                    .filter(|grant| grant.effect == "Allow")
                    .flat_map(|grant| grant.actions.iter().map(String::as_str))
                    .collect();
                let denied = if actions.is_empty() { "what was denied".to_owned() } else { String::new() };
                let actions: Vec<&str> = actions.into_iter().collect();
                warnings.push(format!(
                    "the new text of {} may allow what the one in force does not: {}{denied}",
                    call.on,
                    actions.join(", ")
                ));
            }
            Some(_) => {}
            None => {
                warnings
                    .push(format!("the text of {} in force cannot be compared with the new one", call.on));
            }
        }
    }
    for other in &plan.also_attached {
        warnings.push(format!("{other} is attached to {} too, and stays", target.name));
    }
    let profile = PermissionProfile::from(target.arguments.profile);
    if let Some(system) = known.filter(|system| system.settings.permission_profile != profile) {
        warnings.push(format!(
            "system {0} goes by permission_profile={1}, and this policy is of {2}: `keyreeve system set {0} \
             permission_profile={2}`",
            system.system_id,
            system.settings.permission_profile.as_str(),
            profile.as_str()
        ));
    }
    warnings
}

/// The profile and limits that a rotation of its own key does not go with.
pub(super) fn own_key_of_a_role(arguments: &Bootstrap) -> bool {
    arguments.role.is_some() && arguments.limits.rotate_own_key
}

const COLUMNS: &[Column<Access>] = &[
    ("system_id", |access| access.system_id.clone()),
    ("state", |access| access.state.to_owned()),
    ("signed_in_as", |access| access.signed_in_as.clone()),
    ("access_arn", |access| {
        access.user_arn.as_ref().or(access.role_arn.as_ref()).cloned().unwrap_or_default()
    }),
    ("policy_arns", |access| access.policy_arns.join(" ")),
    ("permission_profile", |access| access.permission_profile.to_owned()),
    ("calls", |access| access.calls.iter().map(|call| call.operation).collect::<Vec<_>>().join(" ")),
    ("warnings", |access| access.warnings.join("; ")),
];

const CALLS: &[Column<Call>] = &[
    ("call", |call| call.seq.to_string()),
    ("operation", |call| call.operation.to_owned()),
    ("state", |call| call.state.replace('_', " ")),
    ("what", |call| call.what.clone()),
    ("request_id", |call| call.request_id.clone().unwrap_or_default()),
];
