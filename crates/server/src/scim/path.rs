//! Paths to attributes (RFC 7644 §3.10), and to what a change is about (§3.5.2).

use serde_json::{Map, Value};

use super::{
    attribute::Attribute,
    filter::{Filter, resolve, syntax},
    quirks,
    schema::{Found, ResourceType},
};

/// Where in a resource an attribute's values are. The names are those of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The extension; `None` outside of extensions.
    pub extension: Option<&'static str>,
    /// The attribute.
    pub attribute: &'static str,
    /// The sub-attribute; `None` for the attribute itself.
    pub sub_attribute: Option<&'static str>,
}

impl Place {
    /// An attribute outside of extensions.
    #[must_use]
    pub fn of(attribute: &'static str) -> Self {
        Self { extension: None, attribute, sub_attribute: None }
    }

    /// The attribute's value, without looking into it.
    #[must_use]
    pub fn attribute_in<'a>(&self, resource: &'a Map<String, Value>) -> Option<&'a Value> {
        match self.extension {
            None => resource.get(self.attribute),
            Some(extension) => resource.get(extension)?.as_object()?.get(self.attribute),
        }
    }

    /// All values at this place, lists taken apart.
    #[must_use]
    pub fn values_in<'a>(&self, resource: &'a Map<String, Value>) -> Vec<&'a Value> {
        let elements = self.attribute_in(resource).map(elements).unwrap_or_default();
        match self.sub_attribute {
            None => elements,
            Some(sub) => {
                elements.into_iter().filter_map(|element| element.get(sub)).flat_map(elements_of).collect()
            }
        }
    }
}

fn elements(value: &Value) -> Vec<&Value> {
    elements_of(value).collect()
}

fn elements_of(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(list) => list.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

/// A name that the model has.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Where its values are.
    pub place: Place,
    /// The attribute.
    pub attribute: &'a Attribute,
    /// The sub-attribute, if the name has one.
    pub sub_attribute: Option<&'a Attribute>,
}

impl<'a> Named<'a> {
    /// What the name stands for in the end.
    #[must_use]
    pub fn leaf(&self) -> &'a Attribute {
        self.sub_attribute.unwrap_or(self.attribute)
    }
}

/// What a name such as `emails.type` or `urn:…:User:department` stands for; `None` if the type has no such attribute.
#[must_use]
pub fn find<'a>(resource_type: &'a ResourceType, name: &str) -> Option<Named<'a>> {
    let (urn, rest) = match name.get(..4) {
        Some(start) if start.eq_ignore_ascii_case("urn:") => {
            let (urn, rest) = name.rsplit_once(':')?;
            (Some(urn), rest)
        }
        _ => (None, name),
    };
    let (attribute, sub) = match rest.split_once('.') {
        None => (rest, None),
        Some((attribute, sub)) => (attribute, Some(sub)),
    };
    let found = resource_type.find(urn, attribute);
    let Found { extension, attribute } =
        found.or_else(|| quirks::without_extension(resource_type, urn, attribute))?;
    let sub_attribute = match sub {
        None => None,
        Some(sub) => Some(attribute.sub_attribute(sub)?),
    };
    let place =
        Place { extension, attribute: attribute.name, sub_attribute: sub_attribute.map(|sub| sub.name) };
    Some(Named { place, attribute, sub_attribute })
}

/// What a change is about: `attrPath / valuePath [subAttr]` of RFC 7644 §3.5.2.
#[derive(Debug, Clone)]
pub struct PatchPath<'a> {
    /// The attribute or sub-attribute.
    pub named: Named<'a>,
    /// Which elements of a list; `None` for all of it.
    pub which: Option<Filter>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathError {
    /// It is no path; with the place, in bytes, and what is wrong there.
    Syntax(syntax::SyntaxError),
    /// The type has no such attribute.
    Unknown(String),
    /// The part in brackets cannot be asked for.
    Filter(super::Error),
    /// Brackets behind something that is no list of objects.
    NoList(String),
}

