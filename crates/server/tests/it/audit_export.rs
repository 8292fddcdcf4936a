//! The audit log sent elsewhere: in order, at least once, as soon as the other end takes it, and to nobody else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_engine::clock::{Clock, Hand};
use keyreeve_model::Secret;
use keyreeve_server::audit_export::{AuditSink, Exporter, HttpSink, SyslogPlace, SyslogSink};
use keyreeve_server::notify::Network;
use keyreeve_store::{AuditFrom, AuditSinkStanding, DatabaseUrl, Store, StoreKey};
use rcgen::generate_simple_self_signed;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixDatagram, UnixListener};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;

const SECRET: &str = "a secret of thirty-two letters!!";
const HERE: &str = "127.0.0.1/32";

/// A store whose audit log has some rows.
struct Log {
    store: Arc<Store>,
    folder: TempDir,
}

impl Log {
    async fn with_rows(rows: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let key = StoreKey::generate().unwrap();
        let store = Arc::new(Store::create(&url, key, Timestamp::UNIX_EPOCH).await.unwrap());
        let log = Self { store, folder };
        for _ in 0..rows {
            log.row().await;
        }
        log
    }

    async fn row(&self) {
        let subject = json!({"path": "a]\"\\\n\u{2028}"});
        self.store.note_refusal("ada", &subject, Timestamp::UNIX_EPOCH).await.unwrap();
    }

    /// Begins to send, until what it gives is sent `true`.
    fn export(&self, sink: impl AuditSink + 'static, clock: Clock) -> watch::Sender<bool> {
        let (told, stop) = watch::channel(false);
        let exporter = Exporter {
            store: Arc::clone(&self.store),
            clock,
            name: "siem".to_owned(),
            from: AuditFrom::Start,
            sink: Box::new(sink),
            every: Duration::from_millis(20),
            lease: Duration::from_secs(30),
        };
        tokio::spawn(exporter.run(stop));
        told
    }

    async fn standing(&self) -> AuditSinkStanding {
        self.store.audit_sinks().await.unwrap().remove(0)
    }

    async fn until(&self, what: &str, is: impl Fn(&AuditSinkStanding) -> bool) {
        for _ in 0..1000 {
            if self.store.audit_sinks().await.unwrap().first().is_some_and(&is) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} did not come about: {:?}", self.store.audit_sinks().await.unwrap());
    }
}

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn syslog(place: &str, networks_of: &[&str]) -> SyslogSink {
    let place: SyslogPlace = place.parse().unwrap();
    SyslogSink::new(place, "host", networks(networks_of), None).unwrap()
}

fn http(url: &str, networks_of: &[&str], clock: Clock) -> HttpSink {
    let secret = Secret::new(SECRET.to_owned());
    HttpSink::new(url, &secret, None, (networks(networks_of), None), clock).unwrap()
}

/// The numbers of the rows in syslog messages, each with its length before it.
fn counted(bytes: &[u8]) -> Vec<i64> {
    let (mut rest, mut numbers) = (std::str::from_utf8(bytes).unwrap(), Vec::new());
    while !rest.is_empty() {
        let (length, behind) = rest.split_once(' ').unwrap();
        let (message, next) = behind.split_at(length.parse().unwrap());
        numbers.push(number(message));
        rest = next;
    }
    numbers
}

fn number(message: &str) -> i64 {
    assert!(message.starts_with("<109>1 1970-01-01T00:00:00Z host keyreeve - access_refused ["), "{message}");
    assert!(!message.contains(['\n', '\u{2028}']), "{message}");
    let row: Value = serde_json::from_str(message.split_once("] ").unwrap().1).unwrap();
    assert_eq!(row["subject"]["path"], "a]\"\\\n\u{2028}");
    row["seq"].as_i64().unwrap()
}

async fn whole<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    read
}

