//! The worker: takes tasks, runs many side by side, and keeps its leases alive.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use keyreeve_connector::{Connector, Identity};
use keyreeve_model::{Failure, JobId, Protection, System, TaskId};
use keyreeve_store::{
    ClaimedTask, JobTry, JournalEntry, JournalEvent, PlaceLease, Signer, Store, StoreError, TaskLease,
};
use tokio::sync::{Mutex, watch};

use super::administrators::Administrators;
use super::guard::Guard;
use super::hand_over::{OfJob, Sealing};
use super::held::Held;
use super::journal::Journal;
use super::password_policy::LivePolicy;
use super::recheck::{Rechecked, is_due, recheck};
use super::retry::Rules;
use super::task_run::{Ground, Released, TaskRun};
use crate::clock::Clock;
use crate::import::reader::Reader;
use crate::import::{Patience, Progress};
use crate::measures::{JOB_SECONDS, Timed};
use crate::pace::Pacers;
use crate::places::{self, Places};
use crate::plan::{GatherError, Gatherer};
use crate::schedule::beside;

/// So many tasks are under way for each call that may be: while some make calls, others wait for the journal.
const TASKS_PER_CALL: usize = 2;
/// So long at least from one claim to the next: more tasks are taken at once.
const BETWEEN_CLAIMS: Duration = Duration::from_millis(10);

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
    /// The AWS accounts that this process changes.
    pub places: Arc<Places>,
    /// What is done where another process changes the AWS account.
    pub elsewhere: Elsewhere,
    /// How long a task is ours without a sign of life.
    pub lease: Duration,
    /// Who this process is, for the journal.
    pub name: String,
}

/// What is done where another process changes the AWS account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It is waited for.
    Wait,
    /// The work ends as [`Ended::Elsewhere`], and somebody looks again.
    Leave,
}

/// How the work on a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing of it is left to do.
    Done,
    /// The process was asked to stop; what is left stays queued.
    Stopped,
    /// Another process changes the AWS account; what is left stays queued.
    Elsewhere,
    /// Nothing works until a person has mended this; what is left stays queued.
    Paused(Failure),
}

