use serde_json::{Value, json};

use crate::client::{ACCOUNT, Client, OTHER, sandbox};

struct Admin(String, reqwest::Client);

impl Admin {
    async fn get(&self, path: &str) -> Value {
        self.1.get(format!("{}{path}", self.0)).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.1.post(format!("{}{path}", self.0)).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn delete(&self, path: &str) {
        assert!(self.1.delete(format!("{}{path}", self.0)).send().await.unwrap().status().is_success());
    }
}

#[tokio::test]
async fn the_admin_port_offers_what_the_handle_offers() {
    let sandbox = sandbox(20).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let admin = Admin(sandbox.admin_url(), client.http.clone());
    assert!(sandbox.admin_url().starts_with("http://127.0.0.1:"));

    let accounts = admin.get("/accounts").await;
    assert_eq!(accounts[0]["connector"]["secret_access_key"], client.secret.as_str());
    assert_eq!((&accounts[0]["users"], &accounts[1]["account_id"]), (&json!(21), &json!(OTHER)));

    let changes = json!([
        {"op": "create_user", "name": "eve", "path": "/x/"},
        {"op": "create_login_profile", "user": "eve", "reset_required": true},
    ]);
    let (status, _) = admin.post(&format!("/accounts/{ACCOUNT}/mutate"), changes.clone()).await;
    assert_eq!(status, 200);
    let (status, refused) = admin.post(&format!("/accounts/{ACCOUNT}/mutate"), changes).await;
    assert_eq!(status, 409);
    assert!(refused["error"].as_str().unwrap().contains("EntityAlreadyExists"));
    assert_eq!(admin.post("/accounts/000000000000/evolve", json!({})).await.0, 404);
    let state = admin.get(&format!("/accounts/{ACCOUNT}/state")).await;
    assert!(state["users"].as_array().unwrap().iter().any(|user| user["path"] == "/x/"));
    assert!(!state.to_string().contains(&client.secret));
    assert_eq!(admin.post(&format!("/accounts/{ACCOUNT}/evolve"), json!({})).await.0, 200);
    assert_eq!(admin.post(&format!("/accounts/{ACCOUNT}/seed"), json!({"users": 3})).await.0, 200);

    let rule = json!([{"match": {"action": "ListUsers"}, "effect": {"kind": "throttle"}, "times": 1, "min_fires": 1}]);
    admin.post("/faults", rule).await;
    assert_eq!(admin.get("/faults/unfired").await.as_array().unwrap().len(), 1);
    client.iam("ListUsers", &[]).await.fails(400, "Throttling");
    client.iam("ListUsers", &[]).await.ok();
    assert_eq!(admin.get("/faults/unfired").await, json!([]));
    assert_eq!(admin.get("/faults").await[0]["fires"], 1);
    admin.delete("/faults").await;
    assert_eq!(admin.get("/faults").await, json!([]));

    let before = client.iam("GetUser", &[("UserName", "eve")]).await.ok();
    assert_eq!(before.one("Path").as_deref(), Some("/x/"));
    let trace = admin.get("/trace").await;
    let last = trace.as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["action"], &last["subject"]), (&json!("GetUser"), &json!("eve")));
    assert_eq!((&last["status"], &last["account"]), (&json!(200), &json!(ACCOUNT)));
    assert_eq!(trace[0]["faults"], json!(["1: throttle"]));
    admin.delete("/trace").await;
    client.iam("ListUsers", &[]).await.ok();
    let trace = admin.get("/trace").await;
    assert_eq!((trace.as_array().unwrap().len(), &trace[0]["seq"]), (1, &json!(4)));

    let (_, clock) = admin.post("/clock", json!({"advance_seconds": 3600})).await;
    assert_ne!(clock["now"], clock["on_the_wire"]);
    admin.post("/deny", json!({"principal": "keyreeve-connector", "actions": ["iam:GetUser"]})).await;
    client.iam("GetUser", &[]).await.fails(403, "AccessDenied");
    let swap = json!({"op": "swap", "access_key_id": client.key, "account": OTHER});
    assert_eq!(admin.post("/keys", swap).await.0, 200);
    assert_eq!(client.sts("GetCallerIdentity", &[]).await.ok().one("Account").as_deref(), Some(OTHER));
    let (_, key) = admin.post("/keys", json!({"op": "rotate", "account": ACCOUNT})).await;
    assert!(key["access_key_id"].as_str().unwrap().starts_with("AKIA"));
}

#[tokio::test]
async fn passwords_never_reach_the_trace() {
    let sandbox = sandbox(3).await;
    let client = Client::of(&sandbox, ACCOUNT);
    client.iam("CreateLoginProfile", &[("UserName", "eve"), ("Password", "Hunter2!Hunter2")]).await;
    let trace = serde_json::to_string(&sandbox.trace()).unwrap();
    assert!(trace.contains("CreateLoginProfile") && !trace.contains("Hunter2"), "{trace}");
    assert!(!trace.contains(&client.secret));
}

#[tokio::test]
async fn after_shutdown_nobody_listens() {
    let sandbox = sandbox(3).await;
    let client = Client::of(&sandbox, ACCOUNT);
    client.iam("ListUsers", &[]).await.ok();
    let admin = sandbox.admin_url();
    sandbox.shutdown().await;
    assert!(client.try_iam("ListUsers", &[]).await.is_err());
    assert!(client.http.get(format!("{admin}/accounts")).send().await.is_err());
}

#[tokio::test]
async fn the_admin_port_changes_what_the_connector_may_do_and_gives_an_administrators_key() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let admin = Admin(sandbox.admin_url(), client.http.clone());
    let policy = format!("/accounts/{ACCOUNT}/connector-policy");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:ListGroups", "Resource": "*"}]});
    for given in [document.clone(), json!(document.to_string())] {
        assert_eq!(admin.post(&policy, json!({"documents": [given]})).await.0, 200);
        client.iam("ListGroups", &[]).await.ok();
        client.iam("ListUsers", &[]).await.fails(403, "AccessDenied");
        let trace = admin.get("/trace").await;
        let refusal = &trace.as_array().unwrap().last().unwrap()["refusal"];
        assert_eq!((&refusal["action"], &refusal["silent"]), (&json!("iam:ListUsers"), &json!("identity")));
    }
    let (status, refused) = admin.post(&policy, json!({"documents": [{"Statement": []}]})).await;
    assert_eq!(status, 409);
    assert!(refused["error"].as_str().unwrap().contains("MalformedPolicyDocument"), "{refused}");
    client.iam("ListGroups", &[]).await.ok();

    let (_, key) = admin.post(&format!("/accounts/{ACCOUNT}/administrator"), json!({})).await;
    let text = |field: &str| key[field].as_str().unwrap().to_owned();
    let administrator =
        Client { key: text("access_key_id"), secret: text("secret_access_key"), ..client.clone() };
    let names = administrator.iam("ListUsers", &[]).await.ok().all("UserName");
    assert_eq!(names, ["administrator", "keyreeve-connector"]);
    admin.post(&policy, json!({"documents": null})).await;
    client.iam("ListUsers", &[]).await.ok();
}