#[tokio::test]
async fn syslog_counts_as_taken_when_the_other_end_has_read_it_all() {
    let log = Log::with_rows(7).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hand = Hand::new();
    let at = listener.local_addr().unwrap();
    let stop = log.export(syslog(&format!("tcp://{at}"), &[HERE]), Clock::system().moved_by(hand));
    // It takes the beginning, and goes with the rest unread: what was written is lost.
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_exact(&mut [0; 100]).await.unwrap();
    drop(stream);
    log.until("a failure", |sink| sink.failures == 1).await;
    assert_eq!(log.standing().await.sent_seq, 0);
    hand.turn(60_000);
    let (mut stream, _) = listener.accept().await.unwrap();
    let read = whole(&mut stream).await;
    assert!(counted(&read).starts_with(&[1, 2, 3]), "{:?}", counted(&read));
    // It has read everything, but nobody knows that yet.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(log.standing().await.sent_seq, 0);
    drop(stream);
    let mut seen = counted(&read);
    while seen.len() < 7 {
        let (mut stream, _) = listener.accept().await.unwrap();
        seen.extend(counted(&whole(&mut stream).await));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
    log.until("the position", |sink| sink.sent_seq == 7 && sink.last_error.is_none()).await;
    stop.send(true).unwrap();
}

#[tokio::test]
async fn s28_syslog_in_clear_goes_to_networks_that_are_named_alone() {
    for (place, named, why) in [
        ("tcp://1.1.1.1:514", &[][..], "of no network in networks"),
        ("tcp://127.0.0.1:514", &["10.0.0.0/8"], "of no network in networks"),
        ("tcp://2130706433:514", &[], "of no network in networks"),
        ("tls://169.254.169.254:6514", &[], "not of the internet"),
        ("tls://localhost:6514", &[HERE], "not of the internet"),
        ("tls://[::ffff:a9fe:a9fe]:6514", &[HERE], "not of the internet"),
    ] {
        let log = Log::with_rows(1).await;
        let stop = log.export(syslog(place, named), Clock::system());
        log.until("a refusal", |sink| sink.failures > 0).await;
        let said = log.standing().await.last_error.unwrap();
        // Where the name leads to the address that may be called alone, nobody answers there.
        let local = place.contains("localhost") && said.contains("no connection");
        assert!(said.contains(why) || local, "{place}: {said}");
        stop.send(true).unwrap();
    }
}

#[tokio::test]
async fn syslog_over_tls_goes_to_whom_a_certificate_names() {
    let log = Log::with_rows(3).await;
    let made = generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let authorities = log.folder.path().join("ca.pem");
    std::fs::write(&authorities, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen: Arc<Mutex<Vec<i64>>> = Arc::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let read = whole(&mut stream).await;
                kept.lock().unwrap().extend(counted(&read));
                stream.shutdown().await.unwrap();
            }
        }
    });
    let place = format!("tls://127.0.0.1:{port}");
    let hand = Hand::new();
    let clock = Clock::system().moved_by(hand);
    let stop = log.export(syslog(&place, &[HERE]), clock);
    log.until("a refusal", |sink| sink.failures > 0).await;
    let said = log.standing().await.last_error.unwrap();
    assert!(said.contains("TLS"), "{said}");
    stop.send(true).unwrap();
    assert!(seen.lock().unwrap().is_empty());
    hand.turn(3_600_000);
    let known =
        SyslogSink::new(place.parse().unwrap(), "host", networks(&[HERE]), Some(&authorities)).unwrap();
    let stop = log.export(known, clock);
    log.until("the position", |sink| sink.sent_seq == 3).await;
    let mut seen = seen.lock().unwrap().clone();
    seen.dedup();
    assert_eq!(seen, [1, 2, 3]);
    stop.send(true).unwrap();
}

#[tokio::test]
async fn sockets_of_this_machine_take_messages_one_by_one_or_in_a_row() {
    let log = Log::with_rows(3).await;
    let path = log.folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let stop = log.export(syslog(&format!("unix://{}", path.display()), &[]), Clock::system());
    for expected in 1..=3 {
        let mut message = vec![0; 65_536];
        let length = socket.recv(&mut message).await.unwrap();
        assert_eq!(number(std::str::from_utf8(&message[..length]).unwrap()), expected);
    }
    log.until("the position", |sink| sink.sent_seq == 3).await;
    drop(socket);
    std::fs::remove_file(&path).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    log.row().await;
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_eq!(counted(&whole(&mut stream).await), [4]);
    drop(stream);
    log.until("the position", |sink| sink.sent_seq == 4).await;
    stop.send(true).unwrap();
}

/// The numbers of the rows that were sent, by request.
type Seen = Arc<Mutex<Vec<Vec<i64>>>>;

