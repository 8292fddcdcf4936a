//! A door in front of the sandbox that asks for small pages.
//!
//! The connector always asks for the largest page IAM allows, so that a listing of some dozens of objects is one
//! page. The door puts another `MaxItems` into each request on its way; answers, and how a connection ends, pass
//! through untouched. Signatures do not survive that: the sandbox must not check them.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the connector asks for, and what takes its place.
const ASKED: &str = "MaxItems=1000";

pub(crate) struct Door {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    /// A door to `url` that lets pages of at most `page` entries be asked for.
    pub(crate) async fn open(url: &str, page: u32) -> Self {
        let inside: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                tokio::spawn(pass(outside, inside, page));
            }
        });
        Self { address, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn pass(outside: TcpStream, inside: SocketAddr, page: u32) {
    let Ok(inside) = TcpStream::connect(inside).await else { return };
    let _ = (outside.set_nodelay(true), inside.set_nodelay(true));
    let (asked, answered) = outside.into_split();
    let (answer, ask) = inside.into_split();
    tokio::select! {
        () = requests(asked, ask, page) => {}
        () = answers(answer, answered) => {}
    }
}

/// Whole requests, one after the other: a head, and as many bytes as it names.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, page: u32) {
    let mut held = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        while let Some(length) = request_length(&held) {
            let request = String::from_utf8(held.drain(..length).collect()).unwrap();
            let request = request.replace(ASKED, &format!("MaxItems={page:04}"));
            if to.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
        match from.read(&mut chunk).await {
            Ok(read) if read > 0 => held.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
}

/// How long the first request is, once all of it is there.
fn request_length(held: &[u8]) -> Option<usize> {
    let head_end = held.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&held[..head_end]).to_ascii_lowercase();
    let length: usize = head.split("content-length:").nth(1)?.split("\r\n").next()?.trim().parse().unwrap();
    (held.len() >= head_end + length).then_some(head_end + length)
}

/// Bytes as they come. A reset goes on as a reset.
async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match from.read(&mut chunk).await {
            Ok(0) => return,
            Ok(read) => {
                if to.write_all(&chunk[..read]).await.is_err() {
                    return;
                }
            }
            Err(_) => {
                let _ = to.as_ref().set_zero_linger();
                return;
            }
        }
    }
}
