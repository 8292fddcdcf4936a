//! S08: a one-time link shows its password once, to one, whoever else looks at it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Barrier};
use std::thread;

use serde_json::Value;

use crate::harness::{ACCOUNT, Place, SYSTEM};
use crate::secrets::{ALL, assert_clean};
use crate::serve::{LOG, serve, terminate};

const BASE: &str = "https://keys.example.org/keyreeve";

/// An account with a password behind a link, and a server that shows it.
struct Linked {
    place: Place,
    server: Child,
    address: String,
    secret: String,
    job: Value,
}

fn linked() -> Linked {
    let place = Place::imported(2);
    let create = ["account", "create", SYSTEM, "--name", "ada", "--yes", "--output", "json"];
    let mut command = place.command(&create);
    let ran = command.env("KEYREEVE_PUBLIC_URL", BASE).output().unwrap();
    let job = crate::harness::Ran::of(ran).code(0).json();
    let secret = job["one_time_secrets"][0]["secret"].as_str().unwrap().to_owned();
    let (server, address) = serve(&place, &[]);
    Linked { place, server, address, secret, job }
}

fn ask(address: &str, method: &str, more: &str, body: &str) -> String {
    ask_at(address, "/one-time", method, more, body)
}

fn ask_at(address: &str, place: &str, method: &str, more: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {place} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn post(address: &str, secret: &str) -> String {
    ask(address, "POST", "Content-Type: application/x-www-form-urlencoded\r\n", &format!("secret={secret}"))
}

fn password_in(answer: &str) -> Option<String> {
    let (_, rest) = answer.split_once("tabindex=\"0\">")?;
    let escaped = rest.split_once("</code>")?.0;
    Some(["&#38;=&", "&#39;='", "&#60;=<", "&#62;=>"].iter().fold(escaped.to_owned(), |text, pair| {
        let (escape, sign) = pair.split_once('=').unwrap();
        text.replace(escape, sign)
    }))
}

/// The page without what differs from request to request.
fn steady(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("x-request-id") && !line.starts_with("date")).collect()
}

impl Linked {
    fn audited(&self, action: &str) -> usize {
        let rows = self.place.json(&["audit", "list"]);
        rows.as_array().unwrap().iter().filter(|row| row["action"] == action).count()
    }
}

#[test]
fn s08_bots_use_nothing_up_and_of_a_hundred_at_once_one_sees_the_password() {
    let linked = linked();
    let link = linked.job["one_time_secrets"][0]["link"].as_str().unwrap();
    assert_eq!(link, format!("{BASE}/one-time#{}", linked.secret));
    for round in 0..100 {
        let (method, more) = match round % 4 {
            0 => ("HEAD", ""),
            1 => ("OPTIONS", ""),
            2 => ("GET", "Purpose: prefetch\r\nSec-Purpose: prefetch;prerender\r\nX-Moz: prefetch\r\n"),
            _ => ("GET", "User-Agent: bot\r\n"),
        };
        let answer = ask(&linked.address, method, more, "");
        let expected = if method == "OPTIONS" { "HTTP/1.1 405" } else { "HTTP/1.1 200" };
        assert!(answer.starts_with(expected) && !answer.contains("evil.example"), "{answer}");
    }
    // Nor is it shown to who puts the secret into the address, where it would be kept by all on the way.
    for place in ["/one-time?secret=", "/one-time/?secret=", "/one-time/", "/one-time#"] {
        let answer = ask_at(&linked.address, &format!("{place}{}", linked.secret), "GET", "", "");
        assert!(password_in(&answer).is_none() && !answer.contains(&linked.secret), "{place}: {answer}");
    }
    assert_eq!(linked.audited("password_opened"), 0);
    let gate = Arc::new(Barrier::new(100));
    let racers: Vec<_> = (0..100)
        .map(|_| {
            let (gate, address, secret) = (Arc::clone(&gate), linked.address.clone(), linked.secret.clone());
            thread::spawn(move || {
                gate.wait();
                post(&address, &secret)
            })
        })
        .collect();
    let answers: Vec<String> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
    let shown: Vec<String> = answers.iter().filter_map(|answer| password_in(answer)).collect();
    assert_eq!(shown.len(), 1, "{answers:?}");
    assert!(linked.place.sandbox.signs_in(ACCOUNT, "ada", &shown[0]).unwrap());
    let gone = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 410")).count();
    assert_eq!(gone, 99);
    assert_eq!((linked.audited("password_opened"), linked.audited("password_second_attempt")), (1, 99));
    terminate(linked.server);
}

