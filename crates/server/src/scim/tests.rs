use serde_json::{Map, Value, json};

use super::{
    Attribute, Cause, Filter, Model, Switches,
    attribute::{Kind, Mutability, Returned},
    discovery, sort, urn, write,
};

const BASE: &str = "https://keyreeve.example/scim/v2/prod";

fn everything() -> Model {
    Model::new(Switches { password: true, entitlements: true })
}

/// RFC 7643 §7 has these characteristics; every one is written out, so that no client has to guess a default.
#[test]
fn every_attribute_is_described_whole() {
    fn check(attribute: &Value, place: &str) {
        let name = attribute["name"].as_str().expect("a name");
        let place = format!("{place} {name}");
        for boolean in ["multiValued", "required", "caseExact"] {
            assert!(attribute[boolean].is_boolean(), "{place}: {boolean}");
        }
        for (word, meant) in [
            ("type", &["string", "boolean", "integer", "dateTime", "reference", "complex"][..]),
            ("mutability", &["readOnly", "readWrite", "immutable", "writeOnly"]),
            ("returned", &["always", "never", "default", "request"]),
            ("uniqueness", &["none", "server", "global"]),
        ] {
            let value = attribute[word].as_str().unwrap_or_default();
            assert!(meant.contains(&value), "{place}: {word} is {value:?}");
        }
        assert!(!attribute["description"].as_str().unwrap_or_default().is_empty(), "{place}: description");
        assert_eq!(attribute["type"] == "complex", attribute["subAttributes"].is_array(), "{place}");
        assert_eq!(attribute["type"] == "reference", attribute["referenceTypes"].is_array(), "{place}");
        for sub in attribute["subAttributes"].as_array().into_iter().flatten() {
            assert_ne!(
                sub["type"], "complex",
                "{place}: complex values hold no complex ones (RFC 7643 §2.3.8)"
            );
            check(sub, &place);
        }
    }
    let schemas = discovery::schemas(&everything(), BASE);
    for schema in schemas["Resources"].as_array().expect("a list") {
        for attribute in schema["attributes"].as_array().expect("attributes") {
            check(attribute, schema["id"].as_str().expect("an id"));
        }
    }
}

#[test]
fn a_schema_is_a_resource_and_each_is_listed_once() {
    let model = everything();
    let all = discovery::schemas(&model, BASE);
    let ids: Vec<&str> =
        all["Resources"].as_array().unwrap().iter().map(|schema| schema["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        [urn::USER, urn::ENTERPRISE_USER, urn::AWS_USER, urn::GROUP, urn::AWS_GROUP, urn::POLICY],
        "the resource types' schemas"
    );
    assert_eq!(all["schemas"], json!([urn::LIST_RESPONSE]));
    assert_eq!(all["totalResults"], 6);
    for id in ids {
        let one = discovery::schema(&model, &id.to_ascii_uppercase(), BASE).expect("found in whatever case");
        assert_eq!(one["schemas"], json!([urn::SCHEMA]));
        assert_eq!(one["meta"]["location"], format!("{BASE}/Schemas/{id}"));
    }
    assert_eq!(discovery::schema(&model, "urn:nothing", BASE), None);
}

/// RFC 7643 §6: a type names its schema and its extensions, and all of them are served.
#[test]
fn resource_types_name_schemas_that_exist() {
    let model = everything();
    let types = discovery::resource_types(&model, BASE);
    assert_eq!(types["totalResults"], 3);
    for resource_type in types["Resources"].as_array().unwrap() {
        let name = resource_type["name"].as_str().unwrap();
        assert_eq!(resource_type["id"], name);
        assert_eq!(discovery::resource_type(&model, name, BASE).as_ref(), Some(resource_type));
        let endpoint = resource_type["endpoint"].as_str().unwrap();
        assert_eq!(model.at(&endpoint[1..]).map(|found| found.name), Some(name));
        let extensions = resource_type["schemaExtensions"].as_array().unwrap();
        let named = extensions.iter().map(|extension| &extension["schema"]).chain([&resource_type["schema"]]);
        for id in named {
            assert!(discovery::schema(&model, id.as_str().unwrap(), BASE).is_some(), "{id}");
        }
    }
    assert_eq!(discovery::resource_type(&model, "Role", BASE), None);
    assert!(model.at("users").is_none(), "paths of URLs are told apart by case");
}

/// RFC 7643 §5 and §8.5, RFC 9865 §4.
#[test]
fn the_service_provider_config_has_what_the_rfcs_require() {
    let config = discovery::service_provider_config(&Model::new(Switches::default()), BASE);
    assert_eq!(config["schemas"], json!([urn::SERVICE_PROVIDER_CONFIG]));
    for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        assert!(config[feature]["supported"].is_boolean(), "{feature}");
    }
    for (feature, limit) in [("bulk", "maxOperations"), ("bulk", "maxPayloadSize"), ("filter", "maxResults")]
    {
        assert!(config[feature][limit].as_u64() > Some(0), "{feature}.{limit}");
    }
    for word in ["type", "name", "description"] {
        assert!(config["authenticationSchemes"][0][word].is_string(), "{word}");
    }
    assert_eq!(config["pagination"]["cursor"], true);
    assert_eq!(config["pagination"]["index"], true);
    assert_eq!(config["changePassword"]["supported"], false);
    let with_passwords = discovery::service_provider_config(&everything(), BASE);
    assert_eq!(with_passwords["changePassword"]["supported"], true);
}

