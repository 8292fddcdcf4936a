//! The two ports, both on 127.0.0.1.

pub(crate) mod admin;
mod authenticate;
mod body;
mod damage;
mod handle;
mod phases;
mod wire;
mod work;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use self::wire::{Cutter, Wire};
use crate::error::Error;
use crate::world::World;

pub(crate) async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves the AWS side until the task is aborted; all connections end with it.
pub(crate) async fn serve_aws(listener: TcpListener, world: Arc<World>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve_connection(Wire::new(stream), Arc::clone(&world)));
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection to the sandbox");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve_connection(wire: Wire, world: Arc<World>) {
    let cutter: Cutter = wire.cutter();
    let service = service_fn(|request| {
        let (world, cutter) = (Arc::clone(&world), cutter.clone());
        async move {
            // In a task of its own: a call that has arrived is carried out, even if nobody waits any more.
            let (client, gone) = oneshot::channel();
            let call = tokio::spawn(async move { handle::answer(request, &world, cutter, gone).await });
            let answer = call.await.unwrap_or(Err(Cut));
            drop(client);
            answer
        }
    });
    // Ends with an error when a fault cut the connection: that is wanted.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(wire), service).await;
}

/// Comes to an end when the client has gone away.
pub(crate) type Gone = oneshot::Receiver<()>;

/// An error that makes hyper give the connection up.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut on purpose")]
pub(crate) struct Cut;
