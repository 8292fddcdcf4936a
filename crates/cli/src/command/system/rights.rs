//! The rights part of `keyreeve system check`: what is granted, held against what the switched-on features need.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_aws::{
    AwsConnector, Feature, Granted, Need, On, OwnPolicies, PermissionProbe, PermissionState, Simulated,
    beyond_features, features,
};
use keyreeve_connector::{Cause, Identity};
use keyreeve_model::{PermissionProfile, System};

use crate::output::shape::{Check, CheckState, Rights};

/// So many actions are named to eyes.
const NAMED: usize = 6;

/// Compares. Reads and simulates, and never writes.
pub(super) async fn check(
    connector: &AwsConnector,
    system: &System,
    identity: &Identity,
    probes: &[PermissionProbe],
    disabled: &BTreeSet<String>,
) -> Vec<Check> {
    let profile = system.settings.permission_profile;
    let features = features(&system.settings, &identity.partition);
    let (mut own, source) = own_policies(connector, identity, &features, profile, probes).await;
    if let Some(own) = &mut own {
        own.surroundings.name_last(disabled);
    }
    let (simulated, simulation) = simulate(connector, identity, own.as_ref(), &features, profile).await;
    let seen = Seen { system, profile, own: own.as_ref(), simulated, probes };
    let mut checks = vec![source];
    checks.extend(simulation);
    checks.extend(features.iter().filter_map(|feature| seen.feature(feature)));
    if let Some(own) = &own {
        checks.extend(beyond(own));
        checks.push(administrator(own));
    }
    checks
}

/// The policies, unless they cannot be all there is, because they deny what has just been allowed.
async fn own_policies(
    connector: &AwsConnector,
    identity: &Identity,
    features: &[Feature],
    profile: PermissionProfile,
    probes: &[PermissionProbe],
) -> (Option<OwnPolicies>, Check) {
    let unknown = |message: String, advice: &str| {
        Check::new("own_policies", CheckState::Unknown, message, advice).optional()
    };
    let own = match connector.own_policies(identity).await {
        Ok(Some(own)) => own,
        Ok(None) => {
            let message =
                format!("{} is no user or role of the account whose policies can be read", identity.arn);
            return (None, unknown(message, "sign in as a user or a role of the account"));
        }
        Err(error) if error.cause == Cause::Denied => {
            return (None, unknown(error.to_string(), "allow iam:GetAccountAuthorizationDetails"));
        }
        Err(error) => return (None, unknown(error.to_string(), "try again")),
    };
    let allowed = |action: &str| {
        probes.iter().any(|probe| probe.action == action && probe.state == PermissionState::Allowed)
    };
    let needs = features.iter().flat_map(|feature| &feature.needs);
    let contradicted = needs
        .filter(|need| allowed(need.action))
        .find(|need| need.granted(&own.policies, &own.surroundings, profile) == Granted::No);
    if let Some(need) = contradicted {
        let message = format!(
            "the policies of {} deny {}, which AWS has just allowed: they are not all there is",
            own.holder, need.action
        );
        return (None, unknown(message, "look at its policies in AWS, and try again"));
    }
    let unread =
        own.policies.identity.iter().chain(&own.policies.boundary).filter(|one| one.document.is_none());
    let unread: Vec<&str> = unread.map(|policy| policy.name.as_str()).collect();
    let count = own.policies.identity.len();
    let limited = if own.policies.boundary.is_some() { " within a permissions boundary" } else { "" };
    let message = format!(
        "{count} of {}{limited}; what policies of an organisation take away is not known",
        own.holder
    );
    let check = match unread.as_slice() {
        [] => Check::ok("own_policies", message),
        names => {
            unknown(format!("{message}; could not be read: {}", names.join(", ")), "look at them in AWS")
        }
    };
    (Some(own), check)
}

/// What AWS's simulator says, where it may be asked; nothing is said where it may not, which is usual.
async fn simulate(
    connector: &AwsConnector,
    identity: &Identity,
    own: Option<&OwnPolicies>,
    features: &[Feature],
    profile: PermissionProfile,
) -> (BTreeMap<(String, Option<String>), Simulated>, Option<Check>) {
    let mut simulated = BTreeMap::new();
    let Some(principal) = own.map(|own| own.holder.clone()).or_else(|| user_arn(identity)) else {
        return (simulated, None);
    };
    let mut groups: BTreeMap<(Option<String>, Option<String>), BTreeSet<&str>> = BTreeMap::new();
    for need in features.iter().filter(|feature| feature.on).flat_map(|feature| &feature.needs) {
        let resource = resource(identity, own, need, profile);
        groups.entry((resource, need.policy.clone())).or_default().insert(need.action);
    }
    for ((resource, policy), actions) in groups {
        let actions: Vec<&str> = actions.into_iter().collect();
        match connector.simulate(&principal, &actions, resource.as_deref(), policy.as_deref()).await {
            Ok(said) => {
                simulated.extend(said.into_iter().map(|(action, said)| ((action, policy.clone()), said)));
            }
            // It is rarely permitted, and nothing needs it.
            Err(_) => return (BTreeMap::new(), None),
        }
    }
    let message = "AWS's policy simulator was asked, too".to_owned();
    (simulated, Some(Check::ok("simulation", message).optional()))
}

