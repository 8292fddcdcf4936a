//! `/jobs/{job}/events` and `/import-runs/{run}/events`: what becomes of them, as it happens, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ImportRunId, JobId, JobState};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// So often it is looked whether something has changed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A connection on which nothing happens is kept alive by a comment that often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// One event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only for the description")]
struct Told {
    /// `job` or `import_run`.
    event: String,
    /// The job, or the run, as JSON.
    data: String,
}

/// Tells what becomes of a job: `job` with the whole job whenever it or a task of it has changed, until it has ended.
#[utoipa::path(
    get, path = "/jobs/{job}/events", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    responses((status = 200, description = "Events.", body = Told, content_type = "text/event-stream"), Refused)
)]
pub(crate) async fn of_job(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let id = parts.desk.job(&caller.0, Right::Read, JobId(job)).await?.id;
    let stop = parts.stop.clone();
    let look = move || {
        let parts = parts.clone();
        async move {
            let job = parts.store.job(id).await?;
            let over =
                !matches!(job.state, JobState::AwaitingApproval | JobState::Queued | JobState::Running);
            Ok::<_, keyreeve_store::StoreError>((job, over))
        }
    };
    Ok(told("job", look, stop))
}

/// Tells what becomes of an import run: `import_run` with the run whenever it has changed, until it has ended.
#[utoipa::path(
    get, path = "/import-runs/{run}/events", tag = "imports", params(("run" = i64, Path, minimum = 1)),
    responses((status = 200, description = "Events.", body = Told, content_type = "text/event-stream"), Refused)
)]
pub(crate) async fn of_run(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(run): InPath<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let id = parts.desk.import_run(&caller.0, Right::Read, ImportRunId(run)).await?.id;
    let stop = parts.stop.clone();
    let look = move || {
        let parts = parts.clone();
        async move {
            let run = parts.store.get_import_run(id).await?;
            let over = run.finished_at.is_some();
            Ok::<_, keyreeve_store::StoreError>((run, over))
        }
    };
    Ok(told("import_run", look, stop))
}

/// Looks again and again, and tells what has changed, until it is over or the server stops.
fn told<T, L, F, E>(
    name: &'static str,
    look: L,
    stop: watch::Receiver<bool>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    T: Serialize,
    L: Fn() -> F + Send + 'static,
    F: Future<Output = Result<(T, bool), E>> + Send,
    E: std::fmt::Display,
{
    let begin = Some((look, stop, String::new()));
    let events = unfold(begin, move |state| async move {
        let (look, mut stop, last) = state?;
        let mut first = last.is_empty();
        loop {
            if !std::mem::take(&mut first) {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    _ = stop.wait_for(|stop| *stop) => return None,
                }
            }
            let (thing, over) = match look().await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends");
                    return None;
                }
            };
            let Ok(text) = serde_json::to_string(&thing) else { return None };
            if text != last {
                let event = Event::default().event(name).data(&text);
                return Some((Ok(event), (!over).then_some((look, stop, text))));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}
