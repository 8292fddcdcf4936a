//! The worker: takes tasks, runs many side by side, and keeps its leases alive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use keyreeve_connector::Connector;
use keyreeve_model::{Failure, JobId, System, TaskId};
use keyreeve_store::{Store, StoreError, TaskLease};
use tokio::sync::watch;

use super::hand_over::Sealing;
use super::journal::Journal;
use super::password_policy::LivePolicy;
use super::retry::Rules;
use super::task_run::{Ground, Released, TaskRun};
use crate::clock::Clock;
use crate::import::reader::{Halt, Reader};
use crate::import::{Patience, Progress};
use crate::pace::Pacers;
use crate::plan::{GatherError, Gatherer};

/// Carries out jobs. One per process.
#[derive(Clone)]
pub struct Worker {
    /// Where jobs are kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// How often and how long reads are repeated.
    pub patience: Patience,
    /// How often and how long steps are repeated.
    pub rules: Rules,
    /// The pacers of all AWS accounts this process talks to.
    pub pacers: Arc<Pacers>,
    /// How long a task is ours without a sign of life.
    pub lease: Duration,
    /// Who this process is, for the journal.
    pub name: String,
}

/// How the work on a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing of it is left to do.
    Done,
    /// The process was asked to stop; what is left stays queued.
    Stopped,
    /// Nothing works until a person has mended this; what is left stays queued.
    Paused(Failure),
}

/// The work could not be begun or went wrong on our side. Tasks stay as their journal says.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Before the first write: who the connector is, and whether the system may be changed.
    #[error(transparent)]
    Guard(#[from] GatherError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Worker {
    /// Works on a job until nothing of it is left, or `stop` becomes true. `seen` is told whenever a task was given
    /// back.
    ///
    /// # Errors
    /// See [`WorkError`].
    pub async fn run_job(
        &self,
        connector: &dyn Connector,
        system: &System,
        job: JobId,
        stop: watch::Receiver<bool>,
        seen: impl FnMut(TaskId),
    ) -> Result<Ended, WorkError> {
        let gatherer = Gatherer {
            store: Arc::clone(&self.store),
            clock: self.clock,
            patience: self.patience,
            pacers: Arc::clone(&self.pacers),
        };
        // The guard against another AWS account, before the first write of the job.
        let identity = gatherer.guard(connector, system).await?;
        let name = || GatherError::NoProvisioning(system.system_id.to_string());
        let provisioning = connector.provisioning().ok_or_else(name)?;
        let inventory = connector.inventory().ok_or_else(name)?;
        let settings = &system.settings;
        let concurrency = settings.max_concurrent_requests;
        let pacer = self.pacers.of(&identity.account_id, concurrency, settings.max_requests_per_second);
        let progress = Progress::default();
        let reader = Reader {
            inventory,
            account_id: &identity.account_id,
            concurrency: concurrency as usize,
            pacer: &pacer,
            patience: self.patience,
            progress: &progress,
            clock: self.clock,
            halt: Halt::default(),
            last_success: Mutex::new(Instant::now()),
        };
        let ground = Ground {
            gatherer: &gatherer,
            connector,
            provisioning,
            reader: &reader,
            system,
            rules: self.rules,
            password_policy: LivePolicy::default(),
            stop: stop.clone(),
        };
        let sealings = Sealing::of_job(&self.store, job).await?;
        let (journal, writer) = Journal::new(Arc::clone(&self.store), self.clock);
        let shift = Shift { worker: self, ground: &ground, job, sealings, stop };
        let work = async move { shift.run(journal, seen).await };
        let (ended, ()) = tokio::join!(work, writer);
        Ok(ended?)
    }
}

/// The work on one job.
struct Shift<'a> {
    worker: &'a Worker,
    ground: &'a Ground<'a>,
    job: JobId,
    sealings: HashMap<TaskId, Sealing>,
    stop: watch::Receiver<bool>,
}

impl Shift<'_> {
    async fn run(mut self, journal: Journal, mut seen: impl FnMut(TaskId)) -> Result<Ended, StoreError> {
        let most = self.ground.reader.concurrency.max(1);
        let mut running = FuturesUnordered::new();
        let mut leases: HashMap<TaskId, TaskLease> = HashMap::new();
        let mut paused: Option<Failure> = None;
        let mut renew_at = Instant::now() + self.renewal();
        loop {
            let stopping = *self.stop.borrow();
            let mut idle_until = None;
            if !stopping && paused.is_none() && running.len() < most {
                let claimed = self.claim(most - running.len()).await?;
                let exhausted = claimed.is_empty();
                for task in claimed {
                    let id = task.task.id;
                    leases.insert(id, task.lease.clone());
                    let sealing = self.sealings.get(&id).cloned();
                    let run = TaskRun::new(self.ground, journal.clone(), task, sealing);
                    running.push(async move { (id, run.run().await) });
                }
                if exhausted {
                    idle_until = self.worker.store.next_due(None, Some(self.job)).await?;
                    if running.is_empty() && idle_until.is_none() {
                        return Ok(Ended::Done);
                    }
                }
            }
            if running.is_empty() && (stopping || paused.is_some()) {
                return Ok(paused.map_or(Ended::Stopped, Ended::Paused));
            }
            let nap = self.nap(idle_until, renew_at);
            tokio::select! {
                Some((id, ended)) = running.next(), if !running.is_empty() => {
                    leases.remove(&id);
                    match ended {
                        Ok(Released::Task) => seen(id),
                        Ok(Released::Paused(failure)) => paused = Some(failure),
                        Err(error) if is_lease_lost(&error) => {
                            tracing::warn!(task.id = %id, "the lease of a task was lost; another worker has it");
                        }
                        Err(error) => return Err(error),
                    }
                }
                () = tokio::time::sleep(nap) => {}
                changed = self.stop.changed(), if !stopping => {
                    if changed.is_err() {
                        // Nobody can stop us any more.
                        std::future::pending::<()>().await;
                    }
                }
            }
            if Instant::now() >= renew_at {
                self.renew(&leases).await;
                renew_at = Instant::now() + self.renewal();
            }
        }
    }

    async fn claim(&self, most: usize) -> Result<Vec<keyreeve_store::ClaimedTask>, StoreError> {
        let Worker { store, clock, name, lease, .. } = self.worker;
        store.claim_tasks(None, Some(self.job), name, clock.now(), *lease, most).await
    }

    fn renewal(&self) -> Duration {
        self.worker.lease / 3
    }

    /// How long to wait for something to happen: until a task's time has come, or the leases want renewing.
    fn nap(&self, due: Option<jiff::Timestamp>, renew_at: Instant) -> Duration {
        let renewal = renew_at.saturating_duration_since(Instant::now());
        let due = due.map(|due| {
            let wait = due.duration_since(self.worker.clock.now());
            Duration::try_from(wait).unwrap_or_default().max(Duration::from_millis(5))
        });
        let renewal = renewal.max(Duration::from_millis(5));
        due.map_or(renewal, |due| due.min(renewal))
    }

    async fn renew(&self, leases: &HashMap<TaskId, TaskLease>) {
        for lease in leases.values() {
            let renewed =
                self.worker.store.renew_task_lease(lease, self.worker.clock.now(), self.worker.lease).await;
            if let Err(error) = renewed {
                // The journal refuses the next attempt of a task whose lease is lost.
                tracing::warn!(task.id = %lease.task, %error, "the lease of a task was not renewed");
            }
        }
    }
}

fn is_lease_lost(error: &StoreError) -> bool {
    matches!(error, StoreError::TaskLeaseLost { .. })
}
