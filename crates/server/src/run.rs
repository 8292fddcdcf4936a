//! The running server.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::{Extension, Router};
use keyreeve_engine::clock::Clock;
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::people::SignIn;
use keyreeve_store::Store;
use tokio::net::TcpListener;

use crate::limits::{LARGEST_BODY, Limits, limited};
use crate::metrics::{self, Metrics};
use crate::notify::Destination;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::refusals::Refusals;
use crate::tls::Tls;
use crate::{connections, console, door, headers, one_time, probes, refusals, request, rest, scim_http};

/// What is being answered when a stop is asked for has so long to end.
const STOPS_WITHIN: Duration = Duration::from_secs(8);
/// Attempts to sign in that came to nothing are noted so often, together: a flood of them is no flood of rows.
const NOTED_EVERY: Duration = Duration::from_secs(15);

/// Where people are told, for the pages that show it.
#[derive(Clone)]
pub(crate) struct Destinations(pub(crate) Arc<[Destination]>);

/// A server.
pub struct Server {
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
    metrics: Option<Metrics>,
    /// Whose pages say what is refused before it is looked what it is.
    pages: Option<Parts>,
    /// What attempts to sign in come to nothing is noted by it.
    failures: Option<(SignIn, Clock)>,
}

impl Server {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let failures = Some((parts.door.sign_in.clone(), parts.clock));
        let router = Router::new()
            .route("/healthz", get(probes::healthz))
            .route("/readyz", get(probes::readyz))
            .merge(one_time::router())
            .merge(door::router())
            .merge(console::router())
            .nest(rest::PREFIX, rest::served(&parts))
            .merge(scim_http::router())
            .fallback(console::nothing_here)
            .method_not_allowed_fallback(|| async {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Problem::new(status, "method_not_allowed", "this address does not take that method")
            })
            .layer(from_fn_with_state((parts.clone(), Refusals::default()), refusals::noted))
            .layer(Extension(rest::Listening::default()))
            .layer(from_fn_with_state(parts.clone(), console::as_pages))
            .with_state(parts.clone());
        Self { failures, pages: Some(parts), ..Self::of(router) }
    }

    /// Answers whether a worker lives, can do its work, and what it measures; for an address of this machine.
    #[must_use]
    pub fn of_worker(store: Arc<Store>, clock: Clock, metrics: Metrics) -> Self {
        let shown = metrics::open_router(Arc::clone(&store), clock, metrics.clone());
        let ready = async move || probes::readiness_of(&store).await;
        let router = Router::new()
            .route("/livez", get(probes::healthz))
            .route("/readyz", get(ready))
            .merge(shown)
            .fallback(async || {
                Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
            });
        Self { metrics: Some(metrics), ..Self::of(router) }
    }

    /// Answers with a router of one's own.
    pub(crate) fn of(router: Router) -> Self {
        Self { router, limits: Limits::default(), tls: None, pages: None, metrics: None, failures: None }
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Speaks TLS, and nothing else.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self.router = self.router.layer(Extension(scim_http::OverTls));
        self
    }

    /// Is reached at this address, whatever requests say of where they were sent.
    #[must_use]
    pub fn public_url(mut self, url: &PublicUrl) -> Self {
        self.router = self.router.layer(Extension(url.clone()));
        self
    }

    /// Shows in the settings where people are told.
    #[must_use]
    pub fn destinations(mut self, destinations: Vec<Destination>) -> Self {
        self.router = self.router.layer(Extension(Destinations(destinations.into())));
        self
    }

    /// Also shows what is measured.
    #[must_use]
    pub fn metrics(mut self, parts: Parts, metrics: Metrics) -> Self {
        let noted = from_fn_with_state((parts.clone(), Refusals::default()), refusals::noted);
        self.router = self.router.merge(metrics::router(parts, metrics.clone()).layer(noted));
        self.metrics = Some(metrics);
        self
    }

    /// Answers until `stop` ends, and then until what was being answered is, but no longer than some seconds.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let router = self
            .router
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn_with_state(self.limits, limited));
        let router = match self.pages {
            Some(parts) => router.layer(from_fn_with_state(parts, console::refused_as_pages)),
            None => router,
        };
        let router = router.layer(from_fn(headers::guarded)).layer(from_fn(request::identified));
        let serving = connections::serve(listener, (router, self.tls), self.limits, stop, STOPS_WITHIN);
        let tidying = async {
            if let Some(metrics) = self.metrics {
                metrics.tidy().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = serving => {}
            () = tidying => {}
            () = noting(self.failures.as_ref()) => {}
        }
        note(self.failures.as_ref()).await;
    }
}

/// Notes attempts to sign in now and then. Never ends.
async fn noting(failures: Option<&(SignIn, Clock)>) {
    loop {
        tokio::time::sleep(NOTED_EVERY).await;
        note(failures).await;
    }
}

async fn note(failures: Option<&(SignIn, Clock)>) {
    if let Some((sign_in, clock)) = failures
        && let Err(error) = sign_in.note_failures(clock.now()).await
    {
        tracing::error!(%error, "attempts to sign in could not be noted");
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
