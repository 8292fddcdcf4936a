//! Groups and policies: who holds them, and several who lose them by one plan.

use keyreeve_model::Role;
use reqwest::StatusCode;
use serde_json::Value;

use super::Browser;
use crate::place::Place;

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
    for wrong in [vec![], vec![("holder", "AIDANOBODY")], vec![("who", ids[0].1)]] {
        assert_eq!(browser.send(&remove, &wrong).await.status, StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    let viewer = Browser::of(&place, "vic", Role::Viewer, &[]).await;
    assert_eq!(viewer.send(&remove, &ids).await.status, StatusCode::FORBIDDEN);
    let plan = browser.send(&remove, &ids).await;
    plan.has(&["Apply this plan"]);
    assert_eq!(plan.text.matches("RemoveUserFromGroup").count(), 2, "{}", plan.text);
    assert_eq!(place.writes(), Vec::<String>::new());
    let hidden = ["wishes", "seen", "meant", "once", "next"]
        .map(|name| (name, plan.hidden(name).replace("&#34;", "\"")));
    let mut form: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    form.push(("reason", "they moved"));
    let done = browser.send("/systems/prod/changes", &form).await;
    assert!(
        done.to.as_ref().is_some_and(|to| to.starts_with(&format!("{address}?said=asked-"))),
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
