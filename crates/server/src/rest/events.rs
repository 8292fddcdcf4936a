//! `/jobs/{job}/events` and `/import-runs/{run}/events`: what becomes of them, as it happens, as server-sent events.
//!
//! Who is told is looked at anew every few seconds: a stream ends when its token or its session does, and when the role or
//! the systems of whoever asked do not reach so far any more.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ImportRunId, JobId, JobState, SystemId};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::listening::{Listening, Listens};
use super::progress::RunProgress;
use crate::auth::Signed;
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::{Problem, Refused, TooMany};

/// So often it is looked whether something has changed. Each look tells one thing at most.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// So often it is looked whether whoever is told may still be.
const RIGHTS_EVERY: Duration = Duration::from_secs(2);
/// A connection on which nothing happens is kept alive by a comment that often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Whose connection broke off is to wait so long until the next one.
const COMES_AGAIN: Duration = Duration::from_secs(5);

/// One event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only for the description")]
struct Told {
    /// `job`, `import_run` or `progress`.
    event: String,
    /// The job, the run, or how far the run is (`RunProgress`), as JSON.
    data: String,
}

/// What there is to tell, by the names of events, the most important first.
struct Looked {
    things: Vec<(&'static str, Result<String, serde_json::Error>)>,
    over: bool,
}

/// Whoever is told, and of which system.
struct Listener {
    parts: Parts,
    signed: Signed,
    system_id: SystemId,
    looked_at: Instant,
    _listens: Listens,
}

impl Listener {
    fn new(parts: &Parts, (signed, listens): (Signed, Listens), system_id: SystemId) -> Self {
        Self { parts: parts.clone(), signed, system_id, looked_at: Instant::now(), _listens: listens }
    }

    /// Whether they may still be told.
    async fn may_be_told(&mut self) -> bool {
        if self.looked_at.elapsed() < RIGHTS_EVERY {
            return true;
        }
        self.looked_at = Instant::now();
        match self.signed.still(&self.parts).await {
            Ok(Some(caller)) => {
                caller.0.require(Right::Read).is_ok() && caller.0.require_system(&self.system_id).is_ok()
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, "a stream of events ends, as it is not known who may be told");
                false
            }
        }
    }
}

/// Tells what becomes of a job: `job` with the whole job whenever it or a task of it has changed, until it has ended.
///
/// A stream also ends when the token or the session that it was asked for with does.
#[utoipa::path(
    get, path = "/jobs/{job}/events", tag = "jobs", params(("job" = i64, Path, minimum = 1)),
    responses((status = 200, description = "Events.", body = Told, content_type = "text/event-stream"), Refused, TooMany)
)]
pub(crate) async fn of_job(
    signed: Signed,
    State(parts): State<Parts>,
    Extension(listening): Extension<Listening>,
    InPath(job): InPath<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let job = parts.desk.job(&signed.caller.0, Right::Read, JobId(job)).await?;
    let listens = listening.begin(signed.caller.0.name())?;
    let (id, listener) = (job.id, Listener::new(&parts, (signed, listens), job.system_id));
    let look = move || {
        let parts = parts.clone();
        async move {
            let job = parts.store.job(id).await?;
            let over =
                !matches!(job.state, JobState::AwaitingApproval | JobState::Queued | JobState::Running);
            Ok::<_, keyreeve_store::StoreError>(Looked { things: vec![thing("job", &job)], over })
        }
    };
    Ok(told(look, listener))
}

/// Tells what becomes of an import run: `import_run` with the run whenever it has changed, until it has ended, and in
/// between `progress` with how far each collection is, of a run that this server does. At most two events a second.
///
/// A stream also ends when the token or the session that it was asked for with does.
#[utoipa::path(
    get, path = "/import-runs/{run}/events", tag = "imports", params(("run" = i64, Path, minimum = 1)),
    responses((status = 200, description = "Events.", body = Told, content_type = "text/event-stream"), Refused, TooMany)
)]
pub(crate) async fn of_run(
    signed: Signed,
    State(parts): State<Parts>,
    Extension(listening): Extension<Listening>,
    InPath(run): InPath<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let run = parts.desk.import_run(&signed.caller.0, Right::Read, ImportRunId(run)).await?;
    let listens = listening.begin(signed.caller.0.name())?;
    let (id, listener) = (run.id, Listener::new(&parts, (signed, listens), run.system_id));
    let look = move || {
        let parts = parts.clone();
        async move {
            let run = parts.store.get_import_run(id).await?;
            let over = run.finished_at.is_some();
            let mut things = vec![thing("import_run", &run)];
            if let Some(progress) = parts.importer.under_way.progress(id).filter(|_| !over) {
                things.push(thing("progress", &RunProgress::of(id, &progress)));
            }
            Ok::<_, keyreeve_store::StoreError>(Looked { things, over })
        }
    };
    Ok(told(look, listener))
}

fn thing<T: Serialize>(name: &'static str, thing: &T) -> (&'static str, Result<String, serde_json::Error>) {
    (name, serde_json::to_string(thing))
}

/// Looks again and again, and tells what has changed, until it is over, the server stops, or nobody may be told.
fn told<L, F, E>(look: L, listener: Listener) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    L: Fn() -> F + Send + 'static,
    F: Future<Output = Result<Looked, E>> + Send,
    E: std::fmt::Display,
{
    let begin = Some((look, listener, BTreeMap::<&'static str, String>::new()));
    let events = unfold(begin, move |state| async move {
        let (look, mut listener, mut last) = state?;
        let mut stop = listener.parts.stop.clone();
        let mut first = last.is_empty();
        loop {
            if !std::mem::take(&mut first) {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    _ = stop.wait_for(|stop| *stop) => return None,
                }
            }
            if !listener.may_be_told().await {
                return None;
            }
            let Looked { things, over } = match look().await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends");
                    return None;
                }
            };
            for (name, text) in things {
                let Ok(text) = text else { return None };
                if last.get(name) != Some(&text) {
                    let event = Event::default().event(name).data(&text);
                    let event = if last.is_empty() { event.retry(COMES_AGAIN) } else { event };
                    last.insert(name, text);
                    return Some((Ok(event), (!over).then_some((look, listener, last))));
                }
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}
