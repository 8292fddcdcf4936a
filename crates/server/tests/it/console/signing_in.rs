//! The way in, and the way out.

use keyreeve_model::Role;
use reqwest::header::{COOKIE, ORIGIN, REFERER, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, StatusCode};

use super::{Browser, Seen};
use crate::place::{PASSWORD, Place};

#[tokio::test]
async fn a_stranger_signs_in_and_is_where_they_wanted_to_go() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let mut browser = Browser::new(&place);
    let home = browser.get("/").await;
    assert_eq!((home.status, home.to.as_deref()), (StatusCode::SEE_OTHER, Some("/sign-in")));
    let wanted = browser.get("/systems?q=x&sort=-name").await.to.unwrap();
    assert_eq!(wanted, "/sign-in?next=%2Fsystems%3Fq%3Dx%26sort%3D-name");
    let page = browser.get(&wanted).await;
    page.has(&["<title>Sign in · Keyreeve</title>", "autocomplete=\"current-password\""]);
    assert!(!page.text.contains("person add") && !page.text.contains("/signin/oidc"), "{}", page.text);
    let next = page.hidden("next").replace("&#38;", "&");
    let form = [("name", " Ada "), ("password", PASSWORD), ("next", next.as_str())];
    let answer = browser.form("/sign-in", &form).header(ORIGIN, &place.url).send().await.unwrap();
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let answer = Seen::of(answer).await;
    assert_eq!(
        (answer.status, answer.to.as_deref()),
        (StatusCode::SEE_OTHER, Some("/systems?q=x&sort=-name"))
    );
    browser.cookie = Some(cookie);
    browser.get("/").await.has(&["<title>Home · Keyreeve</title>", "ada", "admin", "aria-current=\"page\""]);
    assert_eq!(
        browser.get("/sign-in?next=/systems").await.to.as_deref(),
        Some("/systems"),
        "signed in already"
    );

    let out = browser.send("/sign-out", &[]).await;
    assert_eq!((out.status, out.to.as_deref()), (StatusCode::SEE_OTHER, Some("/sign-in?said=signed_out")));
    assert_eq!(browser.get("/").await.to.as_deref(), Some("/sign-in"), "the session has ended");
    browser.get("/sign-in?said=signed_out").await.has(&["You have signed out."]);
    place.stop().await;
}

#[tokio::test]
async fn a_link_of_somebody_else_has_the_console_say_nothing() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let says = async |browser: &Browser<'_>, address: &str| {
        browser.get(address).await.text.contains("class=\"said\"")
    };
    for address in ["/?said=job_approved", "/your-sign-in?said=password_changed", "/jobs?said=asked"] {
        assert!(!says(&browser, address).await, "{address}");
    }
    assert!(!says(&Browser::new(&place), "/sign-in?said=signed_out").await);
    let done = browser.send("/audit/verify", &[]).await.to.unwrap();
    assert_eq!(done, "/audit?said=log_verified");
    assert!(says(&browser, &done).await);
    // Not elsewhere, not otherwise, and not to whoever was not led there.
    for address in ["/?said=log_verified", "/audit?said=revoked", "/audit?said=log_verified&q="] {
        assert!(!says(&browser, address).await, "{address}");
    }
    let other = Browser { cookie: browser.cookie.clone(), ..Browser::new(&place) };
    assert!(!says(&other, &done).await);
    place.stop().await;
}

