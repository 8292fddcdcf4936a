//! The runner of scheduled imports.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use keyreeve_model::{ImportRun, ProfileName, SystemId, SystemState};
use keyreeve_store::{Errand, ErrandKind, ImportSchedule, NewErrand, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Due, Last, beside, due};
use crate::connections::Connections;
use crate::import::{ImportError, ImportRequest, Importer, Progress};
use crate::threads::on_a_thread_below;

/// Runs imports by the schedules of their profiles.
///
/// - A time that was missed is made up for once, however many were.
/// - A system is imported once at a time: while it is, what else is due for it waits, and begins when it has ended.
/// - What fails is tried again with growing patience, and is in the way of no other system.
/// - A system that is quarantined or suspended is passed over until its next time, and that is written down.
pub struct Scheduler {
    /// Runs them; its pacers are those of all that this process does.
    pub importer: Importer,
    /// From a system to a connection with it.
    pub connections: Arc<dyn Connections>,
    /// So many systems are imported at once.
    pub at_once: usize,
    /// So often schedules are looked at: what other processes change is seen after this long.
    pub look_every: Duration,
}

/// What came of a time of a schedule.
#[derive(Debug)]
pub enum Happened {
    /// An import begins.
    Began {
        /// Of this system.
        system_id: SystemId,
        /// Through this profile.
        profile: ProfileName,
        /// For this time.
        at: Timestamp,
        /// How far it is.
        progress: Arc<Progress>,
    },
    /// An import has ended: published, suspended or failed.
    Ended(Box<ImportRun>),
    /// There was no import, and why.
    PassedOver {
        /// Of this system.
        system_id: SystemId,
        /// Through this profile.
        profile: ProfileName,
        /// For this time.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Somebody else saw to it, or the system is being imported: it is looked at again.
    Left {
        /// Which system.
        system_id: SystemId,
    },
}

/// What one look at all schedules gave.
struct Looked {
    /// The schedules whose turn has come and that nobody else takes, the oldest time first, one for each system.
    due: Vec<(ImportSchedule, Timestamp)>,
    /// When the next one comes.
    next: Option<Timestamp>,
}

impl Scheduler {
    /// Runs as [`Scheduler::run`] does, beside everything else. To be called within a runtime.
    pub fn start(
        self,
        stop: watch::Receiver<bool>,
        seen: impl FnMut(Happened) + Send + 'static,
    ) -> JoinHandle<()> {
        on_a_thread_below(move || async move { self.run(stop, seen).await })
    }

    /// Runs until `stop` becomes true: imports under way are then stopped as by a person, and nothing of them is
    /// published. `seen` is told what happens.
    pub async fn run(&self, mut stop: watch::Receiver<bool>, mut seen: impl FnMut(Happened)) {
        let clock = self.importer.clock;
        let mut under_way = HashSet::new();
        let mut running = FuturesUnordered::new();
        while !*stop.borrow() {
            let free = self.at_once.max(1).saturating_sub(running.len());
            let mut ended = Vec::new();
            let looked = if free > 0 {
                beside(self.look(&under_way, free, &mut seen), &mut running, &mut ended).await
            } else {
                None
            };
            let next = looked.as_ref().and_then(|looked| looked.next);
            for (schedule, at) in looked.into_iter().flat_map(|looked| looked.due) {
                let progress = Arc::new(Progress::default());
                let (system_id, profile) = (schedule.system_id.clone(), schedule.profile.name.clone());
                under_way.insert(system_id.clone());
                let began = Happened::Began {
                    system_id: system_id.clone(),
                    profile,
                    at,
                    progress: Arc::clone(&progress),
                };
                seen(began);
                let import = Box::pin(self.see_to(schedule, at, progress, stop.clone()));
                running.push(async move { (system_id, import.await) });
            }
            let looks_again = !ended.is_empty();
            for (system_id, happened) in ended {
                under_way.remove(&system_id);
                seen(happened);
            }
            if looks_again {
                continue;
            }
            tokio::select! {
                Some((system_id, happened)) = running.next(), if !running.is_empty() => {
                    under_way.remove(&system_id);
                    seen(happened);
                }
                () = clock.wait(self.until(next)) => {}
                () = asked(&mut stop) => {}
            }
        }
        while let Some((_, happened)) = running.next().await {
            seen(happened);
        }
    }

