//! S27: where requests go is said by the configuration file and the environment of the process, and by nobody who asks
//! for something: no region, setting, wish or row of a system leads them elsewhere.

use std::net::TcpListener;

use serde_json::json;

use crate::harness::{ACCOUNT, Place, SYSTEM};

/// Whoever connects here was led astray.
struct Elsewhere(TcpListener);

impl Elsewhere {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn host(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    #[track_caller]
    fn nobody_came(&self, because: &str) {
        assert!(self.0.accept().is_err(), "{because}: a request went elsewhere");
    }
}

/// What is no region, most of it made so that a host is built from it.
fn no_regions(host: &str) -> Vec<String> {
    let mut bad: Vec<String> =
        ["us-east-1.evil.com/#", "us-east-1.evil.com", "us-east-1@evil.com", "us-east-1/", "us-east-1?"]
            .map(str::to_owned)
            .into();
    bad.extend(
        ["us-east-1#", "us-east-1.", "us-east-1 ", "us-east-1\n", "US-EAST-1", "eu-nowhere-1", "aws-global"]
            .map(str::to_owned),
    );
    bad.extend(["..", "%75s-east-1", "us-east-1\u{2024}evil", ""].map(str::to_owned));
    bad.extend([host.to_owned(), format!("{host}/#"), format!("http://{host}/"), format!("x@{host}/#")]);
    bad
}

#[test]
fn s27_no_command_and_no_wish_says_where_requests_go() {
    let place = Place::registered(1);
    let (elsewhere, before) = (Elsewhere::listen(), place.json(&["system", "show", SYSTEM]));
    let host = elsewhere.host();
    let url = format!("http://{host}/");
    let key = place.key(ACCOUNT);
    place.sandbox.clear_trace();
    for region in no_regions(&host) {
        let add =
            ["system", "add", "--name", "x", "--system-id", "x", "--region", &region, "--access-key-id"];
        let add = [&add[..], &[&key.access_key_id, "--secret-access-key-stdin"]].concat();
        let set = format!("region={region}");
        for refused in [
            place.run_with_input(&add, &key.secret_access_key),
            place.run(&["system", "set", SYSTEM, &set]),
            place.run(&[
                "aws",
                "bootstrap",
                "--system-id",
                "x",
                "--user",
                "u",
                "--plan",
                "--region",
                &region,
            ]),
            place.run(&["organization", "discover", "--plan", "--region", &region]),
        ] {
            assert_eq!(refused.code, 2, "{region:?}: {}{}", refused.stdout, refused.stderr);
            assert!(refused.stderr.contains("that is no AWS region"), "{region:?}: {}", refused.stderr);
        }
    }
    for name in [
        "endpoint_url",
        "endpoint_url_iam",
        "endpoint_url_sts",
        "http_proxy",
        "https_proxy",
        "partition",
        "dns_suffix",
    ] {
        for value in [url.as_str(), "aws.evil.com"] {
            let setting = format!("{name}={value}");
            place.run(&["system", "set", SYSTEM, &setting]).code(2);
            place.run(&["import", "profile", "set", SYSTEM, "default", &setting]).code(2);
        }
        let wish = json!({"task": "create_account", "name": "eve", "deliver": "link", name: url});
        let beside =
            json!({"system": SYSTEM, name: url, "wishes": [{"task": "delete_account", "account": "eve"}]});
        for wishes in [json!({"system": SYSTEM, "wishes": [wish]}), beside] {
            let file = place.folder.path().join("wishes.json");
            std::fs::write(&file, wishes.to_string()).unwrap();
            let refused = place.run(&["job", "plan", file.to_str().unwrap()]).code(2);
            assert!(refused.stderr.contains(name), "{wishes}: {}", refused.stderr);
        }
    }
    let key_arn = format!("arn:aws:kms:{host}/#:123456789012:key/k");
    place.run(&["secrets", "rekey", "--yes", "--to", &format!("kms:{key_arn}")]).code(2);
    assert!(place.sandbox.trace().is_empty(), "{:?}", place.sandbox.trace());
    assert_eq!(place.json(&["system", "show", SYSTEM]), before);
    elsewhere.nobody_came("what was refused");
}

#[test]
fn s27_a_row_that_was_altered_leads_nowhere() {
    let place = Place::registered(1);
    let elsewhere = Elsewhere::listen();
    for region in no_regions(&elsewhere.host()).into_iter().filter(|region| !region.is_empty()) {
        place.sql(&format!("UPDATE systems SET region = '{region}' WHERE system_id = '{SYSTEM}'"));
        place.sandbox.clear_trace();
        let refused = place.run(&["import", "run", SYSTEM]);
        assert_ne!(refused.code, 0, "{region:?}: {}", refused.stdout);
        assert!(refused.stderr.contains("no AWS region"), "{region:?}: {}", refused.stderr);
        assert!(place.sandbox.trace().is_empty(), "{region:?}: it was signed for that region");
        elsewhere.nobody_came(&region);
        // A person can mend it.
        place.run(&["system", "set", SYSTEM, "region=us-east-1"]).code(0);
    }
    place.run(&["import", "run", SYSTEM]).code(0);
}