fn user_arn(identity: &Identity) -> Option<String> {
    identity.arn.contains(":user/").then(|| identity.arn.clone())
}

/// A real resource to ask the simulator about: one on which the policies allow it, where there is one.
fn resource(
    identity: &Identity,
    own: Option<&OwnPolicies>,
    need: &Need,
    profile: PermissionProfile,
) -> Option<String> {
    let (kind, known) = match need.on {
        On::Nothing => return None,
        On::User => ("user", own.map(|own| &own.users)),
        On::Group => ("group", own.map(|own| &own.group_arns)),
        On::Device => ("mfa", None),
    };
    let known = known.map(Vec::as_slice).unwrap_or_default();
    let fitting =
        known.iter().find(|arn| own.is_some_and(|own| need.is_granted_on(&own.policies, arn, profile)));
    let made_up = || format!("arn:{}:iam::{}:{kind}/keyreeve-probe", identity.partition, identity.account_id);
    Some(fitting.or_else(|| known.first()).cloned().unwrap_or_else(made_up))
}

/// Everything that says something about a need.
struct Seen<'a> {
    system: &'a System,
    profile: PermissionProfile,
    own: Option<&'a OwnPolicies>,
    simulated: BTreeMap<(String, Option<String>), Simulated>,
    probes: &'a [PermissionProbe],
}

/// What all sources together say of a need.
enum Said {
    Granted,
    /// On some of it, or under conditions that name these keys.
    Partly(BTreeSet<String>),
    Denied,
    Unknown(String),
}

impl Seen<'_> {
    fn feature(&self, feature: &Feature) -> Option<Check> {
        let name = format!("feature.{}", feature.name);
        if !feature.on {
            return self.wider(feature, &name);
        }
        let (mut missing, mut unknown, mut keys, mut partly) =
            (Vec::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
        for need in &feature.needs {
            match self.need(need) {
                Said::Granted => {}
                Said::Partly(on) => {
                    partly.insert(need.action);
                    keys.extend(on);
                }
                Said::Denied => missing.push(need.action.to_owned()),
                Said::Unknown(why) => unknown.push((need.action.to_owned(), why)),
            }
        }
        let check = if !missing.is_empty() && missing.iter().all(|action| self.is_withheld(action, feature)) {
            let message = format!(
                "allowed, within what the policies say of iam:PermissionsBoundary; {} withheld on purpose, so that nobody is \
                 left without a boundary",
                are(&missing)
            );
            Check::ok(&name, message).about(Rights::Withheld, missing)
        } else if !missing.is_empty() {
            self.denied(feature, &name, missing)
        } else if let Some((_, why)) = unknown.first() {
            let message = why.clone();
            let actions = unknown.iter().map(|(action, _)| action.clone()).collect();
            Check::new(
                &name,
                CheckState::Unknown,
                message,
                "carry it out once, or look at the policies in AWS",
            )
            .optional()
            .about(Rights::Unknown, actions)
        } else {
            let only = keys.into_iter().collect::<Vec<_>>().join(", ");
            let message = match (partly.is_empty(), only.as_str()) {
                (true, _) => "allowed".to_owned(),
                (false, "") => "allowed, not on everything in the account".to_owned(),
                (false, keys) => format!("allowed, within what the policies say of {keys}"),
            };
            Check::ok(&name, message).about(Rights::Allowed, Vec::new())
        };
        Some(if feature.optional { check.optional() } else { check })
    }

    /// Whether an action is left out as `policy generate --boundary` leaves it out: a boundary may be set, to that one
    /// alone, and never be taken away.
    fn is_withheld(&self, action: &str, feature: &Feature) -> bool {
        let set = feature.needs.iter().find(|need| need.action == "iam:PutUserPermissionsBoundary");
        let by_boundary = |keys: &BTreeSet<String>| {
            keys.iter().any(|key| key.eq_ignore_ascii_case("iam:PermissionsBoundary"))
        };
        action == "iam:DeleteUserPermissionsBoundary"
            && set.is_some_and(|need| matches!(self.need(need), Said::Partly(keys) if by_boundary(&keys)))
    }

    fn denied(&self, feature: &Feature, name: &str, missing: Vec<String>) -> Check {
        let id = &self.system.system_id;
        let message = format!("denied: {} not granted", are(&missing));
        let advice = format!(
            "grant it: what `keyreeve aws bootstrap` made, the same command completes; else `keyreeve policy generate \
             --system {id}` writes the policy, with --path, --groups and --policies if it was limited to them. Or give the \
             system the permission profile that is granted"
        );
        let state = if feature.optional { CheckState::Warning } else { CheckState::Error };
        Check::new(name, state, message, advice).about(Rights::Denied, missing)
    }

    /// Granted although the system's settings do not switch it on.
    fn wider(&self, feature: &Feature, name: &str) -> Option<Check> {
        let own = self.own?;
        let used = keyreeve_aws::profile_actions(self.profile);
        let granted = |need: &&Need| {
            let granted = need.granted(&own.policies, &own.surroundings, self.profile);
            matches!(granted, Granted::Everywhere | Granted::Somewhere(_)) && is_change(need.action)
        };
        let needs = feature.needs.iter().filter(|need| !used.contains(&need.action));
        let actions: BTreeSet<String> = needs.filter(granted).map(|need| need.action.to_owned()).collect();
        let actions: Vec<String> = actions.into_iter().collect();
        if actions.is_empty() {
            return None;
        }
        let message = format!("wider than needed: {} granted, and the feature is off", are(&actions));
        let advice = format!(
            "take it away, or give {} the permission profile that goes with it",
            self.system.system_id
        );
        let check = Check::new(name, CheckState::Warning, message, advice);
        Some(check.optional().about(Rights::Wider, actions))
    }

    fn need(&self, need: &Need) -> Said {
        match self.probes.iter().find(|probe| probe.action == need.action).map(|probe| probe.state) {
            Some(PermissionState::Allowed) => return Said::Granted,
            Some(PermissionState::Denied) => return Said::Denied,
            Some(PermissionState::Unknown) | None => {}
        }
        let simulated = self.simulated.get(&(need.action.to_owned(), need.policy.clone()));
        let own = self.own.map(|own| need.granted(&own.policies, &own.surroundings, self.profile));
        let differ = |one: &str, other: &str| {
            Said::Unknown(format!(
                "{}: its own policies {one} it, and AWS's simulator says it is {other}",
                need.action
            ))
        };
        match (own, simulated) {
            (Some(Granted::Everywhere), Some(said)) if said.denied_by_organization => {
                Said::Unknown(format!("{}: a policy of the organisation does not allow it", need.action))
            }
            (Some(Granted::Everywhere), Some(said)) if !said.allowed => differ("allow", "denied"),
            (Some(Granted::No), Some(said)) if said.allowed => differ("deny", "allowed"),
            (Some(Granted::Everywhere), _) => Said::Granted,
            (Some(Granted::Somewhere(keys)), _) => Said::Partly(keys),
            (Some(Granted::No), _) => Said::Denied,
            (Some(Granted::Unknown(_)) | None, Some(said)) if said.allowed => Said::Granted,
            (None, Some(_)) => Said::Denied,
            (Some(Granted::Unknown(keys)), _) if !keys.is_empty() => {
                let keys = keys.into_iter().collect::<Vec<_>>().join(", ");
                Said::Unknown(format!("{}: it depends on {keys}", need.action))
            }
            (Some(Granted::Unknown(_)), _) => {
                Said::Unknown(format!("{}: it depends on policies that could not be read", need.action))
            }
            (None, None) => Said::Unknown(format!("{}: its own policies are not known", need.action)),
        }
    }
}

