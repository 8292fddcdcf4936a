//! `keyreeve serve`

mod certificate;
mod exporting;
pub(super) mod itself;
mod provider;
mod telling;

pub(super) use exporting::FILE_ADVICE;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use keyreeve_engine::people::SignIn;
use keyreeve_server::{Door, Metrics, Server, Site, Tls};
use keyreeve_store::{AdminsLeft, Store};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::itself::Works;
use super::Context;
use super::init::exposed_mode;
use crate::args::RunServer;
use crate::config::{Config, LogFormat, TlsFiles};
use crate::exit::{Ended, Refusal};
use crate::output::{Format, note, write};
use crate::stop::Stop;

const DOING: &str = "starting the server";
/// All that is under way when a stop is asked for has so long to end. What has not then is written down as attempted.
const STOPS_WITHIN: Duration = Duration::from_secs(8);

/// Where it answers.
#[derive(Debug, Serialize)]
struct Ready {
    url: String,
}

/// Answers, and does what happens by itself, until it is asked to stop.
pub(crate) async fn run(context: &Context, arguments: &RunServer) -> anyhow::Result<Ended> {
    let http = &context.config.http;
    let address = arguments.listen.unwrap_or(http.listen);
    let plain_allowed = arguments.allow_plain_http || http.allow_plain_http;
    for (_, looked_at) in looked_at(context, address, plain_allowed) {
        looked_at?;
    }
    let tls = http.tls.as_ref().map(read_tls).transpose()?;
    let asked_anew = tls.as_ref().map(|_| certificate::Asked::listen()).transpose().context(DOING)?;
    let mut stop = Stop::listen()?;
    let store = Arc::new(context.store().await?);
    let exporters = exporting::exporters(context, &store)?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Refusal::new(DOING, format!("cannot listen on {address}: {error}"))
            .hint("another program may have that port: give another one with --listen or KEYREEVE_LISTEN")
    })?;
    let door = door(context, &store, (address, tls.is_some())).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let ready = Ready { url: format!("{scheme}://{}", listener.local_addr().context(DOING)?) };
    match context.output.format() {
        Format::Json => write(&format!("{}\n", serde_json::to_string(&ready).context(DOING)?))?,
        Format::Table | Format::Csv => write(&format!("Answering at {}\n", ready.url))?,
    }
    tracing::info!(url = ready.url, "answering");
    // A log in JSON has lines of JSON and no others.
    if context.config.logging.format == LogFormat::Text {
        note("The server runs until Ctrl-C or SIGTERM.");
        if arguments.no_work {
            note("It only answers: `keyreeve worker` does what is to be done.");
        }
    }
    // Before anything happens that is measured.
    let metrics = Metrics::install(http.metrics_without_token).context(DOING)?;
    let metrics = metrics.audit_sinks(exporters.iter().map(|one| one.name.clone()).collect());
    let (told, tell) = watch::channel(false);
    let telling = tokio::spawn(telling::notifier(context, &store)?.run(tell.clone()));
    let exporting = exporting::Exporting::start(exporters, &tell);
    let works = if arguments.no_work { Works::Elsewhere } else { Works::Here };
    let itself = itself::start(context, &store, &tell, works);
    let parts = itself.parts(&store, door, &tell);
    let mut server =
        Server::new(parts.clone()).destinations(telling::destinations(context)).metrics(parts, metrics);
    if let Some((tls, asked)) = tls.zip(asked_anew) {
        tokio::spawn(certificate::renewed(tls.clone(), asked, tell.clone()));
        server = server.tls(tls);
    }
    if let Some(url) = context.public_url() {
        server = server.public_url(url);
    }
    let open = Arc::clone(&store);
    let asked = async move {
        asked_or_outgrown(&mut stop, &open).await;
        // What runs by itself ends while the last answers are given.
        let _ = told.send(true);
    };
    let all = async {
        server.run(listener, asked).await;
        itself.ended().await;
        if let Err(error) = telling.await {
            tracing::error!(%error, "the work on notifications broke off");
        }
        exporting.ended().await;
        store.close().await;
    };
    in_time(all, tell).await;
    ended("serving", &store)
}

/// Once the process is asked to stop, or a newer Keyreeve has the store.
pub(super) async fn asked_or_outgrown(stop: &mut Stop, store: &Store) {
    tokio::select! {
        () = stop.requested() => {}
        error = store.outgrown() => tracing::error!(%error, "a newer Keyreeve has the store: this process ends"),
    }
}

/// How a process ends that ran until it was told to stop.
pub(super) fn ended(doing: &'static str, store: &Store) -> anyhow::Result<Ended> {
    store.has_outgrown().map_or(Ok(Ended::Done), |error| Err(error).context(doing))
}

/// Until everything has ended, or what was told to stop has had its time.
pub(super) async fn in_time(all: impl Future<Output = ()>, tell: watch::Receiver<bool>) {
    tokio::select! {
        () = all => {}
        () = late(tell, STOPS_WITHIN) => {
            tracing::warn!("some calls were not answered in time: what became of them is looked up by who goes on");
        }
    }
}

