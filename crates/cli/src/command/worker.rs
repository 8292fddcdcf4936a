//! `keyreeve worker`

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use keyreeve_server::{Metrics, Server};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Context;
use super::serve::itself::{self, Works};
use super::serve::{asked_or_outgrown, ended, in_time, once_told};
use crate::args::RunWorker;
use crate::config::LogFormat;
use crate::exit::{Ended, Refusal};
use crate::output::{Format, note, write};
use crate::stop::Stop;

const DOING: &str = "starting a worker";
const DOING_WORK: &str = "working";

/// What it says once it works.
#[derive(Debug, Serialize)]
struct Ready {
    worker: String,
    /// Where it says how it is doing, if it was asked to.
    #[serde(skip_serializing_if = "Option::is_none")]
    probes: Option<String>,
}

/// Does what happens by itself, and answers nobody but probes, until it is asked to stop.
pub(crate) async fn run(context: &Context, arguments: &RunWorker) -> anyhow::Result<Ended> {
    arguments.probes.map_or(Ok(()), may_answer)?;
    let mut stop = Stop::listen()?;
    let store = Arc::new(context.store().await?);
    let listener = match arguments.probes {
        None => None,
        Some(address) => Some(TcpListener::bind(address).await.map_err(|error| {
            Refusal::new(DOING, format!("cannot listen on {address}: {error}"))
                .hint("another program may have that port: give another one with --probes")
        })?),
    };
    let probes = listener.as_ref().map(|listener| listener.local_addr().map(|at| format!("http://{at}")));
    let probes = probes.transpose().context(DOING)?;
    let (told, tell) = watch::channel(false);
    let server = match listener {
        None => None,
        Some(listener) => {
            let metrics = Metrics::install(true).context(DOING)?;
            Some((Server::of_worker(Arc::clone(&store), context.clock, metrics), listener))
        }
    };
    let itself = itself::start(context, &store, &tell, Works::Here);
    let ready = Ready { worker: itself.name(), probes };
    match context.output.format() {
        Format::Json => write(&format!("{}\n", serde_json::to_string(&ready).context(DOING)?))?,
        Format::Table | Format::Csv => write(&format!("Working as {}\n", ready.worker))?,
    }
    tracing::info!(worker = ready.worker, "working");
    if context.config.logging.format == LogFormat::Text {
        note("The worker runs until Ctrl-C or SIGTERM.");
    }
    let stop_answering = once_told(tell.clone());
    let answering = async move {
        match server {
            Some((server, listener)) => server.run(listener, stop_answering).await,
            None => stop_answering.await,
        }
    };
    let asked = async {
        asked_or_outgrown(&mut stop, &store).await;
        let _ = told.send(true);
    };
    let all = async {
        tokio::join!(answering, asked);
        itself.ended().await;
        store.close().await;
    };
    in_time(all, tell).await;
    ended(DOING_WORK, &store)
}

/// What it says of itself is for this machine: nobody is asked who they are.
fn may_answer(address: SocketAddr) -> Result<(), Refusal> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let why = format!("{address} can be reached from other machines, and probes ask nobody who they are");
    Err(Refusal::new(DOING, why).hint("give --probes an address of this machine, such as 127.0.0.1:8421"))
}