fn is_change(action: &str) -> bool {
    !["iam:Get", "iam:List", "iam:Generate"].iter().any(|read| action.starts_with(read))
}

/// Changes that no feature makes under any profile.
fn beyond(own: &OwnPolicies) -> Option<Check> {
    let actions = beyond_features(&own.policies, &own.surroundings);
    if actions.is_empty() {
        return None;
    }
    let message = format!("wider than needed: {} granted, and no feature makes use of it", are(&actions));
    let check = Check::new("feature.none", CheckState::Warning, message, "take it away");
    Some(check.optional().about(Rights::Wider, actions))
}

/// What makes the connector as strong as an administrator.
fn administrator(own: &OwnPolicies) -> Check {
    let name = "administrator_equivalent";
    let ways = own.surroundings.escalations(own.held());
    if ways.is_empty() {
        let doubts: Vec<String> = own.surroundings.doubts(own.held()).into_iter().collect();
        if !doubts.is_empty() {
            let more = doubts.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = doubts.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
            let message = format!("whether it is as strong as an administrator depends on {named}{more}");
            return Check::new(name, CheckState::Unknown, message, "look at the policies in AWS").optional();
        }
        let message = "nothing makes it as strong as an administrator in what was looked at: its own policies, those of the \
                       other users and groups, and the policies there are";
        return Check::ok(name, message).optional();
    }
    let said: Vec<String> = ways.iter().map(|way| format!("{} {}", way.action, way.what)).collect();
    let message = format!("whoever holds these credentials can become an administrator: {}", said.join("; "));
    let advice = "limit it: `keyreeve policy generate --path … --groups … --policies …`; until then keep this host as an \
                  administrator's";
    let actions = ways.iter().map(|way| way.action.to_owned()).collect();
    Check::new(name, CheckState::Warning, message, advice).optional().about(Rights::Wider, actions)
}

/// `iam:A, iam:B and 3 more are`
fn are(actions: &[String]) -> String {
    let named: Vec<&str> = actions.iter().take(NAMED).map(String::as_str).collect();
    let more = actions.len().saturating_sub(NAMED);
    let be = if actions.len() == 1 { "is" } else { "are" };
    match more {
        0 => format!("{} {be}", named.join(", ")),
        more => format!("{} and {more} more {be}", named.join(", ")),
    }
}