/// Once what was told to stop has had its time.
async fn late(told: watch::Receiver<bool>, within: Duration) {
    once_told(told).await;
    tokio::time::sleep(within).await;
}

/// Once it is told to stop; never, when nobody is left who could say so.
pub(super) async fn once_told(mut told: watch::Receiver<bool>) {
    if told.wait_for(|told| *told).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Whether the settings of the server are such that it starts, one theme after the other; `doctor` asks the same.
pub(super) fn looked_at(
    context: &Context,
    address: SocketAddr,
    plain_allowed: bool,
) -> [(&'static str, Result<(), Refusal>); 7] {
    let http = &context.config.http;
    [
        ("listen", may_listen(address, http.tls.is_some(), plain_allowed)),
        ("metrics", may_show_metrics(address, http.metrics_without_token)),
        ("tls", http.tls.as_ref().map_or(Ok(()), |files| read_tls(files).map(drop))),
        ("sign_in", provider::configured(context).map(drop)),
        ("webhook", telling::webhook(context).map(drop)),
        ("mail", telling::mail(context).map(drop)),
        ("audit_sinks", exporting::configured(context)),
    ]
}

/// Whoever cannot reach the provider must not be locked out.
pub(super) fn not_the_only_way_in(context: &Context, left: AdminsLeft) -> Result<(), Refusal> {
    if left != AdminsLeft::None || context.config.sign_in.oidc_issuer.is_none() {
        return Ok(());
    }
    let why = "the identity provider would be the only way in: nobody here can administer everything";
    Err(Refusal::new(DOING, why).hint(
        "add somebody who can sign in when it does not answer: `keyreeve person add NAME --role admin`",
    ))
}

/// Where people sign in.
async fn door(
    context: &Context,
    store: &Arc<Store>,
    (address, tls): (SocketAddr, bool),
) -> anyhow::Result<Door> {
    let Config { http, sign_in, .. } = &context.config;
    let left = store.admins_left(context.clock.now()).await.context(DOING)?;
    not_the_only_way_in(context, left)?;
    if left != AdminsLeft::Lasting {
        note(
            "warning: nobody can administer everything for good, neither a person nor a token; add somebody: \
             `keyreeve person add NAME --role admin`",
        );
    }
    let site = Site::new(http.public_url.as_ref(), tls, address.ip().is_loopback());
    let provider = provider::configured(context)?;
    Ok(Door { sign_in: SignIn::new(Arc::clone(store), sign_in.life()).context(DOING)?, site, provider })
}

fn may_show_metrics(address: SocketAddr, without_token: bool) -> Result<(), Refusal> {
    if !without_token || address.ip().is_loopback() {
        return Ok(());
    }
    let why = format!("metrics_without_token is set, and {address} can be reached from other machines");
    Err(Refusal::new(DOING, why)
        .hint("unset it, and give Prometheus a token: `keyreeve token create --role viewer`"))
}

/// Tokens and passwords are sent there.
fn may_listen(address: SocketAddr, tls: bool, plain_allowed: bool) -> Result<(), Refusal> {
    if address.ip().is_loopback() || tls || plain_allowed {
        return Ok(());
    }
    let why =
        format!("{address} can be reached from other machines, and what is sent there is not encrypted");
    Err(Refusal::new(DOING, why).hint(
        "set tls_certificate and tls_key, or listen on 127.0.0.1 or [::1] with a reverse proxy that speaks TLS before it; \
         --allow-plain-http is for closed networks",
    ))
}

fn read_tls(files: &TlsFiles) -> Result<Tls, Refusal> {
    let mode = std::fs::metadata(&files.key).ok().as_ref().and_then(exposed_mode);
    // That the group of those who may use certificates reads it is usual.
    if let Some(mode) = mode.filter(|mode| mode & 0o037 != 0) {
        let key = files.key.display();
        let why = format!("others than its owner can use the private key in {key} (mode {mode:04o})");
        return Err(Refusal::new(DOING, why).hint(format!(
            "run `chmod 600 {key}`, and have a new certificate made if others used this machine"
        )));
    }
    Tls::read(&files.certificate, &files.key)
        .map_err(|error| Refusal::new(DOING, error.to_string()).hint(error.advice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_this_machine_it_listens_with_tls_or_by_an_explicit_wish() {
        let listens = |address: &str, tls, plain| may_listen(address.parse().unwrap(), tls, plain).is_ok();
        for local in ["127.0.0.1:1", "127.8.9.1:1", "[::1]:1"] {
            assert!(listens(local, false, false), "{local}");
        }
        for wide in
            ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "10.0.0.1:1", "[::ffff:127.0.0.1]:1", "[fe80::1]:1"]
        {
            assert!(!listens(wide, false, false), "{wide}");
            assert!(listens(wide, true, false) && listens(wide, false, true), "{wide}");
        }
    }
}
