//! What pages say of history that is not kept.

use keyreeve_model::Role;
use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;

use super::Browser;
use super::accounts::address_of;
use super::gone::user;
use crate::place::{PROD_ACCOUNT, Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_say_since_when_history_is_kept_instead_of_showing_a_part_of_it() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Operator, &[]).await;
    place.sandbox.mutate(PROD_ACCOUNT, &[user("zz.gone"), user("zz.stays")]).unwrap();
    place.import("prod").await;
    let (gone, stays) = (address_of(&place, "zz.gone").await, address_of(&place, "zz.stays").await);
    place.sandbox.mutate(PROD_ACCOUNT, &[Mutation::DeleteUser { name: "zz.gone".into() }]).unwrap();
    place.import("prod").await;
    let history = format!("{stays}/history");
    let page = browser.get(&history).await;
    assert!(page.text.contains("Import run") && !page.text.contains("is not kept"), "{}", page.text);
    browser.get(&gone).await.has(&[">Gone</span>"]);
    let now = jiff::Timestamp::now();
    let later = now.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let last = place.store.give_up_history(later, now).await.unwrap().unwrap().up_to;
    browser.get(&history).await.has(&["What imports saw before <time", "is not kept."]);
    let earlier = last.0 - 1;
    for address in ["/systems/prod/accounts", "/systems/prod/resources", "/systems/prod/assignments"] {
        let page = browser.get(&format!("{address}?as_of=run:{earlier}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{address}");
        page.has(&["Nothing is known as of that", "is not kept"]);
        assert_eq!(browser.get(&format!("{address}?as_of=run:{last}")).await.status, StatusCode::OK);
    }
    for address in [
        format!("/imports/{last}/changes"),
        format!("/systems/prod/compare?from=run:{earlier}&to=run:{last}"),
    ] {
        let page = browser.get(&address).await;
        assert!(page.text.contains("is not kept"), "{address}: {} {}", page.status, page.text);
    }
    assert_eq!(browser.get(&gone).await.status, StatusCode::NOT_FOUND);
    browser.get("/systems/prod/accounts").await.has(&["zz.stays"]);
}
