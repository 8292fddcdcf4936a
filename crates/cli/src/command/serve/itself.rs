//! What happens by itself while a server runs: scheduled imports, and chores.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyreeve_connector::Connector;
use keyreeve_engine::clock::Clock;
use keyreeve_engine::import::{Importer, Patience};
use keyreeve_engine::pace::Pacers;
use keyreeve_engine::provisioning::{Rules, Worker};
use keyreeve_engine::schedule::{Chore, Connections, Duties, Happened, Scheduler};
use keyreeve_model::System;
use keyreeve_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::command::Context;
use crate::command::connection::Reach;

/// So often schedules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// So many leases nobody must have touched a job or an import before it counts as left behind.
const QUIET_LEASES: u32 = 4;

struct Systems {
    store: Arc<Store>,
    clock: Clock,
    reach: Reach,
}

#[async_trait]
impl Connections for Systems {
    async fn connect(
        &self,
        system: &System,
    ) -> Result<Box<dyn Connector>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Box::new(self.reach.to_system(&self.store, self.clock, system).await?))
    }
}

/// Starts both beside everything else; they end when they are told to.
pub(super) fn start(
    context: &Context,
    store: &Arc<Store>,
    stop: &watch::Receiver<bool>,
) -> (JoinHandle<()>, JoinHandle<()>) {
    let (clock, lease) = (context.clock, context.config.import.lease);
    let pacers = Arc::new(Pacers::default());
    let at_once = usize::try_from(context.config.import.jobs).unwrap_or(1);
    let connections: Arc<dyn Connections> =
        Arc::new(Systems { store: Arc::clone(store), clock, reach: Reach::of(context) });
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
