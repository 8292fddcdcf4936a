//! A process that dies in the middle of a change over SCIM leaves it to the next one, with all that was said.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use keyreeve_sandbox::{Effect, FaultRule, Phase};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Place, SYSTEM, until};
use crate::serve::{serve, terminate};

fn send(address: &str, token: &str, method: &str, path: &str, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

fn asked(address: &str, token: &str, path: &str) -> Value {
    let mut answer = String::new();
    send(address, token, "GET", path, &Value::Null).read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn what_was_said_over_scim_holds_though_the_process_was_killed_before_it_was_done() {
    let place = Place::registered(0);
    for setting in ["permission_profile=full", "scim_password=accept"] {
        place.run(&["system", "set", SYSTEM, setting]).code(0);
    }
    place.run(&["import", "run", SYSTEM]).code(0);
    let create = ["token", "create", "--owner", "okta", "--role", "operator", "--output", "json"];
    let token = place.run(&create).code(0).json()["token"].as_str().unwrap().to_owned();
    let hangs = FaultRule::new("CreateUser", Effect::Hang).phase(Phase::AfterApply).times(1);
    place.sandbox.add_fault(hangs);
    let (mut killed, address) = serve(&place, &[]);
    let users = format!("/scim/v2/{SYSTEM}/Users");
    let eve = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "eve", "externalId": "00u1",
        "displayName": "Eve", "password": "canary-1-Passw0rd!",
        "emails": [{"value": "eve@example.com", "primary": true}],
    });
    let waiting = send(&address, &token, "POST", &users, &eve);
    until("the call to be carried out", || {
        let trace = place.sandbox.trace();
        trace.iter().any(|call| call.action == "CreateUser" && call.applied == Some(true)).then_some(())
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    drop(waiting);
    place.sandbox.clear_faults();
    assert_eq!(place.json(&["job", "show", "1"])["state"], "running");
    let (child, address) = serve(&place, &[]);
    let called = format!("{users}?filter=externalId%20eq%20%2200u1%22");
    assert_eq!(asked(&address, &token, &called)["totalResults"], 0, "it is not done yet");
    until("the job to be over", || (place.json(&["job", "show", "1"])["state"] == "succeeded").then_some(()));
    let found = asked(&address, &token, &called);
    terminate(child);
    let user = &found["Resources"][0];
    for name in ["userName", "externalId", "displayName", "emails"] {
        assert_eq!(user[name], eve[name], "{name}: {found}");
    }
    assert!(place.sandbox.signs_in(ACCOUNT, "eve", "canary-1-Passw0rd!").unwrap());
    let made =
        |call: &keyreeve_sandbox::TraceEntry| call.action == "CreateUser" && call.applied == Some(true);
    assert_eq!(place.sandbox.trace().iter().filter(|call| made(call)).count(), 1);
}
