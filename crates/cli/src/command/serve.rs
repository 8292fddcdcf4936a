//! `keyreeve serve`

mod itself;

use std::sync::Arc;

use anyhow::Context as _;
use keyreeve_server::{Parts, Server};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Context;
use crate::args::RunServer;
use crate::exit::{Ended, Refusal};
use crate::output::{Format, note, write};
use crate::stop::Stop;

const DOING: &str = "starting the server";

/// Where it answers.
#[derive(Debug, Serialize)]
struct Ready {
    url: String,
}

/// Answers, and does what happens by itself, until it is asked to stop.
pub(crate) async fn run(context: &Context, arguments: &RunServer) -> anyhow::Result<Ended> {
    let address = arguments.listen.unwrap_or(context.config.listen);
    if !address.ip().is_loopback() {
        let why =
            format!("{address} can be reached from other machines, and what is sent there is not encrypted");
        return Err(Refusal::new(DOING, why)
            .hint("listen on 127.0.0.1 or [::1], with a reverse proxy that speaks TLS before it")
            .into());
    }
    let mut stop = Stop::listen()?;
    let store = Arc::new(context.store().await?);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Refusal::new(DOING, format!("cannot listen on {address}: {error}"))
            .hint("another program may have that port: give another one with --listen or KEYREEVE_LISTEN")
    })?;
    let ready = Ready { url: format!("http://{}", listener.local_addr().context(DOING)?) };
    match context.output.format() {
        Format::Json => write(&format!("{}\n", serde_json::to_string(&ready).context(DOING)?))?,
        Format::Table | Format::Csv => write(&format!("Answering at {}\n", ready.url))?,
    }
    note("The server runs until Ctrl-C or SIGTERM.");
    let (told, tell) = watch::channel(false);
    let (scheduler, duties) = itself::start(context, &store, &tell);
    let server = Server::new(Parts { store: Arc::clone(&store), clock: context.clock });
    let asked = async move {
        stop.requested().await;
        // What runs by itself ends while the last answers are given.
        let _ = told.send(true);
    };
    server.run(listener, asked).await;
    for (what, work) in [("scheduled imports", scheduler), ("chores", duties)] {
        if let Err(error) = work.await {
            tracing::error!(%error, "the work on {what} broke off");
        }
    }
    store.close().await;
    Ok(Ended::Done)
}
