//! One's own sign-in: another password, and the end of other sessions.

use keyreeve_model::Role;
use reqwest::StatusCode;
use reqwest::header::{ORIGIN, SET_COOKIE};

use super::{Browser, Seen};
use crate::place::{PASSWORD, Place};

const NEW: &str = "another sentence of some words";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s41_whoever_knows_their_password_changes_it_and_all_other_sessions_end() {
    let place = Place::start().await;
    let mut browser = Browser::of(&place, "vi", Role::Viewer, &["prod"]).await;
    let other = Browser { cookie: Some(place.cookie("vi").await), ..Browser::new(&place) };
    let page = browser.get("/your-sign-in").await;
    page.has(&["vi", "viewer", "prod", "This one", "Sign out everywhere else", "name=\"new_password\""]);
    let change = async |browser: &Browser<'_>, old: &str, new: &str| {
        let form = [("password", old), ("new_password", new)];
        let sent = browser.form("/your-sign-in/password", &form).header(ORIGIN, &place.url);
        sent.send().await.unwrap()
    };
    for (old, new, beside) in [("wrong", NEW, "password-about"), (PASSWORD, "short", "new_password-about")] {
        let refused = Seen::of(change(&browser, old, new).await).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        let at = refused.text.find("class=\"error\"").unwrap();
        assert!(refused.text[..at].ends_with(&format!("<div id=\"{beside}\"><p ")), "{}", refused.text);
        assert!(!refused.text.contains(NEW), "what is a secret comes back nowhere");
    }
    assert_eq!(other.get("/").await.status, StatusCode::OK);
    let done = change(&browser, PASSWORD, NEW).await;
    browser.told(&done);
    let cookie = done.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(Seen::of(done).await.to.as_deref(), Some("/your-sign-in?said=password_changed"));
    assert_eq!(other.get("/").await.status, StatusCode::SEE_OTHER, "the other one is signed out");
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "and the old cookie is worth nothing");
    browser.cookie = Some(cookie);
    browser.get("/your-sign-in?said=password_changed").await.has(&["Your password is changed"]);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sessions_of_ones_own_are_ended_and_those_of_others_never() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let again = async || Browser { cookie: Some(place.cookie("ada").await), ..Browser::new(&place) };
    let (second, third) = (again().await, again().await);
    let somebody = Browser::of(&place, "bea", Role::Viewer, &[]).await;
    let page = browser.get("/your-sign-in").await;
    let marks = |page: &Seen| -> Vec<String> {
        let found = page.text.split("name=\"session\" value=\"").skip(1);
        found.map(|one| one.split('"').next().unwrap().to_owned()).collect()
    };
    assert_eq!(marks(&page).len(), 2, "its own cannot be marked: {}", page.text);
    let theirs = place.get("/api/v1/sessions").await;
    let of_bea = theirs["items"].as_array().unwrap().iter().find(|one| one["person"] == "bea").unwrap();
    let of_bea = of_bea["id"].as_str().unwrap();
    let chosen = marks(&page)[0].clone();
    let sent = [("session", chosen.as_str()), ("session", of_bea)];
    let done = browser.send("/your-sign-in/sessions", &sent).await;
    assert_eq!(done.to.as_deref(), Some("/your-sign-in?said=sessions_ended"), "{}", done.text);
    assert_eq!(somebody.get("/").await.status, StatusCode::OK, "hers is not his to end");
    let left = [second.get("/").await.status, third.get("/").await.status];
    assert_eq!(left.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{left:?}");
    browser.send("/your-sign-in/sessions", &[("others", "all")]).await;
    assert_eq!(marks(&browser.get("/your-sign-in").await).len(), 0);
    for nothing in [vec![], vec![("others", "x")], vec![("person", "bea")]] {
        let refused = browser.send("/your-sign-in/sessions", &nothing).await.status;
        assert!(
            [StatusCode::BAD_REQUEST, StatusCode::UNSUPPORTED_MEDIA_TYPE].contains(&refused),
            "{refused}"
        );
    }
    place.stop().await;
}