    /// How long until it is worth looking again.
    fn until(&self, next: Option<Timestamp>) -> Duration {
        let until = next.map(|next| next.duration_since(self.importer.clock.now()));
        let until = until.map(|until| Duration::try_from(until).unwrap_or_default());
        // A time that has just come must not be looked at in a circle.
        until.unwrap_or(self.look_every).clamp(Duration::from_millis(10), self.look_every)
    }

    /// Looks at all schedules. Those of systems that are out of use are passed over here. `None` when the store cannot
    /// be read.
    async fn look(
        &self,
        under_way: &HashSet<SystemId>,
        free: usize,
        seen: &mut impl FnMut(Happened),
    ) -> Option<Looked> {
        let Importer { store, clock, .. } = &self.importer;
        let now = clock.now();
        let schedules = match store.import_schedules(now).await {
            Ok(schedules) => schedules,
            Err(error) => {
                tracing::warn!(%error, "the schedules of imports could not be read; they are looked at again");
                return None;
            }
        };
        let (mut found, mut next) = (Vec::new(), None::<Timestamp>);
        for schedule in schedules {
            let times = match schedule.profile.times() {
                Ok(Some(times)) => times,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(system.id = %schedule.system_id, profile = %schedule.profile.name, %error,
                        "a schedule cannot be followed");
                    continue;
                }
            };
            match due(&times, Last::of(&schedule, now), now) {
                Due::Now(at) if schedule.system_state != SystemState::Active => {
                    let reason = out_of_use(&schedule);
                    if let Some(happened) = self.pass_over(&schedule, at, reason, false).await {
                        seen(happened);
                    }
                }
                Due::Now(at) => {
                    let busy = under_way.contains(&schedule.system_id) || schedule.busy_until.is_some();
                    if !busy {
                        found.push((schedule, at));
                    }
                }
                Due::At(at) => next = Some(next.map_or(at, |next| next.min(at))),
                Due::ClockWentBack => self.begin_anew(&schedule, now).await,
                Due::UnderWay | Due::Never => {}
            }
        }
        found.sort_by_key(|(_, at)| *at);
        let mut systems = HashSet::new();
        found.retain(|(schedule, _)| systems.insert(schedule.system_id.clone()));
        match self.taken(found, free).await {
            Ok(due) => Some(Looked { due, next }),
            Err(error) => {
                tracing::warn!(%error, "scheduled imports could not be taken; they are looked at again");
                None
            }
        }
    }

    /// Of what is due, up to so many that no other process takes.
    async fn taken(
        &self,
        mut found: Vec<(ImportSchedule, Timestamp)>,
        free: usize,
    ) -> Result<Vec<(ImportSchedule, Timestamp)>, StoreError> {
        let Importer { store, clock, .. } = &self.importer;
        let errand = |(schedule, at): &(ImportSchedule, Timestamp)| NewErrand {
            kind: ErrandKind::Import,
            system_id: schedule.system_id.clone(),
            subject: schedule.profile.name.to_string(),
            due_at: *at,
            failures: 0,
        };
        store.offer_errands(&found.iter().map(errand).collect::<Vec<_>>()).await?;
        let mut due = Vec::new();
        while due.len() < free {
            let errands = store.claim_errands(ErrandKind::Import, "", clock.now(), free - due.len()).await?;
            if errands.is_empty() {
                break;
            }
            for Errand { system_id, subject, .. } in errands {
                // What is due no more, somebody has seen to.
                let is_it = |(schedule, _): &(ImportSchedule, Timestamp)| {
                    schedule.system_id == system_id && schedule.profile.name.as_str() == subject
                };
                if let Some(place) = found.iter().position(is_it) {
                    due.push(found.swap_remove(place));
                }
            }
        }
        due.sort_by_key(|(_, at)| *at);
        Ok(due)
    }

    /// Imports, whatever happens there: even what it should never do concerns no other system.
    async fn see_to(
        &self,
        schedule: ImportSchedule,
        at: Timestamp,
        progress: Arc<Progress>,
        stop: watch::Receiver<bool>,
    ) -> Happened {
        let import = self.import(&schedule, at, &progress, stop.clone());
        let refused = match AssertUnwindSafe(import).catch_unwind().await {
            Ok(Ok(run)) => return Happened::Ended(Box::new(run)),
            Ok(Err(refused)) => refused,
            Err(_) => Refused::Failed("the import came to an end that it should never come to".to_owned()),
        };
        let happened = match refused {
            Refused::Left => None,
            Refused::OutOfUse(reason) => self.pass_over(&schedule, at, reason, false).await,
            Refused::Failed(reason) => self.pass_over(&schedule, at, reason, true).await,
        };
        if let Some(happened) = happened {
            return happened;
        }
        // It is still due as far as can be seen here, and is not to be tried in a circle.
        tokio::select! {
            () = self.importer.clock.wait(self.look_every) => {}
            () = until_asked(stop) => {}
        }
        Happened::Left { system_id: schedule.system_id }
    }

