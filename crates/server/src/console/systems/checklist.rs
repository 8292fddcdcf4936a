//! What makes a system ready for use: each part pending, well, to be looked at or wrong, and what to do about it.

use keyreeve_engine::check::{Check, CheckState, LastTest};
use keyreeve_engine::mapping;
use keyreeve_model::{
    CollectionName, CollectionState, CredentialKind, FailureKind, ImportProfile, ImportRun, ImportRunState,
    PermissionProfile, System, SystemState,
};
use keyreeve_store::{ImportSchedule, StoredMapping, TurnOutcome};

use super::within;
use crate::console::form::sentence;
use crate::console::numbers::counted;
use crate::console::parts::{Badge, Link, Tone};
use crate::console::time::Time;

/// What is known of a system, without asking AWS.
pub(super) struct Known<'a> {
    pub(super) system: &'a System,
    pub(super) last: Option<&'a ImportRun>,
    pub(super) test: Option<&'a LastTest>,
    pub(super) mappings: &'a [StoredMapping],
    pub(super) profiles: &'a [ImportProfile],
    pub(super) schedules: &'a [ImportSchedule],
}

/// One part.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) badge: Badge,
    pub(super) what: String,
    /// When the test was made that says so.
    pub(super) tested: Option<Time>,
    pub(super) next: Option<Link>,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Pending,
    Ok,
    Warning,
    Error,
}

impl How {
    fn badge(self) -> Badge {
        match self {
            Self::Pending => Badge::new(Tone::Notice, "Pending"),
            Self::Ok => Badge::new(Tone::Good, "OK"),
            Self::Warning => Badge::new(Tone::Warning, "Warning"),
            Self::Error => Badge::new(Tone::Bad, "Error"),
        }
    }
}

/// All parts, in the order in which they are seen to; of a removed system, that it is removed.
pub(super) fn parts(known: &Known<'_>) -> Vec<Part> {
    let id = &known.system.system_id;
    let link = |what: &str, text: &str| Some(Link::new(within(id, what), text));
    let part = |name, (how, what): (How, String), next: Option<Link>| Part {
        name,
        badge: how.badge(),
        what,
        tested: None,
        next,
    };
    if known.system.state == SystemState::Removed {
        // Nothing of it can be seen to any more, so nothing is advised.
        return vec![Part {
            name: "Definition",
            badge: Badge::of_system(SystemState::Removed),
            what: "It was removed, so there is nothing to do. What was known of it stays readable."
                .to_owned(),
            tested: None,
            next: None,
        }];
    }
    vec![
        part("Definition", definition(known), link("settings", "Settings")),
        part("Connection", connection(known), link("connection", "Test")),
        Part { tested: told_by_test(known), ..part("Permissions", permissions(known), permitted(known)) },
        part("Mappings", mappings(known), link("mappings", "Mappings")),
        part("Thresholds", thresholds(known), link("profiles", "Thresholds")),
        part("Provisioning", provisioning(known), link("settings", "Settings")),
        part("Schedule", schedule(known), link("profiles", "Schedule")),
    ]
}

/// Where it is seen what is permitted: what was not let be read is in the policy, and what is not known is tested.
fn permitted(known: &Known<'_>) -> Option<Link> {
    let id = &known.system.system_id;
    let (how, _) = permissions(known);
    Some(match how {
        How::Pending => Link::new(within(id, "connection"), "Test"),
        _ if told_by_test(known).is_some() => Link::new(within(id, "connection"), "What the test found"),
        _ => Link::new(within(id, "policy"), "Policy"),
    })
}

/// When the test was made, where it is what tells of the permissions.
fn told_by_test(known: &Known<'_>) -> Option<Time> {
    let (_, what) = permissions(known);
    let (_, found) = tested(known)?;
    known.test.filter(|_| what.contains(&found)).map(|test| Time::at(test.at))
}

fn definition(Known { system, .. }: &Known<'_>) -> (How, String) {
    (How::Ok, format!("{}, filed under {}: access rights of an AWS account.", system.name, system.category))
}

