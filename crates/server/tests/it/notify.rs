//! R41 and S28: what people are to be told waits while nobody can be told, hinders nothing, and then arrives once, signed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use keyreeve_engine::clock::{Clock, Hand};
use keyreeve_model::{Effect, Failure, FailureKind, Secret};
use keyreeve_server::notify::{Mail, MailEncryption, MailSettings, Notifier, Sink, Webhook};
use rcgen::generate_simple_self_signed;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;

use crate::place::{Place, system};

const SECRET: &str = "a secret of thirty-two letters!!";
const HERE: [&str; 2] = ["127.0.0.1/32", "::1/128"];

/// What was sent: head and body.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

async fn take<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &str, seen: &Seen) {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == wanted.parse::<usize>().unwrap() {
                seen.lock().unwrap().push((head.to_owned(), body.to_owned()));
                break;
            }
        }
    }
    let _ = stream.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
}

fn listen(listener: TcpListener, answer: &'static str) -> Seen {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            take(stream, answer, &kept).await;
        }
    });
    seen
}

fn webhook(url: &str, networks: &[&str], clock: Clock) -> Webhook {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    Webhook::new(url, Secret::new(SECRET.to_owned()), networks, None, clock).unwrap()
}

/// A notifier at work, until what it gives is sent `true`.
fn notify(place: &Place, sink: impl Sink + 'static, clock: Clock) -> watch::Sender<bool> {
    let (told, stop) = watch::channel(false);
    let notifier = Notifier {
        store: Arc::clone(&place.store),
        clock,
        sinks: vec![Box::new(sink)],
        every: Duration::from_millis(20),
        since: place.clock.now(),
    };
    tokio::spawn(notifier.run(stop));
    told
}

async fn quarantine(place: &Place, on: &str) {
    let reason = Failure {
        kind: FailureKind::AccountMismatch,
        message: "another account".to_owned(),
        effect: Effect::None,
        at: place.clock.now(),
    };
    place.store.quarantine_system(&system(on), reason, place.clock.now()).await.unwrap();
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not come about");
}

async fn untold(place: &Place) -> i64 {
    place.store.standing().await.unwrap().untold_notifications
}

#[tokio::test]
async fn r41_what_nobody_can_be_told_waits_hinders_nothing_and_arrives_once_and_signed() {
    let place = Place::start().await;
    let hand = Hand::new();
    let clock = place.clock.moved_by(hand);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = closed.local_addr().unwrap();
    drop(closed);
    let stop = notify(&place, webhook(&format!("http://{address}/hook?a=b"), &HERE, clock), clock);
    for on in ["prod", "test"] {
        quarantine(&place, on).await;
    }
    assert_eq!(untold(&place).await, 2);
    // A day in which it is tried again and again.
    for _ in 0..48 {
        hand.turn(30 * 60 * 1000);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(untold(&place).await, 2);
    let seen = listen(TcpListener::bind(address).await.unwrap(), "204 No Content");
    hand.turn(2 * 3600 * 1000);
    until("what waited to be told", async || untold(&place).await == 0).await;
    quarantine(&place, "prod").await;
    until("what is new to be told", async || untold(&place).await == 0).await;
    hand.turn(24 * 3600 * 1000);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let seen = seen.lock().unwrap().clone();
    let said: Vec<Value> = seen.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect();
    let about: Vec<_> = said
        .iter()
        .map(|body| (body["kind"].as_str().unwrap(), body["system_id"].as_str().unwrap()))
        .collect();
    let kind = "system_quarantined";
    assert_eq!(about, [(kind, "prod"), (kind, "test"), (kind, "prod")]);
    assert!(said[0]["text"].as_str().unwrap().contains("system prod is quarantined"));
    for (head, body) in &seen {
        assert!(head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{head}");
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        assert_eq!(header("host: "), address.to_string());
        let signed = header("keyreeve-signature: ");
        let (moment, signature) = signed.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{moment}.{body}").as_bytes());
        let signature: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&signature[2 * at..2 * at + 2], 16).unwrap()).collect();
        mac.verify_slice(&signature).unwrap();
        assert!(!head.contains(SECRET) && !body.contains(SECRET));
    }
    stop.send(true).unwrap();
    place.stop().await;
}

#[tokio::test]
async fn s28_redirects_are_not_followed_and_inner_addresses_not_called() {
    let place = Place::start().await;
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = inner.local_addr().unwrap().port();
    let reached = listen(inner, "200 OK");
    let redirecting = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = redirecting.local_addr().unwrap();
    let to = format!("307 Temporary Redirect\r\nLocation: http://127.0.0.1:{port}/");
    let asked = listen(redirecting, Box::leak(to.into_boxed_str()));
    let clock = Clock::system();
    let stop = notify(&place, webhook(&format!("http://{at}/"), &HERE, clock), clock);
    quarantine(&place, "prod").await;
    until("the redirect to be answered", async || !asked.lock().unwrap().is_empty()).await;
    stop.send(true).unwrap();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://2130706433:{port}/"),
    ] {
        quarantine(&place, "test").await;
        let hand = Hand::new();
        hand.turn(3600 * 1000);
        let clock = Clock::system().moved_by(hand);
        let stop = notify(&place, webhook(&url, &[], clock), clock);
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.send(true).unwrap();
    }
    assert!(reached.lock().unwrap().is_empty());
    assert_eq!(untold(&place).await, 4);
    place.stop().await;
}

