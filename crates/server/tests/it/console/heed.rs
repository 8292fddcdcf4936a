//! What pages say of who gave what and since when, of who has approved and who may decide, of what nobody has directly, and
//! where an empty list leads to.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Browser;
use super::accounts::address_of;
use super::gone::done;
use super::imports::suspended;
use crate::place::{PROD_ACCOUNT, Place};

const LETS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;

fn of_group(name: &str) -> Mutation {
    Mutation::PutGroupInline { group: "zz-crew".into(), name: name.into(), document: LETS.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inline_policy_is_there_since_the_import_that_saw_it_and_by_nobody_who_did_not_give_it() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let person = place.people().await.remove(0);
    let own = |name: &str| Mutation::PutUserInline {
        user: person.clone(),
        name: name.into(),
        document: LETS.into(),
    };
    let crew = Mutation::CreateGroup { name: "zz-crew".into(), path: "/".into() };
    place.sandbox.mutate(PROD_ACCOUNT, &[crew, of_group("zz-early"), own("zz-own")]).unwrap();
    place.import("prod").await;
    let job = done(&place, json!({"task": "add_assignment", "account": person, "group": "zz-crew"})).await;
    place.import("prod").await;
    place.sandbox.mutate(PROD_ACCOUNT, &[of_group("zz-late"), own("zz-own-late")]).unwrap();
    place.import("prod").await;
    let runs = place.get("/api/v1/systems/prod/import-runs").await;
    let runs: Vec<&Value> = runs["items"].as_array().unwrap().iter().collect();
    let (last, first_of_own) = (runs[0], runs[2]);
    let account = address_of(&place, &person).await;
    let file = browser.get(&format!("{account}?format=csv")).await.text;
    let row = |what: &str| {
        let row = file.lines().find(|line| line.starts_with(&format!("Inline policy,{what},")));
        row.unwrap_or_else(|| panic!("{what} is not in {file}")).to_owned()
    };
    let seen = |run: &Value| {
        format!(",{},Run {} saw it first: not given here,", run["published_at"].as_str().unwrap(), run["id"])
    };
    // It was in the group before the job put the account there: so the job gave it.
    assert!(row("zz-early").contains(&format!(",Job {job} of admin")), "{file}");
    assert!(row("zz-late").contains(&seen(last)), "{file}");
    assert!(row("zz-own").contains(&seen(first_of_own)), "{file}");
    assert!(row("zz-own-late").contains(&seen(last)), "{file}");
    // As of before, it is said as it was known then.
    let then = browser.get(&format!("{account}?format=csv&as_of=run:{}", runs[1]["id"])).await.text;
    assert!(then.contains("zz-early") && !then.contains("zz-late"), "{then}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_approved_says_so_when_it_is_tried_again_and_takes_the_typed_name() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let approver = Browser::of(&place, "bo", Role::Approver, &[]).await;
    let gone = |name: &String| json!({"task": "delete_account", "account": name});
    let wishes: Vec<Value> = place.people().await.iter().take(2).map(gone).collect();
    let (status, job) = place.post("/api/v1/systems/prod/jobs", &json!({"wishes": wishes})).await;
    assert_eq!((status, &job["state"]), (StatusCode::ACCEPTED, &json!("awaiting_approval")), "{job}");
    let address = format!("/jobs/{}", job["id"]);
    place.sandbox.add_fault(FaultRule::new("DeleteUser", Effect::AccessDenied).times(2));
    let page = approver.get(&format!("{address}/approve")).await;
    let approval = [("seen", &*page.hidden("seen")), ("reason", ""), ("confirm", "prod")];
    assert_eq!(approver.send(&format!("{address}/approve"), &approval).await.status, StatusCode::SEE_OTHER);
    let failed = place.ended(&format!("/api/v1{address}")).await;
    assert_eq!(failed["state"], "failed", "{failed:#}");
    let retry = format!("{address}/retry");
    let page = operator.get(&retry).await;
    page.has(&["It is approved already", "bo approved the job on <time ", "data-confirm=\"prod\""]);
    assert!(!page.text.contains("A second person must approve it"), "{}", page.text);
    let calls = place.calls("DeleteUser");
    let (seen, once) = (page.hidden("seen"), page.hidden("once"));
    for confirm in [&[][..], &[("confirm", "pro")]] {
        let sent: Vec<(&str, &str)> =
            [("seen", &*seen), ("once", &*once)].into_iter().chain(confirm.iter().copied()).collect();
        let refused = operator.send(&retry, &sent).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(refused.text.contains("Type prod to go on"), "{}", refused.text);
    }
    assert_eq!(place.calls("DeleteUser"), calls);
    let sent = [("seen", &*seen), ("once", &*once), ("confirm", "prod")];
    let led = operator.send(&retry, &sent).await.to;
    assert_eq!(led, Some(format!("{address}?said=job_retried")));
    assert_eq!(place.ended(&format!("/api/v1{address}")).await["state"], "succeeded");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_leaves_something_out_is_no_refusal_in_the_audit_log() {
    let place = Place::start().await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let some = Browser::of(&place, "ola", Role::Admin, &["test"]).await;
    for browser in [&viewer, &some] {
        for address in ["/", "/settings", "/settings/protections", "/audit", "/systems", "/search?q=a"] {
            assert_eq!(browser.get(address).await.status, StatusCode::OK, "{address}");
        }
    }
    let rows = async || place.get("/api/v1/audit?action=access_refused").await["items"].clone();
    assert_eq!(rows().await, json!([]));
    // Who asks for what is not theirs is refused, and that is written down.
    assert_eq!(viewer.get("/settings/tokens").await.status, StatusCode::FORBIDDEN);
    let rows = rows().await;
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["actor"]), (1, &json!("vi")), "{rows}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_nobody_has_directly_leads_to_those_who_hold_it_through_a_group() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    let groups = place.get("/api/v1/systems/prod/assignments?kind=account_group").await;
    let group = groups["items"][0]["resource_name"].as_str().unwrap().to_owned();
    let mut policy = None;
    for one in place.all("/api/v1/systems/prod/resources?type=policy", 100).await {
        let (name, arn) = (one["name"].as_str().unwrap(), one["arn"].as_str().unwrap());
        let held = place.get(&format!("/api/v1/systems/prod/accounts?policy={name}")).await;
        if held["items"].as_array().unwrap().is_empty() && one["attachable"] != false {
            policy = Some((name.to_owned(), arn.to_owned()));
            break;
        }
    }
    let (name, arn) = policy.unwrap();
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::AttachGroupPolicy { group, arn }]).unwrap();
    place.import("prod").await;
    let page = browser.get(&format!("/systems/prod/accounts?policy={name}")).await;
    page.has(&[
        "<option value=\"\" selected>Directly</option><option value=\"groups\">Also through groups",
        ">Nobody directly<",
        " it through a group.",
        &format!("href=\"/systems/prod/accounts?policy={name}&#38;through=groups\""),
    ]);
    let page = browser.get(&format!("/systems/prod/accounts?policy={name}&through=groups")).await;
    assert!(!page.text.contains("Nobody directly") && !page.text.contains("Nothing fits"), "{}", page.text);
    // Where nobody holds it in any way, nothing is said of groups.
    let page = browser.get(&format!("/systems/prod/accounts?policy={name}&q=nobody.at.all")).await;
    assert!(page.text.contains("Nothing fits") && !page.text.contains("Nobody directly"), "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_run_names_who_may_decide_to_who_may_not() {
    let place = Place::start().await;
    let operator = Browser::of(&place, "ola", Role::Operator, &[]).await;
    let address = format!("/imports/{}", suspended(&place).await);
    operator.get(&address).await.has(&[
        "You cannot decide about it: your role here is operator",
        "Nobody who signs in here may accept or reject it",
    ]);
    let approver = Browser::of(&place, "bo", Role::Approver, &[]).await;
    operator.get(&address).await.has(&["Who may accept or reject it: bo."]);
    let page = approver.get(&address).await;
    assert!(!page.text.contains("You cannot decide about it"), "{}", page.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_home_leads_an_admin_to_a_new_system_and_nobody_else() {
    let place = Place::start().await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let viewer = Browser::of(&place, "vi", Role::Viewer, &[]).await;
    for system in ["prod", "test"] {
        let address = format!("/systems/{system}/remove");
        let seen = admin.get(&address).await.hidden("seen");
        let sent = [("seen", seen.as_str()), ("reason", ""), ("confirm", system)];
        assert_eq!(admin.send(&address, &sent).await.status, StatusCode::SEE_OTHER);
    }
    let (gone, way) = ("2 systems were removed", "href=\"/systems?state=removed\"");
    admin.get("/").await.has(&["No system is connected", gone, "href=\"/new-system\">New system</a>"]);
    admin.get("/systems").await.has(&["No system is connected", gone, way]);
    admin.get("/new-system").await.has(&["<h1>New system</h1>"]);
    let page = viewer.get("/").await;
    page.has(&["No system is connected", gone, way]);
    assert!(!page.text.contains("New system"), "{}", page.text);
    place.stop().await;
}
