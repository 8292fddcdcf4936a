//! S32, S39 and S41 where time is a parameter.

use std::time::Duration;

use keyreeve_model::Role;
use keyreeve_store::{AdminsLeft, AuditFilter, DatabaseUrl, NewPerson, NewToken, StoreKey};

use super::*;
use crate::tokens::MadeToken;

const HERE: &str = "192.0.2.1";
const PASSWORD: &str = "correct horse battery";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn life() -> SessionLife {
    SessionLife { at_most: Duration::from_secs(1_000), idle: Duration::from_secs(300), at_once: 2 }
}

struct Place {
    sign_in: SignIn,
    store: Arc<Store>,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let store = Arc::new(Store::create(&url, StoreKey::generate().unwrap(), at(0)).await.unwrap());
        let sign_in = SignIn::new(Arc::clone(&store), life()).unwrap();
        Self { sign_in, store, _folder: folder }
    }

    async fn add(&self, name: &str, role: Role) {
        let password_hash = Passwords::hash(&Secret::new(PASSWORD.to_owned())).unwrap();
        let new = NewPerson { name: name.parse().unwrap(), role, systems: Vec::new(), password_hash };
        self.store.add_person(&new, "local:x", at(0)).await.unwrap();
    }

    async fn try_in(
        &self,
        name: &str,
        password: &str,
        from: &str,
        second: i64,
    ) -> Result<Begun, SignInError> {
        let password = Secret::new(password.to_owned());
        self.sign_in.with_password(name, password, from.parse().unwrap(), at(second)).await
    }

    async fn signed_in(&self, name: &str, second: i64) -> Secret {
        self.try_in(name, PASSWORD, HERE, second).await.unwrap().value
    }

    async fn lasts(&self, value: &Secret, second: i64) -> bool {
        self.sign_in.session(value, at(second)).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn s39_whatever_is_wrong_takes_one_look_and_has_one_answer() {
    let place = Place::new().await;
    place.add("ada", Role::Admin).await;
    place.add("off", Role::Viewer).await;
    place.store.let_in("off", false, "local:x", at(1)).await.unwrap();
    let vouched = Vouched {
        issuer: "https://id.example.org".to_owned(),
        subject: "7".to_owned(),
        shown_as: Some("ada".to_owned()),
        role: Role::Admin,
        systems: Vec::new(),
    };
    let there = place.sign_in.vouched_for(&vouched, HERE.parse().unwrap(), at(2)).await.unwrap().person;
    assert_eq!(there.name, "oidc:7@id.example.org");
    for (turn, (name, password)) in
        [("ada", "wrong"), ("nobody", PASSWORD), ("off", PASSWORD), (&there.name, PASSWORD), ("", "")]
            .iter()
            .enumerate()
    {
        let looked_at = place.sign_in.looked_at();
        let refused = place.try_in(name, password, &format!("198.51.100.{turn}"), 3).await.unwrap_err();
        assert_eq!(refused.to_string(), "name or password is wrong");
        assert_eq!(place.sign_in.looked_at(), looked_at + 1, "{name}");
    }
    place.sign_in.note_failures(at(4)).await.unwrap();
    place.sign_in.note_failures(at(5)).await.unwrap();
    let filter = AuditFilter { action: Some("sign_in_failed".to_owned()), ..AuditFilter::default() };
    let rows = place.store.audit(&filter, 9).await.unwrap();
    assert_eq!(rows.len(), 1);
    let people = serde_json::json!({"ada": 1, "off": 1, there.name.as_str(): 1});
    assert_eq!((&rows[0].subject["people"], &rows[0].subject["unknown"]), (&people, &2.into()));
    place.store.close().await;
}

/// By turns, so that whatever else the machine does falls on both alike. In a long run alone: it is a quarter of an hour
/// of passwords looked at, and the short one shows by structure that each is looked at.
#[tokio::test]
async fn s39_who_is_known_takes_as_long_as_who_is_not() {
    let Some(samples) = std::env::var_os("KEYREEVE_TEST_LONG").map(|_| 10_000) else { return };
    let place = Place::new().await;
    place.add("ada", Role::Admin).await;
    let mut took = [Vec::new(), Vec::new()];
    for sample in 0..samples {
        for (which, name) in ["ada", "eve"].into_iter().enumerate() {
            // A day for each address, so that nothing is throttled.
            let from = format!("10.{}.{}.{which}", sample / 250, sample % 250);
            let began = std::time::Instant::now();
            let refused = place.try_in(name, "wrong", &from, 86_400 * i64::from(sample)).await.unwrap_err();
            took[which].push(began.elapsed());
            assert!(matches!(refused, SignInError::Refused), "{refused}");
        }
    }
    let [known, unknown] = took.map(|mut took| {
        took.sort_unstable();
        took[took.len() / 2].as_secs_f64()
    });
    assert!((known / unknown - 1.0).abs() < 0.05, "half of {samples}: known {known} s, unknown {unknown} s");
    place.store.close().await;
}

#[tokio::test]
async fn s39_a_flood_is_refused_unlooked_at_and_who_was_here_before_comes_in() {
    let place = Place::new().await;
    place.add("ada", Role::Admin).await;
    place.signed_in("ada", 0).await;
    let looked_at = place.sign_in.looked_at();
    let mut refused = 0;
    for attempt in 0..300 {
        let from = format!("198.51.100.{}", attempt % 200);
        refused +=
            u32::from(matches!(place.try_in("ada", "x", &from, 1).await, Err(SignInError::TooMany(_))));
    }
    assert!(refused >= 290 && place.sign_in.looked_at() - looked_at <= 10, "{refused}");
    assert!(place.try_in("ada", PASSWORD, HERE, 1).await.is_ok());
    place.store.close().await;
}

#[tokio::test]
async fn s41_a_session_ends_by_time_by_idleness_and_by_newer_ones() {
    let place = Place::new().await;
    place.add("ada", Role::Admin).await;
    let first = place.signed_in("ada", 0).await;
    assert!(place.lasts(&first, 299).await, "it was used within its time");
    assert!(!place.lasts(&first, 599).await, "it was not used for as long as it may");
    let second = place.signed_in("ada", 600).await;
    for second_later in [850, 1_100, 1_350, 1_599] {
        assert!(place.lasts(&second, second_later).await);
    }
    assert!(!place.lasts(&second, 1_600).await, "it lasts no longer, however much it is used");
    let kept: Vec<Secret> = [
        place.signed_in("ada", 2_000).await,
        place.signed_in("ada", 2_001).await,
        place.signed_in("ada", 2_002).await,
    ]
    .into();
    let last: Vec<bool> = [
        place.lasts(&kept[0], 2_003).await,
        place.lasts(&kept[1], 2_003).await,
        place.lasts(&kept[2], 2_003).await,
    ]
    .into();
    assert_eq!(last, [false, true, true]);
    let texts: std::collections::BTreeSet<&str> = kept.iter().map(Secret::expose).collect();
    assert_eq!(texts.len(), 3, "each sign-in has a new value");
    for made_up in ["", "x", &"0".repeat(64), &kept[1].expose().to_uppercase()] {
        assert!(!place.lasts(&Secret::new(made_up.to_owned()), 2_003).await, "{made_up}");
    }
    place.store.close().await;
}

#[tokio::test]
async fn s41_whatever_changes_a_person_ends_their_sessions_and_nobody_elses() {
    let place = Place::new().await;
    for name in ["ada", "bea"] {
        place.add(name, Role::Admin).await;
    }
    let other = place.signed_in("bea", 1).await;
    let hash = Passwords::hash(&Secret::new("another long one".to_owned())).unwrap();
    let (store, by) = (&place.store, "local:x");
    let mine = place.signed_in("ada", 1).await;
    store.set_role("ada", (Role::Admin, &[]), by, at(2)).await.unwrap();
    assert!(place.lasts(&mine, 2).await, "nothing was changed");
    store.set_role("ada", (Role::Operator, &[]), by, at(2)).await.unwrap();
    assert!(!place.lasts(&mine, 2).await, "by another role");
    let mine = place.signed_in("ada", 3).await;
    store.set_role("ada", (Role::Operator, &["s".parse().unwrap()]), by, at(3)).await.unwrap();
    assert!(!place.lasts(&mine, 3).await, "by other systems");
    let mine = place.signed_in("ada", 4).await;
    store.let_in("ada", false, by, at(4)).await.unwrap();
    assert!(!place.lasts(&mine, 4).await, "by being disabled");
    store.let_in("ada", true, by, at(5)).await.unwrap();
    assert!(!place.lasts(&mine, 5).await, "and does not come back");
    let mine = place.signed_in("ada", 6).await;
    store.set_password("ada", &hash, by, at(6)).await.unwrap();
    assert!(!place.lasts(&mine, 6).await, "by another password");
    assert!(matches!(place.try_in("ada", PASSWORD, HERE, 7).await, Err(SignInError::Refused)));
    let mine = place.try_in("ada", "another long one", HERE, 8).await.unwrap().value;
    store.remove_person("ada", by, None, at(9)).await.unwrap();
    assert!(!place.lasts(&mine, 9).await, "by being removed");
    assert!(place.lasts(&other, 9).await);
    store.close().await;
}

#[tokio::test]
async fn s41_somebody_changed_while_their_password_is_looked_at_has_no_session() {
    let place = Place::new().await;
    place.add("ada", Role::Admin).await;
    place.add("bea", Role::Admin).await;
    let seen = place.store.known_person("ada").await.unwrap().unwrap().person;
    place.store.set_role("ada", (Role::Viewer, &[]), "local:x", at(1)).await.unwrap();
    let from = (HERE.parse().unwrap(), HERE.to_owned());
    assert!(matches!(place.sign_in.begin(&seen, from, true, at(2)).await, Err(SignInError::Refused)));
    place.store.close().await;
}

#[tokio::test]
async fn s41_another_role_of_a_provider_ends_older_sessions() {
    let place = Place::new().await;
    let from = HERE.parse().unwrap();
    let mut vouched = Vouched {
        issuer: "https://id.example.org".to_owned(),
        subject: "7".to_owned(),
        shown_as: None,
        role: Role::Admin,
        systems: Vec::new(),
    };
    // The one before it would end by number.
    place.sign_in.vouched_for(&vouched, from, at(1)).await.unwrap();
    let first = place.sign_in.vouched_for(&vouched, from, at(2)).await.unwrap().value;
    assert!(place.lasts(&first, 3).await);
    vouched.role = Role::Viewer;
    let second = place.sign_in.vouched_for(&vouched, from, at(4)).await.unwrap();
    assert_eq!((place.lasts(&first, 5).await, second.person.role), (false, Role::Viewer));
    place.store.no_longer_vouched_for(&vouched.issuer, &vouched.subject, at(6)).await.unwrap();
    assert!(!place.lasts(&second.value, 7).await);
    place.store.let_in(&second.person.name, false, "local:x", at(8)).await.unwrap();
    let refused = place.sign_in.vouched_for(&vouched, from, at(9)).await;
    assert!(matches!(refused, Err(SignInError::Disabled(_))));
    // Another provider's same subject is somebody else.
    vouched.issuer = "https://other.example.org".to_owned();
    assert_ne!(
        place.sign_in.vouched_for(&vouched, from, at(9)).await.unwrap().person.name,
        second.person.name
    );
    place.store.close().await;
}

#[tokio::test]
async fn s32_the_last_administrator_stays_one() {
    let place = Place::new().await;
    let (store, by) = (&place.store, "local:x");
    let token = async |expires_at| {
        let made = MadeToken::generate().unwrap();
        let (id, secret_sha256) = (made.id.clone(), made.secret_sha256);
        let (owner, role, systems) = ("root".to_owned(), Role::Admin, Vec::new());
        let new = NewToken { id, secret_sha256, owner, role, systems, expires_at };
        store.create_token(&new, by, at(0)).await.unwrap();
        made.id
    };
    assert_eq!(store.admins_left(at(0)).await.unwrap(), AdminsLeft::None);
    let expiring = token(Some(at(1_000))).await;
    assert_eq!(store.admins_left(at(0)).await.unwrap(), AdminsLeft::Expiring);
    assert_eq!(store.admins_left(at(1_000)).await.unwrap(), AdminsLeft::None);
    place.add("ada", Role::Admin).await;
    assert_eq!(store.admins_left(at(0)).await.unwrap(), AdminsLeft::Lasting);
    let last = |outcome: Result<_, StoreError>| matches!(outcome, Err(StoreError::LastAdmin { .. }));
    for limited in [&["s".parse().unwrap()][..], &[]] {
        let role = if limited.is_empty() { Role::Operator } else { Role::Admin };
        assert!(last(store.set_role("ada", (role, limited), by, at(1)).await), "{role:?}");
    }
    assert!(last(store.let_in("ada", false, by, at(1)).await));
    assert!(last(store.remove_person("ada", by, None, at(1)).await));
    let person = store.known_person("ada").await.unwrap().unwrap().person;
    assert_eq!((person.role, person.disabled_at), (Role::Admin, None));
    // Somebody else, or a token without an end, is enough.
    let lasting = token(None).await;
    store.let_in("ada", false, by, at(2)).await.unwrap();
    let refused = store.revoke_token(&lasting, by, None, at(3)).await;
    assert!(matches!(refused, Err(StoreError::LastAdmin { .. })));
    store.let_in("ada", true, by, at(4)).await.unwrap();
    store.revoke_token(&lasting, by, None, at(5)).await.unwrap();
    store.revoke_token(&expiring, by, None, at(5)).await.unwrap();
    assert_eq!(store.admins_left(at(5)).await.unwrap(), AdminsLeft::Lasting);
    store.close().await;
}
