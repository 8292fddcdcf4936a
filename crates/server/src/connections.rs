//! Connections: taken, held to their limits, and ended.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::crowd::{Crowd, Seat};
use crate::door::Peer;
use crate::limits::Limits;
use crate::slow::Taken;
use crate::tls::Tls;

/// What the head of a request may take up, in bytes: the longest address, a token, and what browsers send.
const LARGEST_HEAD: usize = 64 * 1024;
/// When no connection can be taken, as there are no file descriptors left, it is tried again after so long.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Answers from the router until `stop` ends, then finishes what it is answering, for `stops_within` at most.
pub(crate) async fn serve(
    listener: TcpListener,
    (router, tls): (Router, Option<Tls>),
    limits: Limits,
    stop: impl Future<Output = ()>,
    stops_within: Duration,
) {
    let mut stop = pin!(stop);
    let crowd = Crowd::new(&limits);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    for id in 0.. {
        let taken = async {
            let (stream, peer) = accept(&listener).await;
            (crowd.seat(id, peer.0.ip()).await, stream, peer)
        };
        let (seat, stream, peer) = tokio::select! {
            () = &mut stop => break,
            taken = taken => taken,
        };
        while connections.try_join_next().is_some() {}
        let Some(seat) = seat else {
            tracing::debug!("a connection was closed at once: its network has its share of them");
            continue;
        };
        let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
        connections.spawn(async move {
            tokio::select! {
                () = seat.is_needed() => {}
                () = connection((stream, peer), router, tls, (limits, &seat), watcher) => {}
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(stops_within, graceful.shutdown()).await.is_err() {
        tracing::warn!("some answers were not finished in time; their connections are closed");
    }
}

/// The next connection. That one failed is no reason to stop.
async fn accept(listener: &TcpListener) -> (TcpStream, Peer) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, Peer(address)),
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                tokio::time::sleep(TRIED_AGAIN_AFTER).await;
            }
        }
    }
}

async fn connection(
    (stream, peer): (TcpStream, Peer),
    router: Router,
    tls: Option<Tls>,
    (limits, seat): (Limits, &Seat),
    watcher: Watcher,
) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return answer((stream, peer), router, (limits, seat), watcher).await };
    match tokio::time::timeout(limits.head_within, tls.accept(stream)).await {
        Ok(Ok(stream)) => answer((stream, peer), router, (limits, seat), watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a connection could not agree on TLS"),
        Err(_) => tracing::debug!("a connection took too long to agree on TLS"),
    }
}

async fn answer<S>(
    (stream, peer): (S, Peer),
    router: Router,
    (limits, seat): (Limits, &Seat),
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_within).max_buf_size(LARGEST_HEAD);
    let stream = TokioIo::new(Taken::new(stream, limits.taken_within));
    let router = TowerToHyperService::new(router);
    let watch = seat.watch();
    let answered = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let (asked, answer) = (watch.asked(), router.call(request));
        async move { answer.await.map(|response| response.map(|body| asked.until_sent(body))) }
    });
    let answering = http.serve_connection(stream, answered);
    if let Err(error) = watcher.watch(answering).await {
        tracing::debug!(%error, "a connection broke off");
    }
}
