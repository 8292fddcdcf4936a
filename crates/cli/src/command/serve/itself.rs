//! What happens by itself while a server runs: scheduled imports, and chores.

use std::sync::Arc;
use std::time::Duration;

use keyreeve_engine::import::{Importer, Patience};
use keyreeve_engine::pace::Pacers;
use keyreeve_engine::provisioning::{Rules, Worker};
use keyreeve_engine::schedule::{Chore, Duties, Happened, Scheduler};
use keyreeve_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::command::Context;
use crate::command::connection::Systems;

/// So often schedules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// So many leases nobody must have touched a job or an import before it counts as left behind.
const QUIET_LEASES: u32 = 4;

/// Starts both beside everything else; they end when they are told to.
pub(super) fn start(
    context: &Context,
    store: &Arc<Store>,
    stop: &watch::Receiver<bool>,
) -> (JoinHandle<()>, JoinHandle<()>) {
    let (clock, lease) = (context.clock, context.config.import.lease);
    let pacers = Arc::new(Pacers::default());
    let at_once = usize::try_from(context.config.import.jobs).unwrap_or(1);
    let connections = Systems::of(context, store);
    let scheduler = Scheduler {
        importer: Importer {
            store: Arc::clone(store),
            clock,
            patience: Patience::default(),
            pacers: Arc::clone(&pacers),
            lease,
        },
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
        lease,
        name: format!("{}:{}", context.actor.name(), std::process::id()),
    };
    let duties = Duties { worker, connections, every: lease, quiet: lease * QUIET_LEASES, at_once };
    (scheduler.start(stop.clone(), say_of_imports), duties.start(stop.clone(), say_of_chores))
}

fn say_of_imports(happened: Happened) {
    match happened {
        Happened::Began { system_id, profile, .. } => {
            tracing::info!(system.id = %system_id, %profile, "a scheduled import begins");
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
        Chore::JobTakenUp(job) => tracing::info!(%job, "a job that was left behind is gone on with"),
        Chore::JobEnded(job, ended) => tracing::info!(%job, ?ended, "the work on a job has ended"),
        Chore::JobLeft(job, reason) => tracing::warn!(%job, reason, "a job could not be gone on with"),
    }
}
