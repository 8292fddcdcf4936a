//! Whatever a PATCH or PUT says, what only the server writes stays as it is, and what comes out is a resource again.

use std::sync::LazyLock;

use keyreeve_server::scim::{
    Model, ResourceType, Switches,
    attribute::{Kind, Mutability},
    patch, urn, write,
};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::config;

fn model() -> &'static Model {
    static MODEL: LazyLock<Model> = LazyLock::new(|| Model::new(Switches::default()));
    &MODEL
}

fn ada() -> Value {
    json!({
        "schemas": [urn::USER, urn::AWS_USER],
        "id": "AIDAADA",
        "userName": "ada",
        "active": true,
        "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "b@x", "type": "home"}],
        "groups": [{"value": "AGPA1", "display": "staff"}],
        "entitlements": [{"value": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        "meta": {"resourceType": "User", "version": "W/\"1\""},
        urn::AWS_USER: {
            "path": "/staff/",
            "arn": "arn:aws:iam::111122223333:user/staff/ada",
            "tags": [{"key": "team", "value": "red"}],
            "loginProfile": {"state": "present"},
        },
    })
}

fn staff() -> Value {
    json!({
        "schemas": [urn::GROUP, urn::AWS_GROUP],
        "id": "AGPA1",
        "displayName": "staff",
        "members": [{"value": "AIDAADA", "display": "ada"}, {"value": "AIDABOB", "display": "bob"}],
        "meta": {"resourceType": "Group"},
        urn::AWS_GROUP: {"arn": "arn:aws:iam::111122223333:group/staff", "path": "/"},
    })
}

/// Every name and path of every type, and some that are none.
fn path() -> impl Strategy<Value = String> {
    let model = model();
    let mut names: Vec<String> = ["password", "roles", "x", "", "emails[0]", "members[value eq \"AIDAADA\"]"]
        .map(str::to_owned)
        .into();
    for resource_type in [&model.user, &model.group] {
        let own = resource_type.own_attributes().map(|attribute| (String::new(), attribute));
        let extended = resource_type.extensions.iter().flat_map(|extension| {
            extension.attributes.iter().map(|attribute| (format!("{}:", extension.id), attribute))
        });
        for (prefix, attribute) in own.chain(extended) {
            let name = format!("{prefix}{}", attribute.name);
            for sub in &attribute.sub_attributes {
                names.push(format!("{name}.{}", sub.name));
                for filter in
                    ["value eq \"a@x\"", "type eq \"work\"", "value pr", "key eq \"team\"", "not(value pr)"]
                {
                    names.push(format!("{name}[{filter}]"));
                    names.push(format!("{name}[{filter}].{}", sub.name));
                }
            }
            names.push(name);
        }
    }
    select(names)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        select(vec![
            "a@x",
            "work",
            "True",
            "AIDAADA",
            "ada",
            "arn:aws:iam::aws:policy/X",
            "/x/",
            "",
            "2026-01-01T00:00:00Z"
        ])
        .prop_map(Value::from),
    ];
    let name = select(vec![
        "value",
        "type",
        "primary",
        "display",
        "key",
        "$ref",
        "formatted",
        "state",
        "id",
        "userName",
    ]);
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn operation() -> impl Strategy<Value = Value> {
    let op = select(vec!["add", "replace", "remove", "Add", "Replace", "Remove"]);
    prop_oneof![
        4 => (op.clone(), path(), value())
            .prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value})),
        2 => path().prop_map(|path| json!({"op": "remove", "path": path})),
        2 => (op, path(), value()).prop_map(|(op, path, value)| json!({"op": op, "value": {path: value}})),
    ]
}

/// What only the server writes, of the resource and of each element that is still there.
fn read_only(resource_type: &ResourceType, resource: &Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    let own = resource_type.own_attributes().map(|attribute| (None, attribute));
    let extended = resource_type
        .extensions
        .iter()
        .flat_map(|extension| extension.attributes.iter().map(|attribute| (Some(extension.id), attribute)));
    for (extension, attribute) in own.chain(extended).filter(|(_, attribute)| attribute.name != "schemas") {
        let holder = match extension {
            None => Some(resource),
            Some(extension) => resource.get(extension).and_then(Value::as_object),
        };
        let value = holder.and_then(|holder| holder.get(attribute.name));
        if attribute.mutability == Mutability::ReadOnly {
            out.insert(format!("{extension:?} {}", attribute.name), value.cloned().unwrap_or(Value::Null));
        }
    }
    out
}

