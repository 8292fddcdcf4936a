//! Each page in both themes and in two widths: nothing is complained of, axe finds nothing serious, nothing scrolls sideways.

use keyreeve_model::Role;
use serde_json::json;

use super::{Chromium, accessible};
use crate::console::every_page::rows;
use crate::place::Place;

/// What is wider than the window, for whoever mends it.
const WIDER: &str = "
    const wide = document.scrollingElement;
    if (wide.scrollWidth <= window.innerWidth) return [];
    const all = [...document.querySelectorAll('body *')];
    const out = all.filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1 && !one.closest('.scrolls table'));
    return [`${wide.scrollWidth} in ${window.innerWidth}`,
        ...out.slice(0, 8).map((one) => `${one.tagName}.${one.className} ${Math.round(one.getBoundingClientRect().right)}`)];
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible_in_both_themes_and_fits_narrow_and_wide_windows() {
    let place = Place::start().await;
    place.person("ada", Role::Admin, &[]).await;
    let rows = rows(&place).await;
    let browser = Chromium::start().await;
    let mut faults = Vec::new();
    for theme in ["light", "dark"] {
        browser.go(&format!("{}/sign-in", place.url)).await;
        browser.click(&format!("button[name=theme][value={theme}]")).await;
        browser.shows(&format!("html[data-theme={theme}]")).await;
        for (at, (route, address)) in rows.iter().enumerate() {
            if at == 1 {
                browser.sign_in(&place.url, "ada").await;
            }
            if (at == 0) != (*route == "/sign-in") {
                continue;
            }
            browser.go(&format!("{}{address}", place.url)).await;
            browser.shows("main h1").await;
            for width in [390, 1_280] {
                browser.resize(width, 900).await;
                let wider = browser.run(WIDER, json!([])).await;
                if wider != json!([]) {
                    faults.push(format!("{address} at {width}: {wider}"));
                }
                let name = address.replace(|one: char| !one.is_ascii_alphanumeric(), "-");
                browser.picture(&format!("page{name}-{width}-{theme}")).await;
            }
            accessible(&browser, &format!("{address}, {theme}")).await;
            let complaints = browser.complaints().await;
            // That an address is not understood is what the browser says of it, too.
            let refused = address.contains("yesterday") as usize;
            if complaints.len() > refused {
                faults.push(format!("{address}, {theme}: {complaints:#?}"));
            }
        }
        browser.click(".who button").await;
        browser.is_at("Sign in").await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    browser.quit().await;
    place.stop().await;
}
