//! What is filled in comes back as it was, whatever else is refused, and means what it seems to mean.

use keyreeve_model::{MappingName, Protection, ProtectionKind, Role};
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::StatusCode;

use super::accounts::{address_of, form};
use super::{Browser, Seen};
use crate::place::{PASSWORD, PROD_ACCOUNT, Place, system};

const CHANGES: &str = "/systems/prod/changes";

fn borrowed<'a>(form: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// That a field has this in it, as HTML.
fn has_value(page: &Seen, field: &str, value: &str) {
    let input = page.text.split(&format!("id=\"{field}\"")).nth(1).unwrap_or_else(|| panic!("no {field}"));
    let input = input.split("</div>").next().unwrap();
    let there =
        input.contains(&format!("value=\"{value}\"")) || input.contains(&format!(">\n{value}</textarea>"));
    assert!(there, "{field} is not {value:?}: {input}");
}

/// A comma that was left over, and an empty field, make nobody the admin of everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_systems_are_chosen_and_not_what_is_left() {
    let place = Place::start().await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    place.person("bea", Role::Viewer, &["prod"]).await;
    let seen = admin.get("/settings/people/bea").await.hidden("seen");
    let tokens = async || place.get("/api/v1/tokens").await["items"].as_array().unwrap().len();
    let before = tokens().await;
    for (reach, systems, why) in [
        ("only", ",", "comma with no System ID beside it"),
        ("only", " , ,", "comma with no System ID beside it"),
        ("only", "prod,", "comma with no System ID beside it"),
        ("only", " ", "No system is named"),
        ("only", "prod,nosuch", "nosuch"),
        ("all", "prod", "choose one of the two"),
    ] {
        let of = [("role", "admin"), ("reach", reach), ("systems", systems)];
        let person = [&[("name", "eve"), ("password", PASSWORD)], &of[..]].concat();
        let token = [&[("owner", "eve"), ("expires_in_days", ""), ("once", "x")], &of[..]].concat();
        let role = [&[("seen", seen.as_str())], &of[..]].concat();
        for (address, form) in
            [("/settings/people", person), ("/settings/tokens", token), ("/settings/people/bea/role", role)]
        {
            let page = admin.send(address, &form).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{address} {systems:?}: {}", page.text);
            let beside =
                page.text.split("id=\"systems-about\"").nth(1).unwrap().split("</div>").next().unwrap();
            assert!(beside.contains(why), "{address} {systems:?}: {beside}");
        }
    }
    assert_eq!(tokens().await, before);
    let people = place.get("/api/v1/people").await;
    let all = people["items"].as_array().unwrap();
    assert!(all.iter().all(|one| one["name"] != "eve"), "{people}");
    let bea = all.iter().find(|one| one["name"] == "bea").unwrap();
    assert_eq!((&bea["role"], &bea["systems"][0]), (&"viewer".into(), &"prod".into()), "{bea}");
    // What is named twice is named once, here and over REST.
    let twice =
        [("seen", seen.as_str()), ("role", "operator"), ("reach", "only"), ("systems", "test, prod,test")];
    assert_eq!(admin.send("/settings/people/bea/role", &twice).await.status, StatusCode::SEE_OTHER);
    let body = serde_json::json!({"owner": "robo", "role": "viewer", "systems": ["test", "prod", "test"]});
    place.post("/api/v1/tokens", &body).await;
    for list in ["/settings/people", "/settings/tokens"] {
        admin.get(list).await.has(&[">test, prod<"]);
    }
    // Who is new is given nothing that was not chosen.
    admin.get("/settings/people").await.has(&["<option value=\"only\" selected"]);
    place.stop().await;
}

