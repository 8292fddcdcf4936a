//! What the derived description does not say by itself.

use std::collections::BTreeMap;

use utoipa::Modify;
use utoipa::openapi::schema::{AdditionalProperties, AllOf, ArrayItems, Object};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

/// Who asks is said by a bearer token, or by the cookie of a session.
pub(super) struct WaysIn;

impl Modify for WaysIn {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("keyreeve_pat_…")
            .description(Some("A token, as `keyreeve token create` prints it once."));
        if let Some(components) = openapi.components.as_mut() {
            components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
            let cookie = ApiKeyValue::with_description(
                "__Host-keyreeve",
                "The cookie that `POST /session` sets; `keyreeve` without HTTPS. What changes something needs the header \
                 `Origin` of this server besides.",
            );
            components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        }
    }
}

/// A wish has the fields of its kind and no others; what is derived for such a type does not say so.
pub(super) fn close_wishes(openapi: &mut OpenApi) {
    let Some(schemas) = openapi.components.as_mut().map(|components| &mut components.schemas) else { return };
    let known = schemas.clone();
    if let Some(RefOr::T(Schema::OneOf(kinds))) = schemas.get_mut("Wish") {
        let all = kinds.items.iter().flat_map(|kind| match kind {
            RefOr::T(Schema::Object(kind)) => vec![kind.clone()],
            RefOr::T(Schema::AllOf(parts)) => joined(parts, &known),
            _ => Vec::new(),
        });
        kinds.items = all.map(|kind| RefOr::T(Schema::Object(closed(kind)))).collect();
    }
}

/// What the entries of lists are that can be asked for in part.
const IN_PART: [&str; 7] =
    ["KnownAccount", "Assignment", "AuditEntry", "ImportRun", "ProvisioningJob", "Resource", "System"];

/// Entries of lists have the fields that were asked for, so none of them must be there.
pub(super) fn open_entries(openapi: &mut OpenApi) {
    let Some(schemas) = openapi.components.as_mut().map(|components| &mut components.schemas) else { return };
    for name in IN_PART {
        let Some(RefOr::T(Schema::Object(mut entry))) = schemas.get(name).cloned() else { continue };
        entry.required.clear();
        entry.description = Some(format!("{name}, or those of its fields that were asked for."));
        let of_lists = format!("{name}InList");
        if let Some(RefOr::T(Schema::Object(page))) = schemas.get_mut(&format!("Page_{name}"))
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(&of_lists))));
            schemas.insert(of_lists, RefOr::T(Schema::Object(entry)));
        }
    }
}

/// A mapping with who set it has the fields of both, although a mapping alone has no others.
pub(super) fn join_mappings(openapi: &mut OpenApi) {
    let Some(schemas) = openapi.components.as_mut().map(|components| &mut components.schemas) else { return };
    let known = schemas.clone();
    if let Some(RefOr::T(schema)) = schemas.get_mut("SetMapping")
        && let Schema::AllOf(parts) = &*schema
        && let Some(both) = joined(parts, &known).into_iter().next()
    {
        *schema = Schema::Object(both);
    }
    if let Some(RefOr::T(Schema::Object(page))) = schemas.get_mut("Page_SetMapping")
        && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
    {
        items.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name("SetMapping"))));
    }
}

fn closed(mut kind: Object) -> Object {
    kind.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    kind
}

/// One object for each of the forms that the parts have together.
fn joined(parts: &AllOf, known: &BTreeMap<String, RefOr<Schema>>) -> Vec<Object> {
    let mut forms = vec![Object::new()];
    for part in &parts.items {
        let part = match part {
            RefOr::Ref(to) => to.ref_location.rsplit('/').next().and_then(|name| known.get(name)),
            part => Some(part),
        };
        let of_part: Vec<&Object> = match part {
            Some(RefOr::T(Schema::Object(object))) => vec![object],
            Some(RefOr::T(Schema::OneOf(forms))) => {
                let object = |form| match form {
                    &RefOr::T(Schema::Object(ref object)) => Some(object),
                    _ => None,
                };
                forms.items.iter().filter_map(object).collect()
            }
            _ => continue,
        };
        let with = |form: &Object| of_part.iter().map(|more| merged(form, more)).collect::<Vec<_>>();
        forms = forms.iter().flat_map(with).collect();
    }
    forms
}

fn merged(form: &Object, more: &Object) -> Object {
    let mut form = form.clone();
    form.schema_type = more.schema_type.clone();
    form.description = more.description.clone();
    form.required.extend(more.required.iter().cloned());
    form.properties.extend(more.properties.iter().map(|(name, schema)| (name.clone(), schema.clone())));
    form
}

/// Each operation is called by its method and address, and each answer says something: who makes a client goes by both.
pub(super) fn name_operations(openapi: &mut OpenApi) {
    for (address, item) in &mut openapi.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
            ("patch", &mut item.patch),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(name_of(method, address));
            for answer in operation.responses.responses.values_mut() {
                if let RefOr::T(answer) = answer
                    && answer.description.is_empty()
                {
                    "What was asked for.".clone_into(&mut answer.description);
                }
            }
        }
    }
}

fn name_of(method: &str, address: &str) -> String {
    let words =
        address.split(|one: char| !one.is_ascii_alphanumeric() && one != '_').filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_").replace('-', "_")
}
