//! `/metrics`: what is measured, as Prometheus reads it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::IntoResponse;
use axum::routing::get;
use jiff::Timestamp;
use keyreeve_engine::clock::Clock;
use keyreeve_engine::rights::Right;
use keyreeve_store::{AuditSinkStanding, Standing, Store};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::auth::Caller;
use crate::parts::Parts;
use crate::problem::Problem;

/// The bounds of what takes seconds to hours, and of what takes milliseconds.
const LONG: [f64; 12] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0];
const SHORT: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0];
const REQUEST_SECONDS: &str = "keyreeve_http_request_seconds";
/// What was measured is put together so often, also if nobody asks for it.
const TIDIED_EVERY: Duration = Duration::from_secs(10);

/// The recorder of this process, and who may read what it has.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    open: bool,
    /// The audit log is sent to these.
    sinks: Arc<[String]>,
}

/// There is a recorder already.
#[derive(Debug, thiserror::Error)]
#[error("this process measures already")]
pub struct MeasuresAlready;

impl Metrics {
    /// Begins to measure, once in a process. With `open` everybody who reaches the server may read it, else tokens for
    /// all systems.
    ///
    /// # Errors
    /// [`MeasuresAlready`].
    pub fn install(open: bool) -> Result<Self, MeasuresAlready> {
        let recorder = recorder().map_err(|_| MeasuresAlready)?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| MeasuresAlready)?;
        Ok(Self { handle, open, sinks: Arc::default() })
    }

    /// Also shows how these sinks of the audit log are doing.
    #[must_use]
    pub fn audit_sinks(mut self, names: Vec<String>) -> Self {
        self.sinks = names.into();
        self
    }

    /// Keeps what was measured from growing without bounds. Never ends.
    pub(crate) async fn tidy(self) {
        loop {
            tokio::time::sleep(TIDIED_EVERY).await;
            self.handle.run_upkeep();
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("open", &self.open).finish_non_exhaustive()
    }
}

fn recorder() -> Result<metrics_exporter_prometheus::PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&LONG)?
        .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.to_owned()), &SHORT)?
        .set_buckets_for_metric(Matcher::Full("keyreeve_pace_wait_seconds".to_owned()), &SHORT)?;
    Ok(builder.build_recorder())
}

/// One request more.
pub(crate) fn answered(method: &Method, route: String, status: u16, took: Duration) {
    // A method is a word of the caller's; of words there are ever more.
    let method = match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    };
    let status = status.to_string();
    counter!("keyreeve_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    histogram!(REQUEST_SECONDS, "method" => method, "route" => route).record(took.as_secs_f64());
}

#[derive(Clone)]
struct Measured {
    parts: Parts,
    metrics: Metrics,
}

impl axum::extract::FromRef<Measured> for Parts {
    fn from_ref(measured: &Measured) -> Self {
        measured.parts.clone()
    }
}

/// The address, of a process that knows nobody who could ask.
pub(crate) fn open_router(store: Arc<Store>, clock: Clock, metrics: Metrics) -> Router {
    let show = async move || shown(&store, clock.now(), &metrics).await;
    Router::new().route("/metrics", get(show))
}

/// The address.
pub(crate) fn router(parts: Parts, metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(show)).with_state(Measured { parts, metrics })
}

async fn show(
    State(Measured { parts, metrics }): State<Measured>,
    caller: Result<Caller, Problem>,
) -> Result<impl IntoResponse, Problem> {
    if !metrics.open {
        caller?.require_everywhere(Right::Read)?;
    }
    shown(&parts.store, parts.clock.now(), &metrics).await
}

/// What is measured, and looked up in the store.
async fn shown(
    store: &Store,
    now: Timestamp,
    metrics: &Metrics,
) -> Result<impl IntoResponse + use<>, Problem> {
    note_standing(&store.standing().await?, now);
    let mut errors = String::new();
    if !metrics.sinks.is_empty() {
        let mut sinks = store.audit_sinks().await?;
        sinks.retain(|sink| metrics.sinks.contains(&sink.name));
        note_sinks(&sinks, now);
        errors = errors_of(&sinks);
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], metrics.handle.render() + &errors))
}

#[expect(clippy::cast_precision_loss, reason = "of nothing here there are 2^52")]
fn note_sinks(sinks: &[AuditSinkStanding], now: Timestamp) {
    for sink in sinks {
        let age = sink.oldest_at.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
        let name = || sink.name.clone();
        gauge!("keyreeve_audit_sink_rows_behind", "sink" => name()).set(sink.rows_behind as f64);
        gauge!("keyreeve_audit_sink_seconds_behind", "sink" => name()).set(age);
        gauge!("keyreeve_audit_sink_failures", "sink" => name()).set(f64::from(sink.failures));
    }
}

/// Why sinks took nothing the last time. What is measured is kept as long as the process lives, and a reason should go
/// when it no longer holds, so this is written anew each time.
fn errors_of(sinks: &[AuditSinkStanding]) -> String {
    let mut text = String::new();
    for sink in sinks {
        let Some(error) = &sink.last_error else { continue };
        if text.is_empty() {
            text.push_str("# TYPE keyreeve_audit_sink_error gauge\n");
        }
        let labels = format!("sink=\"{}\",error=\"{}\"", label(&sink.name), label(error));
        text.push_str(&format!("keyreeve_audit_sink_error{{{labels}}} 1\n"));
    }
    text
}

/// The value of a label, as the form of Prometheus wants it.
fn label(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

/// What is looked up when it is asked for.
#[expect(clippy::cast_precision_loss, reason = "of nothing here there are 2^52")]
fn note_standing(standing: &Standing, now: Timestamp) {
    let waited =
        standing.oldest_queued_at.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
    gauge!("keyreeve_queue_age_seconds").set(waited);
    for (state, count) in [
        ("queued", standing.queued_jobs),
        ("running", standing.running_jobs),
        ("awaiting_approval", standing.awaiting_approval),
    ] {
        gauge!("keyreeve_jobs", "state" => state).set(count as f64);
    }
    gauge!("keyreeve_open_claims").set(standing.open_claims as f64);
    gauge!("keyreeve_drifted_claims").set(standing.contradicted_claims as f64);
    gauge!("keyreeve_suspended_imports").set(standing.suspended_imports as f64);
    gauge!("keyreeve_untold_notifications").set(standing.untold_notifications as f64);
    gauge!("keyreeve_quarantined_systems").set(standing.quarantined_systems as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_labels_that_end_where_they_should() {
        let sink = |name: &str, error: Option<&str>| AuditSinkStanding {
            name: name.to_owned(),
            sent_seq: 0,
            sent_at: None,
            rows_behind: 1,
            oldest_at: None,
            failures: 1,
            last_error: error.map(str::to_owned),
        };
        let text = errors_of(&[sink("a", None), sink("b", Some("x\\ \"} 1\nforged 2"))]);
        let expected = "# TYPE keyreeve_audit_sink_error gauge\n\
                        keyreeve_audit_sink_error{sink=\"b\",error=\"x\\\\ \\\"} 1\\nforged 2\"} 1\n";
        assert_eq!(text, expected);
        assert_eq!(errors_of(&[sink("a", None)]), "");
    }
}
