use keyreeve_sandbox::{Error, Mutation, Options, Population};

use crate::client::{ACCOUNT, Client, options, sandbox, sandbox_with};

#[tokio::test]
async fn the_same_seed_gives_the_same_account_and_the_same_days() {
    let (one, two) = (sandbox(120).await, sandbox(120).await);
    assert_eq!(one.state(ACCOUNT).unwrap(), two.state(ACCOUNT).unwrap());
    assert_eq!(one.connector_key(ACCOUNT).unwrap(), two.connector_key(ACCOUNT).unwrap());
    let other = sandbox_with(Options { seed: 2, ..options(120) }).await;
    assert_ne!(one.connector_key(ACCOUNT).unwrap(), other.connector_key(ACCOUNT).unwrap());
    assert_ne!(one.state(ACCOUNT).unwrap(), other.state(ACCOUNT).unwrap());
    let changes = one.evolve(ACCOUNT).unwrap();
    assert_eq!(changes, two.evolve(ACCOUNT).unwrap());
    assert_ne!(changes, one.evolve(ACCOUNT).unwrap());
}

#[tokio::test]
async fn people_are_believable_and_some_names_are_hostile() {
    let sandbox = sandbox(500).await;
    let truth = sandbox.state(ACCOUNT).unwrap();
    let users = truth["users"].as_array().unwrap();
    let share =
        |of: &dyn Fn(&serde_json::Value) -> bool| users.iter().filter(|user| of(user)).count() * 100 / 500;
    assert!((72..=88).contains(&share(&|user| !user["login_profile"].is_null())));
    assert!((50..=80).contains(&share(&|user| !user["mfa"].as_array().unwrap().is_empty())));
    assert!(share(&|user| user["groups"].as_array().unwrap().len() >= 2) > 50);
    for name in ["=cmd", "+plus", "-dash", "@at", "comma,name"] {
        assert!(users.iter().any(|user| user["name"] == name), "{name}");
    }
    assert!(users.iter().any(|user| user["path"] == "/\"><script>/"));
    for user in users {
        let id = user["id"].as_str().unwrap();
        assert!(id.len() == 21 && id.starts_with("AIDA"), "{id}");
        assert!(user["groups"].as_array().unwrap().len() <= 10);
        assert!(user["attached"].as_array().unwrap().len() <= 10);
        assert!(user["keys"].as_array().unwrap().len() <= 2);
    }
}

#[tokio::test]
async fn a_day_brings_joiners_leavers_and_changes_for_a_month() {
    let sandbox = sandbox(120).await;
    let client = Client::of(&sandbox, ACCOUNT);
    for _ in 0..30 {
        let changes = sandbox.evolve(ACCOUNT).unwrap();
        let has = |of: fn(&Mutation) -> bool| changes.iter().any(of);
        assert!(has(|change| matches!(change, Mutation::CreateUser { .. })));
        assert!(has(|change| matches!(change, Mutation::DeleteUser { .. })));
        assert!(has(|change| matches!(change, Mutation::TagUser { .. })));
        assert!(has(|change| matches!(change, Mutation::CreateGroup { .. })));
    }
    client.iam("ListUsers", &[]).await.ok();
}

#[tokio::test]
async fn names_are_unique_ignoring_case_and_a_refused_change_changes_nothing() {
    let sandbox = sandbox(5).await;
    let create = |name: &str| Mutation::CreateUser {
        name: name.to_owned(),
        path: "/".to_owned(),
        tags: Vec::new(),
        boundary: None,
    };
    sandbox.mutate(ACCOUNT, &[create("Bob")]).unwrap();
    let before = sandbox.state(ACCOUNT).unwrap();
    let rename = Mutation::RenameUser { name: "Bob".to_owned(), new_name: "bob".to_owned() };
    let group = |name: &str| Mutation::CreateGroup { name: name.to_owned(), path: "/".to_owned() };
    for clash in [vec![create("BOB")], vec![rename], vec![create("eve"), group("New"), group("NEW")]] {
        let error = sandbox.mutate(ACCOUNT, &clash).unwrap_err();
        assert!(matches!(error, Error::Refused { ref code, .. } if code == "EntityAlreadyExists"), "{error}");
    }
    for bad in ["sp ace", "", "ünal", &"x".repeat(65)] {
        let error = sandbox.mutate(ACCOUNT, &[create(bad)]).unwrap_err();
        assert!(matches!(error, Error::Refused { ref code, .. } if code == "ValidationError"), "{error}");
    }
    let tag = |value: &str| Mutation::TagUser { name: "Bob".into(), key: "team".into(), value: value.into() };
    let error = sandbox.mutate(ACCOUNT, &[tag("\u{1b}[31m")]).unwrap_err();
    assert!(matches!(error, Error::Refused { ref code, .. } if code == "ValidationError"), "{error}");
    assert_eq!(sandbox.state(ACCOUNT).unwrap(), before);
}

#[tokio::test]
async fn renaming_keeps_the_id_and_recreating_does_not() {
    let sandbox = sandbox(40).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let id =
        async |name: &str| client.iam("GetUser", &[("UserName", name)]).await.ok().one("UserId").unwrap();
    let groups =
        async |name: &str| client.iam("ListGroupsForUser", &[("UserName", name)]).await.ok().all("GroupName");
    let (before, held) = (id("=cmd").await, groups("=cmd").await);
    assert!(!held.is_empty());
    let rename = Mutation::RenameUser { name: "=cmd".to_owned(), new_name: "plain".to_owned() };
    sandbox.mutate(ACCOUNT, &[rename]).unwrap();
    assert_eq!((id("plain").await, groups("plain").await), (before.clone(), held.clone()));
    let members = client.iam("GetGroup", &[("GroupName", &held[0]), ("MaxItems", "1000")]).await.ok();
    assert!(members.all("UserName").contains(&"plain".to_owned()));
    let again = Mutation::DeleteAndRecreateUser { name: "plain".to_owned() };
    sandbox.mutate(ACCOUNT, &[again]).unwrap();
    assert_ne!(id("plain").await, before);
    assert!(groups("plain").await.is_empty());
}

#[tokio::test]
async fn more_people_can_be_added_later() {
    let sandbox = sandbox(10).await;
    let more = Population { users: 25, groups: 2, customer_policies: 1, roles: 1 };
    sandbox.seed(ACCOUNT, more).unwrap();
    let client = Client::of(&sandbox, ACCOUNT);
    assert_eq!(client.iam("ListUsers", &[]).await.ok().all("UserName").len(), 36);
    assert_eq!(client.iam("ListGroups", &[]).await.ok().all("GroupName").len(), 14);
}
