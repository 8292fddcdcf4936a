//! How one finds on: what fits is counted, what can be written is proposed, and a page says what is beside it.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::StatusCode;
use serde_json::json;

use super::Browser;
use crate::place::{PROD_ACCOUNT, Place, USERS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_say_how_many_fit_and_what_there_is_to_narrow_them_down_by() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let accounts = "/systems/prod/accounts";
    let all = place.all("/api/v1/systems/prod/accounts", 100).await;
    let enabled = all.iter().filter(|one| one["status"] == "enabled").count();
    assert!(all.len() > 25 && all.len() >= USERS as usize);
    let page = browser.get(&format!("{accounts}?limit=25")).await;
    page.has(&[&format!("25 rows here, of {}.", all.len()), &format!(">Enabled ({enabled})</option>")]);
    let second =
        page.text.split("\" rel=\"next\"").next().unwrap().rsplit('"').next().unwrap().replace("&#38;", "&");
    browser.get(&second).await.has(&[&format!("rows here, of {}.", all.len())]);
    // Narrowed down, what fits is counted, and how many there are of all is said no more.
    let narrowed = browser.get(&format!("{accounts}?limit=25&status=enabled")).await;
    narrowed.has(&[&format!("25 rows here, of {enabled}.")]);
    assert!(!narrowed.text.contains(&format!(">Enabled ({enabled})")), "{}", narrowed.text);
    let searched = browser.get(&format!("{accounts}?limit=25&q=arn")).await;
    searched.has(&[&format!("25 rows here, of {}.", all.len())]);
    let both = browser.get(&format!("{accounts}?limit=25&status=enabled&q=arn")).await;
    both.has(&["25 rows here, and there are more."]);
    let resources = place.all("/api/v1/systems/prod/resources", 100).await.len();
    // Policies of AWS are many, and are counted as far as that is of use.
    assert!(resources > 1_000);
    let many = browser.get("/systems/prod/resources?limit=25").await;
    many.has(&["25 rows here, of more than 1,000."]);
    // What can be written into a field is looked up elsewhere, and without a script it takes what is typed.
    page.has(&["data-proposes=\"/systems/prod/named?of=group\"", "list=\"filter-group-proposed\""]);
    let group = place.get("/api/v1/systems/prod/resources?type=group").await["items"][0].clone();
    let name = group["name"].as_str().unwrap();
    let named = browser.get(&format!("/systems/prod/named?of=group&q={name}")).await;
    named.has(&["<ul id=\"named\">", &format!("data-value=\"{name}\"")]);
    let arns = browser.get("/systems/prod/named?of=arn&q=").await;
    arns.has(&["data-value=\"arn:aws:iam::"]);
    assert!(!arns.text.contains(&format!("data-value=\"{name}\"")), "{}", arns.text);
    browser.get("/systems/prod/named?of=path&q=contr").await.has(&["data-value=\"/contractors/\""]);
    let limited = Browser::of(&place, "bo", Role::Viewer, &["test"]).await;
    let refused = limited.get("/systems/prod/named?of=group").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    // A group that there is none of is said to be that, and what is near.
    let near = browser.get(&format!("{accounts}?group={name}x")).await;
    assert_eq!(near.status, StatusCode::BAD_REQUEST);
    let said = format!("No group called “{name}x” is known; “{name}” is near.");
    assert!(near.text.contains(&said) && near.text.contains("id=\"filter-group-about\""), "{}", near.text);
    assert_eq!(
        browser.get(&format!("{accounts}?policy=nothing-like-it")).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(browser.get(&format!("{accounts}?group={name}&q=nobody-at-all")).await.status, StatusCode::OK);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_says_who_holds_it_through_groups_and_why() {
    let place = Place::start().await;
    let group = || "zz-crew".to_owned();
    let user = |name: &str| Mutation::CreateUser {
        name: name.into(),
        path: "/".into(),
        tags: Vec::new(),
        boundary: None,
    };
    let join = |name: &str| Mutation::AddToGroup { user: name.into(), group: group() };
    let policies = place.all("/api/v1/systems/prod/resources?managed_by=customer", 100).await;
    let (arn, policy) = (policies[0]["arn"].as_str().unwrap(), policies[0]["external_id"].as_str().unwrap());
    let people = ["zz.ada", "zz.bea", "zz.cay"];
    let mut made = vec![Mutation::CreateGroup { name: group(), path: "/".into() }];
    made.extend(people.iter().flat_map(|name| [user(name), join(name)]));
    made.push(Mutation::AttachGroupPolicy { group: group(), arn: arn.to_owned() });
    place.sandbox.mutate(PROD_ACCOUNT, &made).unwrap();
    place.import("prod").await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let address = format!("/systems/prod/resources/{policy}");
    let page = browser.get(&address).await;
    page.has(&[
        &format!("href=\"{address}?kind=through#holders\""),
        "and through them their members do",
        "through=groups",
    ]);
    let through = browser.get(&format!("{address}?kind=through&limit=250")).await;
    let crew =
        place.get("/api/v1/systems/prod/resources?name=zz-crew").await["items"][0]["external_id"].clone();
    let crew = crew.as_str().unwrap();
    for name in people {
        let row = through.text.split("<tr>").find(|row| row.contains(&format!(">{name}</a>"))).unwrap();
        assert!(
            row.contains(&format!("Member of <a href=\"/systems/prod/resources/{crew}\">zz-crew</a>")),
            "{row}"
        );
    }
    // Page by page it is the same, in both directions.
    let whole = browser.get(&format!("{address}?kind=through&format=csv")).await.text;
    let whole: Vec<&str> = whole.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    for (sort, mut expected) in
        [("holder", whole.clone()), ("-holder", whole.iter().rev().copied().collect())]
    {
        let (mut next, mut seen) = (Some(format!("{address}?kind=through&sort={sort}&limit=2")), Vec::new());
        while let Some(at) = next.take() {
            let page = browser.get(&at).await;
            let holders = page.text.split("id=\"list\"").nth(1).unwrap();
            seen.extend(
                holders
                    .split("<tr><td>")
                    .skip(1)
                    .map(|row| row.split("</a>").next().unwrap().rsplit('>').next().unwrap().to_owned()),
            );
            let parted = page.text.split_once("\" rel=\"next\"");
            next = parted.map(|(before, _)| before.rsplit('"').next().unwrap().replace("&#38;", "&"));
        }
        expected.truncate(expected.len());
        assert_eq!(seen, expected, "{sort}");
    }
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_system_leads_to_what_needs_somebody() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    browser.get("/systems/prod").await.has(&[
        "Nothing of this system needs you now",
        "Last import</dt>",
        "Published</dt>",
    ]);
    let people = place.people().await;
    let gone = |name: &String| json!({"task": "delete_account", "account": name});
    let wishes: Vec<_> = people.iter().take(2).map(gone).collect();
    let (_, waits) =
        place.post("/api/v1/systems/prod/jobs", &json!({"wishes": wishes, "reason": "they left"})).await;
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).times(1).min_fires(1));
    let body = json!({"wishes": [{"task": "create_account", "name": "other.person"}], "reason": null});
    let (_, failed) = place.post("/api/v1/systems/prod/jobs", &body).await;
    place.ended(&format!("/api/v1/jobs/{}", failed["id"])).await;
    let (waits, failed) =
        (format!("href=\"/jobs/{}\"", waits["id"]), format!("href=\"/jobs/{}\"", failed["id"]));
    browser.get("/systems/prod").await.has(&["Needs a person", &waits, &failed]);
    let other = browser.get("/systems/test").await;
    assert!(!other.text.contains(&waits) && other.text.contains("Nothing of this system needs you now"));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_the_past_is_answered_in_its_place() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    let refused = async |address: &str, field: &str| {
        let page = browser.get(address).await;
        assert!(page.status.is_client_error(), "{address}: {}", page.status);
        assert!(page.text.contains(&format!("id=\"filter-{field}-about\"")), "{address}: {}", page.text);
        assert!(page.text.contains("id=\"list\""), "{address}: {}", page.text);
    };
    for list in ["accounts", "resources"] {
        refused(&format!("/systems/prod/{list}?as_of=2001-01-01"), "as_of").await;
        refused(&format!("/systems/prod/{list}?as_of=run:99"), "as_of").await;
        let past = browser.get(&format!("/systems/prod/{list}?as_of=run:1&sort=name")).await;
        let now = format!("<a href=\"/systems/prod/{list}?sort=name\">As it is now</a>");
        past.has(&["This is how it was as of <code>run:1</code>", &now]);
        assert!(!browser.get(&format!("/systems/prod/{list}")).await.text.contains("This is how it was"));
    }
    let compare = "/systems/prod/compare?from=run:1";
    browser.get(compare).await.has(&["id=\"compared\" data-with-list"]);
    for (wrong, field) in [("run:2", "to"), ("run:99", "to"), ("2001-01-01", "to"), ("run:x", "to")] {
        refused(&format!("{compare}&to={wrong}"), field).await;
    }
    refused("/systems/prod/compare?from=2001-01-01", "from").await;
    // Run 2 is of another system; a permission profile that there is none of is no dead end either.
    let policy = browser.get("/systems/prod/policy?profile=everything").await;
    assert_eq!(policy.status, StatusCode::BAD_REQUEST);
    assert!(policy.text.contains("There is no permission profile “everything”"), "{}", policy.text);
    assert!(policy.text.contains("<select id=\"profile\""), "{}", policy.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_drawn_in_the_order_of_its_tasks() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let wishes = json!([
        {"task": "create_account", "name": "zz.new"},
        {"task": "add_assignment", "account": "zz.new", "group": place.get("/api/v1/systems/prod/resources?type=group").await["items"][0]["name"]},
    ]);
    let (status, job) =
        place.post("/api/v1/systems/prod/jobs", &json!({"wishes": wishes, "reason": null})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    let job = place.ended(&format!("/api/v1/jobs/{}", job["id"])).await;
    let tasks = job["tasks"].as_array().unwrap();
    assert!(
        tasks.iter().any(|task| task["after"].as_array().is_some_and(|after| !after.is_empty())),
        "{job:#}"
    );
    let page = browser.get(&format!("/jobs/{}", job["id"])).await;
    page.has(&["In which order", "class=\"edge\"", "✓ Succeeded"]);
    for task in tasks {
        let link = format!("<a href=\"/jobs/{}#task-{}\" class=\"node good\"", job["id"], task["id"]);
        assert!(page.text.contains(&link), "{link} is not in {}", page.text);
    }
    // Where nothing waits for anything, there is no order to be drawn.
    let body = json!({"wishes": [{"task": "create_account", "name": "zz.other"}], "reason": null});
    let (_, alone) = place.post("/api/v1/systems/prod/jobs", &body).await;
    assert!(!browser.get(&format!("/jobs/{}", alone["id"])).await.text.contains("In which order"));
    place.stop().await;
}
