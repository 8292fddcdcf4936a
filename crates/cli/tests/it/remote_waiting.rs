//! `--server`: what becomes of a command whose answers are lost, whose server goes away, or that nobody waits for any more;
//! and which servers are believed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use keyreeve_sandbox::{Effect, FaultRule, Phase};
use rcgen::generate_simple_self_signed;

use crate::harness::{Place, Ran, SYSTEM, until};
use crate::remote::Elsewhere;
use crate::serve::{LOG, serve, terminate};

/// What stands between: it passes on each request, and loses the answers to the first so many that begin so.
struct Between {
    address: String,
    /// All that passed, with when it did.
    heads: Arc<Mutex<Vec<(std::time::Instant, String)>>>,
    lost: Arc<AtomicUsize>,
}

impl Between {
    fn start(server: &str, begins: &'static str, losses: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (heads, lost) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicUsize::new(0)));
        let (kept, counted, server) = (Arc::clone(&heads), Arc::clone(&lost), server.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let request = whole(&mut stream);
                let head = String::from_utf8_lossy(&request).into_owned();
                let loses = head.starts_with(begins) && counted.load(Ordering::SeqCst) < losses;
                kept.lock().unwrap().push((std::time::Instant::now(), head));
                let mut on = TcpStream::connect(&server).unwrap();
                on.write_all(&request).unwrap();
                let mut answer = Vec::new();
                let _ = on.read_to_end(&mut answer);
                if loses {
                    counted.fetch_add(1, Ordering::SeqCst);
                } else {
                    let _ = stream.write_all(&answer);
                }
            }
        });
        Self { address, heads, lost }
    }

    fn keys(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        let of = |head: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("idempotency-key:"))?;
            Some(line.split(": ").nth(1).unwrap().to_owned())
        };
        heads.iter().filter_map(|(_, head)| of(head)).collect()
    }
}

/// A request with its body.
fn whole(stream: &mut TcpStream) -> Vec<u8> {
    let (mut read, mut piece) = (Vec::new(), [0_u8; 4096]);
    loop {
        let length = stream.read(&mut piece).unwrap_or(0);
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if length == 0 {
                return read;
            }
            continue;
        };
        let wanted = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").and_then(|length| length.parse::<usize>().ok())
        });
        if length == 0 || body.len() >= wanted.unwrap_or(0) {
            return read;
        }
    }
}

#[test]
fn what_is_asked_again_after_a_lost_answer_is_done_once_and_its_secrets_are_known_to_be_lost() {
    let place = Place::imported(2);
    let token = place.token("amy", "operator", &[]);
    let (child, address) = serve(&place, &[]);
    let between = Between::start(&address, "POST /api/v1/systems/example/jobs", 2);
    let elsewhere = Elsewhere::of(&between.address, &token);
    let create = ["account", "create", SYSTEM, "--name", "eve", "--yes", "--output", "json"];
    let made = elsewhere.run(&create).code(1);
    assert_eq!(made.json()["state"], "succeeded");
    assert!(made.json()["one_time_secrets"].is_null(), "{}", made.stdout);
    assert!(made.stderr.contains("was in an answer that did not arrive"), "{}", made.stderr);
    assert_eq!(between.lost.load(Ordering::SeqCst), 2);
    let keys = between.keys();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(place.json(&["job", "list", SYSTEM]).as_array().unwrap().len(), 1);
    let calls = place.sandbox.trace().into_iter().filter(|call| call.action == "CreateUser").count();
    assert_eq!(calls, 1);
    // Another command is another request.
    elsewhere.run(&["account", "reset-password", SYSTEM, "eve", "--yes"]).code(0);
    assert_ne!(between.keys()[3], keys[0]);
    let heads = between.heads.lock().unwrap();
    let mut jobs = heads.iter().filter(|(_, text)| text.starts_with("POST /api/v1/systems/example/jobs"));
    assert!(
        jobs.all(|(_, text)| text.contains("\"plan_sha256\":\"")),
        "something else could be done than was seen"
    );
    let asked: Vec<_> = heads.iter().filter(|(_, head)| head.starts_with("GET /api/v1/jobs/")).collect();
    let soonest = asked.windows(2).filter(|two| two[0].1.lines().next() == two[1].1.lines().next());
    let soonest = soonest.map(|two| two[1].0 - two[0].0).min();
    assert!(soonest.is_none_or(|between| between >= Duration::from_millis(990)), "{soonest:?}");
    drop(heads);
    terminate(child);
}

#[test]
fn an_import_whose_answer_was_lost_is_one_import() {
    let place = Place::imported(2);
    let token = place.token("amy", "operator", &[]);
    let (child, address) = serve(&place, &[]);
    let between = Between::start(&address, "POST /api/v1/systems/example/import-runs", 1);
    let elsewhere = Elsewhere::of(&between.address, &token);
    let run = elsewhere.run(&["import", "run", SYSTEM, "--output", "json"]).code(0);
    assert_eq!((&run.json()["state"], &run.json()["id"]), (&"published".into(), &2.into()));
    assert_eq!(place.json(&["import", "list", SYSTEM]).as_array().unwrap().len(), 2);
    terminate(child);
}

