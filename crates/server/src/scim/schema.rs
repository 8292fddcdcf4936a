//! Schemas, and the types of resources that are made of them (RFC 7643 §6, §7).

use serde_json::{Map, Value, json};

use super::{
    attribute::{self, Attribute, Returned, Uniqueness},
    filter::evaluate::is_present,
    urn,
};

/// Attributes under a name of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// A short name.
    pub name: &'static str,
    /// What it is about.
    pub description: &'static str,
    /// What it has.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// As `/Schemas` shows it; `base` is the address of the SCIM root, without a slash at its end.
    #[must_use]
    pub fn to_json(&self, base: &str) -> Value {
        json!({
            "schemas": [urn::SCHEMA],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes.iter().map(Attribute::to_json).collect::<Vec<_>>(),
            "meta": {
                "resourceType": "Schema",
                "location": format!("{base}/Schemas/{}", self.id),
            },
        })
    }
}

/// A type of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name, `User`; also its id.
    pub name: &'static str,
    /// Where it is found below the SCIM root, `/Users`.
    pub endpoint: &'static str,
    /// What it stands for.
    pub description: &'static str,
    /// What every resource of the type has.
    pub schema: Schema,
    /// What a resource of the type may have besides.
    pub extensions: Vec<Schema>,
    /// What every resource of every type has (RFC 7643 §3.1).
    pub common: Vec<Attribute>,
}

/// An attribute, and the extension it is part of; `None` for the type's own schema.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The extension's URN.
    pub extension: Option<&'static str>,
    /// The attribute.
    pub attribute: &'a Attribute,
}

impl ResourceType {
    /// Joins a type's parts; every extension is optional.
    #[must_use]
    pub fn new(
        name: &'static str,
        endpoint: &'static str,
        description: &'static str,
        schema: Schema,
        extensions: Vec<Schema>,
    ) -> Self {
        Self { name, endpoint, description, schema, extensions, common: common() }
    }

    /// The attribute `name` of the schema `urn`; without a URN, of the type's own schema or of those that every
    /// resource has. Both in whatever case.
    #[must_use]
    pub fn find(&self, urn: Option<&str>, name: &str) -> Option<Found<'_>> {
        let own = || {
            attribute::find(&self.common, name)
                .or_else(|| attribute::find(&self.schema.attributes, name))
                .map(|attribute| Found { extension: None, attribute })
        };
        match urn {
            None => own(),
            Some(urn) if urn.eq_ignore_ascii_case(self.schema.id) => own(),
            Some(urn) => {
                let extension = self.extension(urn)?;
                let attribute = attribute::find(&extension.attributes, name)?;
                Some(Found { extension: Some(extension.id), attribute })
            }
        }
    }

    /// The extension of this URN, in whatever case.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().find(|extension| extension.id.eq_ignore_ascii_case(urn))
    }

    /// Every attribute outside of extensions.
    pub fn own_attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.common.iter().chain(&self.schema.attributes)
    }

    /// Writes into a resource which schemas it has attributes of; an extension without any is taken out.
    pub(crate) fn name_schemas(&self, resource: &mut Map<String, Value>) {
        let mut schemas = vec![self.schema.id];
        for extension in &self.extensions {
            if resource.get(extension.id).is_some_and(is_present) {
                schemas.push(extension.id);
            } else {
                resource.remove(extension.id);
            }
        }
        resource.insert("schemas".into(), json!(schemas));
    }

    /// As `/ResourceTypes` shows it; `base` as in [`Schema::to_json`].
    #[must_use]
    pub fn to_json(&self, base: &str) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|extension| json!({ "schema": extension.id, "required": false }))
            .collect();
        json!({
            "schemas": [urn::RESOURCE_TYPE],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.id,
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{}", self.name),
            },
        })
    }
}

/// What every resource has (RFC 7643 §3.1). `schemas` is worked out from what a resource holds, so clients cannot
/// write it apart from naming the schemas of a body.
fn common() -> Vec<Attribute> {
    vec![
        Attribute::reference("schemas", &["uri"], "The schemas of which the resource has attributes.")
            .many()
            .read_only()
            .returned(Returned::Always),
        Attribute::text("id", "What AWS calls the resource for good.")
            .case_exact()
            .read_only()
            .returned(Returned::Always)
            .unique(Uniqueness::Server),
        Attribute::text("externalId", "What the client calls the resource.").case_exact(),
        Attribute::complex(
            "meta",
            "What the server knows about the resource itself.",
            vec![
                Attribute::text("resourceType", "The name of its type.").case_exact(),
                Attribute::date_time("created", "When it was made."),
                Attribute::date_time("lastModified", "When it was changed last."),
                Attribute::reference("location", &["uri"], "Its address."),
                Attribute::text("version", "Its ETag.").case_exact(),
            ],
        )
        .read_only(),
    ]
}