fn connection(Known { system, last, .. }: &Known<'_>) -> (How, String) {
    let reason = || system.state_reason.as_ref().map(|why| sentence(&why.message)).unwrap_or_default();
    match (system.state, &system.aws_account_id) {
        (SystemState::Quarantined | SystemState::Suspended, _) => return (How::Error, reason()),
        (SystemState::Removed, _) => return (How::Warning, "Nothing is connected any more.".to_owned()),
        (SystemState::Active, None) => {
            let what = "AWS has not said yet whose the credentials are. Test the connection, or import.";
            return (How::Pending, what.to_owned());
        }
        (SystemState::Active, Some(_)) => {}
    }
    let failure = last.and_then(|run| run.failure.as_ref());
    let failure =
        failure.filter(|failure| matches!(failure.kind, FailureKind::CredentialBad | FailureKind::NotSent));
    match (failure, &system.aws_account_id) {
        (Some(failure), _) => (How::Error, sentence(&failure.message)),
        (None, account) => {
            let account = account.as_ref().map(ToString::to_string).unwrap_or_default();
            (How::Ok, format!("It signs in with {} and is pinned to the AWS account {account}.", way(system)))
        }
    }
}

/// How a system signs in, in words.
pub(super) fn way(system: &System) -> String {
    match &system.credential {
        CredentialKind::AccessKey { access_key_id } => format!("the access key {access_key_id}"),
        CredentialKind::Profile { name } => format!("the AWS profile {name} of the server"),
        CredentialKind::Ambient => "the server's own credentials".to_owned(),
        CredentialKind::Role { role_arn, .. } => format!("the role {role_arn}"),
    }
}

fn permissions(known: &Known<'_>) -> (How, String) {
    let run = known.last.filter(|run| run.state != ImportRunState::Running);
    let (read, run_ended) =
        (permitted_to_read(run), run.map(|run| run.finished_at.unwrap_or(run.started_at)));
    let Some((tested, found)) = tested(known) else { return read };
    let is_newer = known.test.map(|test| test.at) > run_ended;
    match (read, tested) {
        // What is newer tells; of what both say is well, the test tells more.
        ((How::Ok | How::Pending, _), How::Ok) => (How::Ok, found),
        (_, tested) if is_newer => (tested, found),
        ((How::Ok, said), tested) => (tested, format!("{said} {found}")),
        (read, _) => read,
    }
}

/// What the last test of the connection says, as long as the system signs in as it did then.
fn tested(Known { test, .. }: &Known<'_>) -> Option<(How, String)> {
    let test = test.filter(|test| test.is_of_now)?;
    let of = |is: &dyn Fn(&&Check) -> bool| {
        let names = test.checks.iter().filter(is).map(|one| one.name.replace('_', " "));
        names.collect::<Vec<_>>().join(", ")
    };
    let missing = of(&|one| one.needed && one.state == CheckState::Error);
    let unknown = of(&|one| one.state == CheckState::Unknown);
    let odd = of(&|one| one.state == CheckState::Warning || (!one.needed && one.state == CheckState::Error));
    let when = format!("The last test, by {},", test.by);
    Some(match (missing.is_empty(), unknown.is_empty(), odd.is_empty()) {
        (false, ..) => (How::Error, format!("{when} found what does not work: {missing}.")),
        (_, false, _) => (How::Warning, format!("{when} could not find out: {unknown}.")),
        (.., false) => (How::Warning, format!("{when} found what is to be looked at: {odd}.")),
        _ => (How::Ok, format!("{when} found all that is needed.")),
    })
}

/// What the last import says of what may be read.
fn permitted_to_read(last: Option<&ImportRun>) -> (How, String) {
    let Some(run) = last else {
        return (
            How::Pending,
            "What is permitted shows with the first import, or when the connection is tested.".to_owned(),
        );
    };
    let denied: Vec<_> = run.collections.iter().filter(|one| one.state == CollectionState::Denied).collect();
    let named = |needed: bool| {
        let names = denied.iter().filter(|one| is_needed(one.name) == needed).map(|one| called(one.name));
        names.collect::<Vec<_>>().join(", ")
    };
    match (named(true), named(false)) {
        (needed, _) if !needed.is_empty() => {
            (How::Error, format!("The last import may not read {needed}. Attach the policy to its user or role."))
        }
        (_, optional) if !optional.is_empty() => {
            (How::Warning, format!("The last import may not read {optional}: what they say stays unknown."))
        }
        _ if run.state != ImportRunState::Published => (
            How::Pending,
            "The last import did not come to its end, so what is permitted is not known. Test the connection, or import again.".to_owned(),
        ),
        _ => (How::Ok, "The last import was let read all that it wanted. Testing the connection shows what changes need.".to_owned()),
    }
}

