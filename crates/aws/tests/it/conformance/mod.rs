//! One suite for all look-alikes of AWS: the sandbox, moto and ministack.
//!
//! A [`Check`] states what AWS does and how that is known. A peer that does otherwise must be listed in
//! [`deviations`], with what it does instead; one that is listed and does as AWS does must be taken off. Nothing
//! else may differ.
//!
//! Checks of reads look at one account; checks of writes work in another one, each with things of its own names.
//! Those of the connector's own changes come last, and work in the first.

mod assignments_write;
mod changes;
mod connector;
mod credentials;
mod credentials_write;
mod delete_conflict;
mod details;
mod deviations;
mod fresh;
mod login_profiles;
mod organizations;
mod paging;
mod paths;
mod peer;
mod policies;
pub(crate) mod process;
mod quotas;
mod resources_write;
mod seed;
mod signatures;
mod sts;
mod tags;
mod users_write;
mod validation;
mod world;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use deviations::DEVIATIONS;
use world::World;

/// `Err` says what the peer does instead.
type Outcome = Result<(), String>;
type Run = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// One thing AWS does.
struct Check {
    /// Stable; the list of deviations refers to it.
    name: &'static str,
    /// How we know that AWS does it.
    source: &'static str,
    run: Run,
}

/// `checks![name, source => function; …]`
macro_rules! checks {
    ($($name:literal, $source:literal => $run:path;)*) => {
        &[$($crate::conformance::Check { name: $name, source: $source, run: |world| Box::pin($run(world)) }),*]
    };
}
use checks;

/// What a peer answers to the SDK.
fn of_peers() -> Vec<&'static Check> {
    let themes = [
        paging::CHECKS,
        paths::CHECKS,
        policies::CHECKS,
        details::CHECKS,
        credentials::CHECKS,
        signatures::CHECKS,
        sts::CHECKS,
        validation::CHECKS,
        users_write::CHECKS,
        login_profiles::CHECKS,
        assignments_write::CHECKS,
        delete_conflict::CHECKS,
        credentials_write::CHECKS,
        tags::CHECKS,
        quotas::CHECKS,
        resources_write::CHECKS,
        organizations::CHECKS,
    ];
    themes.into_iter().flatten().collect()
}

/// What the connector's changes do to a peer. They come last, because the others count what it holds.
fn of_changes() -> Vec<&'static Check> {
    changes::CHECKS.iter().copied().flatten().collect()
}

/// Runs every check and compares what came out with the list of deviations.
async fn conforms(world: World) {
    let mut listed: BTreeMap<&str, &deviations::Deviation> = DEVIATIONS
        .iter()
        .filter(|known| known.peer == world.peer)
        .map(|known| (known.check, known))
        .collect();
    let mut wrong = differences(&world, of_peers(), &mut listed).await;
    connector::reads(&world).await;
    wrong.extend(differences(&world, of_changes(), &mut listed).await);
    wrong.extend(
        listed.keys().map(|name| format!("{name}: listed as a deviation, but there is no such check")),
    );
    assert!(wrong.is_empty(), "{} differs in {} ways:\n{}", world.peer, wrong.len(), wrong.join("\n"));
}

/// Runs these checks; says where what came out is not what is listed.
async fn differences(
    world: &World,
    checks: Vec<&'static Check>,
    listed: &mut BTreeMap<&str, &deviations::Deviation>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for check in checks {
        let known = listed.remove(check.name);
        match ((check.run)(world).await, known) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => {
                wrong.push(format!("{}: listed as a deviation, but does as AWS does", check.name))
            }
            (Err(instead), Some(known)) if instead.contains(known.instead) => {}
            (Err(instead), Some(known)) => {
                wrong.push(format!("{}: listed to do {:?}, but: {instead}", check.name, known.instead));
            }
            (Err(instead), None) => wrong.push(format!("{}: {instead} (AWS: {})", check.name, check.source)),
        }
    }
    wrong
}

#[tokio::test]
async fn the_sandbox_conforms() {
    conforms(peer::sandbox().await).await;
}

#[tokio::test]
async fn moto_conforms_but_for_what_is_listed() {
    conforms(peer::moto().await).await;
}

#[tokio::test]
async fn ministack_conforms_but_for_what_is_listed() {
    conforms(peer::ministack().await).await;
}

#[test]
fn checks_and_deviations_are_well_kept() {
    let names: Vec<_> = of_peers().into_iter().chain(of_changes()).map(|check| check.name).collect();
    let unique: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "a name is used twice");
    for known in DEVIATIONS {
        assert!(names.contains(&known.check), "{} is no check", known.check);
        assert!(!known.instead.is_empty() && !known.source.is_empty(), "{} says too little", known.check);
    }
}
