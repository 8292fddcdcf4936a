//! People and their sessions, on both databases.

use std::time::Duration;

use keyreeve_model::{Role, SessionId};
use keyreeve_store::{AuditFilter, NewPerson, NewSession, SessionLife, SignInFailures, StoreError, Vouched};

use crate::place::Place;
use crate::sample::*;

const LIFE: SessionLife =
    SessionLife { at_most: Duration::from_secs(1_000), idle: Duration::from_secs(300), at_once: 2 };

fn person(name: &str, role: Role) -> NewPerson {
    NewPerson {
        name: name.parse().unwrap(),
        role,
        systems: vec![id("s")],
        password_hash: "$hash$".to_owned(),
    }
}

fn session(name: &str, number: u8) -> NewSession {
    NewSession {
        id: SessionId(format!("{name}{number}")),
        value_sha256: [number; 32],
        address: format!("192.0.2.{number}"),
        with_password: true,
    }
}

#[tokio::test]
async fn s41_sessions_are_found_by_their_digest_as_long_as_they_last() {
    for place in Place::both().await {
        let store = place.create().await;
        let ada = store.add_person(&person("ada", Role::Viewer), "local:x", at(0)).await.unwrap();
        let bea = store.add_person(&person("bea", Role::Viewer), "local:x", at(0)).await.unwrap();
        let taken = store.add_person(&person("ada", Role::Admin), "local:x", at(1)).await.unwrap_err();
        assert!(matches!(taken, StoreError::PersonTaken { .. }));
        for number in 1..=3 {
            store.begin_session(&ada, &session("a", number), LIFE, at(i64::from(number))).await.unwrap();
        }
        store.begin_session(&bea, &session("b", 9), LIFE, at(4)).await.unwrap();
        let found = async |number: u8, second| store.session([number; 32], LIFE, at(second)).await.unwrap();
        assert!(found(1, 5).await.is_none(), "the oldest of three ends");
        let (kept, whose) = found(2, 5).await.unwrap();
        assert_eq!((kept.id.0.as_str(), whose.name.as_str(), whose.role), ("a2", "ada", Role::Viewer));
        assert_eq!((kept.last_used_at, kept.ends_at), (at(2), at(1_002)));
        found(2, 200).await.unwrap();
        assert_eq!(found(2, 201).await.unwrap().0.last_used_at, at(200), "its use is noted");
        assert!(found(3, 303).await.is_none(), "it was idle");
        let listed = async |of: Option<&'static str>, second| {
            let sessions = store.sessions(of, LIFE, at(second)).await.unwrap();
            sessions.into_iter().map(|one| one.id.0).collect::<Vec<_>>()
        };
        assert_eq!(listed(None, 250).await, ["b9", "a3", "a2"]);
        assert_eq!(listed(Some("ada"), 303).await, ["a2"]);
        let known = store.known_person("ada").await.unwrap().unwrap();
        assert_eq!((known.addresses.len(), known.password_hash.as_deref()), (3, Some("$hash$")));
        assert!(store.known_person("nobody").await.unwrap().is_none());

        let not_mine = store.end_session(&SessionId("b9".to_owned()), Some("ada"), "ada", at(6)).await;
        assert!(matches!(not_mine, Err(StoreError::SessionNotFound { .. })));
        store.end_session(&SessionId("b9".to_owned()), None, "root", at(6)).await.unwrap();
        assert!(found(9, 7).await.is_none());
        store.set_password("ada", "$other$", "root", at(8)).await.unwrap();
        assert!(found(2, 9).await.is_none());
        assert!(store.known_person("ada").await.unwrap().unwrap().addresses.is_empty());
        let stale = store.begin_session(&ada, &session("a", 4), LIFE, at(10)).await;
        assert!(matches!(stale, Err(StoreError::PersonNotFound { .. })), "the password is another one");
        for number in 10..40 {
            let ada = store.known_person("ada").await.unwrap().unwrap().person;
            store.begin_session(&ada, &session("a", number), LIFE, at(10 + i64::from(number))).await.unwrap();
        }
        assert_eq!(store.known_person("ada").await.unwrap().unwrap().addresses.len(), 20);
        store.remove_person("ada", "root", Some("left"), at(90)).await.unwrap();
        assert!(listed(None, 91).await.is_empty());
        store.close().await;
    }
}

#[tokio::test]
async fn whom_a_provider_vouches_for_has_no_password_and_is_nobody_else() {
    for place in Place::both().await {
        let store = place.create().await;
        store.add_person(&person("ada", Role::Admin), "local:x", at(0)).await.unwrap();
        let vouched = Vouched {
            issuer: "https://id.example.org/".to_owned(),
            subject: "ada".to_owned(),
            shown_as: Some("ada".to_owned()),
            role: Role::Viewer,
            systems: Vec::new(),
        };
        let there = store.vouched_for(&vouched, at(1)).await.unwrap();
        assert_eq!((there.name.as_str(), there.role), ("oidc:ada@id.example.org", Role::Viewer));
        assert_eq!(store.vouched_for(&vouched, at(2)).await.unwrap().created_at, at(1));
        for refused in [
            store.set_password(&there.name, "$x$", "root", at(3)).await,
            store.set_role(&there.name, (Role::Admin, &[]), "root", at(3)).await,
        ] {
            assert!(matches!(refused, Err(StoreError::PersonOfProvider { .. })));
        }
        let names: Vec<String> = store.people().await.unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["ada", "oidc:ada@id.example.org"]);
        store.let_in(&there.name, false, "root", at(4)).await.unwrap();
        assert_eq!(store.vouched_for(&vouched, at(5)).await.unwrap().disabled_at, Some(at(4)));
        let failures = SignInFailures { unknown: 7, ..SignInFailures::default() };
        store.note_sign_in_failures(&failures, "keyreeve:sign-in", at(6)).await.unwrap();
        let rows = store.audit(&AuditFilter::default(), 1).await.unwrap();
        assert_eq!((rows[0].action.as_str(), &rows[0].subject["unknown"]), ("sign_in_failed", &7.into()));
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}
