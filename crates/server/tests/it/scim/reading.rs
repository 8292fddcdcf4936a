//! Whatever is sent, reading it ends with a value or a refusal.

use jiff::Timestamp;
use keyreeve_server::scim::{
    Cause, Model, Switches, body, bulk,
    etag::{ETag, Versions},
    list::List,
    page::Cursor,
    projection::Projection,
    query::Query,
    urn,
};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::config;

/// A message of one of the kinds there are, with members of any kind.
fn message() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec![
            "POST",
            "PATCH",
            "/Users",
            "/Policies/1",
            "/Groups/bulkId:a",
            "bulkId:a",
            "a",
            "",
            "userName pr"
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let name = select(vec![
        "method",
        "path",
        "bulkId",
        "data",
        "version",
        "count",
        "startIndex",
        "filter",
        "cursor",
        "x",
    ]);
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    let schema = select(vec![urn::BULK_REQUEST, urn::SEARCH_REQUEST, urn::PATCH_OP]);
    let member = select(vec![
        "Operations",
        "failOnErrors",
        "filter",
        "count",
        "startIndex",
        "cursor",
        "attributes",
        "sortBy",
    ]);
    (schema, proptest::collection::btree_map(member, value, 0..4)).prop_map(|(schema, members)| {
        let mut out: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        out.insert("schemas".into(), json!([schema]));
        Value::Object(out)
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn messages_are_read_or_refused(message in message(), texts in proptest::collection::vec(any::<String>(), 4)) {
        let model = Model::new(Switches::default());
        if let Ok(bulk) = bulk::Bulk::read(&model, &message) {
            let operations = message["Operations"].as_array().map_or(0, Vec::len);
            prop_assert_eq!(bulk.operations.len(), operations, "every operation has its answer");
            let mut made = std::collections::HashSet::new();
            for operation in &bulk.operations {
                if let Ok(request) = &operation.request {
                    prop_assert!(request.refers_to().iter().all(|name| made.contains(*name)), "{}", message);
                }
                made.extend(operation.bulk_id.clone());
            }
        }
        for query in [
            Query::from_search(&message).ok(),
            Query::from_parameters(["filter", "sortBy", "count", "cursor"].into_iter().zip(texts.iter().map(String::as_str))).ok(),
        ].into_iter().flatten() {
            if let Ok(prepared) = query.prepare(&model.user) {
                let digest = query.digest("prod/Users");
                let _ = List::cut(Vec::new(), &prepared.sort, &query, &digest, Timestamp::UNIX_EPOCH);
            }
        }
    }

    #[test]
    fn texts_are_read_or_refused(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let tag = ETag::of_version(&text);
        prop_assert!(Versions::parse(tag.as_str()).include(&tag));
        prop_assert!(tag.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        let _ = Versions::parse(&text).include(&tag);
        if let Err(error) = Cursor::decode(&text, "q", Timestamp::UNIX_EPOCH) {
            prop_assert!(matches!(error.cause, Cause::InvalidCursor | Cause::ExpiredCursor));
        }
        // Where both read it, our reader of JSON reads what the other reads.
        if let Ok(value) = body::parse(&bytes) {
            prop_assert_eq!(Some(value), serde_json::from_slice::<Value>(&bytes).ok());
        }
    }

    #[test]
    fn a_projection_shows_what_is_always_shown_and_no_secret(
        names in proptest::collection::vec(select(vec!["id", "password", "emails", "emails.value", "schemas", "PASSWORD", "x", urn::AWS_USER]), 0..4),
        only in any::<bool>(),
    ) {
        let user = Model::new(Switches { password: true, entitlements: true }).user;
        let resource = json!({"schemas": [urn::USER], "id": "1", "password": "canary", "emails": [{"value": "a"}],
            urn::AWS_USER: {"path": "/"}});
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let (attributes, excluded) = if only { (names, Vec::new()) } else { (Vec::new(), names) };
        let shown = Projection::new(&user, &attributes, &excluded).unwrap().show(&user, resource.as_object().unwrap().clone());
        prop_assert_eq!((&shown["id"], &shown["schemas"]), (&resource["id"], &resource["schemas"]));
        prop_assert!(!shown.contains_key("password"));
        prop_assert!(shown.iter().all(|(name, _)| resource.get(name).is_some()), "nothing is made up");
    }
}
