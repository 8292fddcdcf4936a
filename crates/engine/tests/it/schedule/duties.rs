//! Chores that nobody has to call for: passwords are wiped, imports closed, jobs gone on with.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use keyreeve_engine::desk::{Asked, Bell, Keeps, Standing};
use keyreeve_engine::plan::{Gatherer, plan};
use keyreeve_engine::provisioning::{Elsewhere, Ended, HandOver, Worker};
use keyreeve_engine::schedule::{Chore, Duties};
use keyreeve_model::{
    ImportRunState, JobState, PermissionProfile, ProvisioningJob, SystemSettings, TaskState,
};
use keyreeve_sandbox::{Effect, FaultRule};
use keyreeve_store::DeliveryState;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::desk::{asked, create, desk, trusted};
use super::{Door, Doors, Office, PATIENCE, id};
use crate::provisioning::{quick, wish};

const QUIET: Duration = Duration::from_secs(120);
const LEAVE: Duration = Duration::from_secs(300);
const OFTEN: Duration = Duration::from_millis(50);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// One system whose connector may do everything, imported once.
async fn office() -> Office {
    let full = SystemSettings { permission_profile: PermissionProfile::Full, ..SystemSettings::default() };
    let office = Office::with(1, super::account, full).await;
    office.imported().await;
    office
}

fn worker(office: &Office) -> Worker {
    Worker {
        store: Arc::clone(&office.store),
        clock: office.clock,
        patience: office.importer(Arc::clone(&office.store)).patience,
        rules: quick(),
        pacers: Arc::clone(&office.pacers),
        places: Arc::default(),
        elsewhere: Elsewhere::Leave,
        lease: Duration::from_secs(60),
        name: "duties".to_owned(),
    }
}

/// Queues the creation of accounts.
async fn job(office: &Office, names: &[&str]) -> ProvisioningJob {
    let create = |name: &&str| wish(json!({"task": "create_account", "name": name, "deliver": "link"}));
    let wishes: Vec<_> = names.iter().map(create).collect();
    let system = office.store.get_system(&id(0)).await.unwrap();
    let connector =
        keyreeve_engine::connections::Connections::connect(&*office.doors, &system).await.unwrap();
    let Worker { store, clock, patience, pacers, .. } = worker(office);
    let gatherer = Gatherer { store, clock, patience, pacers };
    let facts = gatherer.gather(&*connector, &system, &wishes).await.unwrap();
    let mut number = 0;
    let plan = plan(&facts, connector.provisioning().unwrap(), &wishes, || {
        number += 1;
        format!("mark-{number}-{}", names.concat())
    });
    let hand_over = HandOver::prepare(&plan, &system.settings).unwrap();
    let new = hand_over.job(&plan, "local:test", None).unwrap();
    office.store.create_job(&new, office.clock.now()).await.unwrap()
}

/// Duties under way.
struct Round {
    done: mpsc::UnboundedReceiver<Chore>,
    stop: watch::Sender<bool>,
    ended: tokio::task::JoinHandle<()>,
}

impl Round {
    fn begin(office: &Office) -> Self {
        Self::with(office, Bell::default(), OFTEN)
    }

    fn with(office: &Office, bell: Bell, every: Duration) -> Self {
        let duties = Duties {
            worker: worker(office),
            connections: Arc::<Doors>::clone(&office.doors),
            bell,
            leave: LEAVE,
            every,
            quiet: QUIET,
            at_once: 2,
            history_days: None,
        };
        let (tell, done) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let ended = duties.start(stopped, move |what| drop(tell.send(what)));
        Self { done, stop, ended }
    }

    async fn next(&mut self) -> Chore {
        tokio::time::timeout(PATIENCE, self.done.recv()).await.expect("nothing is done").unwrap()
    }

    async fn stop(mut self) -> Vec<Chore> {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it stops").unwrap();
        let mut rest = Vec::new();
        while let Ok(one) = self.done.try_recv() {
            rest.push(one);
        }
        rest
    }
}