#[test]
fn a_password_is_never_returned_and_unknown_unless_switched_on() {
    let model = everything();
    let password = model.user.find(None, "PASSWORD").expect("switched on").attribute;
    assert_eq!(password.mutability, Mutability::WriteOnly);
    assert_eq!(password.returned, Returned::Never);
    assert!(Model::new(Switches::default()).user.find(None, "password").is_none());
}

#[test]
fn policies_can_be_attached_only_when_that_is_switched_on() {
    let on = everything();
    let entitlements = on.user.find(None, "entitlements").unwrap().attribute;
    assert_eq!(entitlements.mutability, Mutability::ReadWrite);
    let off = Model::new(Switches::default());
    let entitlements = off.user.find(None, "entitlements").unwrap().attribute;
    assert_eq!(entitlements.mutability, Mutability::ReadOnly);
    assert!(entitlements.sub_attributes.iter().all(|sub| sub.mutability == Mutability::ReadOnly));
}

#[test]
fn attributes_are_found_in_whatever_case_and_by_their_urn() {
    let user = everything().user;
    let found = |urn: Option<&str>, name: &str| user.find(urn, name).map(|found| found.attribute.name);
    assert_eq!(found(None, "USERNAME"), Some("userName"));
    assert_eq!(found(Some(&urn::USER.to_ascii_uppercase()), "username"), Some("userName"));
    assert_eq!(found(Some(urn::AWS_USER), "Path"), Some("path"));
    assert_eq!(found(None, "path"), None, "an extension's attribute needs its URN");
    assert_eq!(found(Some(urn::GROUP), "displayName"), None, "another type's schema");
    assert_eq!(found(None, "externalid"), Some("externalId"));
    let groups = user.find(None, "groups").unwrap().attribute;
    assert_eq!(groups.mutability, Mutability::ReadOnly);
    assert_eq!(groups.sub_attribute("$REF").map(|sub| sub.kind), Some(Kind::Reference));
}

#[test]
fn names_are_unique_and_parts_of_what_is_read_only_are_so_too() {
    fn check(attributes: &[Attribute], place: &str) {
        for (index, attribute) in attributes.iter().enumerate() {
            let again =
                attributes[..index].iter().any(|other| other.name.eq_ignore_ascii_case(attribute.name));
            assert!(!again, "{place} has {} twice", attribute.name);
            if let Some(key) = attribute.element_key {
                assert!(attribute.multi_valued && attribute.sub_attribute(key).is_some(), "{place} {key}");
            }
            if attribute.mutability == Mutability::ReadOnly {
                let mut subs = attribute.sub_attributes.iter();
                assert!(subs.all(|sub| sub.mutability == Mutability::ReadOnly), "{place} {}", attribute.name);
            }
            check(&attribute.sub_attributes, attribute.name);
        }
    }
    for resource_type in everything().resource_types() {
        let own: Vec<Attribute> = resource_type.own_attributes().cloned().collect();
        check(&own, resource_type.name);
        for extension in &resource_type.extensions {
            check(&extension.attributes, extension.id);
        }
    }
}

#[test]
fn policies_are_read_only() {
    let policy = everything().policy;
    let mut attributes = policy.schema.attributes.iter();
    assert!(attributes.all(|attribute| attribute.mutability == Mutability::ReadOnly));
}

/// No resource of ours has a number yet; what the model says of numbers holds all the same.
#[test]
fn whole_numbers_are_written_compared_and_sorted() {
    let mut user = everything().user;
    user.schema.attributes.push(Attribute::integer("level", "A number."));
    let people: Vec<Map<String, Value>> = [json!(10), json!(-1), json!(9)]
        .iter()
        .enumerate()
        .map(|(id, level)| {
            let body = json!({"schemas": [urn::USER], "userName": format!("user{id}"), "level": level});
            let mut resource = write::create(&user, &body).unwrap().resource;
            resource.insert("id".into(), json!(id.to_string()));
            resource
        })
        .collect();
    for (text, expected) in [
        ("level gt 9", &["0"][..]),
        ("level ge 9", &["0", "2"]),
        ("level eq 9.0", &["2"]),
        ("level lt 0", &["1"]),
        ("level ne 9", &["0", "1"]),
    ] {
        let filter = Filter::parse(&user, text).unwrap();
        let meant: Vec<&Value> =
            people.iter().filter(|person| filter.matches(person)).map(|person| &person["id"]).collect();
        assert_eq!(meant, expected, "{text}");
    }
    for text in ["level eq \"9\"", "level co 9", "level eq true"] {
        assert_eq!(Filter::parse(&user, text).unwrap_err().cause, Cause::InvalidFilter, "{text}");
    }
    let mut sorted = people.clone();
    sort::Sort::parse(&user, "level", None).unwrap().sort(&mut sorted);
    let order: Vec<&Value> = sorted.iter().map(|person| &person["id"]).collect();
    assert_eq!(order, ["1", "2", "0"]);
    for wrong in [json!("9"), json!(9.5), json!(true)] {
        let body = json!({"schemas": [urn::USER], "userName": "ada", "level": wrong});
        assert_eq!(write::create(&user, &body).unwrap_err().cause, Cause::InvalidValue, "{wrong}");
    }
}
