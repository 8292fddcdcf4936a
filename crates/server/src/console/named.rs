//! `/systems/{system_id}/named`: what can be written into a field that takes a group, a policy or a path. The script looks it
//! up as one types; to others it is a list like any.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ResourceType, SystemId};
use serde::Deserialize;

use super::address::asking;
use super::page::{Frame, shown};
use super::systems;
use super::visitor::Visitor;
use crate::body::{InPath, InQuery};
use crate::parts::Parts;
use crate::problem::Problem;

/// So many are proposed at most.
const MOST: usize = 50;

/// What is looked up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    of: Of,
    #[serde(default)]
    q: String,
}

/// Of what kind it is, and how it is written.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Group,
    Policy,
    /// A policy, by its ARN.
    Arn,
    Path,
}

#[derive(Template)]
#[template(path = "console/named.html")]
struct NamedPage {
    frame: Frame,
    /// What is written, and what it is called if that is not the same.
    found: Vec<(String, String)>,
}

/// Where names of a kind are looked up.
pub(super) fn looked_up(system_id: &SystemId, of: &str) -> String {
    asking(&systems::within(system_id, "named"), [("of", of)])
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InQuery(Wanted { of, q }): InQuery<Wanted>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let (store, wanted) = (&parts.store, q.trim());
    let system = store.get_system(&system_id).await?;
    let kind = match of {
        Of::Group => Some(ResourceType::Group),
        Of::Policy | Of::Arn => Some(ResourceType::Policy),
        Of::Path => None,
    };
    let found = match kind {
        Some(kind) => {
            let found = store.named_resources(&system_id, kind, wanted, MOST).await?;
            let written = |one: keyreeve_store::NamedResource| match of {
                Of::Arn => (one.arn, one.name),
                _ => (one.name, String::new()),
            };
            found.into_iter().map(written).collect()
        }
        None => {
            let found = store.account_paths(&system_id, wanted, MOST).await?;
            found.into_iter().map(|path| (path, String::new())).collect()
        }
    };
    Ok(shown(&NamedPage { frame: systems::frame_below(&visitor, &system, "Names"), found }))
}
