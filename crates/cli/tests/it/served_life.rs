//! The whole life of one account driven only over REST, and again only over SCIM, on the sandbox, moto and ministack. What
//! each step has left behind is looked at by boto3 (`tests/audit/life_cycle.py`), which knows nothing of us.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use keyreeve_model::PermissionProfile;
use serde_json::{Value, json};

use crate::harness::SYSTEM;
use crate::http::{Answer, ask};
use crate::life_cycle::{Life, NAME, key, sandbox};
use crate::peer::{Boto, ministack, moto, program};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const OF_AWS: &str = "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A server over the life's store, killed when dropped.
struct Served<'a> {
    life: &'a Life,
    process: Child,
    address: String,
    token: String,
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl<'a> Served<'a> {
    fn begin(life: &'a Life) -> Self {
        life.run(&["system", "set", SYSTEM, "scim_entitlements=true", "scim_delete=delete"]);
        let create = ["token", "create", "--owner", "life", "--role", "operator", "--output", "json"];
        let token = life.run(&create).json()["token"].as_str().unwrap().to_owned();
        let mut command = life.command(&["serve", "--listen", "127.0.0.1:0", "--output", "json"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = ready["url"].as_str().unwrap().split_once("://").unwrap().1.to_owned();
        Self { life, process, address, token }
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &Value) -> Answer {
        let more = format!("Authorization: Bearer {}\r\nContent-Type: {kind}\r\n", self.token);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(&self.address, method, path, &more, &body)
    }

    #[track_caller]
    fn rest(&self, method: &str, path: &str, body: &Value, status: u16) -> Value {
        self.ask(method, &format!("/api/v1{path}"), "application/json", body).status(status).json()
    }

    /// Asks until what is at the address is in one of these states.
    #[track_caller]
    fn ended(&self, path: &str, states: &[&str]) -> Value {
        let begun = Instant::now();
        loop {
            let there = self.rest("GET", path, &Value::Null, 200);
            if states.contains(&there["state"].as_str().unwrap()) {
                return there;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{there:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A wish, carried out to its end.
    #[track_caller]
    fn job(&self, wish: Value) {
        let asked = json!({"wishes": [wish], "reason": "a life"});
        let job = self.rest("POST", &format!("/systems/{SYSTEM}/jobs"), &asked, 202);
        let over = ["succeeded", "failed", "partially_failed", "cancelled"];
        let job = self.ended(&format!("/jobs/{}", job["id"]), &over);
        assert_eq!(job["state"], "succeeded", "{}: {job:#}", self.life.peer);
    }

    #[track_caller]
    fn import(&self) {
        let run = self.rest("POST", &format!("/systems/{SYSTEM}/import-runs"), &json!({}), 202);
        let over = ["published", "suspended", "failed", "rejected"];
        let run = self.ended(&format!("/import-runs/{}", run["id"]), &over);
        assert_eq!(run["state"], "published", "{}: {run:#}", self.life.peer);
        let drift = run["warnings"].as_array().unwrap().iter().find(|warning| warning["code"] == "drift");
        assert!(drift.is_none(), "{}: {run:#}", self.life.peer);
    }

    #[track_caller]
    fn scim(&self, method: &str, path: &str, body: &Value, status: u16) -> Answer {
        let path = format!("/scim/v2/{SYSTEM}{path}");
        self.ask(method, &path, "application/scim+json", body).status(status)
    }

    #[track_caller]
    fn patch(&self, path: &str, operation: Value) -> Value {
        let body = json!({"schemas": [PATCH], "Operations": [operation]});
        self.scim("PATCH", path, &body, 200).json()
    }

    #[track_caller]
    fn is(&self, state: &str) {
        self.life.is(state);
    }

    fn over_rest(&self) {
        let policy = &self.life.policy;
        self.job(json!({"task": "create_account", "name": NAME, "path": "/staff/", "deliver": "link"}));
        self.is("created");
        self.import();
        self.job(json!({"task": "add_assignment", "account": NAME, "group": "devs"}));
        self.job(json!({"task": "add_assignment", "account": NAME, "policy": policy}));
        self.is("added");
        self.job(json!({"task": "reset_password", "account": NAME, "deliver": "link"}));
        self.is("reset");
        self.job(json!({"task": "deactivate_account", "account": NAME}));
        self.is("deactivated_without_key");
        self.job(json!({"task": "reactivate_account", "account": NAME, "deliver": "link"}));
        self.is("reactivated_without_key");
        self.job(json!({"task": "remove_assignment", "account": NAME, "group": "devs"}));
        self.job(json!({"task": "remove_assignment", "account": NAME, "policy": policy}));
        self.is("removed_without_key");
        self.job(json!({"task": "delete_account", "account": NAME}));
        self.is("deleted");
        self.import();
    }

    fn over_scim(&self) {
        let policy = &self.life.policy;
        let found =
            self.scim("GET", "/Groups?filter=displayName%20eq%20%22devs%22", &Value::Null, 200).json();
        let devs = format!("/Groups/{}", found["Resources"][0]["id"].as_str().unwrap());
        let ada = json!({"schemas": [USER, OF_AWS], "userName": NAME, OF_AWS: {"path": "/staff/"}});
        let made = self.scim("POST", "/Users", &ada, 201).json();
        let id = made["id"].as_str().unwrap();
        let users = "/Users";
        let at = format!("{users}/{id}");
        self.is("created");
        let group = self.patch(&devs, json!({"op": "add", "path": "members", "value": [{"value": id}]}));
        assert_eq!(group["members"][0]["value"], id, "{group:#}");
        self.patch(&at, json!({"op": "add", "path": "entitlements", "value": [{"value": policy}]}));
        self.is("added");
        let off = self.patch(&at, json!({"op": "replace", "path": "active", "value": false}));
        assert_eq!(off["active"], false, "{off:#}");
        self.is("deactivated_without_key");
        let on = self.patch(&at, json!({"op": "replace", "value": {"active": true}}));
        assert_eq!(on["active"], true, "{on:#}");
        self.is("reactivated_over_scim");
        self.patch(&devs, json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")}));
        self.patch(&at, json!({"op": "remove", "path": format!("entitlements[value eq \"{policy}\"]")}));
        self.is("removed_over_scim");
        self.scim("DELETE", &at, &Value::Null, 204);
        self.is("deleted");
        self.scim("GET", &at, &Value::Null, 404);
    }
}

/// Both ways one after the other, in one account.
fn pass(life: &Life) {
    let served = Served::begin(life);
    served.over_rest();
    served.over_scim();
    // What was done over SCIM is what an import sees.
    served.import();
}

#[test]
fn a_whole_life_over_rest_and_over_scim_on_the_sandbox() {
    if program("python").is_none() {
        return;
    }
    let (_place, boto) = sandbox();
    pass(&Life::begin("sandbox", PermissionProfile::Full, boto));
}

#[test]
fn a_whole_life_over_rest_and_over_scim_on_moto() {
    let Some(emulator) = moto() else { return };
    let boto = Boto { endpoint: emulator.endpoint.clone(), key: key("AKIAIOSFODNN7EXAMPLE", "secret") };
    pass(&Life::begin("moto", PermissionProfile::Reference, boto));
}

#[test]
fn a_whole_life_over_rest_and_over_scim_on_ministack() {
    let Some(emulator) = ministack() else { return };
    let boto = Boto { endpoint: emulator.endpoint.clone(), key: key("111122223333", "test") };
    pass(&Life::by_reference("ministack", boto));
}
