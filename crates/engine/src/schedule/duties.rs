//! The chores that keep a store in order, whether or not somebody calls a command.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use keyreeve_model::{ImportRunId, JobId, SystemId};
use keyreeve_store::{ErrandKind, GivenUp, NewErrand, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::keeping::Keeping;
use super::scheduler::{asked, in_full};
use super::{beside, patience_after};
use crate::connections::Connections;
use crate::desk::{Bell, Rung};
use crate::provisioning::{Ended, WorkError, Worker};
use crate::threads::on_a_thread;

/// Does what is due in a store, again and again.
///
/// - Passwords that nobody opened in time are wiped.
/// - Imports whose process ended without a word are closed as interrupted.
/// - Jobs that may be begun are: at once when the bell rings for one, else after a while that is left to whoever asked.
/// - Jobs that were begun, and that nobody works on any more, are gone on with.
/// - A job that does not get on is tried again with growing patience. One whose plan is stale is not: it is left to a
///   person, and so is one that waits for approval.
/// - History that is older than is wanted is given up once a day, by whichever process comes first, and removed little by
///   little.
pub struct Duties {
    /// Carries jobs out; its pacers are those of all that this process does.
    pub worker: Worker,
    /// From a system to a connection with it.
    pub connections: Arc<dyn Connections>,
    /// Rung for jobs that may be begun at once.
    pub bell: Bell,
    /// So long a job that may be begun is left to whoever asked for it or approved it.
    pub leave: Duration,
    /// So often it is looked what is due.
    pub every: Duration,
    /// How long nobody must have touched a job or an import before it counts as left behind.
    pub quiet: Duration,
    /// So many jobs are worked on at once.
    pub at_once: usize,
    /// So many days history is kept; `None`: for ever.
    pub history_days: Option<u32>,
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub enum Chore {
    /// So many passwords were wiped.
    PasswordsWiped(u64),
    /// An import that nobody worked on any more was closed.
    ImportClosed(SystemId, ImportRunId),
    /// A job was taken up.
    JobTakenUp(JobId),
    /// The work on it has ended: nothing of it is left to do, or the process stops.
    JobEnded(JobId, Ended),
    /// It could not be worked on, and why.
    JobLeft(JobId, String),
    /// It is left to a person: what it rests on has changed since it was planned.
    JobHeld(JobId, String),
    /// Old history was given up.
    HistoryGivenUp(GivenUp),
}

/// What the work on a job came to.
enum Outcome {
    Ended(Ended),
    /// Not for the time being, and why.
    Left(String),
    /// It is left to a person, and why.
    Held(String),
}

/// A job that this process has taken.
#[derive(Clone)]
struct Work {
    job: JobId,
    system_id: SystemId,
    planned_at: Option<Timestamp>,
    failures: u32,
}

/// The jobs that this process is at: of which system each is, and whether it was asked for once more meanwhile.
type UnderWay = HashMap<JobId, (SystemId, bool)>;

/// So often it is looked for what others have found.
const OTHERS_EVERY: Duration = Duration::from_secs(1);
/// After this it is looked again for a job whose AWS account another process changes.
const ELSEWHERE_AGAIN: Duration = Duration::from_secs(1);

impl Duties {
    /// Runs as [`Duties::run`] does, beside everything else. To be called within a runtime.
    pub fn start(
        self,
        stop: watch::Receiver<bool>,
        seen: impl FnMut(Chore) + Send + 'static,
    ) -> JoinHandle<()> {
        on_a_thread(move || async move { self.run(stop, seen).await })
    }

    /// Runs until `stop` becomes true; jobs under way then end as after Ctrl-C. `seen` is told what is done.
    pub async fn run(&self, mut stop: watch::Receiver<bool>, mut seen: impl FnMut(Chore)) {
        let mut running = FuturesUnordered::new();
        let (mut under_way, mut ended) = (UnderWay::new(), Vec::new());
        let mut keeping = Keeping::of(self.history_days);
        while !*stop.borrow() {
            let look = async {
                self.tidy(&mut seen).await;
                self.have_due_looked_at(&under_way).await;
                self.keep_history(&mut keeping, &mut seen).await;
            };
            beside(look, &mut running, &mut ended).await;
            let wait = self.worker.clock.wait(self.every);
            let mut wait = std::pin::pin!(wait);
            loop {
                let again = self.note(std::mem::take(&mut ended), &mut under_way, &mut seen);
                beside(self.have_looked_at(again), &mut running, &mut ended).await;
                let free = self.at_once.max(1).saturating_sub(running.len());
                for work in beside(self.take(free, &under_way), &mut running, &mut ended).await {
                    match under_way.entry(work.job) {
                        // Who is at it may not have seen why it was asked for once more.
                        Entry::Occupied(mut begun) => begun.get_mut().1 = true,
                        Entry::Vacant(begun) if !*stop.borrow() => {
                            begun.insert((work.system_id.clone(), false));
                            seen(Chore::JobTakenUp(work.job));
                            let done = Box::pin(self.go_on(work.clone(), stop.clone()));
                            running.push(async move { (work, done.await) });
                        }
                        Entry::Vacant(_) => {}
                    }
                }
                if !ended.is_empty() {
                    continue;
                }
                let free = running.len() < self.at_once.max(1);
                tokio::select! {
                    Some(one) = running.next(), if !running.is_empty() => ended.push(one),
                    () = self.bell.heard(), if free => {}
                    () = self.worker.clock.wait(self.every.min(OTHERS_EVERY)), if free => {}
                    () = &mut wait => break,
                    () = asked(&mut stop) => break,
                }
            }
        }
        while let Some(one) = running.next().await {
            ended.push(one);
            let again = self.note(std::mem::take(&mut ended), &mut under_way, &mut seen);
            beside(self.have_looked_at(again), &mut running, &mut ended).await;
        }
        self.have_looked_at(self.note(ended, &mut under_way, &mut seen)).await;
    }

    /// Takes up to so many jobs: those that the bell rang for, then what anybody has found. One system has at most three in
    /// four of the jobs that are worked on at once, however many it has: the next one of another system finds room.
    async fn take(&self, free: usize, under_way: &UnderWay) -> Vec<Work> {
        let most = self.at_once.max(1).saturating_mul(3).div_ceil(4);
        let mut of_system: HashMap<SystemId, usize> = HashMap::new();
        for (system, _) in under_way.values() {
            *of_system.entry(system.clone()).or_default() += 1;
        }
        let (mut taken, mut later) = (Vec::new(), Vec::new());
        let Worker { store, clock, places, .. } = &self.worker;
        for Rung { job, system_id, planned_at } in self.bell.take(free) {
            let count = of_system.entry(system_id.clone()).or_default();
            if *count >= most && !under_way.contains_key(&job) {
                later.push(NewErrand::job(job, system_id, clock.now()));
                continue;
            }
            *count += 1;
            taken.push(Work { job, system_id, planned_at, failures: 0 });
        }
        self.have_looked_at(later).await;
        while taken.len() < free {
            let full = of_system.iter().filter(|(_, count)| **count >= most);
            let full: Vec<SystemId> = full.map(|(system, _)| system.clone()).collect();
            match store.claim_errand(ErrandKind::Job, &places.name, clock.now(), &full).await {
                Ok(Some(errand)) => {
                    let Some(job) = errand.job() else { continue };
                    *of_system.entry(errand.system_id.clone()).or_default() += 1;
                    let (system_id, failures) = (errand.system_id, errand.failures);
                    taken.push(Work { job, system_id, planned_at: None, failures });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "jobs that are to be done could not be taken");
                    break;
                }
            }
        }
        taken
    }

    /// Has jobs looked at, by this process or another one.
    async fn have_looked_at(&self, errands: Vec<NewErrand>) {
        if let Err(error) = self.worker.store.offer_errands(&errands).await {
            // Whoever looks finds them again.
            tracing::warn!(%error, "jobs that are to be done could not be noted");
        }
    }

    /// What takes one transaction. What cannot be done now is done the next time.
    async fn tidy(&self, seen: &mut impl FnMut(Chore)) {
        let Worker { store, clock, .. } = &self.worker;
        let now = clock.now();
        match store.expire_deliveries(now).await {
            Ok(0) => {}
            Ok(count) => seen(Chore::PasswordsWiped(count)),
            Err(error) => tracing::warn!(%error, "passwords that nobody opened could not be wiped"),
        }
        match store.close_lapsed_import_runs(self.long_ago(now), now).await {
            Ok(closed) => {
                for (system, run) in closed {
                    tracing::warn!(system.id = %system, import_run.id = %run, "an import was left behind and is closed");
                    seen(Chore::ImportClosed(system, run));
                }
            }
            Err(error) => tracing::warn!(%error, "imports that were left behind could not be closed"),
        }
    }

    async fn keep_history(&self, keeping: &mut Keeping, seen: &mut impl FnMut(Chore)) {
        let Worker { store, clock, .. } = &self.worker;
        match keeping.look(store, clock.now()).await {
            Ok(given_up) => given_up.into_iter().for_each(|one| seen(Chore::HistoryGivenUp(one))),
            Err(error) => {
                tracing::warn!(%error, "history that is old could not be given up, or not be removed")
            }
        }
    }

    fn long_ago(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.quiet).unwrap_or(Timestamp::MIN)
    }

    /// Has the jobs looked at that are to be begun or gone on with.
    async fn have_due_looked_at(&self, under_way: &UnderWay) {
        let Worker { store, clock, .. } = &self.worker;
        let now = clock.now();
        let waiting_since = now.checked_sub(self.leave).unwrap_or(Timestamp::MIN);
        let found = async {
            store.drop_idle_errands().await?;
            let mut jobs = store.jobs_left_behind(self.long_ago(now), now).await?;
            jobs.extend(store.jobs_not_begun(waiting_since).await?);
            Ok::<_, StoreError>(jobs)
        };
        match found.await {
            Ok(jobs) => {
                let idle = jobs.into_iter().filter(|(job, _)| !under_way.contains_key(job));
                let errands = idle.map(|(job, system_id)| NewErrand::job(job, system_id, now)).collect();
                self.have_looked_at(errands).await;
            }
            Err(error) => tracing::warn!(%error, "jobs that are to be done could not be looked for"),
        }
    }

    /// Works on a job, whatever happens there.
    async fn go_on(&self, work: Work, stop: watch::Receiver<bool>) -> Outcome {
        let Work { job, system_id: system, planned_at, .. } = work;
        let Worker { store, clock, .. } = &self.worker;
        let work = async {
            let system = store.get_system(&system).await.map_err(|error| Outcome::Left(in_full(&error)))?;
            let connector = self.connections.connect(&system).await;
            let connector = connector.map_err(|error| Outcome::Left(in_full(&*error)))?;
            match self.worker.run_job(&*connector, &system, job, planned_at, stop, |_| {}).await {
                Ok(Ended::Paused(failure)) => Err(Outcome::Left(failure.message)),
                Ok(ended) => {
                    if ended == Ended::Stopped {
                        let given_back = store.hand_back_job(job, &self.worker.name, clock.now()).await;
                        // Then others see after a while that nobody is at it.
                        given_back.unwrap_or_else(
                            |error| tracing::warn!(%error, job.id = %job, "a job could not be given back"),
                        );
                    }
                    Ok(Outcome::Ended(ended))
                }
                Err(error @ WorkError::Stale(_)) => {
                    let why = error.to_string();
                    let held = store.hold_job(job, &why, clock.now()).await;
                    held.map_err(|error| Outcome::Left(in_full(&error)))?;
                    Ok(Outcome::Held(why))
                }
                Err(error) => Err(Outcome::Left(in_full(&error))),
            }
        };
        let broke_off = || Outcome::Left("the work came to an end that it should never come to".to_owned());
        let came_to = AssertUnwindSafe(work).catch_unwind().await;
        came_to.map_or_else(
            |_| broke_off(),
            |came_to: Result<Outcome, Outcome>| came_to.unwrap_or_else(|left| left),
        )
    }

    /// Says what came of the work on jobs, and which are to be looked at again.
    fn note(
        &self,
        ended: Vec<(Work, Outcome)>,
        under_way: &mut UnderWay,
        seen: &mut impl FnMut(Chore),
    ) -> Vec<NewErrand> {
        let mut again = Vec::new();
        for (work, came_to) in ended {
            let Work { job, system_id, failures, .. } = work;
            let now = self.worker.clock.now();
            if under_way.remove(&job).is_some_and(|(_, once_more)| once_more) {
                again.push(NewErrand::job(job, system_id.clone(), now));
            }
            let later = |wait| now.checked_add(wait).unwrap_or(Timestamp::MAX);
            match came_to {
                Outcome::Ended(ended) => {
                    tracing::info!(job.id = %job, ?ended, "the work on a job has ended");
                    if ended == Ended::Elsewhere {
                        let errand = NewErrand::job(job, system_id, later(ELSEWHERE_AGAIN));
                        again.push(NewErrand { failures, ..errand });
                    }
                    seen(Chore::JobEnded(job, ended));
                }
                Outcome::Held(why) => {
                    tracing::warn!(job.id = %job, reason = %why, "a job is left to a person");
                    seen(Chore::JobHeld(job, why));
                }
                Outcome::Left(why) => {
                    let failures = failures.saturating_add(1);
                    let due_at = now.checked_add(patience_after(failures)).unwrap_or(Timestamp::MAX);
                    tracing::warn!(job.id = %job, %due_at, reason = %why, "a job does not get on");
                    again.push(NewErrand { failures, ..NewErrand::job(job, system_id, due_at) });
                    seen(Chore::JobLeft(job, why));
                }
            }
        }
        again
    }
}
