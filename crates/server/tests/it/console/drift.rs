//! What was changed here and is not so in AWS any more: named where it is seen first, settled in one place, and over some time.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Browser;
use super::imports::suspended;
use crate::place::{PROD_ACCOUNT, Place};

const ADDRESS: &str = "/systems/prod/drift";

/// Puts somebody into a group that they are not in, and gives both.
async fn joined(place: &Place, nth: usize) -> (String, String) {
    let person = place.people().await.swap_remove(nth);
    let held = place.get(&format!("/api/v1/systems/prod/assignments?account={person}&limit=1000")).await;
    let of: Vec<&Value> = held["items"].as_array().unwrap().iter().map(|one| &one["resource_name"]).collect();
    let groups = place.get("/api/v1/systems/prod/resources?type=group").await;
    let mut groups = groups["items"].as_array().unwrap().iter().map(|group| &group["name"]);
    let group = groups.find(|name| !of.contains(name)).unwrap().as_str().unwrap().to_owned();
    let wish = json!({"task": "add_assignment", "account": person, "group": group});
    let (status, job) = place.post("/api/v1/systems/prod/jobs", &json!({"wishes": [wish]})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    let done = place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
    assert_eq!(done["state"], "succeeded", "{done}");
    (person, group)
}

fn left((user, group): &(String, String)) -> Mutation {
    Mutation::RemoveFromGroup { user: user.clone(), group: group.clone() }
}

fn again((user, group): &(String, String)) -> Mutation {
    Mutation::AddToGroup { user: user.clone(), group: group.clone() }
}

fn marks(text: &str) -> Vec<&str> {
    text.split("name=\"claim\" value=\"").skip(1).map(|one| one.split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_drifted_is_named_and_ends_when_it_is_so_again_or_is_accepted() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let (one, other) = (joined(&place, 0).await, joined(&place, 1).await);
    viewer.get(ADDRESS).await.has(&[">No drift<"]);
    place.sandbox.mutate(PROD_ACCOUNT, &[left(&one), left(&other)]).unwrap();
    place.import("prod").await;
    let said = |(person, group): &(String, String), job: u32| {
        format!(
            "{person} was put into group &#34;{group}&#34; by job {job}. AWS has: Not in group &#34;{group}&#34;."
        )
    };
    let home = viewer.get("/").await;
    home.has(&[&said(&one, 1), &said(&other, 2), &format!("<a href=\"{ADDRESS}\">")]);
    // Programs are told the same.
    let told = place.get("/api/v1/systems/prod/drift").await;
    let told = told["items"].as_array().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    let of_one = told.iter().find(|drift| drift["account"] == one.0.as_str()).unwrap();
    assert_eq!(
        (&of_one["job"], &of_one["aws_has"], &of_one["account_is_there"]),
        (&json!(1), &json!(format!("Not in group {:?}", one.1)), &json!(true)),
        "{of_one}"
    );
    let page = viewer.get(ADDRESS).await;
    page.has(&[
        "Was put into group",
        "Not in group",
        "href=\"/jobs/1\"",
        "<title>Drift · System prod · Keyreeve</title>",
    ]);
    assert!(marks(&page.text).is_empty() && !page.text.contains("Accept what is marked"), "{}", page.text);

    // So is it on the page of the account, and on that of nobody else.
    let account = format!("/systems/prod/accounts/{}", of_one["account_external_id"].as_str().unwrap());
    viewer.get(&account).await.has(&[
        "Done here, and not so in AWS",
        &format!("Not in group &#34;{}&#34;", one.1),
        "href=\"/systems/prod/drift\"",
    ]);
    let others = place.people().await.swap_remove(2);
    assert!(!viewer.get(&format!("/systems/prod/accounts/{others}")).await.text.contains("not so in AWS"));

    // Somebody puts one of them right in AWS, and the next import sees it.
    place.sandbox.mutate(PROD_ACCOUNT, &[again(&one)]).unwrap();
    place.import("prod").await;
    let home = viewer.get("/").await;
    home.has(&[&said(&other, 2)]);
    assert!(!home.text.contains(&said(&one, 1)), "{}", home.text);

    let page = approver.get(ADDRESS).await;
    let [mark] = marks(&page.text)[..] else { panic!("{}", page.text) };
    let accept = "/api/v1/systems/prod/drift/accept";
    let (status, ended) = place.post(accept, &json!({"claims": [of_one["claim"]]})).await;
    assert_eq!((status, &ended["accepted"]), (StatusCode::OK, &json!(0)), "it has ended by itself");
    assert!(!viewer.get(&account).await.text.contains("not so in AWS"));
    let long = "x".repeat(1_001);
    let refused = place.post(accept, &json!({"claims": [of_one["claim"]], "reason": long})).await;
    assert_eq!(refused.0, StatusCode::BAD_REQUEST, "{}", refused.1);
    let refused = approver.send(ADDRESS, &[("claim", mark), ("reason", long.as_str())]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    let nothing = approver.send(ADDRESS, &[("reason", "why not")]).await;
    assert!(nothing.text.contains("value=\"why not\""), "{}", nothing.text);
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", nothing.text);
    let done = approver.send(ADDRESS, &[("claim", mark), ("reason", "they left the team")]).await;
    assert_eq!(done.to.as_deref(), Some("/systems/prod/drift?said=drift_accepted"), "{}", done.text);
    approver.get("/systems/prod/drift?said=drift_accepted").await.has(&[">No drift<", "no drift any more"]);
    viewer.get("/").await.has(&["Nothing needs you now"]);
    let rows = place.get("/api/v1/audit?action=drift_accepted").await;
    assert_eq!(
        (
            &rows["items"][0]["actor"],
            &rows["items"][0]["subject"]["reason"],
            rows["items"].as_array().unwrap().len()
        ),
        (&json!("ada"), &json!("they left the team"), 1),
        "{rows}"
    );
    // The same form once more leads to the same place; whoever else accepts it is told that it was, and by whom.
    let form = [("claim", mark), ("reason", "they left the team")];
    assert_eq!(approver.send(ADDRESS, &form).await.to, done.to);
    let other_approver = Browser::of(&place, "bo", Role::Approver, &[]).await;
    for browser in [&approver, &other_approver] {
        let late = browser.send(ADDRESS, &[("claim", mark), ("reason", "so be it")]).await;
        let said = ["was accepted by ada at", "nothing was written down now"];
        late.refuses(StatusCode::UNPROCESSABLE_ENTITY, &said);
    }
    let ended =
        other_approver.send(ADDRESS, &[("claim", &of_one["claim"].to_string()), ("reason", "x")]).await;
    ended.refuses(StatusCode::UNPROCESSABLE_ENTITY, &["is no drift: it ended by itself"]);
    // The log has it by the account, in words, and so has the account.
    let found = format!("/api/v1/audit?action=drift_accepted&account={}", other.0);
    let rows = place.get(&found).await;
    let [row] = &rows["items"].as_array().unwrap()[..] else { panic!("{rows}") };
    assert_eq!(row["subject"]["fact"]["group"], json!(other.1), "{row}");
    let words = format!(
        "{0} was put into group &#34;{1}&#34; by job 2. AWS has: Not in group &#34;{1}&#34;. Reason: they left the team",
        other.0, other.1
    );
    approver.get(&format!("/audit?action=drift_accepted&account={}", other.0)).await.has(&[&words]);
    approver.get(&format!("/audit/{}", row["seq"])).await.has(&["What was accepted", &words]);
    let told = place.get(&format!("/api/v1/systems/prod/accounts/{}", other.0)).await;
    let page = format!("/systems/prod/accounts/{}", told["external_id"].as_str().unwrap());
    for address in [page.clone(), format!("{page}/history?from=drift")] {
        viewer.get(&address).await.has(&["was accepted by ada. Reason: they left the team", ">Accepted<"]);
    }
    // What is accepted stays so, though no import ever sees it as it was made here.
    place.import("prod").await;
    viewer.get("/").await.has(&["Nothing needs you now"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_undone_once_an_import_has_confirmed_it_is_said_to_be_no_drift() {
    let place = Place::start().await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let one = joined(&place, 0).await;
    place.import("prod").await;
    place.sandbox.mutate(PROD_ACCOUNT, &[left(&one)]).unwrap();
    place.import("prod").await;
    let page = viewer.get(ADDRESS).await;
    page.has(&[">No drift<", "What is undone in AWS later, once an import has confirmed it, is no drift"]);
    assert!(!page.text.contains("is so in AWS"), "{}", page.text);
    // It stands where the page says.
    let run = place.get("/api/v1/systems/prod/import-runs").await["items"][0]["id"].to_string();
    viewer.get(&format!("/imports/{run}/changes")).await.has(&[&one.0, &one.1]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waited_settles_what_was_changed_here_when_it_is_accepted() {
    let place = Place::start().await;
    let approver = Browser::of(&place, "ada", Role::Approver, &[]).await;
    let people = place.people().await.len();
    let (stays, goes) = (joined(&place, people - 1).await, joined(&place, people - 2).await);
    place.sandbox.mutate(PROD_ACCOUNT, &[left(&goes)]).unwrap();
    let address = format!("/imports/{}", suspended(&place).await);
    let settled = async || {
        let rows = place.get("/api/v1/audit?action=claims_settled").await;
        rows["items"].as_array().unwrap().iter().map(|row| row["subject"].clone()).collect::<Vec<_>>()
    };
    assert!(settled().await.is_empty(), "nothing is settled before somebody has decided");
    let pending = async |(person, _): &(String, String)| {
        place.get(&format!("/api/v1/systems/prod/accounts/{person}")).await["pending"].clone()
    };
    assert_ne!(pending(&stays).await, json!([]));
    let seen = approver.get(&address).await.hidden("seen");
    let form = [("seen", seen.as_str()), ("reason", "they left"), ("confirm", "prod")];
    let done = approver.send(&format!("{address}/accept"), &form).await;
    assert_eq!(done.to, Some(format!("{address}?said=accepted")), "{}", done.text);
    let rows = settled().await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let mut states: Vec<_> = row["claims"].as_array().unwrap().iter().map(|one| one["to"].clone()).collect();
    states.sort_by_key(Value::to_string);
    assert_eq!(states, ["confirmed", "contradicted"], "{row}");
    assert_eq!(pending(&stays).await, json!([]));
    approver.get("/").await.has(&[&format!("{} was put into group", goes.0)]);
    place.stop().await;
}