fn is_needed(name: CollectionName) -> bool {
    !matches!(name, CollectionName::LoginProfiles | CollectionName::CredentialReport)
}

/// A collection in words.
pub(in crate::console) fn called(name: CollectionName) -> String {
    name.as_str().replace('_', " ")
}

fn mappings(Known { mappings, .. }: &Known<'_>) -> (How, String) {
    let wrong = mappings.iter().find_map(|one| Some((one, mapping::check(&one.mapping).err()?)));
    if let Some((one, why)) = wrong {
        return (
            How::Error,
            sentence(&format!("the task mapping {} cannot be used: {why}", one.mapping.name)),
        );
    }
    match mappings.iter().filter(|one| one.set.is_some()).count() {
        0 => (How::Ok, "All task mappings are the defaults.".to_owned()),
        1 => (How::Ok, "One task mapping is of your own, the others are the defaults.".to_owned()),
        number => (How::Ok, format!("{number} task mappings are of your own.")),
    }
}

fn thresholds(Known { profiles, .. }: &Known<'_>) -> (How, String) {
    let open = |profile: &&ImportProfile| {
        let limits = &profile.thresholds;
        [limits.small, limits.medium, limits.large]
            .iter()
            .any(|one| one.deleted.is_none() && one.deleted_percent.is_none())
    };
    let open: Vec<String> = profiles.iter().filter(open).map(|profile| profile.name.to_string()).collect();
    if open.is_empty() {
        return (
            How::Ok,
            "An import that deletes more than its profile allows waits for a person.".to_owned(),
        );
    }
    (
        How::Warning,
        format!("Through {} any number of deletions is published without a look.", open.join(", ")),
    )
}

fn provisioning(Known { system, .. }: &Known<'_>) -> (How, String) {
    let settings = &system.settings;
    if settings.permission_profile == PermissionProfile::Read {
        let what = "Its permission profile is read: nothing can be changed. Set another one with the policy that goes with it.";
        return (How::Pending, what.to_owned());
    }
    if !settings.keep_last_administrator {
        return (How::Warning, "The last administrator of the AWS account is not protected.".to_owned());
    }
    let deletes = match settings.prioritise_delete_tasks {
        true => "a deletion takes away first what stands in its way",
        false => "a deletion fails while groups or policies are left",
    };
    (How::Ok, format!("Permission profile {}; {deletes}.", settings.permission_profile.as_str()))
}

fn schedule(Known { schedules, .. }: &Known<'_>) -> (How, String) {
    let failing = schedules.iter().find(|one| one.failures > 0);
    if let Some(one) = failing {
        let what = format!(
            "The schedule of the profile {} failed {} in a row.",
            one.profile.name,
            counted(one.failures, "time", "times")
        );
        return (How::Error, what);
    }
    for one in *schedules {
        if let TurnOutcome::Refused { reason, .. } = &one.outcome {
            return (
                How::Warning,
                sentence(&format!(
                    "the last time of the profile {} was left out: {reason}",
                    one.profile.name
                )),
            );
        }
    }
    let timed = schedules.iter().filter_map(|one| {
        let expression = one.profile.schedule.as_ref()?;
        Some(format!("{} at {expression} ({})", one.profile.name, one.profile.time_zone))
    });
    match timed.collect::<Vec<_>>() {
        none if none.is_empty() => {
            (How::Pending, "Nothing is imported by itself: give an import profile a schedule.".to_owned())
        }
        timed => (How::Ok, format!("Imports run by themselves: {}.", timed.join("; "))),
    }
}