#[test]
fn what_cannot_be_asked_twice_is_not_and_says_that_its_end_is_unknown() {
    let place = Place::imported(2);
    let token = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let between = Between::start(&address, "POST /api/v1/tokens", 1);
    let elsewhere = Elsewhere::of(&between.address, &token);
    let lost = elsewhere.run(&["token", "create", "--owner", "new", "--role", "viewer"]).code(1);
    assert!(lost.stderr.contains("what became of it is not known"), "{}", lost.stderr);
    let made = place.json(&["token", "list"]);
    assert_eq!(made.as_array().unwrap().iter().filter(|token| token["owner"] == "new").count(), 1);
    terminate(child);
}

#[test]
fn who_stops_waiting_stops_nothing() {
    let place = Place::imported(2);
    let token = place.token("amy", "operator", &[]);
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::Hang).phase(Phase::AfterApply).times(1));
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let mut waiting =
        elsewhere.command(&["account", "create", SYSTEM, "--name", "eve", "--yes", "--output", "json"]);
    let waiting =
        waiting.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("the call to be carried out", || {
        let trace = place.sandbox.trace();
        trace.iter().any(|call| call.action == "CreateUser" && call.applied == Some(true)).then_some(())
    });
    // It has asked once by then, and listens.
    thread::sleep(Duration::from_millis(1500));
    crate::harness::terminate(&waiting);
    let stopped = Ran::of(waiting.wait_with_output().unwrap()).code(1);
    assert!(stopped.stderr.contains("the server goes on with job 1"), "{}", stopped.stderr);
    assert_eq!(stopped.json()["state"], "running");
    assert!(stopped.json()["one_time_secrets"][0]["secret"].is_string(), "{}", stopped.stdout);
    place.sandbox.clear_faults();
    terminate(child);
    let (child, _) = serve(&place, &[]);
    until("the job to be over", || (place.json(&["job", "show", "1"])["state"] == "succeeded").then_some(()));
    terminate(child);
}

#[test]
fn a_server_is_known_by_an_authority_of_ones_own_and_a_stranger_gets_no_token() {
    let place = Place::imported(2);
    let token = place.token("amy", "operator", &[]);
    let write = |name: &str, text: &str| {
        let path = place.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    };
    let own = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = write("server.crt", &own.cert.pem());
    let key = write("server.key", &own.signing_key.serialize_pem());
    let stranger = write("stranger.crt", &other.cert.pem());
    let log = PathBuf::from("info");
    let settings =
        [("KEYREEVE_TLS_CERTIFICATE", &certificate), ("KEYREEVE_TLS_KEY", &key), ("KEYREEVE_LOG", &log)];
    let (child, address) = serve(&place, &settings);
    let port = address.rsplit(':').next().unwrap();
    let at = |authorities: Option<&PathBuf>, url: &str| {
        let mut elsewhere = Elsewhere::of(&address, &token);
        elsewhere.url = url.to_owned();
        let mut arguments = vec!["account", "reset-password", SYSTEM, "nobody", "--plan"];
        arguments.extend(authorities.map(|_| "--ca-file"));
        arguments.extend(authorities.map(|path| path.to_str().unwrap()));
        elsewhere.run(&arguments)
    };
    let asked =
        || std::fs::read_to_string(place.folder.path().join(LOG)).unwrap().matches("answered").count();
    let (named, by_number) = (format!("https://localhost:{port}"), format!("https://127.0.0.1:{port}"));
    for (authorities, url) in [(Some(&stranger), &named), (None, &named), (Some(&certificate), &by_number)] {
        let refused = at(authorities, url).code(2);
        assert!(
            refused.stderr.contains("TLS: ") && refused.stderr.contains("cannot be reached"),
            "{}",
            refused.stderr
        );
    }
    let nothing = write("nothing.crt", "");
    let missing = place.folder.path().join("missing.crt");
    for authorities in [&nothing, &missing] {
        at(Some(authorities), &named).code(2);
    }
    assert_eq!(asked(), 0, "a request was sent to a server that was not known");
    // Nobody of that name has an account, so there is something in the way.
    let planned = at(Some(&certificate), &named).code(1);
    assert!(planned.stdout.contains("nobody"), "{}", planned.stdout);
    assert!(asked() > 0);
    terminate(child);

    // What is not encrypted leaves this machine for nobody, whatever the name leads to.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    for url in [
        format!("http://127.0.0.1.nip.io:{port}"),
        format!("http://0.0.0.0:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
    ] {
        assert!(at(None, &url).code(2).stderr.contains("http:// is for this machine alone"), "{url}");
    }
    assert!(listener.accept().is_err(), "something was sent");
}