/// No wrong type, no nothing, no second primary element.
fn is_sound(resource_type: &ResourceType, resource: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in resource {
        let attributes = match resource_type.extension(name) {
            Some(extension) => {
                let object = value.as_object().ok_or("an extension is no object")?;
                if object.is_empty() {
                    return Err(format!("{name} is empty"));
                }
                object
                    .iter()
                    .map(|(name, value)| (extension.attributes.iter().find(|a| a.name == name), value))
                    .collect()
            }
            None => vec![(resource_type.own_attributes().find(|attribute| attribute.name == name), value)],
        };
        for (attribute, value) in attributes {
            let attribute = attribute.ok_or_else(|| format!("{name} has something unknown"))?;
            let elements = match (attribute.multi_valued, value) {
                (true, Value::Array(list)) if !list.is_empty() => list.iter().collect(),
                (true, _) => return Err(format!("{name} is no list of something")),
                (false, one) => vec![one],
            };
            for element in &elements {
                let fits = match attribute.kind {
                    Kind::Boolean => element.is_boolean(),
                    Kind::Integer => element.is_i64(),
                    Kind::Complex => element.as_object().is_some_and(|object| !object.is_empty()),
                    _ => element.is_string(),
                };
                if !fits {
                    return Err(format!("{name} holds {element}"));
                }
            }
            if elements.iter().filter(|element| element["primary"] == true).count() > 1 {
                return Err(format!("{name} has two primary elements"));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_patch_never_touches_what_only_the_server_writes(operations in proptest::collection::vec(operation(), 1..4)) {
        let model = model();
        let body = json!({"schemas": [urn::PATCH_OP], "Operations": operations});
        for (resource_type, before) in [(&model.user, ada()), (&model.group, staff())] {
            let before = before.as_object().unwrap();
            if let Ok(patched) = patch::apply(resource_type, before, &body) {
                prop_assert_eq!(read_only(resource_type, &patched.resource), read_only(resource_type, before), "{}", body);
                prop_assert_eq!(is_sound(resource_type, &patched.resource), Ok(()), "{}", body);
                prop_assert_eq!(patched.changed, patched.resource != *before, "{}", body);
                for member in patched.resource.get("members").and_then(Value::as_array).into_iter().flatten() {
                    let name = match member["value"].as_str() {
                        Some("AIDAADA") => json!("ada"),
                        Some("AIDABOB") => json!("bob"),
                        _ => Value::Null,
                    };
                    let (display, new) = (member["display"].clone(), member["display"].is_null());
                    prop_assert!(display == name || new, "{} {}", member, body);
                }
            }
        }
    }

    #[test]
    fn a_put_never_touches_what_only_the_server_writes(members in proptest::collection::btree_map(path(), value(), 0..4)) {
        let model = model();
        for (resource_type, before) in [(&model.user, ada()), (&model.group, staff())] {
            let mut body = json!({"schemas": [resource_type.schema.id], "userName": "ada"});
            if resource_type.name == "Group" {
                body = json!({"schemas": [resource_type.schema.id], "displayName": "staff"});
            }
            let object = body.as_object_mut().unwrap();
            object.extend(members.clone().into_iter().filter(|(name, _)| resource_type.find(None, name).is_some() && name != "schemas"));
            let before = before.as_object().unwrap();
            if let Ok(written) = write::replace(resource_type, &body, before) {
                prop_assert_eq!(read_only(resource_type, &written.resource), read_only(resource_type, before), "{}", body);
                prop_assert_eq!(is_sound(resource_type, &written.resource), Ok(()), "{}", body);
            }
        }
    }

    #[test]
    fn bodies_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), value in value()) {
        let model = model();
        let parsed = keyreeve_server::scim::body::parse(&bytes).ok();
        for body in parsed.iter().chain([&value]) {
            for resource_type in model.resource_types() {
                let _ = write::create(resource_type, body);
                let _ = write::replace(resource_type, body, ada().as_object().unwrap());
                let _ = patch::apply(resource_type, ada().as_object().unwrap(), body);
            }
        }
    }
}
