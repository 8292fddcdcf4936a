//! S46 and S20 on a real socket, with addresses that read bodies, never answer, and never end.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::run::Server;

const SHORT: Duration = Duration::from_millis(400);
/// Nothing here takes so long unless it hangs.
const HANGS: Duration = Duration::from_secs(20);

struct Running {
    address: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// Limits of which none is reached by accident.
fn wide() -> Limits {
    let long = Duration::from_secs(60);
    Limits {
        connections: 1024,
        of_one_network: 1024,
        head_within: long,
        body_within: long,
        answer_within: long,
        taken_within: long,
    }
}

async fn running(limits: Limits) -> Running {
    let endless = || async {
        let filled = Bytes::from(vec![b'x'; 64 * 1024]);
        Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(filled.clone())))
    };
    let never = || async { std::future::pending::<&'static str>().await };
    let router = Router::new()
        .route("/length", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/hello", get(|| async { "hello" }))
        .route("/never", get(never))
        .route("/endless", get(endless));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, asked) = oneshot::channel();
    let server = Server::of(router).limits(limits);
    let ended = tokio::spawn(server.run(listener, async move {
        let _ = asked.await;
    }));
    Running { address, stop, ended }
}

impl Running {
    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        // A server that has heard enough may close before all is sent.
        let _ = stream.write_all(bytes).await;
        stream
    }

    /// What comes back until the other end closes.
    async fn ask(&self, bytes: &[u8]) -> String {
        rest(&mut self.send(bytes).await).await
    }

    async fn hello(&self) {
        let answer = self.ask(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.ends_with("hello"), "{answer}");
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        timeout(HANGS, self.ended).await.unwrap().unwrap();
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(HANGS, stream.read_to_end(&mut answer)).await.expect("the connection is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

fn post_of(kind: &str, length: usize, body: &str) -> Vec<u8> {
    format!(
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into()
}

#[tokio::test]
async fn s46_those_who_send_heads_slowly_are_closed_and_others_served() {
    let server = running(Limits { connections: 8, head_within: SHORT, ..wide() }).await;
    let mut slow = Vec::new();
    for head in ["", "GET /hello HTTP/1.1\r\nHost: x\r\n", "G", "GET /hello HTTP/1.1\r\nX-A: "] {
        slow.push(server.send(head.as_bytes()).await);
        slow.push(server.send(head.as_bytes()).await);
    }
    // All places are taken: this one waits until they are free again.
    timeout(HANGS, server.hello()).await.unwrap();
    for mut stream in slow {
        let answer = rest(&mut stream).await;
        assert!(!answer.contains("hello"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn s46_no_more_connections_than_there_may_be_are_answered_at_once() {
    let server = running(Limits { connections: 1, ..wide() }).await;
    let first = server.send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut second = server.send(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut byte = [0];
    assert!(timeout(SHORT, second.read(&mut byte)).await.is_err(), "the second one had to wait");
    drop(first);
    assert!(rest(&mut second).await.ends_with("ello"));
    server.stop().await;
}

#[tokio::test]
async fn s46_connections_on_which_nothing_is_asked_make_room() {
    let server = running(Limits { connections: 3, ..wide() }).await;
    let busy = server.send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let keep = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = server.send(keep).await;
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            let mut some = [0; 512];
            let count = timeout(HANGS, stream.read(&mut some)).await.unwrap().unwrap();
            answer.extend_from_slice(&some[..count]);
        }
        kept.push(stream);
    }
    timeout(HANGS, server.hello()).await.unwrap();
    // The one that asked first had to go, the other one was not needed.
    assert_eq!(timeout(HANGS, kept[0].read(&mut [0; 1])).await.unwrap().unwrap_or(0), 0);
    kept[1].write_all(keep).await.unwrap();
    assert!(timeout(HANGS, kept[1].read(&mut [0; 1])).await.unwrap().unwrap() > 0);
    drop(busy);
    server.stop().await;
}

#[tokio::test]
async fn s46_one_network_has_its_share_of_the_connections() {
    let server = running(Limits { connections: 8, of_one_network: 2, ..wide() }).await;
    let never = b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
    let busy = [server.send(never).await, server.send(never).await];
    tokio::time::sleep(SHORT).await;
    let mut third = server.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let turned_away = timeout(HANGS, third.read(&mut [0; 1])).await.unwrap();
    assert_eq!(turned_away.unwrap_or(0), 0, "there were more than its share");
    drop(busy);
    let served = async {
        loop {
            let mut stream =
                server.send(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
            if stream.read(&mut [0; 1]).await.unwrap_or(0) > 0 {
                return;
            }
        }
    };
    timeout(HANGS, served).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_has_nothing_to_ask_is_closed() {
    let server = running(Limits { head_within: SHORT, ..wide() }).await;
    let answer = server.ask(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn s46_slow_bodies_and_answers_have_their_time() {
    let server = running(Limits { body_within: SHORT, answer_within: SHORT * 3, ..wide() }).await;
    let answer = server.ask(&post_of("text/plain", 10, "12345")).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
    let answer = server.ask(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("took_too_long"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_stream_goes_on_while_it_is_taken_and_ends_when_it_is_not() {
    let server = running(Limits { answer_within: SHORT, taken_within: SHORT, ..wide() }).await;
    let mut stream = server.send(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut taken = vec![0; 32 * 1024];
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < SHORT * 3 {
        assert!(stream.read(&mut taken).await.unwrap() > 0, "it ended while it was taken");
    }
    tokio::time::sleep(SHORT * 3).await;
    let ends = async { while stream.read(&mut taken).await.is_ok_and(|length| length > 0) {} };
    timeout(HANGS, ends).await.expect("the server has given it up");
    server.stop().await;
}

#[tokio::test]
async fn s46_large_bodies_are_refused_whether_they_say_so_or_not() {
    let server = running(wide()).await;
    let answer = server.ask(&post_of("text/plain", 1 << 30, "x")).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
    let mut stream =
        server.send(b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    for _ in 0..17 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
    let whole = post_of("text/plain\r\nConnection: close", LARGEST_BODY, &"x".repeat(LARGEST_BODY));
    let answer = server.ask(&whole).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n1048576"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn s46_nothing_is_decompressed() {
    let server = running(wide()).await;
    for encoding in ["gzip", "br", "identity, gzip"] {
        let head = format!(
            "POST /length HTTP/1.1\r\nHost: x\r\nContent-Encoding: {encoding}\r\nContent-Length: 4\r\n\r\nxxxx"
        );
        let answer = server.ask(head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 415") && answer.contains("compressed_body"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn s46_deep_json_and_many_parameters_are_refused() {
    let server = running(wide()).await;
    let deep = "[".repeat(100) + &"]".repeat(100);
    for kind in ["application/json", "application/scim+json; charset=utf-8", "APPLICATION/JSON"] {
        let answer = server.ask(&post_of(kind, deep.len(), &deep)).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("nested"), "{answer}");
    }
    let many = (0..10_000).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join("&");
    let get = |query: &str| format!("GET /hello?{query} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
    let answer = server.ask(&get(&many)).await;
    // Beyond what a head may have at all, it is refused by its length alone.
    assert!(answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"), "{answer}");
    let answer = server.ask(&get(&many[..20 * 1024])).await;
    assert!(answer.starts_with("HTTP/1.1 414") && answer.contains("query_too_long"), "{answer}");
    let answer = server.ask(&get(&many[..2 * 1024])).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("parameters"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn s20_headers_that_contradict_each_other_are_refused() {
    let server = running(wide()).await;
    let with = |headers: &str| format!("POST /length HTTP/1.1\r\n{headers}\r\nxx").into_bytes();
    let refused = [
        "Host: x\r\nHost: y\r\nContent-Length: 2\r\n",
        "Host: x\r\nHost: x\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\n",
        "Host: x\r\nContent-Type: a/b\r\nContent-Type: a/c\r\nContent-Length: 2\r\n",
        "Host: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n",
        "Host: x\r\nContent-Length: 2\r\nContent-Length: 1\r\n",
        "Host: x\r\nContent-Length: 2, 1\r\n",
        "Host: x\r\nTransfer-Encoding: chunked, identity\r\n",
        "Host : x\r\nContent-Length: 2\r\n",
        "Host: x\r\n folded: y\r\nContent-Length: 2\r\n",
    ];
    for headers in refused {
        let answer = server.ask(&with(headers)).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
    }
    server.stop().await;
}
