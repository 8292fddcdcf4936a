//! One resource (RFC 7644 §3.4.1).

use axum::http::HeaderName;
use axum::http::header::IF_NONE_MATCH;
use axum::response::Response;

use super::answer::{Refusal, not_modified, resource};
use super::asked::Asked;
use super::known::{Known, none_such};
use crate::scim::etag::{ETag, Versions};
use crate::scim::projection::Projection;
use crate::scim::{Error, ResourceType};

/// Shows one resource, unless the client has its version already.
pub(crate) async fn get(asked: Asked) -> Result<Response, Refusal> {
    let kind = asked.resource_type()?;
    let shown = projection(&asked, kind)?;
    let known = Known::load(&asked).await?;
    let whole = known.resource(kind, asked.place("id")).await?.ok_or_else(|| none_such(kind))?;
    if versions(&asked, IF_NONE_MATCH).is_some_and(|known| known.include(&ETag::in_meta(&whole))) {
        return Ok(not_modified(&whole));
    }
    Ok(resource(200, &whole, shown.show(kind, whole.clone())))
}

/// What of a resource the client wants to see.
pub(crate) fn projection(asked: &Asked, kind: &ResourceType) -> Result<Projection, Error> {
    let query = asked.query()?;
    Projection::new(kind, &query.attributes, &query.excluded_attributes)
}

/// The versions that a header names.
pub(crate) fn versions(asked: &Asked, header: HeaderName) -> Option<Versions> {
    // Several headers of one name are one list (RFC 9110 §5.3).
    let given: Vec<&str> =
        asked.headers.get_all(header).iter().filter_map(|value| value.to_str().ok()).collect();
    (!given.is_empty()).then(|| Versions::parse(&given.join(", ")))
}
