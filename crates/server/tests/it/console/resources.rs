//! Groups and policies: who holds them, and several who lose them by one plan.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;
use serde_json::Value;

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place};

/// A group of `prod` with two people or more, and who they are.
async fn crowded(place: &Place) -> (Value, Vec<Value>) {
    for group in place.all("/api/v1/systems/prod/resources?type=group", 100).await {
        let id = group["external_id"].as_str().unwrap();
        let address = format!("/api/v1/systems/prod/assignments?kind=account_group&group={id}");
        let members = place.all(&address, 100).await;
        let are_people = |one: &Value| one["account"].as_str().unwrap().contains('.');
        if members.iter().filter(|one| are_people(one)).count() >= 2 {
            return (group, members);
        }
    }
    panic!("no group has two people");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_are_found_and_say_who_holds_them() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let list = "/systems/prod/resources";
    let rows = async |query: &str| {
        let file = browser.get(&format!("{list}?{query}&format=csv")).await;
        assert_eq!(file.status, StatusCode::OK, "{}", file.text);
        file.text.lines().count() - 1
    };
    let groups = place.all("/api/v1/systems/prod/resources?type=group", 100).await.len();
    let own = place.all("/api/v1/systems/prod/resources?managed_by=customer", 100).await.len();
    assert_eq!((rows("type=group").await, rows("managed_by=customer").await), (groups, own));
    assert!(groups > 0 && own > 0);
    browser.get(&format!("{list}?sort=-path&limit=25")).await.has(&["aria-sort=\"descending\"", "Next page"]);
    let (group, members) = crowded(&place).await;
    let address = format!("{list}/{}", group["external_id"].as_str().unwrap());
    let page = browser.get(&format!("{address}?limit=250")).await;
    page.has(&["Who holds it", "Policies of the group", ">Member<", group["arn"].as_str().unwrap()]);
    assert_eq!(page.text.matches("<td>Member</td>").count(), members.len(), "{}", page.text);
    assert!(
        !page.text.contains("type=\"checkbox\"") && !page.text.contains("Remove"),
        "a viewer removes nobody"
    );
    assert!(!page.text.contains("Attached to the group"), "what a group holds is no holder: {}", page.text);
    let policies = place.all("/api/v1/systems/prod/assignments?kind=group_policy", 100).await;
    let policy = policies[0]["resource_external_id"].as_str().unwrap();
    browser
        .get(&format!("{list}/{policy}?kind=group_policy"))
        .await
        .has(&["Attached to the group", "Version in force"]);
    assert_eq!(browser.get(&format!("{list}/AGPANOTHING")).await.status, StatusCode::NOT_FOUND);
    place.not_imported("fresh").await;
    browser.get("/systems/fresh/resources").await.has(&["Nothing was imported yet"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_holders_lose_a_group_by_one_plan() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let (group, members) = crowded(&place).await;
    let address = format!("/systems/prod/resources/{}", group["external_id"].as_str().unwrap());
    let page = browser.get(&format!("{address}?limit=250")).await;
    assert_eq!(
        page.text.matches("type=\"checkbox\" form=\"removal\"").count(),
        members.len(),
        "{}",
        page.text
    );
    let people = members.iter().filter(|one| one["account"].as_str().unwrap().contains('.'));
    let chosen: Vec<&Value> = people.take(2).collect();
    let ids: Vec<(&str, &str)> =
        chosen.iter().map(|one| ("holder", one["account_external_id"].as_str().unwrap())).collect();
    let remove = format!("{address}/remove");
    let nobody = browser.send(&remove, &[]).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", nobody.text);
    for text in ["Nobody was chosen. Mark above", "Who holds it", "form=\"removal\""] {
        assert!(nobody.text.contains(text), "{text}: {}", nobody.text);
    }
    for wrong in [vec![("holder", "AIDANOBODY")], vec![("who", ids[0].1)]] {
        assert_eq!(browser.send(&remove, &wrong).await.status, StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    let viewer = Browser::of(&place, "vic", Role::Viewer, &[]).await;
    assert_eq!(viewer.send(&remove, &ids).await.status, StatusCode::FORBIDDEN);
    // One alone is put back as easily as it was taken out.
    let one = browser.send(&remove, &ids[..1]).await;
    assert!(!one.text.contains("data-confirm"), "{}", one.text);
    let plan = browser.send(&remove, &ids).await;
    let name = group["name"].as_str().unwrap();
    plan.has(&[
        "Apply this plan",
        &format!("data-confirm=\"{name}\""),
        &format!("2 accounts leave group {name}"),
    ]);
    assert_eq!(plan.text.matches("RemoveUserFromGroup").count(), 2, "{}", plan.text);
    assert_eq!(place.writes(), Vec::<String>::new());
    let hidden = ["wishes", "seen", "meant", "once", "next"]
        .map(|name| (name, plan.hidden(name).replace("&#34;", "\"")));
    let mut form: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.push(("reason", "they moved"));
    for typed in [None, Some("prod"), Some("")] {
        let typed: Vec<(&str, &str)> = typed.map(|typed| ("confirm", typed)).into_iter().collect();
        let refused = browser.send("/systems/prod/changes", &[form.clone(), typed].concat()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(
            refused.text.contains(&format!("Type {name} to go on; nothing was done")),
            "{}",
            refused.text
        );
    }
    assert_eq!(place.writes(), Vec::<String>::new());
    form.push(("confirm", name));
    let done = browser.send("/systems/prod/changes", &form).await;
    assert!(
        done.to.as_ref().is_some_and(|to| to.starts_with("/jobs/") && to.ends_with("?said=asked")),
        "{}",
        done.text
    );
    let jobs = place.get("/api/v1/systems/prod/jobs").await;
    assert_eq!(jobs["items"].as_array().map(Vec::len), Some(1));
    let job = place.ended(&format!("/api/v1/jobs/{}", jobs["items"][0]["id"])).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    for one in chosen {
        let user = place.in_aws(one["account"].as_str().unwrap()).unwrap();
        assert!(!user["groups"].to_string().contains(group["name"].as_str().unwrap()), "{user}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_policy_says_is_read_and_compared_version_by_version() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let allow = |what: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{what}","Resource":"*"}}]}}"#
        )
    };
    let person = place.people().await.remove(0);
    let arn = format!("arn:aws:iam::{PROD_ACCOUNT}:policy/of-files");
    let version = |what: &str| Mutation::CreatePolicyVersion { arn: arn.clone(), document: allow(what) };
    let evil = r#"{"Version":"2012-10-17","Statement":[{"Sid":"</pre><img src=x onerror=alert(1)>","Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let made = [
        Mutation::CreatePolicy { name: "of-files".into(), path: "/".into(), document: allow("s3:GetObject") },
        version("s3:Get*"),
        version("s3:*"),
        Mutation::PutUserInline { user: person.clone(), name: "own".into(), document: evil.into() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let policy =
        place.get("/api/v1/systems/prod/resources?type=policy&name=of-files").await["items"][0].clone();
    let id = policy["external_id"].as_str().unwrap();
    let said = place.get(&format!("/api/v1/systems/prod/resources/{id}/documents")).await;
    let versions = said["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 3, "{said:#}");
    assert_eq!((&versions[0]["version_id"], &versions[0]["is_default"]), (&"v3".into(), &true.into()));
    assert_eq!(versions[2]["document"], allow("s3:GetObject"));

    let address = format!("/systems/prod/resources/{id}");
    let page = browser.get(&address).await;
    page.has(&[
        "What it says",
        "    {\n      &#34;Effect&#34;: &#34;Allow&#34;",
        "s3:*",
        "In force",
        "Kept in AWS",
    ]);
    assert!(!page.text.contains("s3:Get*"), "what is not in force is a page further: {}", page.text);
    let one = browser.get(&format!("{address}/versions?to=v1")).await;
    one.has(&["What v1 says", "s3:GetObject"]);
    let between = browser.get(&format!("{address}/versions?from=v1&to=v3")).await;
    between.has(&[
        "From v1 to v3",
        "<del>-       &#34;Action&#34;: &#34;s3:GetObject&#34;,</del>",
        "<ins>+       &#34;Action&#34;: &#34;s3:*&#34;,</ins>",
    ]);
    for (query, status) in [("to=v9", 404), ("from=v9&to=v1", 404), ("which=v1", 400)] {
        let refused = browser.get(&format!("{address}/versions?{query}")).await;
        assert_eq!(refused.status.as_u16(), status, "{query}");
    }

    let account = place.get(&format!("/api/v1/systems/prod/accounts/{person}")).await;
    let address = format!("/systems/prod/accounts/{}", account["external_id"].as_str().unwrap());
    let page = browser.get(&address).await;
    page.has(&["Policy of its own: <code>own</code>", "&#60;/pre&#62;&#60;img src=x onerror=alert(1)&#62;"]);
    assert!(!page.text.contains("<img src=x"), "{}", page.text);
    let own = place.get(&format!("/api/v1{address}/documents")).await;
    assert_eq!(own["inline"][0]["document"], evil, "{own:#}");
    place.stop().await;
}
