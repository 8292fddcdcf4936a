//! What clients find out about the server: `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas` (RFC 7643 §5-§7,
//! RFC 7644 §4). `base` is the address of the SCIM root, without a slash at its end.

use serde_json::{Value, json};

use super::{limits, resource::Model, urn};

/// `/ServiceProviderConfig`, with the pagination of RFC 9865 §4.
#[must_use]
pub fn service_provider_config(model: &Model, base: &str) -> Value {
    json!({
        "schemas": [urn::SERVICE_PROVIDER_CONFIG],
        "patch": { "supported": true },
        "bulk": {
            "supported": true,
            "maxOperations": limits::BULK_OPERATIONS,
            "maxPayloadSize": limits::BODY_BYTES,
        },
        "filter": { "supported": true, "maxResults": limits::PAGE_MAXIMUM },
        "changePassword": { "supported": model.switches.password },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits::PAGE_DEFAULT,
            "maxPageSize": limits::PAGE_MAXIMUM,
            "cursorTimeout": limits::CURSOR_SECONDS,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of this server (keyreeve token create), sent as a bearer token (RFC 6750)",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

/// `/ResourceTypes`.
#[must_use]
pub fn resource_types(model: &Model, base: &str) -> Value {
    whole_list(model.resource_types().into_iter().map(|resource_type| resource_type.to_json(base)).collect())
}

/// `/ResourceTypes/{name}`.
#[must_use]
pub fn resource_type(model: &Model, name: &str, base: &str) -> Option<Value> {
    Some(model.resource_type(name)?.to_json(base))
}

/// `/Schemas`.
#[must_use]
pub fn schemas(model: &Model, base: &str) -> Value {
    whole_list(model.schemas().into_iter().map(|schema| schema.to_json(base)).collect())
}

/// `/Schemas/{urn}`, in whatever case.
#[must_use]
pub fn schema(model: &Model, id: &str, base: &str) -> Option<Value> {
    let schema = model.schemas().into_iter().find(|schema| schema.id.eq_ignore_ascii_case(id))?;
    Some(schema.to_json(base))
}

/// These lists are short and are never paged (RFC 7644 §4).
fn whole_list(resources: Vec<Value>) -> Value {
    json!({
        "schemas": [urn::LIST_RESPONSE],
        "totalResults": resources.len(),
        "itemsPerPage": resources.len(),
        "startIndex": 1,
        "Resources": resources,
    })
}