/// A job of which a process has begun one task, and ended without a word.
async fn abandoned(office: &Office, names: &[&str]) -> ProvisioningJob {
    let job = job(office, names).await;
    let claimed = office
        .store
        .claim_task(None, Some(job.id), "gone", office.clock.now(), Duration::from_secs(60))
        .await
        .unwrap();
    assert!(claimed.is_some());
    job
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_that_nobody_opened_are_wiped_when_their_time_is_over() {
    let office = office().await;
    let job = job(&office, &["ada"]).await;
    let system = office.store.get_system(&id(0)).await.unwrap();
    let connector =
        keyreeve_engine::connections::Connections::connect(&*office.doors, &system).await.unwrap();
    let (_keep, stopped) = watch::channel(false);
    let worked = worker(&office).run_job(&*connector, &system, job.id, None, stopped, |_| {}).await.unwrap();
    assert_eq!(worked, Ended::Done);
    let delivery = office.store.deliveries(job.id).await.unwrap().remove(0);
    assert_eq!(delivery.state, DeliveryState::Released);
    let mut round = Round::begin(&office);
    office.set_clock(delivery.expires_at.unwrap());
    assert_eq!(round.next().await, Chore::PasswordsWiped(1));
    assert_eq!(office.store.deliveries(job.id).await.unwrap()[0].state, DeliveryState::Expired);
    assert_eq!(round.stop().await, []);
    office.store.verify_audit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_that_were_left_behind_are_closed_and_others_are_not() {
    let office = office().await;
    let profile = office.store.get_import_profile(&id(0), &"default".parse().unwrap()).await.unwrap();
    let now = office.clock.now();
    let lease = office
        .store
        .begin_import_run(&id(0), &profile, "local:ada", now, Duration::from_secs(60))
        .await
        .unwrap();
    let mut round = Round::begin(&office);
    // Its lease is over, but its process may only be slow.
    office.advance(SECOND * 100);
    office.store.renew_import_lease(&lease, office.clock.now(), Duration::from_secs(60)).await.unwrap();
    office.advance(SECOND * 170);
    let now = office.clock.now();
    assert_eq!(office.store.close_lapsed_import_runs(now - QUIET, now).await.unwrap(), []);
    office.advance(SECOND * 11);
    assert_eq!(round.next().await, Chore::ImportClosed(id(0), lease.run));
    let run = office.store.get_import_run(lease.run).await.unwrap();
    assert_eq!(run.state, ImportRunState::Failed);
    assert!(run.failure.unwrap().message.contains("interrupted"));
    assert_eq!(round.stop().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_process_ended_without_a_word_is_gone_on_with() {
    let office = office().await;
    let job = abandoned(&office, &["ada", "eve"]).await;
    let mut round = Round::begin(&office);
    office.advance(SECOND * 59);
    // As long as the lease holds, nobody else takes it.
    assert_eq!(office.store.jobs_left_behind(office.clock.now(), office.clock.now()).await.unwrap(), []);
    office.advance(SECOND * 2);
    assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
    assert_eq!(round.next().await, Chore::JobEnded(job.id, Ended::Done));
    let job = office.store.job(job.id).await.unwrap();
    assert_eq!(job.state, JobState::Succeeded, "{job:#?}");
    assert_eq!(round.stop().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_nobody_has_begun_is_left_to_whoever_asked_for_a_while_and_then_begun() {
    let office = office().await;
    let job = job(&office, &["ada"]).await;
    let mut round = Round::begin(&office);
    // That it was looked meanwhile, an import tells that is left behind.
    let run = left_behind(&office).await;
    office.advance(SECOND * 290);
    assert_eq!(round.next().await, Chore::ImportClosed(id(0), run), "whoever asked is about to begin it");
    office.advance(SECOND * 11);
    assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
    assert_eq!(round.next().await, Chore::JobEnded(job.id, Ended::Done));
    assert_eq!(office.store.job(job.id).await.unwrap().state, JobState::Succeeded);
    assert_eq!(round.stop().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_the_bell_rings_for_is_begun_at_once_and_not_planned_again() {
    let office = office().await;
    let desk = desk(&office);
    let mut round = Round::with(&office, desk.bell.clone(), LEAVE);
    let case = desk.open(&trusted(), &id(0)).await.unwrap();
    let Asked { job, .. } = asked(&case, office.clock, &[create("ada")]).await;
    let planned = office.sandbox.trace().iter().filter(|call| call.action == "ListUsers").count();
    assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
    assert_eq!(round.next().await, Chore::JobEnded(job.id, Ended::Done));
    assert_eq!(office.store.job(job.id).await.unwrap().state, JobState::Succeeded);
    let now = office.sandbox.trace().iter().filter(|call| call.action == "ListUsers").count();
    assert_eq!(now, planned, "it was planned once more");
    assert_eq!(round.stop().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_jobs_than_are_done_at_once_are_done_one_after_the_other() {
    let office = office().await;
    let desk = desk(&office);
    let case = desk.open(&trusted(), &id(0)).await.unwrap();
    let mut jobs = Vec::new();
    for name in ["ada", "ben", "cem", "dea", "eve"] {
        jobs.push(asked(&case, office.clock, &[create(name)]).await.job.id);
    }
    let mut round = Round::with(&office, desk.bell.clone(), LEAVE);
    let (mut open, mut most, mut done) = (0_i32, 0, Vec::new());
    while done.len() < jobs.len() {
        match round.next().await {
            Chore::JobTakenUp(_) => open += 1,
            Chore::JobEnded(job, Ended::Done) => {
                open -= 1;
                done.push(job);
            }
            other => panic!("{other:?}"),
        }
        most = most.max(open);
    }
    done.sort();
    assert_eq!((done, most), (jobs, 2));
    assert_eq!(round.stop().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_plan_is_stale_is_left_to_a_person_and_not_tried_again() {
    let office = office().await;
    let desk = desk(&office);
    let case = desk.open(&trusted(), &id(0)).await.unwrap();
    let user = office.users(0).remove(0);
    let delete = wish(json!({"task": "delete_account", "account": user}));
    let Asked { job, .. } = asked(&case, office.clock, &[delete]).await;
    assert_eq!(desk.bell.take(9).len(), 1);
    let key = keyreeve_sandbox::Mutation::CreateAccessKey { user: user.clone() };
    office.sandbox.mutate(&super::account(0), &[key]).unwrap();
    let mut round = Round::begin(&office);
    office.advance(SECOND * 301);
    assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
    let Chore::JobHeld(held, why) = round.next().await else { panic!("it is not held") };
    assert!(held == job.id && why.contains("plan_stale"), "{why}");
    let standing = Standing::of(&office.store, &job, office.clock.now()).await.unwrap().unwrap();
    assert_eq!(standing.keeps, Keeps::Stale);
    assert!(standing.why.contains(&why), "{standing:?}");
    // However long it lies there, nobody tries it by himself: that was looked for, an import tells that is left behind.
    for _ in 0..2 {
        let run = left_behind(&office).await;
        office.advance(SECOND * 100_000);
        assert_eq!(round.next().await, Chore::ImportClosed(id(0), run));
    }
    let held = office.store.job(job.id).await.unwrap();
    assert_eq!((held.state, held.started_at), (JobState::Queued, None));
    assert_eq!(round.stop().await, []);
    // A person may still have it carried out, once all is as it was.
    let keys = office.sandbox.state(&super::account(0)).unwrap();
    let of_user = keys["users"].as_array().unwrap().iter().find(|one| one["name"] == user.as_str()).unwrap();
    let made = of_user["keys"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let delete = keyreeve_sandbox::Mutation::DeleteAccessKey { key_id: made };
    office.sandbox.mutate(&super::account(0), &[delete]).unwrap();
    let (_keep, stopped) = watch::channel(false);
    let worked = worker(&office).run_job(&*case.connector, &case.system, job.id, None, stopped, |_| {}).await;
    assert_eq!(worked.unwrap(), Ended::Done);
    assert_eq!(office.store.job_hold(job.id).await.unwrap(), None);
    office.store.verify_audit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_stopped_half_way_is_gone_on_with_when_nobody_touches_it() {
    let office = office().await;
    let job = job(&office, &["ada"]).await;
    office.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Latency { ms: 400 }).times(1).min_fires(1));
    let system = office.store.get_system(&id(0)).await.unwrap();
    let connector =
        keyreeve_engine::connections::Connections::connect(&*office.doors, &system).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let worker = worker(&office);
    let (worked, ()) = tokio::join!(
        worker.run_job(&*connector, &system, job.id, crate::provisioning::JUST_PLANNED, stopped, |_| {}),
        async {
            while !office.sandbox.trace().iter().any(|call| call.action == "CreateUser") {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            stop.send_replace(true);
        }
    );
    assert_eq!(worked.unwrap(), Ended::Stopped);
    let tasks = office.store.job(job.id).await.unwrap().tasks;
    assert_eq!(tasks[0].state, TaskState::Queued);
    let mut round = Round::begin(&office);
    office.advance(SECOND * 60);
    let now = office.clock.now();
    assert_eq!(
        office.store.jobs_left_behind(now - QUIET, now).await.unwrap(),
        [],
        "somebody may be about to go on"
    );
    office.advance(SECOND * 61);
    assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
    assert_eq!(round.next().await, Chore::JobEnded(job.id, Ended::Done));
    assert_eq!(office.store.job(job.id).await.unwrap().state, JobState::Succeeded);
    assert_eq!(round.stop().await, []);
    assert_eq!(office.sandbox.unfired(), []);
    let creations = office.sandbox.trace().iter().filter(|call| call.action == "CreateUser").count();
    assert_eq!(creations, 1, "it was created twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_does_not_get_on_is_tried_again_with_growing_patience() {
    for door in [Door::Shut, Door::Trapped] {
        let office = office().await;
        let job = abandoned(&office, &["ada"]).await;
        office.shut(0, Some(door));
        let before = office.tried(0).len();
        let mut round = Round::begin(&office);
        office.advance(SECOND * 61);
        for minutes in [5, 15, 60] {
            assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
            assert!(matches!(round.next().await, Chore::JobLeft(left, _) if left == job.id));
            // Not before its time: that it was looked at meanwhile, an import tells that is left behind.
            let run = left_behind(&office).await;
            office.advance(SECOND * 130);
            assert_eq!(round.next().await, Chore::ImportClosed(id(0), run));
            office.advance(SECOND * (60 * minutes - 130));
        }
        assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
        assert!(matches!(round.next().await, Chore::JobLeft(..)));
        let tried = &office.tried(0)[before..];
        for (pair, minutes) in tried.windows(2).zip([5, 15, 60]) {
            assert!(pair[1].duration_since(pair[0]) >= SECOND * 60 * minutes, "{tried:?}");
        }
        office.shut(0, None);
        office.advance(SECOND * 60 * 240);
        assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
        assert_eq!(round.next().await, Chore::JobEnded(job.id, Ended::Done));
        round.stop().await;
        assert_eq!(office.store.job(job.id).await.unwrap().state, JobState::Succeeded);
    }
}

/// An import whose process ends at once.
async fn left_behind(office: &Office) -> keyreeve_model::ImportRunId {
    let profile = office.store.get_import_profile(&id(0), &"default".parse().unwrap()).await.unwrap();
    let (now, lease) = (office.clock.now(), Duration::from_secs(1));
    office.store.begin_import_run(&id(0), &profile, "local:ada", now, lease).await.unwrap().run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_given_back_is_gone_on_with_at_once() {
    let office = office().await;
    let job = job(&office, &["ada", "ben"]).await;
    office.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Latency { ms: 600 }).times(1).min_fires(1));
    office.advance(SECOND * 301);
    let mut round = Round::begin(&office);
    assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
    while !office.sandbox.trace().iter().any(|call| call.action == "CreateUser") {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(round.stop().await, [Chore::JobEnded(job.id, Ended::Stopped)]);
    // No time goes by.
    let mut round = Round::begin(&office);
    assert_eq!(round.next().await, Chore::JobTakenUp(job.id));
    assert_eq!(round.next().await, Chore::JobEnded(job.id, Ended::Done));
    assert_eq!(office.store.job(job.id).await.unwrap().state, JobState::Succeeded);
    assert_eq!(round.stop().await, []);
    office.store.verify_audit().await.unwrap();
}
