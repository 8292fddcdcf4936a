//! Lists (RFC 7644 §3.4.2, §3.4.3): first what of all is meant and by what it is sorted, then the page alone is built.

use std::collections::BTreeMap;

use axum::response::Response;

use super::answer::{Refusal, json_text};
use super::asked::{Asked, Body};
use super::known::Known;
use crate::scim::list::{Hit, List};
use crate::scim::query::{Prepared, Query};
use crate::scim::sort::Sort;
use crate::scim::{Cause, Error, ResourceType};

/// Resources of one type.
pub(crate) async fn of_type(asked: Asked) -> Result<Response, Refusal> {
    let (kind, query) = (asked.resource_type()?, asked.query()?);
    answer(&asked, &[kind], kind.endpoint, &query).await
}

/// Resources of one type, by a query that stands in no address.
pub(crate) async fn search_type(asked: Asked, Body(body): Body) -> Result<Response, Refusal> {
    let (kind, query) = (asked.resource_type()?, Query::from_search(&body)?);
    answer(&asked, &[kind], kind.endpoint, &query).await
}

/// Resources of all types.
pub(crate) async fn all(asked: Asked) -> Result<Response, Refusal> {
    let query = asked.query()?;
    answer(&asked, &asked.model.resource_types(), "/", &query).await
}

/// Resources of all types, by a query that stands in no address.
pub(crate) async fn search_all(asked: Asked, Body(body): Body) -> Result<Response, Refusal> {
    answer(&asked, &asked.model.resource_types(), "/", &Query::from_search(&body)?).await
}

async fn answer(
    asked: &Asked,
    kinds: &[&'static ResourceType],
    place: &str,
    query: &Query,
) -> Result<Response, Refusal> {
    let (sort, prepared) = prepare(kinds, query)?;
    let known = Known::load(asked).await?;
    let mut hits = Vec::new();
    for (kind, prepared) in &prepared {
        hits.extend(known.hits(kind, prepared).await?);
    }
    let digest = query.digest(&format!("{}{place}", asked.system_id()));
    let (list, page) = List::cut(hits, &sort, query, &digest, asked.parts.clock.now())?;
    let list = List { resources: built(&known, &prepared, &page).await?, ..list };
    Ok(json_text(200, list.into_text()))
}

/// A type, and the query on it.
type OfType = (&'static ResourceType, Prepared);

/// The order, which is the same for each type, and the query on each type. What a type does not have has no value in it;
/// if none has it, the query is wrong.
fn prepare(kinds: &[&'static ResourceType], query: &Query) -> Result<(Sort, Vec<OfType>), Error> {
    let of_type = |kind: &&'static ResourceType| Ok((*kind, query.prepare_beside(kind, kinds)?));
    let prepared = kinds.iter().map(of_type).collect::<Result<Vec<_>, Error>>()?;
    let none = || Error::new(Cause::NotFound, "there is nothing to list");
    let (_, first) = prepared.first().ok_or_else(none)?;
    Ok((first.sort.clone(), prepared))
}

/// The JSON of a page's resources as the client sees them. One that went in this moment is left out.
async fn built(known: &Known<'_>, prepared: &[OfType], page: &[Hit]) -> Result<Vec<String>, Refusal> {
    let mut found = BTreeMap::new();
    for (kind, prepared) in prepared {
        let ids: Vec<String> =
            page.iter().filter(|hit| hit.kind == kind.name).map(|hit| hit.id.to_string()).collect();
        if ids.is_empty() {
            continue;
        }
        found.extend(known.texts(kind, &ids, &prepared.projection).await?);
    }
    Ok(page.iter().filter_map(|hit| found.remove(&*hit.id)).collect())
}