impl<'a> PatchPath<'a> {
    /// Reads a path.
    ///
    /// # Errors
    /// When it leads nowhere.
    pub fn parse(resource_type: &'a ResourceType, text: &str) -> Result<Self, PathError> {
        let raw = syntax::path(text).map_err(PathError::Syntax)?;
        let unknown = || PathError::Unknown(text.to_owned());
        let mut named = find(resource_type, raw.name).ok_or_else(unknown)?;
        let Some(within) = raw.within else {
            return Ok(Self { named, which: None });
        };
        let list = named.attribute.multi_valued && !named.attribute.sub_attributes.is_empty();
        if !list || named.sub_attribute.is_some() {
            return Err(PathError::NoList(raw.name.to_owned()));
        }
        let which = resolve::within(named.attribute, &within).map_err(PathError::Filter)?;
        if let Some(sub) = raw.sub_attribute {
            let sub = named.attribute.sub_attribute(sub).ok_or_else(unknown)?;
            named.sub_attribute = Some(sub);
            named.place.sub_attribute = Some(sub.name);
        }
        Ok(Self { named, which: Some(which) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{Model, Switches, urn};

    fn user() -> ResourceType {
        Model::new(Switches::default()).user
    }

    #[test]
    fn names_lead_to_their_place() {
        let user = user();
        for (name, extension, attribute, sub) in [
            ("userName", None, "userName", None),
            ("USERNAME", None, "userName", None),
            ("name.familyname", None, "name", Some("familyName")),
            ("groups.$ref", None, "groups", Some("$ref")),
            ("meta.lastModified", None, "meta", Some("lastModified")),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", None, "name", Some("givenName")),
            ("URN:IETF:params:scim:schemas:core:2.0:user:id", None, "id", None),
            (
                &format!("{}:manager.value", urn::ENTERPRISE_USER),
                Some(urn::ENTERPRISE_USER),
                "manager",
                Some("value"),
            ),
            (&format!("{}:tags", urn::AWS_USER), Some(urn::AWS_USER), "tags", None),
        ] {
            let place = find(&user, name).expect(name).place;
            assert_eq!(place, Place { extension, attribute, sub_attribute: sub }, "{name}");
        }
        for nothing in [
            "",
            ".",
            "roles",
            "password",
            "name.",
            ".name",
            "name.familyName.x",
            "userName.value",
            "department",
            "urn:",
            "urn:x",
            "urn:ietf:params:scim:schemas:core:2.0:Group:displayName",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:example:extension:internal:roles",
            "ſchemas",
        ] {
            assert!(find(&user, nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn values_are_taken_from_lists_and_extensions() {
        let user = user();
        let resource = json!({
            "userName": "ada",
            "emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}],
            urn::AWS_USER: {"tags": [{"key": "team", "value": "red"}], "path": "/staff/"},
        });
        let resource = resource.as_object().unwrap();
        let values = |name: &str| find(&user, name).unwrap().place.values_in(resource);
        assert_eq!(values("userName"), [&json!("ada")]);
        assert_eq!(values("emails.value"), [&json!("a@x"), &json!("b@x")]);
        assert_eq!(values("emails.type"), [&json!("work")]);
        assert_eq!(values(&format!("{}:tags.value", urn::AWS_USER)), [&json!("red")]);
        assert!(values("displayName").is_empty());
    }

    #[test]
    fn patch_paths_are_read_and_refused() {
        let user = user();
        let read = |text: &str| PatchPath::parse(&user, text);
        let path = read(r#"emails[type eq "work" and not(primary eq true)].value"#).unwrap();
        assert_eq!(path.named.place.sub_attribute, Some("value"));
        assert!(path.which.is_some());
        assert!(read("emails").unwrap().which.is_none());
        let tags = format!("{}:tags[key eq \"a.b:c\"].value", urn::AWS_USER);
        assert_eq!(read(&tags).unwrap().named.place.extension, Some(urn::AWS_USER));
        for broken in [
            "",
            " ",
            "emails[",
            "emails[]",
            "emails[0]",
            "emails[0].value",
            "emails]",
            "a b",
            "emails[type eq \"x\"]x",
        ] {
            assert!(matches!(read(broken), Err(PathError::Syntax(_))), "{broken}: {:?}", read(broken));
        }
        for unknown in
            ["roles", "password", "emails.nothing", "emails[type pr].nothing", "/userName", "a.b.c"]
        {
            assert!(matches!(read(unknown), Err(PathError::Unknown(_))), "{unknown}: {:?}", read(unknown));
        }
        for no_list in
            ["name[familyName pr]", "userName[value pr]", "emails.type[value pr]", "schemas[value pr]"]
        {
            assert!(matches!(read(no_list), Err(PathError::NoList(_))), "{no_list}: {:?}", read(no_list));
        }
        assert!(matches!(read("emails[userName pr]"), Err(PathError::Filter(_))));
    }
}