#[tokio::test]
async fn what_is_over_and_what_was_before_anybody_was_told_is_told_to_nobody() {
    let place = Place::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let asked = listen(listener, "200 OK");
    let clock = Clock::system();
    let hook = || webhook(&format!("http://{at}/"), &HERE, clock);
    quarantine(&place, "prod").await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let stop = notify(&place, hook(), clock);
    until("what was before to be let go", async || untold(&place).await == 0).await;
    stop.send(true).unwrap();
    // Down for a while; one of these is over when it is back.
    for on in ["prod", "test"] {
        quarantine(&place, on).await;
    }
    place.store.release_system(&system("prod"), ("amy", None), place.clock.now()).await.unwrap();
    let stop = notify(&place, hook(), clock);
    until("the rest to be told", async || untold(&place).await == 0).await;
    stop.send(true).unwrap();
    let told: Vec<String> = asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert!(told.len() == 1 && told[0].contains("\"test\""), "{told:?}");
    place.stop().await;
}

#[tokio::test]
async fn who_is_told_over_tls_must_be_known_by_a_certificate() {
    let place = Place::start().await;
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("ca.pem");
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
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                take(stream, "200 OK", &kept).await;
            }
        }
    });
    let hand = Hand::new();
    let clock = Clock::system().moved_by(hand);
    let url = format!("https://localhost:{port}/");
    let stop = notify(&place, webhook(&url, &HERE, clock), clock);
    quarantine(&place, "prod").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.send(true).unwrap();
    assert_eq!(untold(&place).await, 1);
    assert!(seen.lock().unwrap().is_empty());
    hand.turn(3600 * 1000);
    let networks = HERE.iter().map(|network| network.parse().unwrap()).collect();
    let known =
        Webhook::new(&url, Secret::new(SECRET.to_owned()), networks, Some(&authorities), clock).unwrap();
    let stop = notify(&place, known, clock);
    until("it to be told", async || untold(&place).await == 0).await;
    stop.send(true).unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
    place.stop().await;
}

/// A mail server that takes everything, and what it was told.
async fn mail_server(listener: TcpListener, seen: Arc<Mutex<Vec<String>>>) {
    use tokio::io::{AsyncBufReadExt, BufReader};
    while let Ok((stream, _)) = listener.accept().await {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let _ = write.write_all(b"220 here\r\n").await;
        let mut in_letter = false;
        while let Ok(Some(line)) = lines.next_line().await {
            let answer = match (in_letter, line.as_str()) {
                (true, ".") => {
                    in_letter = false;
                    "250 taken"
                }
                (false, "DATA") => {
                    in_letter = true;
                    "354 go on"
                }
                (false, "QUIT") => "221 bye",
                (false, _) => "250 yes",
                (true, _) => "",
            };
            seen.lock().unwrap().push(line);
            if !answer.is_empty() {
                let _ = write.write_all(format!("{answer}\r\n").as_bytes()).await;
            }
        }
    }
}

#[tokio::test]
async fn r41_mail_waits_for_its_server_and_is_sent_once() {
    let place = Place::start().await;
    let hand = Hand::new();
    let clock = place.clock.moved_by(hand);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let mail = Mail::new(MailSettings {
        server: address.to_string(),
        encryption: MailEncryption::None,
        login: None,
        from: "keyreeve@example.org".to_owned(),
        to: vec!["ops@example.org".to_owned(), "sec@example.org".to_owned()],
    })
    .unwrap();
    let stop = notify(&place, mail, clock);
    quarantine(&place, "prod").await;
    hand.turn(3600 * 1000);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(untold(&place).await, 1);
    let seen = Arc::default();
    tokio::spawn(mail_server(TcpListener::bind(address).await.unwrap(), Arc::clone(&seen)));
    hand.turn(2 * 3600 * 1000);
    until("the mail to be sent", async || untold(&place).await == 0).await;
    stop.send(true).unwrap();
    let seen = seen.lock().unwrap().clone();
    let times = |text: &str| seen.iter().filter(|line| line.contains(text)).count();
    assert_eq!((times("RCPT TO:<ops@example.org>"), times("RCPT TO:<sec@example.org>")), (1, 1), "{seen:?}");
    assert_eq!(times("Subject: Keyreeve: system quarantined in prod"), 1, "{seen:?}");
    assert_eq!(times("system prod is quarantined"), 1, "{seen:?}");
    place.stop().await;
}
