//! What SCIM clients send.

use jiff::Timestamp;
use keyreeve_server::scim::{
    Filter, Model, Switches, body, bulk::Bulk, etag::Versions, page::Cursor, patch, path::PatchPath,
    query::Query, write,
};
use serde_json::{Map, Value, json};

fn model() -> Model {
    Model::new(Switches { password: true, entitlements: true })
}

/// A user as a client would find it.
fn user() -> Map<String, Value> {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "AIDAEXAMPLE",
        "userName": "ada",
        "active": true,
        "displayName": "Ada",
        "emails": [{"value": "ada@example.com", "type": "work", "primary": true}],
        "groups": [{"value": "AGPAEXAMPLE", "display": "developers"}],
        "entitlements": [{"value": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        "meta": {"resourceType": "User", "version": "W/\"1\""},
    });
    user.as_object().cloned().unwrap_or_default()
}

/// A filter can be asked of any resource; one that narrows nothing down, and one that holds of nothing, say so.
pub(crate) fn filter(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let model = model();
    for resource_type in [&model.user, &model.group] {
        if let Ok(filter) = Filter::parse(resource_type, text) {
            let matches = filter.matches(&user());
            assert!(!(matches && filter.holds_of_nothing()), "it holds of nothing, and of this one");
            let _ =
                (filter.narrow(), filter.asks_for(&["userName"]), filter.asks_for_nothing_but(&["userName"]));
        }
        let _ = PatchPath::parse(resource_type, text);
    }
}

/// A query has a digest whether or not it can be answered; what stands in a page's mark comes back as it was put in.
pub(crate) fn query(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let parameters: Vec<(&str, &str)> =
        text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    let model = model();
    if let Ok(query) = Query::from_parameters(parameters) {
        let _ = (query.prepare(&model.user), query.prepare(&model.group), query.digest("users"));
    }
    let now = Timestamp::UNIX_EPOCH;
    if let Ok(cursor) = Cursor::decode(text, "query", now) {
        let again = Cursor::decode(&cursor.encode("query", now), "query", now);
        assert!(again.is_ok(), "a mark that was read cannot be read again");
    }
    let _ = Versions::parse(text);
    if let Ok(value) = body::parse(bytes) {
        let _ = Query::from_search(&value);
    }
}

/// What is written never holds a password, and is written over itself.
pub(crate) fn write(bytes: &[u8]) {
    let Ok(value) = body::parse(bytes) else { return };
    let model = model();
    for resource_type in [&model.user, &model.group] {
        if let Ok(written) = write::create(resource_type, &value) {
            assert!(!written.resource.contains_key("password"), "the resource holds the password");
            let _ = write::replace(resource_type, &value, &written.resource);
        }
    }
    let _ = write::replace(&model.user, &value, &user());
}

/// A change that was made once may be made of what came of it.
pub(crate) fn patch(bytes: &[u8]) {
    let Ok(value) = body::parse(bytes) else { return };
    let model = model();
    if let Ok(patched) = patch::apply(&model.user, &user(), &value) {
        assert!(!patched.resource.contains_key("password"), "the resource holds the password");
        let _ = patch::apply(&model.user, &patched.resource, &value);
    }
    let _ = (patch::names(&model.user, &value, "groups"), patch::names(&model.group, &value, "members"));
}

/// A bulk request keeps every operation, in whatever order.
pub(crate) fn bulk(bytes: &[u8]) {
    let Ok(value) = body::parse(bytes) else { return };
    let model = model();
    let Ok(bulk) = Bulk::read(&model, &value) else { return };
    let listed = value.as_object().into_iter().flatten();
    let listed = listed.filter(|(name, _)| name.eq_ignore_ascii_case("Operations"));
    let most = listed.filter_map(|(_, list)| list.as_array()).map(Vec::len).max().unwrap_or_default();
    assert_eq!(bulk.operations.len(), most, "operations were lost or added");
    let _ = bulk.ends_after(1);
}
