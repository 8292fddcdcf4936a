//! The description of the interface is the one that is kept in the repository.

use crate::place::Place;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");

/// `KEYREEVE_WRITE_OPENAPI=1` writes the file anew.
#[test]
fn the_description_that_is_kept_is_that_of_the_code() {
    let mut made = keyreeve_server::openapi().to_pretty_json().unwrap();
    made.push('\n');
    if std::env::var_os("KEYREEVE_WRITE_OPENAPI").is_some() {
        std::fs::write(KEPT, &made).unwrap();
    }
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    assert!(
        kept == made,
        "openapi.json is not that of the code: run this test with KEYREEVE_WRITE_OPENAPI=1"
    );
}

#[test]
fn each_operation_has_a_name_of_its_own_and_each_answer_says_something() {
    let described = serde_json::to_value(keyreeve_server::openapi()).unwrap();
    let methods = described["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    let mut names = std::collections::BTreeSet::new();
    for (method, operation) in methods {
        let name = operation["operationId"].as_str().unwrap();
        assert!(name.starts_with(method.as_str()) && names.insert(name.to_owned()), "{name}");
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let refers = answer.get("$ref").is_some();
            assert!(
                refers || answer["description"].as_str().is_some_and(|said| !said.is_empty()),
                "{name} {status}"
            );
        }
    }
    assert!(names.len() > 40, "{names:?}");
}

#[tokio::test]
async fn the_server_gives_its_description_to_anybody() {
    let place = Place::start().await;
    let (status, described) = place.ask("/api/v1/openapi.json", None).await;
    assert_eq!(status.as_u16(), 200);
    assert_eq!(described, serde_json::to_value(keyreeve_server::openapi()).unwrap());
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    place.stop().await;
}