/// Browsers send each line break as two characters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_of_several_lines_comes_back_as_it_was_written() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let address = "/systems/prod/mappings/AWS%20-%20User";
    let mapping = place.store.task_mapping(&system("prod"), MappingName::User).await.unwrap().mapping;
    let text = serde_json::to_string_pretty(&mapping).unwrap().replace('\n', "\r\n");
    let seen = browser.get(address).await.hidden("seen");
    let send =
        async |text: &str| browser.send(address, &[("seen", &seen), ("mapping", text), ("reason", "")]).await;
    let refused = send(&text.replacen("\"Constant\"", "\"Nonsense\"", 1)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    let back = refused.text.split("<textarea").nth(1).unwrap().split("</textarea>").next().unwrap();
    let back = back.split_once(">\n").unwrap().1.replace("&#34;", "\"");
    assert!(!back.contains('\r') && !back.contains("\\u{"), "{back}");
    let mended = back.replacen("\"Nonsense\"", "\"Constant\"", 1).replace('\n', "\r\n");
    assert_eq!(send(&mended).await.status, StatusCode::SEE_OTHER);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_show_is_sent_back_as_it_is_and_is_not_protected() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let list = "/settings/protections";
    let add = async |kind: &str, value: &str| {
        browser.send(list, &[("system", "prod"), ("kind", kind), ("value", value), ("reason", "why")]).await
    };
    let refused = add("tag", "x\u{202e}y").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("id=\"value-about\"><p class=\"error\">"), "{}", refused.text);
    has_value(&refused, "value", "x\u{202e}y");
    has_value(&refused, "reason", "why");
    let over_rest = serde_json::json!({"kind": "tag", "value": "x\u{200b}y"});
    let (status, said) = place.post("/api/v1/systems/prod/protections", &over_rest).await;
    assert_ne!(status, StatusCode::OK, "{said}");
    // Space that nobody sees is not kept, and who protects what nobody has seen is told so.
    let person = place.people().await.remove(0);
    for (kind, value, said) in [
        ("account", person.as_str(), "protected"),
        ("account", "nobodyatall", "protected_unseen"),
        ("path", "/nowhere/", "protected_unseen"),
        ("tag", " owner=a  b ", "protected_unseen"),
    ] {
        let to = add(kind, value).await.to;
        assert_eq!(to, Some(format!("{list}?said={said}")), "{value}");
    }
    browser.get(&format!("{list}?said=protected_unseen")).await.has(&["saw no account that this covers"]);
    // What is there from before is taken off by what is shown of it.
    for value in ["x\u{202e}y", "key=v\r\nw", "d  e "] {
        let kind = ProtectionKind::Tag(value.to_owned());
        let one = Protection { kind, reason: None, added_by: "old".to_owned(), added_at: place.clock.now() };
        place.store.add_protection(&system("prod"), &one).await.unwrap();
    }
    let page = browser.get(list).await;
    let ways = page.text.split("href=\"/settings/protections/remove?").skip(1);
    let ways: Vec<String> = ways.map(|way| way.split('"').next().unwrap().replace("&#38;", "&")).collect();
    assert_eq!(ways.len(), 7);
    for way in ways {
        let ask = browser.get(&format!("{list}/remove?{way}")).await;
        let confirm = ask.text.split("data-confirm=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        ask.has(&[&format!("<code>{confirm}</code>")]);
        // As a browser sends it.
        let value = ask.hidden("value").replace("\r\n", "\n").replace('\n', "\r\n");
        let (of, kind) = (ask.hidden("system"), ask.hidden("kind"));
        let sent = [
            ("system", of.as_str()),
            ("kind", &kind),
            ("value", &value),
            ("reason", ""),
            ("confirm", &confirm),
        ];
        let gone = browser.send(&format!("{list}/remove"), &sent).await;
        assert_eq!(gone.to.as_deref(), Some("/settings/protections?said=unprotected"), "{}", gone.text);
    }
    assert_eq!(place.store.protections(&system("prod")).await.unwrap(), []);
    for other in ["system=prod&kind=tag&value=x", "system=nosuch&kind=tag&value=x"] {
        assert_eq!(browser.get(&format!("{list}/remove?{other}")).await.status, StatusCode::NOT_FOUND);
    }
    // A filter is asked for again as it was, and a plan is applied as it was made.
    browser.get("/systems/prod/accounts?q=a%E2%80%8Eb").await.has(&["name=\"q\" value=\"a\u{200e}b\""]);
    let wanted = [("name", "odd.one"), ("tags", "dept=A\u{2028}B"), ("deliver", "link")];
    let plan = browser.send("/systems/prod/new-account", &wanted).await;
    plan.has(&["CreateUser", "A\\u{2028}B"]);
    let done = browser.send(CHANGES, &borrowed(&form(&plan, &[("reason", "")]))).await;
    done.has(&["krs_"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_values_with_commas_are_one() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let group = |name: &str| Mutation::CreateGroup { name: name.to_owned(), path: "/".to_owned() };
    place.sandbox.mutate(PROD_ACCOUNT, &[group("dev,ops"), group("dev"), group("ops")]).unwrap();
    place.import("prod").await;
    let wanted = [
        ("name", "odd.one"),
        ("groups", "dev,ops\r\n\r\n"),
        ("attributes", "department=Research, Lab\r\ncost=1"),
        ("deliver", "link"),
    ];
    let plan = browser.send("/systems/prod/new-account", &wanted).await;
    plan.has(&["AddUserToGroup"]);
    let wishes = plan.hidden("wishes").replace("&#34;", "\"");
    let wishes: serde_json::Value = serde_json::from_str(&wishes).unwrap();
    assert_eq!(wishes[0]["groups"], serde_json::json!(["dev,ops"]), "{wishes}");
    assert_eq!(wishes[0]["attributes"]["department"], "Research, Lab", "{wishes}");
    place.stop().await;
}

/// What stands in the way is mended where it was written, and nothing has to be written twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_leads_back_to_its_form_as_it_was_filled_in() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let person = place.people().await.remove(0);
    let own = address_of(&place, &person).await;
    let back = async |plan: &Seen| {
        let way = plan.text.split("<form").find(|form| form.contains("name=\"again\"")).unwrap();
        let action = way.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
        let fields = way.split("type=\"hidden\" name=\"").skip(1).map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name, rest.split('"').next().unwrap().replace("&#34;", "\"").replace('\n', "\r\n"))
        });
        let fields: Vec<(&str, String)> = fields.collect();
        browser.send(action, &borrowed(&fields)).await
    };
    let wanted = [
        ("name", "new.person"),
        ("path", "/staff/"),
        ("groups", "enginering"),
        ("tags", "a=b\r\nc=d"),
        ("deliver", "operator"),
    ];
    let plan = browser.send("/systems/prod/new-account", &wanted).await;
    plan.has(&["What stands in the way", "Change what is asked for"]);
    let form = back(&plan).await;
    form.has(&["<h1>New account</h1>", "Show the plan", "<option value=\"operator\" selected"]);
    for (field, value) in
        [("name", "new.person"), ("path", "/staff/"), ("groups", "enginering"), ("tags", "a=b\nc=d")]
    {
        has_value(&form, field, value);
    }
    for (action, field, value) in [("update", "path", "/no-slash"), ("add-assignment", "group", "enginering")]
    {
        let plan = browser.send(&format!("{own}/{action}"), &[(field, value)]).await;
        plan.has(&["What stands in the way"]);
        let form = back(&plan).await;
        form.has(&["Show the plan"]);
        has_value(&form, field, value);
    }
    // Also after something else was refused.
    let plan = browser.send(&format!("{own}/delete"), &[]).await;
    let refused = form_of(&plan, &browser, &[("reason", "they left"), ("confirm", "x")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    has_value(&refused, "reason", "they left");
    back(&refused).await.has(&["Show the plan"]);
    place.stop().await;
}

async fn form_of(plan: &Seen, browser: &Browser<'_>, more: &[(&str, &str)]) -> Seen {
    let mut sent = form(plan, more);
    sent.push(("form", plan.hidden("form").replace("&#34;", "\"")));
    browser.send(CHANGES, &borrowed(&sent)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_is_as_long_as_the_rule_says_and_is_not_lost() {
    let place = Place::start().await;
    let admin = Browser::of(&place, "ada", Role::Admin, &[]).await;
    place.person("bea", Role::Viewer, &[]).await;
    let long = "\u{e9}".repeat(1_001);
    let person = place.people().await.remove(0);
    let own = address_of(&place, &person).await;
    let plan = admin.send(&format!("{own}/delete"), &[]).await;
    let seen = admin.get("/systems/prod/remove").await.hidden("seen");
    let key = [("kind", "path"), ("system", "prod"), ("value", "/kept/")];
    let added = admin.send("/settings/protections", &[&key[..], &[("reason", "")]].concat()).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.text);
    for (reason, confirm, field) in [(long.as_str(), true, "reason"), ("they left", false, "confirm")] {
        let typed = |name: &'static str| if confirm { name } else { "other" };
        let name = if confirm { person.as_str() } else { "other" };
        let pages = [
            form_of(&plan, &admin, &[("reason", reason), ("confirm", name)]).await,
            admin
                .send(
                    "/systems/prod/remove",
                    &[("seen", &seen), ("reason", reason), ("confirm", typed("prod"))],
                )
                .await,
            admin.send("/settings/people/bea/remove", &[("reason", reason), ("confirm", typed("bea"))]).await,
            admin
                .send(
                    "/settings/protections/remove",
                    &[&key[..], &[("reason", reason), ("confirm", typed("/kept/"))]].concat(),
                )
                .await,
        ];
        for page in pages {
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
            has_value(&page, "reason", reason);
            let input =
                page.text.split(&format!("id=\"{field}\"")).nth(1).unwrap().split('>').next().unwrap();
            assert!(input.contains("aria-invalid"), "{input}");
            assert!(page.text.contains("name=\"reason\"") && page.text.contains("maxlength=\"1000\""));
        }
    }
    // The longest is taken.
    let longest = "\u{e9}".repeat(1_000);
    let gone = admin.send("/settings/people/bea/remove", &[("reason", &longest), ("confirm", "bea")]).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.text);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_plan_as_aws_refuses_the_credentials_is_led_to_the_connection() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    let person = place.people().await.remove(0);
    let own = address_of(&place, &person).await;
    let (status, code) = (403, "InvalidClientTokenId".to_owned());
    let refused = Effect::Error { status, code, message: String::new() };
    place.sandbox.add_fault(FaultRule::new("GetLoginProfile", refused).times(20));
    let page = browser.send(&format!("{own}/delete"), &[]).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{}", page.text);
    assert!(page.text.contains("href=\"/systems/prod/connection\""), "{}", page.text);
    place.stop().await;
}
