//! What happens by itself while a server runs: scheduled imports, queued jobs, and chores.

use std::sync::Arc;
use std::time::Duration;

use keyreeve_engine::connections::Connections;
use keyreeve_engine::desk::{Bell, Desk};
use keyreeve_engine::import::{Importer, Patience, UnderWay};
use keyreeve_engine::pace::Pacers;
use keyreeve_engine::places::Places;
use keyreeve_engine::provisioning::{Elsewhere, Rules, Worker};
use keyreeve_engine::schedule::{Chore, Duties, Happened, Scheduler, pass_on};
use keyreeve_engine::threads::Threads;
use keyreeve_server::{Discoveries, Door, Parts};
use keyreeve_store::{GivenUp, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::command::Context;
use crate::command::connection::Systems;

/// So often schedules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// So long a job is left to the command that asked for it: it works on it itself unless it was told not to wait.
const LEAVE: Duration = Duration::from_secs(10);
/// So many plans are made at once for who asks over HTTP.
const PLANS_AT_ONCE: usize = 8;
/// So many leases nobody must have touched a job or an import before it counts as left behind.
const QUIET_LEASES: u32 = 4;

/// Where work is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::command) enum Works {
    /// In this process.
    Here,
    /// By workers; this process tells them.
    Elsewhere,
}

/// What works by itself, and the desk whose bell it hears.
pub(in crate::command) struct Itself {
    desk: Desk,
    importer: Importer,
    at_once: usize,
    name: String,
    works: Vec<(&'static str, JoinHandle<()>)>,
}

impl Itself {
    /// What a server is made of that hands its work to this.
    pub(in crate::command) fn parts(
        &self,
        store: &Arc<Store>,
        door: Door,
        stop: &watch::Receiver<bool>,
    ) -> Parts {
        Parts {
            store: Arc::clone(store),
            clock: self.desk.clock,
            desk: self.desk.clone(),
            importer: self.importer.clone(),
            planning: Threads::new(PLANS_AT_ONCE),
            importing: Threads::below_others(self.at_once),
            discoveries: Discoveries::default(),
            door,
            stop: stop.clone(),
        }
    }

    /// What this process is called where it takes work.
    pub(in crate::command) fn name(&self) -> String {
        self.name.clone()
    }

    /// Waits until all has ended, having been told to.
    pub(in crate::command) async fn ended(self) {
        for (what, work) in self.works {
            if let Err(error) = work.await {
                tracing::error!(%error, "the work on {what} broke off");
            }
        }
    }
}

/// Starts what works beside everything else; it ends when it is told to.
pub(in crate::command) fn start(
    context: &Context,
    store: &Arc<Store>,
    stop: &watch::Receiver<bool>,
    works: Works,
) -> Itself {
    let (clock, lease) = (context.clock, context.config.import.lease);
    let pacers = Arc::new(Pacers::sharing(Arc::clone(store)));
    let at_once = usize::try_from(context.config.import.jobs).unwrap_or(1);
    let connections: Arc<dyn Connections> = Arc::new(Systems::of(context, store));
    let importer = Importer {
        store: Arc::clone(store),
        clock,
        patience: Patience::default(),
        pacers: Arc::clone(&pacers),
        lease,
        under_way: UnderWay::default(),
    };
    let bell = Bell::default();
    let desk = Desk {
        store: Arc::clone(store),
        clock,
        pacers: Arc::clone(&pacers),
        connections: Arc::clone(&connections),
        bell: bell.clone(),
    };
    let name = format!("{}:{}", context.actor.name(), std::process::id());
    let places = Arc::new(Places::of(&name));
    let itself = |works| Itself {
        desk: desk.clone(),
        importer: importer.clone(),
        at_once,
        name: places.name.clone(),
        works,
    };
    if works == Works::Elsewhere {
        let passing = tokio::spawn(pass_on(Arc::clone(store), clock, bell, stop.clone()));
        return itself(vec![("what was asked for", passing)]);
    }
    let scheduler = Scheduler {
        importer: importer.clone(),
        connections: Arc::clone(&connections),
        at_once,
        look_every: LOOK_EVERY,
    };
    let worker = Worker {
        store: Arc::clone(store),
        clock,
        patience: Patience::default(),
        rules: Rules::default(),
        pacers,
        places: Arc::clone(&places),
        elsewhere: Elsewhere::Leave,
        lease: context.config.job_lease,
        name,
    };
    let duties = Duties {
        worker,
        connections,
        bell,
        leave: lease.min(LEAVE),
        every: lease.min(LOOK_EVERY),
        quiet: lease * QUIET_LEASES,
        at_once,
        history_days: context.config.history_days,
    };
    itself(vec![
        ("scheduled imports", scheduler.start(stop.clone(), say_of_imports)),
        ("jobs and chores", duties.start(stop.clone(), say_of_chores)),
    ])
}

fn say_of_imports(happened: Happened) {
    match happened {
        Happened::Began { system_id, profile, .. } => {
            tracing::debug!(system.id = %system_id, %profile, "the time of a scheduled import has come");
        }
        Happened::Ended(run) => {
            tracing::info!(system.id = %run.system_id, run = %run.id, state = run.state.as_str(), "it has ended");
        }
        Happened::PassedOver { system_id, profile, reason, .. } => {
            tracing::warn!(system.id = %system_id, %profile, reason, "a scheduled import was passed over");
        }
        Happened::Left { .. } => {}
    }
}

fn say_of_chores(chore: Chore) {
    match chore {
        Chore::PasswordsWiped(count) => tracing::info!(count, "passwords that nobody opened were wiped"),
        Chore::ImportClosed(system_id, run) => {
            tracing::warn!(system.id = %system_id, %run, "an import that was left behind was closed");
        }
        Chore::JobTakenUp(job) => tracing::info!(%job, "a job is worked on"),
        Chore::JobEnded(job, ended) => tracing::info!(%job, ?ended, "the work on a job has ended"),
        Chore::JobLeft(job, reason) => tracing::warn!(%job, reason, "a job could not be worked on"),
        Chore::HistoryGivenUp(GivenUp { up_to, accounts, resources, assignments, .. }) => {
            tracing::info!(%up_to, accounts, resources, assignments, "old history was given up");
        }
        Chore::JobHeld(job, reason) => tracing::warn!(%job, reason, "a job is left to a person"),
    }
}
