//! What goes into an address, as REST has it.

use keyreeve_engine::own_policy::{PolicyAsked, PolicyLimits};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, AuditFilter, HeldFilter, Mfa, ResourceFilter};

use crate::output::shape::word;

/// The parameters of a query.
pub(super) type Query = Vec<(&'static str, String)>;

/// The parameters that say when.
pub(super) fn moment(as_of: AsOf) -> Query {
    match as_of {
        AsOf::Now => Vec::new(),
        AsOf::Time(time) => vec![("as_of", time.to_string())],
        AsOf::Run(run) => vec![("run", run.to_string())],
    }
}

fn given(pairs: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Query {
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

pub(super) fn of_accounts(filter: &AccountFilter) -> Query {
    let AccountFilter {
        name,
        path_prefix,
        group,
        policy,
        through_groups,
        status,
        mfa,
        text,
        console,
        oldest_key: _,
    } = filter;
    let mfa = mfa.map(|mfa| match mfa {
        Mfa::Active => "active",
        Mfa::Inactive => "inactive",
        Mfa::Unknown => "unknown",
    });
    given([
        ("name", name.clone()),
        ("path", path_prefix.clone()),
        ("group", group.clone()),
        ("policy", policy.clone()),
        ("with_groups", through_groups.then(|| "true".to_owned())),
        ("status", status.map(|status| status.as_str().to_owned())),
        ("mfa", mfa.map(str::to_owned)),
        ("text", text.clone()),
        ("console", console.as_ref().map(word)),
    ])
}

pub(super) fn of_resources(filter: &ResourceFilter) -> Query {
    let ResourceFilter { kind, name, path_prefix, managed_by } = filter;
    given([
        ("type", kind.map(|kind| kind.as_str().to_owned())),
        ("name", name.clone()),
        ("path", path_prefix.clone()),
        ("managed_by", managed_by.as_ref().map(word)),
    ])
}

pub(super) fn of_assignments(filter: &AssignmentFilter) -> Query {
    let AssignmentFilter { account, group, policy, kind } = filter;
    given([
        ("account", account.clone()),
        ("group", group.clone()),
        ("policy", policy.clone()),
        ("kind", kind.map(|kind| kind.as_str().to_owned())),
    ])
}

pub(super) fn of_held(filter: &HeldFilter) -> Query {
    let HeldFilter { resource, kind } = filter;
    given([("resource", Some(resource.clone())), ("kind", kind.map(|kind| kind.as_str().to_owned()))])
}

/// Without `before` and `after`, which are places in the list.
pub(super) fn of_audit(filter: &AuditFilter) -> Query {
    let AuditFilter { system_id, actor, action, account, since, until, before: _, after: _ } = filter;
    given([
        ("system_id", system_id.as_ref().map(ToString::to_string)),
        ("actor", actor.clone()),
        ("action", action.clone()),
        ("account", account.clone()),
        ("since", since.map(|time| time.to_string())),
        ("until", until.map(|time| time.to_string())),
    ])
}

/// Rows of the audit log that are exported.
pub(super) fn of_rows(filter: &AuditFilter) -> Query {
    given([
        ("since", filter.since.map(|time| time.to_string())),
        ("until", filter.until.map(|time| time.to_string())),
        ("after", filter.after.map(|row| row.to_string())),
    ])
}

/// Lists have their name once for each of their entries.
pub(super) fn of_policy(asked: &PolicyAsked) -> Query {
    let PolicyAsked { profile, partition, account_id, limits } = asked;
    let PolicyLimits { path, groups, policies, boundary, break_glass, connector, rotate_own_key } = limits;
    let lists = [
        ("path", path),
        ("groups", groups),
        ("policies", policies),
        ("break_glass", break_glass),
        ("connector", connector),
    ];
    let single = given([
        ("profile", profile.map(|profile| profile.as_str().to_owned())),
        ("partition", partition.clone()),
        ("account_id", account_id.clone()),
        ("boundary", boundary.clone()),
        ("rotate_own_key", rotate_own_key.then(|| "true".to_owned())),
    ]);
    let each = lists.into_iter().flat_map(|(name, list)| list.iter().map(move |one| (name, one.clone())));
    single.into_iter().chain(each).collect()
}
