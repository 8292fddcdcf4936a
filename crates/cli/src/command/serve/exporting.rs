//! Sending the audit log elsewhere while a server runs.

use std::sync::Arc;
use std::time::Duration;

use keyreeve_model::Secret;
use keyreeve_server::audit_export::{AuditSink, Exporter, FileSink, HttpSink, SinkError, SyslogSink};
use keyreeve_store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::DOING;
use super::telling::read_secret;
use crate::command::Context;
use crate::config::{AuditPlace, AuditSinkSettings};
use crate::exit::Refusal;

/// So often it is looked whether there is something to send.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What to do about a file that no rows may be added to.
pub(in crate::command) const FILE_ADVICE: &str =
    "give `path` a file of its own, in a folder that the user that runs keyreeve can write, and nobody else";

/// The audit log on its way to each sink.
pub(super) struct Exporting(Vec<(String, JoinHandle<()>)>);

/// What sends, set up as it is configured.
pub(super) fn exporters(context: &Context, store: &Arc<Store>) -> Result<Vec<Exporter>, Refusal> {
    let sinks = context.config.audit.sinks.iter();
    let all = sinks.map(|sink| {
        Ok(Exporter {
            store: Arc::clone(store),
            clock: context.clock,
            name: sink.name.clone(),
            from: sink.from,
            sink: made(context, sink)?,
            every: LOOK_EVERY,
            lease: context.config.import.lease,
        })
    });
    all.collect()
}

/// Whether each sink may be used as it is configured.
pub(super) fn configured(context: &Context) -> Result<(), Refusal> {
    context.config.audit.sinks.iter().try_for_each(|sink| made(context, sink).map(drop))
}

fn made(context: &Context, sink: &AuditSinkSettings) -> Result<Box<dyn AuditSink>, Refusal> {
    let refuse = |error: SinkError| {
        Refusal::new(DOING, format!("sink {} in [[audit.sinks]]: {error}", sink.name))
            .hint("mend [[audit.sinks]] of keyreeve.toml")
    };
    let called = |forbidden: Option<String>| match forbidden {
        // What is in the address may be a secret of its own.
        Some(why) => {
            Err(Refusal::new(DOING, format!("sink {} in [[audit.sinks]] is not called: {why}", sink.name))
                .hint("name its network in its `networks`, such as `networks = [\"10.1.0.0/16\"]`"))
        }
        None => Ok(()),
    };
    let (networks, authorities) = (sink.networks.clone(), sink.authorities.as_deref());
    Ok(match sink.place()? {
        AuditPlace::File(path) => {
            let made = FileSink::new(path.clone()).map_err(refuse)?;
            context.config.may_take_rows(sink, path).map_err(|why| {
                let why = format!("sink {} in [[audit.sinks]]: {}: {why}", sink.name, path.display());
                Refusal::new(DOING, why).hint(FILE_ADVICE)
            })?;
            Box::new(made)
        }
        AuditPlace::Syslog(place) => {
            let host = whoami::hostname().unwrap_or_default();
            let made = SyslogSink::new(place, &host, networks, authorities).map_err(refuse)?;
            called(made.forbidden())?;
            Box::new(made)
        }
        AuditPlace::Http { url, secret_file, token_file } => {
            let secret = read_secret("secret_file", secret_file)?;
            let token: Option<Secret> = token_file.map(|path| read_secret("token_file", path)).transpose()?;
            let reach = (networks, authorities);
            let made = HttpSink::new(url, &secret, token.as_ref(), reach, context.clock).map_err(refuse)?;
            called(made.forbidden())?;
            Box::new(made)
        }
    })
}

impl Exporting {
    /// Begins to send, each for itself; they end when they are told to.
    pub(super) fn start(exporters: Vec<Exporter>, stop: &watch::Receiver<bool>) -> Self {
        let start = |exporter: Exporter| (exporter.name.clone(), tokio::spawn(exporter.run(stop.clone())));
        Self(exporters.into_iter().map(start).collect())
    }

    /// Waits until all have ended, having been told to.
    pub(super) async fn ended(self) {
        for (name, work) in self.0 {
            if let Err(error) = work.await {
                tracing::error!(%error, sink = name, "the sending of the audit log broke off");
            }
        }
    }
}