/// The work could not be begun or went wrong on our side. Tasks stay as their journal says.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Before the first write: who the connector is, and whether the system may be changed.
    #[error("{0}")]
    Guard(#[from] GatherError),
    /// Nothing of the job was done, and what it rests on is seen otherwise now.
    #[error("plan_stale: what it rests on has changed since it was planned: {}", .0.join("; "))]
    Stale(Vec<String>),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Worker {
    /// Works on a job until nothing of it is left, or `stop` becomes true. `planned_at` is when this process planned it,
    /// if it did: what waited is planned once more first. `seen` is told whenever a task was given back.
    ///
    /// # Errors
    /// See [`WorkError`].
    pub async fn run_job(
        &self,
        connector: &dyn Connector,
        system: &System,
        job: JobId,
        planned_at: Option<Timestamp>,
        stop: watch::Receiver<bool>,
        seen: impl FnMut(TaskId),
    ) -> Result<Ended, WorkError> {
        let gatherer = Gatherer {
            store: Arc::clone(&self.store),
            clock: self.clock,
            patience: self.patience,
            pacers: Arc::clone(&self.pacers),
        };
        // Before anything else of the job is read: what a later try rests on may be another thing.
        let of_try = self.store.job_try(job).await?;
        // The guard against another AWS account, before the first write of the job.
        let (identity, asked) = tokio::join!(gatherer.guard(connector, system), self.store.job(job));
        let (identity, asked) = (identity?, asked?);
        let name = || GatherError::NoProvisioning(system.system_id.to_string());
        let provisioning = connector.provisioning().ok_or_else(name)?;
        let inventory = connector.inventory().ok_or_else(name)?;
        let settings = &system.settings;
        let concurrency = settings.max_concurrent_requests;
        let pacer = self.pacers.of(&identity.account_id, concurrency, settings.max_requests_per_second);
        let progress = Progress::default();
        let paced = (&*pacer, self.patience);
        let reader = Reader::new(inventory, &identity.account_id, concurrency, paced, &progress, self.clock);
        let due = is_due(&asked, planned_at, self.clock.now());
        let rechecked = if due {
            let mut stop = stop.clone();
            tokio::select! {
                found = recheck(&gatherer, connector, system, &asked) => {
                    let found = found?;
                    self.store.release_job(job, self.clock.now()).await?;
                    found
                }
                () = until_stopped(&mut stop) => return Ok(Ended::Stopped),
            }
        } else {
            Rechecked::default()
        };
        let looked_at = if due { rechecked.of_all_at } else { planned_at };
        let OfJob { sealings, mut administrators } = OfJob::read(&self.store, &asked).await?;
        administrators.extend(&rechecked.administrators);
        let ground = Ground {
            gatherer: &gatherer,
            connector,
            provisioning,
            reader: &reader,
            system,
            rules: self.rules,
            password_policy: LivePolicy::default(),
            stop: stop.clone(),
            rechecked,
            administrators: Administrators::new(administrators, looked_at),
            paused: AtomicBool::new(false),
        };
        let timed = Timed::new(JOB_SECONDS);
        let (journal, writer) = Journal::new(Arc::clone(&self.store), self.clock);
        let place = Mutex::default();
        let shift =
            Shift { worker: self, ground: &ground, identity: &identity, of_try, sealings, stop, place };
        let work = Box::pin(async move { shift.run(journal, seen).await });
        let (ended, ()) = tokio::join!(work, writer);
        timed.ends(match &ended {
            Ok(Ended::Done) => "done",
            Ok(Ended::Stopped) => "stopped",
            Ok(Ended::Elsewhere) => "elsewhere",
            Ok(Ended::Paused(_)) => "paused",
            Err(_) => "not_recorded",
        });
        Ok(ended?)
    }
}

/// The work on one job.
struct Shift<'a> {
    worker: &'a Worker,
    ground: &'a Ground<'a>,
    identity: &'a Identity,
    of_try: JobTry,
    sealings: HashMap<TaskId, Sealing>,
    stop: watch::Receiver<bool>,
    /// The place of the AWS account, while something is under way there.
    place: Mutex<Option<PlaceLease>>,
}

/// What a claim brought: tasks, or in how long there may be some again.
#[derive(Default)]
struct Claimed {
    /// The job was tried again meanwhile: that is for whoever begins it anew, with what it rests on now.
    tried_again: bool,
    /// Another process changes the AWS account.
    elsewhere: bool,
    tasks: Vec<ClaimedTask>,
    /// When they were asked for.
    asked_at: Option<Instant>,
    /// The protect list at that moment.
    protections: Arc<Vec<Protection>>,
    /// The accounts that systems of this store sign in with, at that moment.
    signers: Arc<Vec<Signer>>,
    due_in: Option<Duration>,
}