#[tokio::test]
async fn what_is_sent_after_the_session_has_ended_is_not_done_and_leads_back_to_its_page() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let browser = Browser::new(&place);
    let send = async |from: &str| {
        let form = browser.form("/systems/prod/settings", &[("name", "Other")]);
        let answer = form.header(ORIGIN, &place.url).header(REFERER, from).send().await.unwrap();
        browser.told(&answer);
        Seen::of(answer).await
    };
    let sent = send(&format!("{}/systems/prod/settings?x=1", place.url)).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let page = browser.get(&sent.to.unwrap()).await;
    page.has(&["Your session had ended, so what you sent was not done. Sign in"]);
    let next = page.hidden("next").replace("&#38;", "&");
    assert_eq!(next, "/systems/prod/settings?x=1&said=not_done");
    // The note is for whoever was sent there, not for a link of somebody else.
    let link = "/sign-in?next=%2Fsystems%3Fsaid%3Dnot_done";
    assert!(!browser.get(link).await.text.contains("Your session had ended"));
    let form = [("name", "ada"), ("password", PASSWORD), ("next", next.as_str())];
    let answer = browser.form("/sign-in", &form).header(ORIGIN, &place.url).send().await.unwrap();
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(Seen::of(answer).await.to.as_deref(), Some(next.as_str()));
    let again = send(&format!("{}/systems/prod/settings", place.url)).await;
    let signed_in = Browser { cookie: Some(cookie), ..browser };
    let back = again.to.unwrap().replace("/sign-in?next=", "");
    let back = percent_decoded(&back);
    signed_in.get(&back).await.has(&["what you sent was not done. Look at it once more", "<h1>"]);
    assert!(place.get("/api/v1/systems/prod").await["name"] == "System prod", "nothing was done");
    // A page of elsewhere is no page to come back to.
    let stranger = Browser::new(&place);
    let form = stranger.form("/systems/prod/settings", &[]).header(ORIGIN, &place.url);
    let answer = form.header(REFERER, "https://evil.example/systems").send().await.unwrap();
    assert_eq!(Seen::of(answer).await.to.as_deref(), Some("/sign-in?next=%2F%3Fsaid%3Dnot_done"));
    place.stop().await;
}

fn percent_decoded(text: &str) -> String {
    url::form_urlencoded::parse(format!("a={text}").as_bytes()).next().unwrap().1.into_owned()
}

#[tokio::test]
async fn nobody_is_led_elsewhere_by_the_sign_in() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let browser = Browser::new(&place);
    for next in ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"] {
        let asked: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = browser.get(&format!("/sign-in?next={asked}")).await;
        assert_eq!(page.hidden("next"), "/", "{next}");
        let form = [("name", "ada"), ("password", PASSWORD), ("next", next)];
        let answer = browser.send("/sign-in", &form).await;
        assert_eq!((answer.status, answer.to.as_deref()), (StatusCode::SEE_OTHER, Some("/")), "{next}");
    }
    place.stop().await;
}

#[tokio::test]
async fn at_the_first_start_the_page_says_how_somebody_comes_to_sign_in() {
    let place = Place::start().await;
    let page = Browser::new(&place).get("/sign-in").await;
    page.has(&["Nobody can sign in yet", "keyreeve person add NAME --role admin"]);
    assert!(!page.text.contains("type=\"password\""));
    place.stop().await;
}

#[tokio::test]
async fn s39_a_wrong_password_says_what_it_says_of_nobody_and_too_many_are_told_to_wait() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let browser = Browser::new(&place);
    let wrong = browser.send("/sign-in", &[("name", "ada"), ("password", "canary-wrong")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(
        wrong.text.contains("Name or password is wrong.") && !wrong.text.contains("canary"),
        "{}",
        wrong.text
    );
    let nobody = browser.send("/sign-in", &[("name", "bob"), ("password", "canary-wrong")]).await;
    assert_eq!((nobody.status, nobody.text.replace("bob", "ada")), (StatusCode::UNAUTHORIZED, wrong.text));
    for _ in 0..5 {
        browser.send("/sign-in", &[("name", "ada"), ("password", "canary-wrong")]).await;
    }
    let form = browser.form("/sign-in", &[("name", "ada"), ("password", PASSWORD)]);
    let answer = form.header(ORIGIN, &place.url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers()[RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert!(Seen::of(answer).await.text.contains("There were too many attempts."));
    place.stop().await;
}

#[tokio::test]
async fn light_or_dark_is_kept_and_leads_back() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Viewer, &[]).await;
    browser.get("/systems").await.has(&["data-theme=\"auto\""]);
    let form = [("theme", "dark"), ("next", "/systems?q=a")];
    let answer = browser.form("/theme", &form).header(ORIGIN, &place.url).send().await.unwrap();
    let kept = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(Seen::of(answer).await.to.as_deref(), Some("/systems?q=a"));
    let both = format!("{}; {kept}", browser.cookie.as_ref().unwrap());
    let page = Browser::new(&place).ask(Method::GET, "/").header(COOKIE, both);
    Seen::of(page.send().await.unwrap()).await.has(&["data-theme=\"dark\""]);
    place.stop().await;
}
