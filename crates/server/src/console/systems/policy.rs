//! `/systems/{system_id}/policy`: the policy that the connector of a system needs, to be copied.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::own_policy::{PolicyAsked, WayUp};
use keyreeve_engine::rights::Right;
use keyreeve_model::{PermissionProfile, SystemId};
use serde::Deserialize;

use super::{frame, tabs};
use crate::body::{InPath, InQuery};
use crate::console::form::{Field, Takes, Wrong};
use crate::console::page::{Frame, shown_as};
use crate::console::parts::{Badge, Copied, Tabs};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// Which policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    profile: Option<String>,
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
    let all = super::settings::profiles();
    // One that there is none of is said to be that, and the one of the system is shown.
    let given = profile.as_deref().filter(|given| !given.is_empty());
    let profile: Option<PermissionProfile> =
        given.and_then(|given| serde_json::from_value(given.into()).ok());
    let unknown = given.filter(|_| profile.is_none()).map(|given| {
        let known: Vec<&str> = all.iter().map(|(word, _)| word.as_str()).collect();
        Wrong::with(
            "profile",
            format!("there is no permission profile “{given}”; there is: {}", known.join(", ")),
        )
    });
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
        profile: Field::new("profile", "Permission profile", Takes::OneOf(all))
            .value(shown_profile.as_str())
            .unless(unknown.as_ref())
            .required(),
        wrong,
        documents,
        ways_up,
    };
    let status = if unknown.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(shown_as(status, &page))
}
