//! Tags that mirror attributes, as the system's setting `scim_tags` has them. Pure.

use std::collections::BTreeMap;

use keyreeve_model::{ScimAttribute, ScimTags, check_tags};
use serde_json::{Map, Value, json};

use super::{enterprise, tags, text};
use crate::scim::error::quoted;
use crate::scim::path::Place;
use crate::scim::{Cause, Error, urn};

/// Brings the mirroring tags of a user that is to be in line with the attributes that are otherwise than `before`; of one
/// that is there `anew`, with all of them.
///
/// # Errors
/// `invalidValue` for an attribute that cannot be the value of a tag, and for a mirroring tag that the client writes
/// otherwise.
pub(super) fn mirror(
    setting: &ScimTags,
    (before, anew): (&Map<String, Value>, bool),
    after: &mut Map<String, Value>,
) -> Result<(), Error> {
    if setting.is_empty() {
        return Ok(());
    }
    let had = tags(before);
    let mut has = tags(after);
    for (attribute, key) in setting {
        let value = value_of(*attribute, after);
        let changed = anew || value_of(*attribute, before) != value;
        let present = find(&had, key);
        let meant = if changed { value } else { present.map(|(_, value)| value.clone()) };
        if let Some((_, written)) = find(&has, key)
            && present.map(|(_, value)| value) != Some(written)
            && meant.as_ref() != Some(written)
        {
            let detail = format!(
                "tags cannot be set: the tag {} mirrors {}, which is to be written",
                quoted(key),
                name(*attribute)
            );
            return Err(Error::new(Cause::InvalidValue, detail));
        }
        // As AWS has it written, where it has it.
        let key = present.map_or_else(|| key.clone(), |(key, _)| key.clone());
        has.retain(|other, _| !other.eq_ignore_ascii_case(&key));
        if let Some(value) = meant {
            if changed {
                check_tags(&BTreeMap::from([(key.clone(), value.clone())])).map_err(|error| {
                    let detail = format!(
                        "{} cannot be set: it is mirrored to the tag {}, and {error}",
                        name(*attribute),
                        quoted(&key)
                    );
                    Error::new(Cause::InvalidValue, detail)
                })?;
            }
            has.insert(key, value);
        }
    }
    put(after, &has);
    Ok(())
}

fn put(user: &mut Map<String, Value>, tags: &BTreeMap<String, String>) {
    let list: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    if list.is_empty() && !user.contains_key(urn::AWS_USER) {
        return;
    }
    let extension = user.entry(urn::AWS_USER).or_insert_with(|| Value::Object(Map::new()));
    let Some(extension) = extension.as_object_mut() else { return };
    if list.is_empty() {
        extension.remove("tags");
    } else {
        extension.insert("tags".to_owned(), Value::Array(list));
    }
}

fn find<'a>(tags: &'a BTreeMap<String, String>, key: &str) -> Option<(&'a String, &'a String)> {
    tags.iter().find(|(other, _)| other.eq_ignore_ascii_case(key))
}

fn name(attribute: ScimAttribute) -> &'static str {
    attribute.as_str()
}

fn value_of(attribute: ScimAttribute, user: &Map<String, Value>) -> Option<String> {
    let name = |sub| Place { sub_attribute: Some(sub), ..Place::of("name") };
    match attribute {
        ScimAttribute::ExternalId => text(user, Place::of("externalId")),
        ScimAttribute::DisplayName => text(user, Place::of("displayName")),
        ScimAttribute::GivenName => text(user, name("givenName")),
        ScimAttribute::FamilyName => text(user, name("familyName")),
        ScimAttribute::Email => mail(user),
        ScimAttribute::EmployeeNumber => text(user, enterprise("employeeNumber")),
        ScimAttribute::Department => text(user, enterprise("department")),
        ScimAttribute::CostCenter => text(user, enterprise("costCenter")),
        ScimAttribute::Manager => text(user, Place { sub_attribute: Some("value"), ..enterprise("manager") }),
    }
}

