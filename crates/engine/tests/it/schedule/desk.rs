//! The desk: who may ask and decide, what is refused before it is written down, and secrets that are given out once.

use std::sync::Arc;

use keyreeve_engine::desk::{Asked, Bell, Case, Desk, DeskError};
use keyreeve_engine::rights::Actor;
use keyreeve_model::{JobId, JobState, Role, SystemId, SystemSettings, Token, TokenId, Wish};
use keyreeve_store::StoreError;
use serde_json::json;

use super::{Doors, Office, PermissionProfile, id};
use crate::provisioning::wish;

pub(super) fn desk(office: &Office) -> Desk {
    Desk {
        store: Arc::clone(&office.store),
        clock: office.clock,
        pacers: Arc::clone(&office.pacers),
        connections: Arc::<Doors>::clone(&office.doors),
        bell: Bell::default(),
    }
}

pub(super) fn trusted() -> Actor {
    Actor::trusted("local:test".to_owned())
}

fn owner(role: Role, systems: &[SystemId]) -> Actor {
    Actor::of(Token {
        id: TokenId("1".to_owned()),
        owner: format!("{}-{}", role.as_str(), systems.len()),
        role,
        systems: systems.to_vec(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    })
}

pub(super) fn create(name: &str) -> Wish {
    wish(json!({"task": "create_account", "name": name, "deliver": "link"}))
}

/// Asks for accounts.
pub(super) async fn asked(case: &Case, clock: keyreeve_engine::clock::Clock, wishes: &[Wish]) -> Asked {
    let plan = case.plan(wishes).await.unwrap();
    let ready = case.make_ready(&plan).unwrap();
    case.ask(&plan, clock.now(), &ready, Some("for a test")).await.unwrap()
}

/// Two systems, of which no password change needs a second person unless it deletes.
async fn office() -> Office {
    let settings = SystemSettings {
        permission_profile: PermissionProfile::Full,
        max_deletes: 0,
        ..SystemSettings::default()
    };
    let office = Office::with(2, super::account, settings).await;
    office.imported().await;
    office
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Verb {
    Plan,
    Ask,
    Approve,
    Reject,
    Cancel,
    Retry,
    PlanAgain,
}

/// Whether the desk let somebody do it. What is refused for another reason was let through.
async fn allowed(office: &Office, desk: &Desk, actor: &Actor, verb: Verb, job: JobId) -> bool {
    let case = || async { desk.open(actor, &id(0)).await };
    let known = office.store.job(job).await.unwrap();
    let done: Result<(), DeskError> = async {
        match verb {
            Verb::Plan => case().await?.plan(&[create("ada")]).await.map(drop),
            Verb::Ask => {
                // The plan is somebody else's: asking is what is refused.
                let plan = desk.open(&trusted(), &id(0)).await?.plan(&[create("ada")]).await?;
                let case = case().await?;
                let ready = case.make_ready(&plan)?;
                case.ask(&plan, office.clock.now(), &ready, None).await.map(drop)
            }
            Verb::Approve => case().await?.fresh(known).await?.approve(None).await.map(drop),
            Verb::Reject => desk.reject(actor, job, None).await.map(drop),
            Verb::Cancel => desk.cancel(actor, job).await.map(drop),
            Verb::Retry => desk.retry(actor, job).await.map(drop),
            Verb::PlanAgain => case().await?.plan_again(&known).await.map(drop),
        }
    }
    .await;
    !matches!(
        done,
        Err(DeskError::Denied(_) | DeskError::Hidden(..) | DeskError::Store(StoreError::JobNotFound { .. }))
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s18_each_verb_is_for_its_roles_within_their_systems() {
    let office = office().await;
    let desk = desk(&office);
    let operators: &[Role] = &[Role::Operator, Role::Admin];
    let approvers: &[Role] = &[Role::Approver, Role::Admin];
    let table = [
        (Verb::Plan, operators),
        (Verb::Ask, operators),
        (Verb::Approve, approvers),
        (Verb::Reject, approvers),
        (Verb::Cancel, operators),
        (Verb::Retry, operators),
        (Verb::PlanAgain, operators),
    ];
    let users = office.users(0);
    let delete = wish(json!({"task": "delete_account", "account": users[0]}));
    for role in [Role::Viewer, Role::Operator, Role::Approver, Role::Admin] {
        for (systems, reached) in [(vec![], true), (vec![id(0)], true), (vec![id(1)], false)] {
            let actor = owner(role, &systems);
            for (verb, roles) in table {
                let case = desk.open(&trusted(), &id(0)).await.unwrap();
                let Asked { job, .. } = asked(&case, office.clock, std::slice::from_ref(&delete)).await;
                assert_eq!(job.state, JobState::AwaitingApproval);
                let allowed = allowed(&office, &desk, &actor, verb, job.id).await;
                assert_eq!(allowed, reached && roles.contains(&role), "{role:?} {systems:?} {verb:?}");
                if !allowed {
                    assert_eq!(office.store.job(job.id).await.unwrap(), job, "{verb:?}");
                }
                // Nobody asks for a second deletion of an account while one has not ended.
                if !office.store.job(job.id).await.unwrap().state.is_terminal() {
                    desk.cancel(&trusted(), job.id).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_way_is_told_and_nothing_is_written_down() {
    let office = office().await;
    let desk = desk(&office);
    let case = desk.open(&trusted(), &id(0)).await.unwrap();
    let nobody = wish(json!({"task": "delete_account", "account": "nobody"}));
    let plan = case.plan(&[nobody]).await.unwrap();
    assert!(matches!(case.make_ready(&plan), Err(DeskError::Obstructed(told)) if told.tasks == plan.tasks));
    let operator = wish(json!({"task": "create_account", "name": "ada", "deliver": "operator"}));
    let plan = case.with_undeliverable(case.plan(&[operator]).await.unwrap());
    assert!(matches!(case.make_ready(&plan), Err(DeskError::Obstructed(_))), "{plan:?}");
    assert!(matches!(case.plan(&[]).await, Err(DeskError::Wishes(0))));
    assert_eq!(office.store.jobs(&id(0), None, 10).await.unwrap(), []);
    office.shut(0, Some(super::Door::Shut));
    assert!(matches!(desk.open(&trusted(), &id(0)).await, Err(DeskError::NotConnected(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_approved_only_while_what_it_rests_on_is_as_it_was() {
    let office = office().await;
    let desk = desk(&office);
    let case = desk.open(&trusted(), &id(0)).await.unwrap();
    let user = office.users(0).remove(0);
    let delete = wish(json!({"task": "delete_account", "account": user}));
    let Asked { job, handed } = asked(&case, office.clock, &[delete]).await;
    assert!(handed.is_empty() && job.state == JobState::AwaitingApproval);
    assert_eq!(desk.bell.take(10), [], "it rings for what nobody has approved");
    let approver = owner(Role::Approver, &[]);
    let theirs = desk.open(&approver, &id(0)).await.unwrap();
    theirs.fresh(job.clone()).await.unwrap();
    office
        .sandbox
        .mutate(&super::account(0), &[keyreeve_sandbox::Mutation::CreateAccessKey { user }])
        .unwrap();
    let stale = theirs.fresh(job.clone()).await;
    assert!(matches!(stale, Err(DeskError::Stale { job: told, .. }) if told == job.id));
    assert_eq!(office.store.job(job.id).await.unwrap(), job);
    let Asked { job, handed } = asked(&case, office.clock, &[create("ada")]).await;
    let (task, account, secret) = &handed[0];
    assert_eq!((*task, account.as_str()), (job.tasks[0].id, "ada"));
    assert!(secret.expose().starts_with("krs_"));
    let rung = desk.bell.take(10);
    assert_eq!((rung.len(), rung[0].job, rung[0].planned_at.is_some()), (1, job.id, true));
}
