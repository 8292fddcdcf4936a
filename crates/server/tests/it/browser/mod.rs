//! The console in a real browser.
//!
//! Each page is seen in both themes: the browser complains of nothing (no error of a script, nothing that the policy
//! refused), and axe finds nothing serious.

mod chromium;
mod coming_back;
mod every_page;
mod hostile;
mod keyboard;
mod pictures;
mod searching;
mod walk;
mod whole_way;

use std::path::PathBuf;

use serde_json::{Value, json};

pub(crate) use chromium::Chromium;

/// The library of axe, from npm; it is no part of what is shipped.
fn axe() -> String {
    let peers = std::env::var_os("KEYREEVE_TEST_PEERS").map(PathBuf::from).expect(
        "KEYREEVE_TEST_PEERS names no folder with axe-core in it: `cargo xtask test` makes one and sets it",
    );
    std::fs::read_to_string(peers.join("node/node_modules/axe-core/axe.min.js")).unwrap()
}

/// Holds the page against the rules of axe; what is serious or critical is said with where it is.
pub(crate) async fn accessible(browser: &Chromium, page: &str) {
    browser.run(&axe(), json!([])).await;
    let found = browser
        .run_to_its_end(
            "const done = arguments[arguments.length - 1]; axe.run().then(done, (why) => done(String(why)));",
        )
        .await;
    let Some(violations) = found["violations"].as_array() else {
        panic!("axe did not run on {page}: {found}")
    };
    let serious = |one: &&Value| one["impact"] == "serious" || one["impact"] == "critical";
    let said = |one: &Value| {
        let nodes = one["nodes"].as_array().unwrap().iter();
        let places: Vec<String> =
            nodes.map(|node| format!("{} {}", node["target"], node["failureSummary"])).collect();
        format!("{}: {}\n  {}", one["id"], one["help"], places.join("\n  "))
    };
    let serious: Vec<String> = violations.iter().filter(serious).map(said).collect();
    assert!(serious.is_empty(), "{page}:\n{}", serious.join("\n"));
}

/// Looks at the page that is open, in both themes: nothing is complained of, and axe finds nothing serious.
pub(crate) async fn looked_at(browser: &Chromium, page: &str) {
    for theme in ["light", "dark"] {
        browser.click(&format!("button[name=theme][value={theme}]")).await;
        browser.shows(&format!("html[data-theme={theme}]")).await;
        accessible(browser, &format!("{page}, {theme}")).await;
        browser.picture(&format!("{page}-{theme}")).await;
        let complaints = browser.complaints().await;
        assert!(complaints.is_empty(), "{page}, {theme}: {complaints:#?}");
    }
}