impl Shift<'_> {
    /// Works; when that breaks off, gives back what it has, so that it counts for no crash.
    async fn run(self, journal: Journal, seen: impl FnMut(TaskId)) -> Result<Ended, StoreError> {
        let mut held = HashMap::new();
        let ended = self.work(journal, seen, &mut held).await;
        self.with_place_left(ended, &held).await
    }

    async fn with_place_left(
        &self,
        ended: Result<Ended, StoreError>,
        held: &HashMap<TaskId, Arc<Held>>,
    ) -> Result<Ended, StoreError> {
        if let Err(error) = &ended
            && !held.is_empty()
        {
            tracing::warn!(%error, tasks = held.len(), "the work on a job broke off; its tasks are given back");
            self.give_back(held).await;
        }
        self.leave().await;
        ended
    }

    /// The tasks go on while others are claimed.
    async fn work(
        &self,
        journal: Journal,
        mut seen: impl FnMut(TaskId),
        leases: &mut HashMap<TaskId, Arc<Held>>,
    ) -> Result<Ended, StoreError> {
        let mut stop = self.stop.clone();
        let (mut running, mut finished) = (FuturesUnordered::new(), Vec::new());
        let mut claiming: Option<BoxFuture<'_, Result<Claimed, StoreError>>> = None;
        // Tasks during which a worker ended: nothing is begun beside them that would end with them.
        let mut suspects: HashSet<TaskId> = HashSet::new();
        let (mut paused, mut over): (Option<Failure>, bool) = (None, false);
        let mut elsewhere = false;
        // Those that another worker took while this one lives: it counted a crash.
        let mut lost: Vec<Arc<Held>> = Vec::new();
        let mut renew_at = Instant::now() + self.renewal();
        let (mut claim_at, mut claim_again) = (Instant::now(), false);
        loop {
            let ending = *self.stop.borrow() || paused.is_some() || over || elsewhere;
            if running.is_empty() && finished.is_empty() && lost.is_empty() && claiming.is_none() && ending {
                let without_pause = match (over, elsewhere) {
                    (true, _) => Ended::Done,
                    (false, true) => Ended::Elsewhere,
                    (false, false) => Ended::Stopped,
                };
                return Ok(paused.map_or(without_pause, Ended::Paused));
            }
            let most = self.most();
            let wants = claiming.is_none() && !ending && suspects.is_empty() && running.len() < most;
            if wants && Instant::now() >= claim_at {
                let nothing_runs = running.is_empty() && finished.is_empty();
                claiming = Some(self.claim(most - running.len(), nothing_runs).boxed());
                (claim_at, claim_again) = (Instant::now() + BETWEEN_CLAIMS, false);
            }
            let wake = if wants { claim_at.min(renew_at) } else { renew_at };
            tokio::select! {
                claimed = ready(&mut claiming) => {
                    claiming = None;
                    let Claimed { tried_again, elsewhere: held_elsewhere, tasks, asked_at, protections, signers, due_in } = claimed?;
                    let asked_at = asked_at.unwrap_or_else(Instant::now);
                    over |= tried_again;
                    elsewhere |= held_elsewhere;
                    if tasks.is_empty() && !claim_again && !held_elsewhere {
                        match due_in {
                            None if running.is_empty() && finished.is_empty() && lost.is_empty() => return Ok(Ended::Done),
                            None if !lost.is_empty() => {}
                            // What ends before may let others begin.
                            due_in => claim_at += due_in.unwrap_or(self.worker.lease),
                        }
                    }
                    let guard = Guard { identity: self.identity, signers, protections };
                    for task in tasks {
                        let id = task.task.id;
                        let ClaimedTask { task, lease, .. } = task;
                        let held = Arc::new(self.held(lease, asked_at));
                        leases.insert(id, Arc::clone(&held));
                        if task.crashes > 0 {
                            suspects.insert(id);
                        }
                        let sealing = self.sealings.get(&id).cloned();
                        let run = TaskRun::new(self.ground, journal.clone(), task, held, sealing, guard.clone());
                        // In a box: the compiler does not look into it where it lays out what is around it.
                        running.push(async move { (id, Box::pin(run.run()).await) });
                    }
                }
                Some((id, ended)) = next(&mut finished, &mut running), if !(running.is_empty() && finished.is_empty()) => {
                    let held = leases.remove(&id);
                    claim_again = true;
                    claim_at = claim_at.min(Instant::now() + BETWEEN_CLAIMS);
                    suspects.remove(&id);
                    match ended {
                        Ok(Released::Task) => seen(id),
                        Ok(Released::Paused(failure)) => paused = Some(failure),
                        Err(error) if is_lease_lost(&error) => {
                            tracing::warn!(task.id = %id, "the lease of a task was lost; another worker has it");
                            if let Some(held) = held {
                                lost.push(held);
                            }
                        }
                        Err(error) => {
                            // Whoever ends with it gives back what it still has.
                            leases.extend(held.map(|held| (id, held)));
                            return Err(error);
                        }
                    }
                }
                () = tokio::time::sleep_until(wake.into()), if claiming.is_none() => {}
                () = asked_to_stop(&mut stop), if !ending => {}
            }
            // A claim under way may have the only connection that writes, and goes on in the loop only.
            if claiming.is_some() {
                continue;
            }
            for held in std::mem::take(&mut lost) {
                beside(self.withdraw_crash(&held.lease), &mut running, &mut finished).await;
            }
            if Instant::now() >= renew_at {
                // Tasks go on meanwhile: one of them may have the only connection that writes.
                beside(self.renew(leases), &mut running, &mut finished).await;
                renew_at = Instant::now() + self.renewal();
            }
        }
    }

    /// So many tasks are under way at most. With a limit on the rate they are so few that none lies half done for long.
    fn most(&self) -> usize {
        let Reader { pacer, concurrency, .. } = self.ground.reader;
        let most = concurrency.max(&1).saturating_mul(TASKS_PER_CALL);
        pacer.at_once().map_or(most, |at_once| most.min(at_once as usize))
    }

    /// Takes up to so many tasks; if there are none, says when to ask again.
    async fn claim(&self, most: usize, nothing_runs: bool) -> Result<Claimed, StoreError> {
        let Worker { store, clock, name, lease, .. } = self.worker;
        if self.place.lock().await.is_none() {
            // For nothing no place is taken, nor waited for.
            let now = clock.now();
            match store.next_due(None, Some(self.of_try.job)).await? {
                None => return Ok(Claimed::default()),
                Some(due) if due > now => {
                    let due_in = Some(Duration::try_from(due.duration_since(now)).unwrap_or_default());
                    return Ok(Claimed { due_in, ..Claimed::default() });
                }
                Some(_) => {}
            }
        }
        let Some(place) = self.enter().await? else {
            // Whoever is asked to stop has nothing else to do.
            let elsewhere = self.worker.elsewhere == Elsewhere::Leave;
            return Ok(Claimed { elsewhere, due_in: Some(Duration::ZERO), ..Claimed::default() });
        };
        let asked_at = Some(Instant::now());
        let tasks =
            store.claim_tasks_of_try(self.of_try, Some(&place), name, clock.now(), *lease, most).await;
        let tasks = match tasks {
            Err(StoreError::PlaceLost { .. }) => {
                self.leave().await;
                return Ok(Claimed { due_in: Some(Duration::ZERO), ..Claimed::default() });
            }
            tasks => tasks?,
        };
        let Some(tasks) = tasks else { return Ok(Claimed { tried_again: true, ..Claimed::default() }) };
        if tasks.is_empty() && nothing_runs {
            // Until something is due, others may change the account.
            self.leave().await;
        }
        let due = if tasks.is_empty() { store.next_due(None, Some(self.of_try.job)).await? } else { None };
        let due_in = due.map(|due| Duration::try_from(due.duration_since(clock.now())).unwrap_or_default());
        let guarded = async {
            if tasks.is_empty() {
                return Ok((Vec::new(), Vec::new()));
            }
            let protections = store.protections_in_force(&self.ground.system.system_id).await?;
            Ok::<_, StoreError>((protections, store.signers_in(&self.identity.account_id).await?))
        };
        let (protections, signers) = match guarded.await {
            Ok(guarded) => guarded,
            Err(error) => {
                // They are ours already, and nobody else knows of them.
                let held = |one: ClaimedTask| (one.task.id, Arc::new(self.held(one.lease, Instant::now())));
                self.give_back(&tasks.into_iter().map(held).collect()).await;
                return Err(error);
            }
        };
        let (protections, signers) = (Arc::new(protections), Arc::new(signers));
        Ok(Claimed { tried_again: false, elsewhere: false, tasks, asked_at, protections, signers, due_in })
    }

    fn renewal(&self) -> Duration {
        self.worker.lease / 3
    }

    fn held(&self, lease: TaskLease, asked_at: Instant) -> Held {
        let Worker { store, clock, lease: lease_for, .. } = self.worker;
        Held::new(lease, Arc::clone(store), *clock, *lease_for, asked_at)
    }

    /// The place of the AWS account, as soon as it is free; `None` when it is not to be waited for, or no longer.
    async fn enter(&self) -> Result<Option<PlaceLease>, StoreError> {
        let Worker { store, clock, lease, places, elsewhere, .. } = self.worker;
        let mut own = self.place.lock().await;
        let place = self.identity.account_id.as_str();
        let mut stop = self.stop.clone();
        let mut said = false;
        while own.is_none() {
            match places.enter(store, *clock, place, *lease).await? {
                places::Asked::Ours(taken) => *own = Some(taken),
                places::Asked::Elsewhere { .. } if *elsewhere == Elsewhere::Leave => return Ok(None),
                places::Asked::Elsewhere { holder, until } => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!(aws.account = place, %holder, "another process changes the AWS account; it is waited for");
                    }
                    tokio::select! {
                        () = places::wait(*clock, until) => {}
                        () = until_stopped(&mut stop) => return Ok(None),
                    }
                }
            }
        }
        Ok(own.clone())
    }

    async fn leave(&self) {
        let own = self.place.lock().await.take();
        if let Some(own) = own {
            self.worker.places.leave(&self.worker.store, &own).await;
        }
    }

    async fn renew(&self, held: &HashMap<TaskId, Arc<Held>>) {
        let Worker { store, clock, lease, .. } = self.worker;
        let place = self.place.lock().await.clone();
        if let Some(place) = place
            && let Err(error) = store.renew_place(&place, clock.now(), *lease).await
        {
            tracing::warn!(place = %place.place, %error, "the place of an AWS account was not renewed");
        }
        if held.is_empty() {
            return;
        }
        let leases: Vec<TaskLease> = held.values().map(|held| held.lease.clone()).collect();
        let (asked_at, now) = (Instant::now(), clock.now());
        match store.renew_task_leases(&leases, now, *lease).await {
            Ok(kept) => {
                for (task, held) in held {
                    if kept.contains(task) {
                        held.renewed(asked_at, now);
                    } else {
                        // The journal refuses the next attempt of a task whose lease is lost.
                        tracing::warn!(task.id = %task, "the lease of a task was lost; another worker has it");
                    }
                }
            }
            Err(error) => tracing::warn!(tasks = held.len(), %error, "the leases of tasks were not renewed"),
        }
    }

    /// Gives tasks back where they stand: whoever claims them looks what became of the calls under way.
    async fn give_back(&self, held: &HashMap<TaskId, Arc<Held>>) {
        let now = self.worker.clock.now();
        let event = || JournalEvent::Postpone { not_before: now, failure: None };
        let entry = |held: &Arc<Held>| JournalEntry { lease: held.lease.clone(), event: event() };
        let entries: Vec<JournalEntry> = held.values().map(entry).collect();
        for (outcome, held) in self.worker.store.journal(entries, now).await.into_iter().zip(held.values()) {
            match outcome {
                Ok(()) => {}
                Err(error) if is_lease_lost(&error) => self.withdraw_crash(&held.lease).await,
                Err(error) => {
                    let task = held.lease.task;
                    tracing::warn!(task.id = %task, %error, "a task was not given back; its lease runs out");
                }
            }
        }
    }

    /// Another worker took a task over and counted a crash, but this process lives.
    async fn withdraw_crash(&self, lease: &TaskLease) {
        let Worker { store, clock, .. } = self.worker;
        if let Err(error) = store.withdraw_crash(lease, clock.now()).await {
            tracing::warn!(task.id = %lease.task, %error, "a crash that was none stays counted");
        }
    }
}

/// What has ended: first what was seen to end while something else was waited for.
async fn next<F: Future>(
    finished: &mut Vec<F::Output>,
    running: &mut FuturesUnordered<F>,
) -> Option<F::Output> {
    match finished.pop() {
        Some(one) => Some(one),
        None => running.next().await,
    }
}

/// What is being claimed, once it is; never, when nothing is.
async fn ready<T>(claiming: &mut Option<BoxFuture<'_, T>>) -> T {
    match claiming {
        Some(claiming) => claiming.await,
        None => std::future::pending().await,
    }
}

async fn until_stopped(stop: &mut watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        asked_to_stop(stop).await;
    }
}

/// Never, when nobody is left who could ask.
async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.changed().await.is_err() {
        std::future::pending().await
    }
}

fn is_lease_lost(error: &StoreError) -> bool {
    matches!(error, StoreError::TaskLeaseLost { .. })
}