#[test]
fn s08_unknown_used_and_expired_are_one_answer_and_wrong_ones_cost_nothing() {
    let linked = linked();
    let secret = &linked.secret;
    let last = secret.chars().last().unwrap();
    let wrong = [
        format!("{}{}", &secret[..secret.len() - 1], if last == 'q' { 'p' } else { 'q' }),
        format!("{secret}/"),
        secret.to_uppercase(),
        secret.to_lowercase(),
        format!("krs_00000000000000000000_{}", secret.splitn(3, '_').nth(2).unwrap()),
        "krs_".to_owned(),
        "nonsense".to_owned(),
        String::new(),
    ];
    let unknown = steady(&post(&linked.address, &wrong[0]));
    assert!(unknown.starts_with("HTTP/1.1 410"), "{unknown}");
    for wrong in &wrong {
        assert_eq!(steady(&post(&linked.address, wrong)), unknown, "{wrong}");
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (more, body) in [
        (form, format!("secret={secret}&secret={secret}")),
        (form, format!("secret={secret}&other=1")),
        (form, "x=1".to_owned()),
        ("Content-Type: application/json\r\n", format!("{{\"secret\":\"{secret}\"}}")),
        ("", format!("secret={secret}")),
        (form, format!("secret={}", "x".repeat(5000))),
    ] {
        let answer = ask(&linked.address, "POST", more, &body);
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!((linked.audited("password_opened"), linked.audited("password_second_attempt")), (0, 0));
    linked.place.sql("UPDATE password_deliveries SET expires_at = 1");
    assert_eq!(steady(&post(&linked.address, secret)), unknown);
    assert_eq!(steady(&post(&linked.address, secret)), unknown);
    assert_eq!((linked.audited("password_opened"), linked.audited("password_expired")), (0, 1));
    terminate(linked.server);
}

#[test]
fn s08_who_guesses_is_slowed_down_and_uses_nothing_up() {
    let linked = linked();
    let wrong = format!("{}{}", &linked.secret[..linked.secret.len() - 3], "qqq");
    let refused = (0..1_000).map(|_| post(&linked.address, &wrong)).find(|answer| !answer.contains(" 410 "));
    let refused = refused.unwrap();
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("retry-after: "), "{refused}");
    assert_eq!((linked.audited("password_opened"), linked.audited("password_second_attempt")), (0, 0));
    // Whoever has the right one waits, and has lost nothing.
    let right =
        (0..10_000).map(|_| post(&linked.address, &linked.secret)).find(|answer| !answer.contains(" 429 "));
    assert!(password_in(&right.unwrap()).is_some());
    terminate(linked.server);
}

#[test]
fn neither_the_secret_nor_the_password_is_in_any_log() {
    let Linked { place, server, secret, .. } = linked();
    terminate(server);
    let (server, address) = serve(&place, &[("KEYREEVE_LOG", &PathBuf::from(ALL))]);
    ask(&address, "GET", "", "");
    post(&address, &format!("{secret}x"));
    let password = password_in(&post(&address, &secret)).unwrap();
    post(&address, &secret);
    terminate(server);
    let log = std::fs::read_to_string(place.folder.path().join(LOG)).unwrap();
    assert!(log.contains("/one-time"), "{log}");
    let random = secret.splitn(3, '_').nth(2).unwrap();
    assert!(!log.contains(random) && !log.contains(&password));
    assert_clean(&place, &[random, &password], &[]);
}

#[test]
fn the_page_brings_nothing_from_elsewhere_and_can_be_used_without_a_mouse_or_eyes() {
    let place = Place::registered(0);
    let (server, address) = serve(&place, &[]);
    let page = ask(&address, "GET", "", "");
    for header in [
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'",
        "content-type: text/html; charset=utf-8",
    ] {
        assert!(page.contains(header), "{header}: {page}");
    }
    for part in ["<html lang=\"en\">", "<main>", "<h1>", "<label for=\"secret\">", "id=\"secret\"", "<title>"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    for foreign in ["http://", "https://", "//", "style=", "onclick", "<script>"] {
        assert!(!page.split_once("\r\n\r\n").unwrap().1.contains(foreign), "{foreign}: {page}");
    }
    for asset in ["/one-time.js", "/one-time.css"] {
        assert!(crate::serve::get(&address, asset).starts_with("HTTP/1.1 200"), "{asset}");
    }
    terminate(server);
}

#[test]
fn a_place_that_is_not_encrypted_is_no_base_of_links() {
    let place = Place::registered(0);
    let mut command = place.command(&["system", "list"]);
    let ran = command.env("KEYREEVE_PUBLIC_URL", "http://keys.example.org").output().unwrap();
    let refused = crate::harness::Ran::of(ran).code(2);
    assert!(
        refused.stderr.contains("public_url") && refused.stderr.contains("https://"),
        "{}",
        refused.stderr
    );
}
