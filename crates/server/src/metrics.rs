//! `/metrics`: what is measured, as Prometheus reads it.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::IntoResponse;
use axum::routing::get;
use keyreeve_engine::rights::Right;
use keyreeve_store::Standing;
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
        Ok(Self { handle, open })
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
        .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.to_owned()), &SHORT)?;
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
    note_standing(&parts.store.standing().await?, parts.clock.now());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], metrics.handle.render()))
}

/// What is looked up when it is asked for.
#[expect(clippy::cast_precision_loss, reason = "of nothing here there are 2^52")]
fn note_standing(standing: &Standing, now: jiff::Timestamp) {
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
