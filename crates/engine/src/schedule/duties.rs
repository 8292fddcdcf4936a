//! The chores that keep a store in order, whether or not somebody calls a command.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use keyreeve_model::{ImportRunId, JobId, SystemId};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::scheduler::{asked, in_full};
use super::{beside, patience_after};
use crate::connections::Connections;
use crate::provisioning::{Ended, Worker};
use crate::threads::on_a_thread;

/// Does what is due in a store, again and again.
///
/// - Passwords that nobody opened in time are wiped.
/// - Imports whose process ended without a word are closed as interrupted.
/// - Jobs that were begun, and that nobody works on any more, are gone on with; one that does not get on is tried again
///   with growing patience. A job that nobody has begun stays as it is, and so does one that waits for a person.
pub struct Duties {
    /// Goes on with jobs; its pacers are those of all that this process does.
    pub worker: Worker,
    /// From a system to a connection with it.
    pub connections: Arc<dyn Connections>,
    /// So often it is looked what is due.
    pub every: Duration,
    /// How long nobody must have touched a job or an import before it counts as left behind.
    pub quiet: Duration,
    /// So many jobs are worked on at once.
    pub at_once: usize,
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
}

/// How often a job did not get on, and when it is tried again.
struct Stuck {
    failures: u32,
    until: Timestamp,
}

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
        let (mut under_way, mut stuck) = (HashSet::new(), HashMap::new());
        while !*stop.borrow() {
            let mut ended = Vec::new();
            let look = async {
                self.tidy(&mut seen).await;
                self.left_behind(&under_way, &stuck).await
            };
            let jobs = beside(look, &mut running, &mut ended).await;
            for (job, came_to) in ended {
                under_way.remove(&job);
                seen(self.note(&mut stuck, job, came_to));
            }
            let free = self.at_once.max(1).saturating_sub(running.len());
            for (job, system) in jobs.into_iter().take(free) {
                under_way.insert(job);
                seen(Chore::JobTakenUp(job));
                let work = self.go_on(job, system, stop.clone());
                running.push(async move { (job, work.await) });
            }
            let wait = self.worker.clock.wait(self.every);
            let mut wait = std::pin::pin!(wait);
            loop {
                tokio::select! {
                    Some((job, ended)) = running.next(), if !running.is_empty() => {
                        under_way.remove(&job);
                        seen(self.note(&mut stuck, job, ended));
                    }
                    () = &mut wait => break,
                    () = asked(&mut stop) => break,
                }
            }
        }
        while let Some((job, ended)) = running.next().await {
            seen(self.note(&mut stuck, job, ended));
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

    fn long_ago(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.quiet).unwrap_or(Timestamp::MIN)
    }

    async fn left_behind(
        &self,
        under_way: &HashSet<JobId>,
        stuck: &HashMap<JobId, Stuck>,
    ) -> Vec<(JobId, SystemId)> {
        let Worker { store, clock, .. } = &self.worker;
        let now = clock.now();
        match store.jobs_left_behind(self.long_ago(now), now).await {
            Ok(mut jobs) => {
                let waits = |job: &JobId| stuck.get(job).is_some_and(|stuck: &Stuck| stuck.until > now);
                jobs.retain(|(job, _)| !under_way.contains(job) && !waits(job));
                jobs
            }
            Err(error) => {
                tracing::warn!(%error, "jobs that were left behind could not be looked for");
                Vec::new()
            }
        }
    }

    /// Works on a job, whatever happens there.
    async fn go_on(
        &self,
        job: JobId,
        system: SystemId,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended, String> {
        let work = async {
            let system = self.worker.store.get_system(&system).await.map_err(|error| in_full(&error))?;
            let connector = self.connections.connect(&system).await.map_err(|error| in_full(&*error))?;
            let ended = self.worker.run_job(&*connector, &system, job, None, stop, |_| {}).await;
            ended.map_err(|error| in_full(&error))
        };
        let ended = AssertUnwindSafe(work).catch_unwind().await;
        ended.unwrap_or_else(|_| Err("the work came to an end that it should never come to".to_owned()))
    }

    /// What came of the work on a job, and when it is tried again.
    fn note(&self, stuck: &mut HashMap<JobId, Stuck>, job: JobId, ended: Result<Ended, String>) -> Chore {
        let why = match ended {
            Ok(ended @ (Ended::Done | Ended::Stopped)) => {
                stuck.remove(&job);
                tracing::info!(job.id = %job, ?ended, "a job that was left behind was gone on with");
                return Chore::JobEnded(job, ended);
            }
            Ok(Ended::Paused(failure)) => failure.message,
            Err(error) => error,
        };
        let failures = stuck.get(&job).map_or(0, |stuck| stuck.failures).saturating_add(1);
        let until = self.worker.clock.now().checked_add(patience_after(failures)).unwrap_or(Timestamp::MAX);
        tracing::warn!(job.id = %job, %until, reason = %why, "a job that was left behind does not get on");
        stuck.insert(job, Stuck { failures, until });
        Chore::JobLeft(job, why)
    }
}
