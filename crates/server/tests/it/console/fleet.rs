//! What pages about all systems ask of the store does not hang on how many systems there are.

use keyreeve_model::{CredentialKind, Role, SystemName, SystemSettings};
use keyreeve_store::NewSystem;
use reqwest::StatusCode;

use super::Browser;
use crate::place::{Place, system};

/// How many systems there are at first, and in the end: more than fit on a page each time.
const SYSTEMS: [u32; 2] = [120, 300];

/// Registers systems up to that many, two of which there are already.
async fn grow(place: &Place, from: u32, to: u32) {
    for number in from..to {
        let new = NewSystem {
            system_id: system(&format!("zz-{number:04}")),
            name: SystemName::new(format!("Of many {number}")).unwrap(),
            category: "AWS".to_owned(),
            region: None,
            credential: CredentialKind::Ambient,
            secret: None,
            aws_account_id: None,
            partition: None,
            settings: SystemSettings::default(),
        };
        place.store.create_system(new, "local:test", place.clock.now()).await.unwrap();
    }
}

/// The calls and the rows of an answer: the least of some, as others may ask in between.
async fn work(place: &Place, ask: impl AsyncFn()) -> (u64, u64) {
    let mut least = (u64::MAX, u64::MAX);
    for _ in 0..3 {
        let before = place.store.work_done();
        ask().await;
        let after = place.store.work_done();
        least = least.min((after.0 - before.0, after.1 - before.1));
    }
    least
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_about_all_systems_ask_as_much_of_many_as_of_few() {
    let place = Place::start().await;
    let browser = Browser::of(&place, "ada", Role::Admin, &[]).await;
    let limited = Browser::of(&place, "bo", Role::Viewer, &["prod", "zz-0002"]).await;
    let asked = [
        ("Home", "/"),
        ("the list of systems", "/systems"),
        ("systems from the last", "/systems?sort=-created_at&limit=25"),
        ("systems that are looked for", "/systems?q=many"),
        ("the page of a system", "/systems/prod"),
    ];
    let mut measured = Vec::new();
    let mut known = 2;
    for many in SYSTEMS {
        grow(&place, known, many).await;
        known = many;
        let mut found = Vec::new();
        for (what, address) in asked {
            for browser in [&browser, &limited] {
                let done = work(&place, async || {
                    assert_eq!(browser.get(address).await.status, StatusCode::OK, "{address}");
                });
                found.push((what, done.await));
            }
        }
        let of_a_program = work(&place, async || {
            place.get("/api/v1/systems?limit=50").await;
        });
        found.push(("the list of a program", of_a_program.await));
        // Which systems there are is one statement, whose rows the search needs.
        let search = work(&place, async || {
            assert_eq!(browser.get("/search?q=nobody-has-this").await.status, StatusCode::OK);
        });
        found.push(("the search", (search.await.0, 0)));
        let home = browser.get("/").await;
        home.has(&[&format!("<a href=\"/systems\">All {many} systems</a>"), "System prod"]);
        assert_eq!(home.text.matches(">Of many ").count(), 98, "{}", home.text);
        let home = limited.get("/").await;
        assert!(
            home.text.contains(">Of many 2<") && !home.text.contains("the first by their"),
            "{}",
            home.text
        );
        measured.push(found);
    }
    let [few, many] = &measured[..] else { panic!("two fleets") };
    assert_eq!(few, many);
    assert!(few.iter().all(|(_, (calls, _))| *calls > 0), "what is asked is not counted: {few:?}");
    place.stop().await;
}
