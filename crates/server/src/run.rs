//! The running server.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::{probes, request, rest};

/// A body may be so large, in bytes.
const LARGEST_BODY: usize = 1024 * 1024;
/// What is being answered when a stop is asked for has so long to end.
const STOPS_WITHIN: Duration = Duration::from_secs(8);

/// A server.
pub struct Server {
    router: Router,
}

impl Server {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (api, openapi) = rest::router();
        let described = get(move || {
            let openapi = openapi.clone();
            async move { axum::Json(openapi) }
        });
        let router = Router::new()
            .route("/healthz", get(probes::healthz))
            .route("/readyz", get(probes::readyz))
            .nest(rest::PREFIX, api.route("/openapi.json", described))
            .fallback(|| async { Problem::not_found("there is nothing at this address") })
            .method_not_allowed_fallback(|| async {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Problem::new(status, "method_not_allowed", "this address does not take that method")
            })
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(from_fn(request::identified))
            .with_state(parts);
        Self { router }
    }

    /// Answers until `stop` ends, and then until what was being answered is, but no longer than some seconds.
    ///
    /// # Errors
    /// When connections cannot be taken any more.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let (told, mut waits) = tokio::sync::watch::channel(false);
        let asked = async move {
            let _ = waits.wait_for(|stop| *stop).await;
        };
        let serving = axum::serve(listener, self.router).with_graceful_shutdown(asked).into_future();
        let late = async move {
            stop.await;
            let _ = told.send(true);
            tokio::time::sleep(STOPS_WITHIN).await;
        };
        tokio::select! {
            ended = serving => ended,
            () = late => {
                tracing::warn!("some answers were not finished in time; their connections are closed");
                Ok(())
            }
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