    async fn import(
        &self,
        schedule: &ImportSchedule,
        at: Timestamp,
        progress: &Progress,
        stop: watch::Receiver<bool>,
    ) -> Result<ImportRun, Refused> {
        let failed = |error: &(dyn std::error::Error + 'static)| Refused::Failed(in_full(error));
        let system =
            self.importer.store.get_system(&schedule.system_id).await.map_err(|error| failed(&error))?;
        let connector = self.connections.connect(&system).await.map_err(|error| failed(&*error))?;
        let actor = format!("schedule:{}", schedule.profile.name);
        let request =
            ImportRequest { system: &system, profile: &schedule.profile, actor: &actor, preview: false };
        let turn = schedule.turn(at);
        let ended = self.importer.run_turn(&*connector, request, &turn, progress, until_asked(stop)).await;
        ended.map_err(|error| match error {
            ImportError::Store(
                StoreError::TurnTaken { .. }
                | StoreError::ImportRunning { .. }
                | StoreError::SystemBusy { .. }
                | StoreError::CredentialsReplaced { .. },
            ) => Refused::Left,
            ImportError::Quarantined { .. }
            | ImportError::Suspended { .. }
            | ImportError::Removed(_)
            | ImportError::Store(
                StoreError::SystemQuarantined { .. }
                | StoreError::SystemSuspended { .. }
                | StoreError::SystemRemoved { .. },
            ) => Refused::OutOfUse(in_full(&error)),
            error => failed(&error),
        })
    }

    /// Writes down that there is no import for a time. `None` when somebody else saw to it, or it could not be written:
    /// then it is looked at again.
    async fn pass_over(
        &self,
        schedule: &ImportSchedule,
        at: Timestamp,
        reason: String,
        failed: bool,
    ) -> Option<Happened> {
        let Importer { store, clock, .. } = &self.importer;
        let (system_id, profile) = (schedule.system_id.clone(), schedule.profile.name.clone());
        match store.refuse_turn(&schedule.turn(at), &reason, failed, clock.now()).await {
            Ok(()) => {
                tracing::warn!(system.id = %system_id, %profile, %at, %reason, "a scheduled import is passed over");
                Some(Happened::PassedOver { system_id, profile, at, reason })
            }
            Err(StoreError::TurnTaken { .. } | StoreError::SystemRemoved { .. }) => None,
            Err(error) => {
                tracing::warn!(system.id = %system_id, %profile, %error, "a scheduled import could not be passed over");
                None
            }
        }
    }

    async fn begin_anew(&self, schedule: &ImportSchedule, now: Timestamp) {
        let (system_id, profile, ahead) = (&schedule.system_id, &schedule.profile.name, schedule.taken_for);
        tracing::warn!(system.id = %system_id, %profile, %ahead,
            "the clock was put back by more than an hour: a schedule begins anew");
        if let Err(error) = self.importer.store.begin_schedule_anew(&schedule.turn(now)).await {
            tracing::debug!(system.id = %system_id, %profile, %error, "the schedule was not begun anew");
        }
    }
}

/// Why there is no run.
enum Refused {
    /// It is seen to elsewhere, or will be.
    Left,
    /// The system is not to be imported.
    OutOfUse(String),
    /// Something went wrong before a run could begin, or the run lost its store.
    Failed(String),
}

fn out_of_use(schedule: &ImportSchedule) -> String {
    let state = match schedule.system_state {
        SystemState::Suspended => "suspended",
        _ => "quarantined",
    };
    let why = schedule.state_reason.as_ref().map_or("no reason is known", |failure| &failure.message);
    format!("the system is {state}: {why}")
}

/// An error with its causes.
pub(super) fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        // Some repeat what they are caused by.
        if said.contains(&cause) { said } else { format!("{said}: {cause}") }
    })
}

/// Once somebody asks to stop; never, when nobody is left who could.
pub(super) async fn asked(stop: &mut watch::Receiver<bool>) {
    if stop.changed().await.is_err() {
        std::future::pending().await
    }
}

async fn until_asked(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|asked| *asked).await.is_err() {
        std::future::pending().await
    }
}
