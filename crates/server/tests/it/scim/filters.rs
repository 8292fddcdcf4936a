//! Filters never panic, and mean what a naive evaluation of another reader's tree means.

use std::sync::LazyLock;

use keyreeve_server::scim::{Cause, Filter, Model, Switches, filter::Condition, path::PatchPath};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{config, naive};

const AWS: &str = "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User";
const TEXTS: &[&str] = &["a", "A", "ab", "Ba", "b", "ß", "a b", "\\\"", "(", "x) or (y"];
const MOMENTS: &[&str] = &[
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:00:00.001Z",
    "2025-12-31T23:59:59Z",
];

fn model() -> &'static Model {
    static MODEL: LazyLock<Model> =
        LazyLock::new(|| Model::new(Switches { password: true, entitlements: true }));
    &MODEL
}

/// A word in some mixture of cases.
fn any_case(word: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(word.to_owned()),
        1 => Just(word.to_ascii_uppercase()),
        1 => Just(word.to_ascii_lowercase()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    select(TEXTS).prop_map(|text| format!("\"{text}\""))
}

/// One comparison with an attribute of each type. `within` gives those of the elements of `emails`.
fn comparison(within: bool) -> BoxedStrategy<String> {
    let texts: &[&str] = if within {
        &["value", "type"]
    } else {
        &[
            "userName",
            "externalId",
            "displayName",
            "name.familyName",
            "emails.value",
            "emails.type",
            "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:path",
            "urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:tags.value",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
        ]
    };
    let booleans: &[&str] = if within { &["primary"] } else { &["active", "emails.primary"] };
    let all: Vec<&str> = texts.iter().chain(booleans).copied().collect();
    let name = |names: &[&'static str]| select(names.to_vec()).prop_flat_map(any_case);
    let operator = |names: &'static [&'static str]| select(names).prop_flat_map(any_case);
    let mut kinds = vec![
        (name(texts), operator(&["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]), text())
            .prop_map(|(name, operator, value)| format!("{name} {operator}  {value}"))
            .boxed(),
        (name(booleans), operator(&["eq", "ne"]), select(vec!["true", "false"]))
            .prop_map(|(name, operator, value)| format!("{name} {operator} {value}"))
            .boxed(),
        (select(all.clone()).prop_flat_map(any_case), any_case("pr"))
            .prop_map(|(name, pr)| format!("{name}  {pr}"))
            .boxed(),
        (select(all), operator(&["eq", "ne"]))
            .prop_map(|(name, operator)| format!("{name} {operator} null"))
            .boxed(),
    ];
    if !within {
        kinds.push(
            (name(&["meta.lastModified"]), operator(&["eq", "ne", "gt", "ge", "lt", "le"]), select(MOMENTS))
                .prop_map(|(name, operator, value)| format!("{name} {operator} \"{value}\""))
                .boxed(),
        );
        kinds.push(expression(true).prop_map(|inner| format!("emails[{inner}]")).boxed());
    }
    proptest::strategy::Union::new(kinds).boxed()
}

fn expression(within: bool) -> BoxedStrategy<String> {
    comparison(within)
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                (inner.clone(), any_case("and"), inner.clone())
                    .prop_map(|(l, word, r)| format!("{l} {word} {r}")),
                (inner.clone(), any_case("or"), inner.clone())
                    .prop_map(|(l, word, r)| format!("{l} {word} {r}")),
                (any_case("not"), inner.clone()).prop_map(|(word, inner)| format!("{word} ({inner})")),
                inner.prop_map(|inner| format!("({inner})")),
            ]
        })
        .boxed()
}

/// A comparison that a store can look up.
fn lookup() -> impl Strategy<Value = String> {
    prop_oneof![
        (select(vec!["userName", "externalId", "displayName", "id"]), text())
            .prop_map(|(name, text)| format!("{name} eq {text}")),
        any::<bool>().prop_map(|active| format!("active eq {active}")),
        select(MOMENTS).prop_map(|moment| format!("meta.lastModified gt \"{moment}\"")),
    ]
}

fn written(condition: &Condition) -> String {
    match condition {
        Condition::Id(id) => format!("id eq {}", json!(id)),
        Condition::UserName(name) => format!("userName eq {}", json!(name)),
        Condition::ExternalId(id) => format!("externalId eq {}", json!(id)),
    }
}

/// A resource in which each attribute is there or not.
fn resource() -> impl Strategy<Value = Value> {
    let value =
        || prop_oneof![4 => select(TEXTS).prop_map(|text| text.replace('\\', "")), 1 => Just(String::new())];
    let maybe = || proptest::option::of(value());
    let email = (maybe(), maybe(), proptest::option::of(any::<bool>())).prop_map(|(value, kind, primary)| {
        object([
            ("value", value.map(Value::from)),
            ("type", kind.map(Value::from)),
            ("primary", primary.map(Value::from)),
        ])
    });
    let tags = proptest::collection::vec(value().prop_map(|text| json!({"key": "k", "value": text})), 0..3);
    (
        (maybe(), maybe(), maybe(), maybe(), maybe()),
        proptest::collection::vec(email, 0..3),
        proptest::option::of(any::<bool>()),
        proptest::option::of(select(MOMENTS)),
        tags,
    )
        .prop_map(|((user, external, display, family, path), emails, active, modified, tags)| {
            object([
                ("userName", user.map(Value::from)),
                ("externalId", external.map(Value::from)),
                ("displayName", display.map(Value::from)),
                ("name", family.map(|family| json!({"familyName": family}))),
                ("emails", Some(Value::Array(emails)).filter(|emails| *emails != json!([]))),
                ("active", active.map(Value::from)),
                ("meta", modified.map(|modified| json!({"lastModified": modified}))),
                (AWS, Some(object([("path", path.map(Value::from)), ("tags", Some(Value::Array(tags)))]))),
            ])
        })
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// Words of the language in any order.
fn words() -> impl Strategy<Value = String> {
    let word = select(vec![
        "userName", "emails", "type", "active", "password", "and", "or", "not", "eq", "co", "pr", "(", ")",
        "[", "]", " ", " ", " ", ".", "\"a\"", "\"", "true", "null", "1e3", "urn:", "\\", "é", "$ref", ":",
    ]);
    proptest::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_filter_means_what_the_naive_model_says(text in expression(false), resources in proptest::collection::vec(resource(), 4)) {
        let theirs: scim_v2::filter::Filter = text.parse().expect(&text);
        let ours = Filter::parse(&model().user, &text).expect(&text);
        for resource in &resources {
            let object = resource.as_object().unwrap();
            prop_assert_eq!(ours.matches(object), naive::matches(&theirs, resource), "{} on {}", text, resource);
        }
    }

    #[test]
    fn a_narrowed_filter_leaves_nothing_out(
        parts in proptest::collection::vec(lookup(), 1..3),
        rest in proptest::option::of(comparison(false)),
        resources in proptest::collection::vec(resource(), 4),
    ) {
        let text = parts.into_iter().chain(rest).collect::<Vec<_>>().join(" and ");
        let filter = Filter::parse(&model().user, &text).expect(&text);
        let texts: Vec<String> = filter.narrow().iter().map(written).collect();
        // The conditions, written as filters again, hold wherever the filter does.
        for resource in &resources {
            let object = resource.as_object().unwrap();
            let holds = texts.iter().all(|text| Filter::parse(&model().user, text).unwrap().matches(object));
            prop_assert!(holds || !filter.matches(object), "{} on {}", text, resource);
        }
    }

    #[test]
    fn what_we_read_the_other_reader_reads(text in words()) {
        let beyond = text.to_lowercase().contains("not(") || text.contains('$') || text.contains("].");
        if Filter::parse(&model().user, &text).is_ok() && !beyond {
            prop_assert!(text.parse::<scim_v2::filter::Filter>().is_ok(), "{}", text);
        }
    }

    #[test]
    fn reading_never_panics_and_is_always_an_invalid_filter(text in prop_oneof![words(), any::<String>()]) {
        for resource_type in model().resource_types() {
            if let Err(error) = Filter::parse(resource_type, &text) {
                prop_assert_eq!(error.cause, Cause::InvalidFilter);
            }
            let _ = PatchPath::parse(resource_type, &text);
        }
    }
}
