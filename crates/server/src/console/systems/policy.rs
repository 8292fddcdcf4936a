//! `/systems/{system_id}/policy`: the policy that the connector of a system needs, to be copied.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::own_policy::{PolicyAsked, WayUp};
use keyreeve_engine::rights::Right;
use keyreeve_model::{PermissionProfile, SystemId};
use serde::Deserialize;

use super::{frame, tabs};
use crate::body::{InPath, InQuery};
use crate::console::form::{Field, Takes, Wrong};
use crate::console::page::{Frame, shown};
use crate::console::parts::{Badge, Copied, Tabs};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// Which policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    profile: Option<PermissionProfile>,
}

#[derive(Template)]
#[template(path = "console/systems/policy.html")]
struct PolicyPage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    action: String,
    profile: Field,
    wrong: Option<String>,
    documents: Vec<Copied>,
    ways_up: Vec<WayUp>,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InQuery(Wanted { profile }): InQuery<Wanted>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let (desk, actor, id) = (parts.desk.clone(), visitor.actor.clone(), system_id.clone());
    let asked = PolicyAsked { profile, ..PolicyAsked::default() };
    let written =
        parts.planning.run(move || async move { desk.write_policy(&actor, &id, &asked).await }).await?;
    let (wrong, documents, ways_up) = match written {
        Ok((_, written)) => {
            let copied = |(place, document): (usize, &serde_json::Value)| Copied {
                id: format!("document-{place}"),
                text: format!("{document:#}"),
            };
            let documents = (1..).zip(&written.documents).map(copied).collect();
            (None, documents, written.becomes_administrator_by)
        }
        Err(error) => (Some(Wrong::of(error.into())?.why), Vec::new(), Vec::new()),
    };
    let shown_profile = profile.unwrap_or(system.settings.permission_profile);
    let page = PolicyPage {
        frame: frame(&visitor, &system, "Policy"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: tabs(&system_id, "policy"),
        action: super::within(&system_id, "policy"),
        profile: Field::new("profile", "Permission profile", Takes::OneOf(super::settings::profiles()))
            .value(shown_profile.as_str())
            .required(),
        wrong,
        documents,
        ways_up,
    };
    Ok(shown(&page))
}
