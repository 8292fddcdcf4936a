//! Which attributes of a resource are shown (RFC 7644 §3.4.2.5, §3.9, RFC 7643 §2.2 and §7 `returned`).

use serde_json::{Map, Value};

use super::{Attribute, Cause, Error, ResourceType, attribute::Returned, path};

/// What a client wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Projection {
    /// Whether `names` are to be shown alone, or are to be left out.
    only: bool,
    /// Places, or an extension as a whole.
    names: Vec<Wanted>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Extension(&'static str),
    Place(path::Place),
}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`. Names that the type does not have are left out: a query on several
    /// types names attributes of each.
    ///
    /// # Errors
    /// `invalidValue` when both are given (RFC 7644 §3.9).
    pub fn new(
        resource_type: &ResourceType,
        attributes: &[String],
        excluded: &[String],
    ) -> Result<Self, Error> {
        if !attributes.is_empty() && !excluded.is_empty() {
            return Err(Error::new(
                Cause::InvalidValue,
                "attributes and excludedAttributes exclude each other",
            ));
        }
        let only = !attributes.is_empty();
        let names = if only { attributes } else { excluded };
        let names = names
            .iter()
            .filter_map(|name| match resource_type.extension(name) {
                Some(extension) => Some(Wanted::Extension(extension.id)),
                None => path::find(resource_type, name).map(|named| Wanted::Place(named.place)),
            })
            .collect();
        Ok(Self { only, names })
    }

    /// Whether the client wants all that may be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.only && self.names.is_empty()
    }

    /// The resource as this client sees it. What is returned always is, and what is returned never is not.
    #[must_use]
    pub fn show(&self, resource_type: &ResourceType, mut resource: Map<String, Value>) -> Map<String, Value> {
        let mut out = Map::new();
        for attribute in resource_type.own_attributes() {
            self.show_attribute(None, attribute, &mut resource, &mut out);
        }
        for extension in &resource_type.extensions {
            let Some(Value::Object(mut part)) = resource.remove(extension.id) else { continue };
            let mut shown = Map::new();
            for attribute in &extension.attributes {
                self.show_attribute(Some(extension.id), attribute, &mut part, &mut shown);
            }
            if !shown.is_empty() {
                out.insert(extension.id.to_owned(), Value::Object(shown));
            }
        }
        out
    }

    /// The JSON of [`Self::show`].
    #[must_use]
    pub fn text(&self, resource_type: &ResourceType, resource: Map<String, Value>) -> String {
        Value::Object(self.show(resource_type, resource)).to_string()
    }

    fn show_attribute(
        &self,
        extension: Option<&'static str>,
        attribute: &Attribute,
        from: &mut Map<String, Value>,
        into: &mut Map<String, Value>,
    ) {
        let Some(value) = from.remove(attribute.name).filter(|value| !value.is_null()) else { return };
        let named: Vec<Option<&'static str>> = self
            .names
            .iter()
            .filter_map(|wanted| match wanted {
                Wanted::Extension(id) => (extension == Some(*id)).then_some(None),
                Wanted::Place(place) => (place.extension == extension && place.attribute == attribute.name)
                    .then_some(place.sub_attribute),
            })
            .collect();
        let whole = named.contains(&None);
        let shown = match (attribute.returned, self.only) {
            (Returned::Never, _) => false,
            (Returned::Always, _) => true,
            (Returned::Default, true) | (Returned::Request, true) => !named.is_empty(),
            (Returned::Default, false) => !whole,
            (Returned::Request, false) => false,
        };
        if !shown {
            return;
        }
        let narrowed = attribute.returned != Returned::Always && !whole && !named.is_empty();
        let value = if narrowed {
            narrow(value, &|name| named.contains(&Some(name)) == self.only)
        } else {
            Some(value)
        };
        if let Some(value) = value {
            into.insert(attribute.name.to_owned(), value);
        }
    }
}

/// A complex value, or a list of them, with some of its sub-attributes; `None` where nothing is left.
fn narrow(value: Value, keep: &dyn Fn(&'_ str) -> bool) -> Option<Value> {
    match value {
        Value::Array(list) => {
            let list: Vec<Value> = list.into_iter().filter_map(|element| narrow(element, keep)).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        Value::Object(object) => {
            let object: Map<String, Value> = object.into_iter().filter(|(name, _)| keep(name)).collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{Model, Switches, urn};

    fn ada() -> Value {
        json!({
            "schemas": [urn::USER, urn::AWS_USER],
            "id": "1",
            "userName": "ada",
            "displayName": null,
            "password": "canary",
            "unknown": "canary",
            "name": {"givenName": "Ada", "familyName": "Lovelace"},
            "emails": [{"value": "a@x", "type": "work"}, {"type": "home"}],
            "meta": {"resourceType": "User"},
            urn::AWS_USER: {"path": "/", "arn": "arn:x"},
        })
    }

    fn shown(attributes: &[&str], excluded: &[&str]) -> Value {
        let user = Model::new(Switches { password: true, entitlements: false }).user;
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let projection = Projection::new(&user, &owned(attributes), &owned(excluded)).unwrap();
        Value::Object(projection.show(&user, ada().as_object().unwrap().clone()))
    }

    #[test]
    fn everything_that_may_be_read_is_shown() {
        let mut expected = ada();
        for hidden in ["password", "unknown", "displayName"] {
            expected.as_object_mut().unwrap().remove(hidden);
        }
        assert_eq!(shown(&[], &[]), expected);
    }

    /// RFC 7644 §3.9: "the minimum set … returned always", and what is asked for.
    #[test]
    fn only_what_is_asked_for() {
        let minimum = json!({"schemas": [urn::USER, urn::AWS_USER], "id": "1"});
        let with = |extra: Value| {
            let mut out = minimum.clone();
            out.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            out
        };
        for (attributes, extra) in [
            (&["USERNAME"][..], json!({"userName": "ada"})),
            (&["password"], json!({})),
            (&["nothing"], json!({})),
            (&["displayName"], json!({})),
            (&["name.givenname"], json!({"name": {"givenName": "Ada"}})),
            (&["emails.value"], json!({"emails": [{"value": "a@x"}]})),
            (
                &["emails.value", "emails"],
                json!({"emails": [{"value": "a@x", "type": "work"}, {"type": "home"}]}),
            ),
            (
                &["urn:keyreeve:params:scim:schemas:extension:aws:2.0:User:path"],
                json!({urn::AWS_USER: {"path": "/"}}),
            ),
            (
                &["urn:keyreeve:params:scim:schemas:extension:aws:2.0:User"],
                json!({urn::AWS_USER: {"path": "/", "arn": "arn:x"}}),
            ),
            (&["urn:ietf:params:scim:schemas:core:2.0:User:userName"], json!({"userName": "ada"})),
        ] {
            assert_eq!(shown(attributes, &[]), with(extra), "{attributes:?}");
        }
    }

    #[test]
    fn what_is_excluded_is_left_out_unless_it_is_always_returned() {
        let all = shown(&[], &[]);
        assert_eq!(shown(&[], &["id", "schemas", "nothing"]), all);
        let without = |name: &str| {
            let mut out = all.clone();
            out.as_object_mut().unwrap().remove(name);
            out
        };
        assert_eq!(shown(&[], &["EMAILS"]), without("emails"));
        assert_eq!(shown(&[], &[urn::AWS_USER]), without(urn::AWS_USER));
        assert_eq!(shown(&[], &["name.givenName"])["name"], json!({"familyName": "Lovelace"}));
        assert_eq!(shown(&[], &["emails.type"])["emails"], json!([{"value": "a@x"}]));
    }

    #[test]
    fn both_at_once_are_refused() {
        let user = Model::new(Switches::default()).user;
        let error = Projection::new(&user, &["id".into()], &["name".into()]).unwrap_err();
        assert_eq!(error.cause, Cause::InvalidValue);
    }

    #[test]
    fn what_is_returned_on_request_is_shown_on_request() {
        let mut user = Model::new(Switches::default()).user;
        let emails = user.schema.attributes.iter_mut().find(|attribute| attribute.name == "emails").unwrap();
        emails.returned = Returned::Request;
        let show = |names: &[String]| {
            Projection::new(&user, names, &[]).unwrap().show(&user, ada().as_object().unwrap().clone())
        };
        assert_eq!(show(&[]).get("emails"), None);
        assert_eq!(show(&["emails".into()])["emails"], ada()["emails"]);
    }
}