fn mail(user: &Map<String, Value>) -> Option<String> {
    let all = user.get("emails")?.as_array()?;
    let primary = all.iter().find(|one| one.get("primary") == Some(&Value::Bool(true)));
    let work = || all.iter().find(|one| one.get("type").and_then(Value::as_str) == Some("work"));
    primary.or_else(work)?.get("value")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting() -> ScimTags {
        ScimTags::from([
            (ScimAttribute::DisplayName, "Name".to_owned()),
            (ScimAttribute::Department, "Unit".to_owned()),
            (ScimAttribute::Email, "Mail".to_owned()),
        ])
    }

    fn user(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn ada() -> Value {
        json!({
            "displayName": "Ada", "emails": [{"value": "h@x", "type": "home"}, {"value": "w@x", "type": "work"}],
            urn::ENTERPRISE_USER: {"department": "R"},
            urn::AWS_USER: {"path": "/", "tags": [
                {"key": "name", "value": "Ada"}, {"key": "Unit", "value": "old"}, {"key": "own", "value": "1"},
            ]},
        })
    }

    fn tags_after(change: impl FnOnce(&mut Value)) -> Result<BTreeMap<String, String>, Error> {
        let mut after = ada();
        change(&mut after);
        let mut after = user(after);
        mirror(&setting(), (&user(ada()), false), &mut after)?;
        Ok(tags(&after))
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_changes_changes_its_tag_and_nothing_else_does() {
        let same = map(&[("name", "Ada"), ("Unit", "old"), ("own", "1")]);
        assert_eq!(tags_after(|_| {}).unwrap(), same);
        assert_eq!(tags_after(|user| user["nickName"] = json!("A")).unwrap(), same);
        let renamed = map(&[("name", "A"), ("Unit", "old"), ("own", "1")]);
        assert_eq!(tags_after(|user| user["displayName"] = json!("A")).unwrap(), renamed);
        let gone = tags_after(|user| drop(user.as_object_mut().unwrap().remove("displayName")));
        assert_eq!(gone.unwrap(), map(&[("Unit", "old"), ("own", "1")]));
        let primary = tags_after(|user| user["emails"][0]["primary"] = json!(true)).unwrap();
        assert_eq!(primary["Mail"], "h@x");
        let unit = tags_after(|user| user[urn::ENTERPRISE_USER]["department"] = json!("S")).unwrap();
        assert_eq!(unit["Unit"], "S");
    }

    #[test]
    fn a_client_writes_its_own_tags_and_no_mirroring_one() {
        let written = |list: Value| tags_after(|user| user[urn::AWS_USER]["tags"] = list);
        let kept = written(json!([{"key": "new", "value": "2"}])).unwrap();
        assert_eq!(kept, map(&[("name", "Ada"), ("Unit", "old"), ("new", "2")]), "what mirrors stays");
        let refused = written(json!([{"key": "NAME", "value": "Eve"}])).unwrap_err();
        assert_eq!(refused.cause, Cause::InvalidValue);
        assert!(refused.detail.contains("displayName"), "{refused}");
        // The same as what is meant is no contradiction.
        let both = tags_after(|user| {
            user["displayName"] = json!("Eve");
            user[urn::AWS_USER]["tags"] = json!([{"key": "Name", "value": "Eve"}]);
        });
        assert_eq!(both.unwrap(), map(&[("name", "Eve"), ("Unit", "old")]));
    }

    #[test]
    fn what_no_tag_can_hold_is_refused() {
        for bad in ["a*b".to_owned(), "x".repeat(257), "a\u{1}".to_owned()] {
            let refused = tags_after(|user| user["displayName"] = json!(bad)).unwrap_err();
            assert_eq!(refused.cause, Cause::InvalidValue);
            assert!(refused.detail.contains("displayName"), "{refused}");
        }
        assert!(tags_after(|user| user["displayName"] = json!("Größe 1+1=2 @ x")).is_ok());
    }

    #[test]
    fn a_new_user_has_all_tags_at_once_and_none_without_the_setting() {
        let mut new = user(json!({"userName": "ada", "displayName": "Ada"}));
        mirror(&ScimTags::new(), (&Map::new(), true), &mut new).unwrap();
        assert_eq!(new.get(urn::AWS_USER), None);
        mirror(&setting(), (&Map::new(), true), &mut new).unwrap();
        assert_eq!(tags(&new), map(&[("Name", "Ada")]));
        // One that comes back keeps none of an earlier life.
        let mut back = user(ada());
        back.remove("displayName");
        mirror(&setting(), (&user(ada()), true), &mut back).unwrap();
        assert_eq!(tags(&back), map(&[("Mail", "w@x"), ("Unit", "R"), ("own", "1")]));
    }
}
