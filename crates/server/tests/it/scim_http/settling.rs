//! What becomes otherwise while something waits: a deletion is stale by what it takes along, and by nothing else; and what was
//! given from here, and AWS does not show yet, is taken away all the same.

use keyreeve_model::ScimDelete;
use keyreeve_sandbox::{Consistency, Mutation};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::since_the_import::{approved, key, mutate, place, waiting_of};
use super::users::{ada, at, created, patch};
use super::{FirstGroup, answered};

#[tokio::test]
async fn what_a_deletion_takes_along_makes_it_stale_and_what_it_is_not_about_does_not() {
    let place = place(|settings| {
        settings.max_deletes = 0;
        settings.scim_delete = ScimDelete::Delete;
    })
    .await;
    let made = created(&place, place.admin(), &ada()).await;
    let waiting = || waiting_of(place.request(Method::DELETE, &at(&made), Some(place.admin())));
    let user = || "ada.scim".to_owned();
    let arn = || "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
    let about_nothing = |value: &str| {
        [
            Mutation::TagUser { name: user(), key: "seen".into(), value: value.into() },
            Mutation::SetPath { name: user(), path: format!("/{value}/") },
            Mutation::SetBoundary { name: user(), arn: Some(arn()) },
        ]
    };
    let group = FirstGroup::of(&place).await.name;
    for change in [
        key("ada.scim"),
        Mutation::AddToGroup { user: user(), group },
        Mutation::AttachUserPolicy { user: user(), arn: arn() },
        Mutation::PutUserInline {
            user: user(),
            name: "own".into(),
            document: r#"{"Version":"2012-10-17","Statement":[]}"#.into(),
        },
        Mutation::DeleteLoginProfile { user: user() },
    ] {
        let job = waiting().await;
        mutate(&place, std::slice::from_ref(&change));
        assert_eq!(approved(&place, job).await, StatusCode::CONFLICT, "{change:?}");
        let other = waiting().await;
        assert_ne!(other, job, "{change:?}");
        mutate(&place, &about_nothing(&other.to_string()));
        assert_eq!(waiting().await, other, "{change:?}");
    }
    let job = waiting().await;
    mutate(&place, &about_nothing("last"));
    assert!(approved(&place, job).await.is_success());
    while place.in_aws("ada.scim").is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    place.stop().await;
}

/// A password is a way in, and so is a session as long as the policy that denies everything is not attached.
#[tokio::test]
async fn a_deactivation_is_stale_by_each_way_in_that_came_or_went() {
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let place = place(|settings| {
        settings.max_deactivations = 0;
        settings.deny_all_policy = Some(arn.to_owned());
    })
    .await;
    let made = created(&place, place.admin(), &ada()).await;
    let user = || "ada.scim".to_owned();
    let off = || json!([{"op": "replace", "path": "active", "value": false}]);
    let waiting = || waiting_of(patch(&place, place.admin(), &at(&made), off()));
    for change in [
        Mutation::DeleteLoginProfile { user: user() },
        Mutation::CreateLoginProfile { user: user(), reset_required: false },
        Mutation::AttachUserPolicy { user: user(), arn: arn.to_owned() },
        Mutation::DetachUserPolicy { user: user(), arn: arn.to_owned() },
    ] {
        let job = waiting().await;
        mutate(&place, std::slice::from_ref(&change));
        assert_eq!(approved(&place, job).await, StatusCode::CONFLICT, "{change:?}");
        assert_ne!(waiting().await, job, "{change:?}");
    }
    let job = waiting().await;
    assert!(approved(&place, job).await.is_success());
    let is_over = || {
        let ada = place.in_aws("ada.scim").unwrap();
        ada["login_profile"].is_null() && ada.to_string().contains(arn)
    };
    while !is_over() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    place.stop().await;
}

#[tokio::test]
async fn what_was_given_from_here_and_aws_does_not_show_yet_is_taken_away_all_the_same() {
    let place = place(|_| ()).await;
    let made = created(&place, place.admin(), &ada()).await;
    place.import("prod").await;
    let FirstGroup { name, address: of_group, members: others } = FirstGroup::of(&place).await;
    let (name, id) = (name.as_str(), made["id"].as_str().unwrap());
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    place.sandbox.advance_clock(100);
    place.sandbox.set_consistency(Consistency { read_lag_seconds: 60, ..Consistency::default() });
    let has = |what: &str| place.in_aws("ada.scim").unwrap().to_string().contains(what);
    let member = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    let policy = json!([{"op": "add", "path": "entitlements", "value": [{"value": arn}]}]);
    let taken =
        |list: &str, value: &str| json!([{"op": "remove", "path": format!("{list}[value eq \"{value}\"]")}]);
    let cases: [(&str, &Value, Value, &str); 3] = [
        (&of_group, &member, taken("members", id), name),
        (&of_group, &member, json!([{"op": "replace", "path": "members", "value": others}]), name),
        (&at(&made), &policy, taken("entitlements", arn), arn),
    ];
    for (address, give, take, what) in cases {
        for (change, is_there) in [(give, true), (&take, false)] {
            let (status, body) = answered(patch(&place, place.admin(), address, change.clone())).await;
            assert_eq!((status, has(what)), (StatusCode::OK, is_there), "{change}: {body}");
        }
        // What is seen of it becomes older.
        place.sandbox.advance_clock(100);
    }
    place.stop().await;
}