/// Answers each request as it is told, by its number and by how many rows it has.
fn answering(listener: TcpListener, answer: impl Fn(usize, usize) -> String + Send + 'static) -> Seen {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut read, mut piece) = (Vec::new(), [0; 65_536]);
            let rows = loop {
                let length = stream.read(&mut piece).await.unwrap();
                read.extend_from_slice(&piece[..length]);
                let text = String::from_utf8_lossy(&read).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() == wanted.parse::<usize>().unwrap() {
                    let number =
                        |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap();
                    break body.lines().map(number).collect::<Vec<_>>();
                }
            };
            let count = kept.lock().unwrap().len();
            let answer = answer(count, rows.len());
            kept.lock().unwrap().push(rows);
            let _ =
                stream.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
        }
    });
    seen
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

#[tokio::test]
async fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
    let log = Log::with_rows(2).await;
    let (listener, at) = listener().await;
    let seen = answering(listener, |request, _| match request {
        0 => "503 Service Unavailable\r\nRetry-After: 3600".to_owned(),
        _ => "202 Accepted".to_owned(),
    });
    let hand = Hand::new();
    let clock = Clock::system().moved_by(hand);
    let stop = log.export(http(&format!("http://{at}/"), &[HERE], clock), clock);
    log.until("a refusal", |sink| sink.last_error.as_deref() == Some("it answered 503")).await;
    for _ in 0..5 {
        hand.turn(11 * 60 * 1000);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(seen.lock().unwrap().len(), 1, "after 55 minutes");
    hand.turn(6 * 60 * 1000);
    log.until("the position", |sink| sink.sent_seq == 2).await;
    stop.send(true).unwrap();
}

#[tokio::test]
async fn what_is_too_much_for_a_receiver_is_sent_in_smaller_parts() {
    let log = Log::with_rows(60).await;
    let (listener, at) = listener().await;
    let seen = answering(listener, |_, rows| match rows {
        0..=20 => "200 OK".to_owned(),
        _ => "413 Content Too Large".to_owned(),
    });
    let hand = Hand::new();
    let clock = Clock::system().moved_by(hand);
    let stop = log.export(http(&format!("http://{at}/"), &[HERE], clock), clock);
    let turning = async {
        loop {
            hand.turn(60_000);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = log.until("the position", |sink| sink.sent_seq == 60) => {}
        () = turning => {}
    }
    stop.send(true).unwrap();
    let taken: Vec<i64> =
        seen.lock().unwrap().iter().filter(|rows| rows.len() <= 20).flatten().copied().collect();
    assert_eq!(taken, (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn s28_the_audit_log_follows_no_redirect_and_reaches_no_inner_address() {
    let (inner, inner_at) = listener().await;
    let reached = answering(inner, |_, _| "200 OK".to_owned());
    let (redirecting, at) = listener().await;
    answering(redirecting, move |_, _| format!("307 Temporary Redirect\r\nLocation: http://{inner_at}/"));
    let clock = Clock::system();
    for (url, named, why) in [
        (format!("http://{at}/"), &[HERE][..], "it answered 307"),
        (format!("http://{inner_at}/"), &[], "not of the internet"),
        (format!("https://localhost:{}/", inner_at.port()), &[], "not of the internet"),
        ("https://169.254.169.254/latest/meta-data?secret=canary".to_owned(), &[HERE], "not of the internet"),
    ] {
        let log = Log::with_rows(1).await;
        let stop = log.export(http(&url, named, clock), clock);
        log.until("a refusal", |sink| sink.failures > 0).await;
        let said = log.standing().await.last_error.unwrap();
        assert!(said.contains(why) && !said.contains("canary"), "{url}: {said}");
        stop.send(true).unwrap();
    }
    assert!(reached.lock().unwrap().is_empty());
}

#[tokio::test]
async fn two_processes_send_each_row_once() {
    let log = Log::with_rows(30).await;
    let (listener, at) = listener().await;
    let seen = answering(listener, |_, _| "200 OK".to_owned());
    let clock = Clock::system();
    let stops: Vec<_> =
        (0..2).map(|_| log.export(http(&format!("http://{at}/"), &[HERE], clock), clock)).collect();
    for _ in 0..30 {
        log.row().await;
    }
    log.until("the position", |sink| sink.sent_seq == 60).await;
    let taken: Vec<i64> = seen.lock().unwrap().iter().flatten().copied().collect();
    assert_eq!(taken, (1..=60).collect::<Vec<_>>());
    stops.iter().for_each(|stop| stop.send(true).unwrap());
}
