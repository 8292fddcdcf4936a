//! `/systems/{system_id}/credential`: other credentials for a system. What is secret is in what is sent alone.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::CredentialSet;
use keyreeve_engine::rights::Right;
use keyreeve_engine::systems::Trust;
use keyreeve_model::{CredentialKind, RoleBase, System, SystemId};
use serde::Deserialize;

use super::checklist::way;
use super::new::{Credential, credential, credential_fields, place_of};
use super::{frame_below, in_use, within};
use crate::body::{GivenSecret, InPath};
use crate::console::form::{Field, Sent, Wrong, given, status_of, whole};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::{Copied, Link};
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/systems/credential.html")]
struct CredentialPage {
    frame: Frame,
    name: String,
    way: String,
    wrong: Option<String>,
    action: String,
    fields: Vec<Field>,
    /// What the trust policy of a role must say before it is given once more.
    trust: Option<Copied>,
    back: String,
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    credential: Credential,
    access_key_id: String,
    secret_access_key: GivenSecret,
    role_arn: String,
    external_id: String,
}

/// What is in the fields, but for the secret.
struct Filled {
    way: &'static str,
    access_key_id: String,
    role_arn: String,
    external_id: String,
}

impl Filled {
    /// As the system signs in.
    fn of(system: &System) -> Self {
        let (way, role_arn) = match &system.credential {
            CredentialKind::AccessKey { .. } => (Credential::AccessKey, ""),
            CredentialKind::Role { role_arn, base: Some(RoleBase::AccessKey { .. }), .. } => {
                (Credential::RoleByAccessKey, role_arn.as_str())
            }
            CredentialKind::Role { role_arn, .. } => (Credential::RoleByServer, role_arn.as_str()),
            CredentialKind::Profile { .. } | CredentialKind::Ambient => (Credential::Server, ""),
        };
        let access_key_id = system.credential.access_key_id().unwrap_or_default().to_owned();
        let role_arn = role_arn.to_owned();
        Self { way: way.as_str(), access_key_id, role_arn, external_id: String::new() }
    }
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    in_use(&system)?;
    Ok(asked((&visitor, parts.desk.lends()), &system, Filled::of(&system), None, None))
}

/// Gives the system other credentials, if they work and are of the AWS account that it is pinned to.
pub(super) async fn replace(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Sent(sent): Sent<New>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    in_use(&system)?;
    let who = (&visitor, parts.desk.lends());
    let New { credential: way, access_key_id, secret_access_key, role_arn, external_id } = sent;
    let filled = Filled {
        way: way.as_str(),
        access_key_id: access_key_id.clone(),
        role_arn: role_arn.clone(),
        external_id: external_id.clone(),
    };
    let wanted = match credential(way, (access_key_id, secret_access_key), &role_arn) {
        Ok(wanted) => wanted,
        Err(wrong) => return Ok(asked(who, &system, filled, None, Some(wrong))),
    };
    let (desk, actor, id) = (parts.desk.clone(), visitor.actor.clone(), system_id.clone());
    let known = given(&external_id).map(str::to_owned);
    let work = move || async move { desk.set_credential(&actor, &id, wanted, known).await };
    match parts.planning.run(work).await? {
        Ok(CredentialSet { trust: Some(trust), .. }) => {
            let filled = Filled { external_id: trust.external_id.clone(), ..filled };
            Ok(asked(who, &system, filled, Some(&trust), None))
        }
        Ok(CredentialSet { asks_nobody, .. }) => {
            let said = if asks_nobody { Said::CredentialOpen } else { Said::CredentialReplaced };
            Ok(said.to(&within(&system_id, "connection")))
        }
        Err(error) => {
            let wrong = place_of(error)?;
            let here = |field: &&str| ["credential", "access_key_id", "secret_access_key"].contains(field);
            let wrong = Wrong { field: wrong.field.filter(here), ..wrong };
            Ok(asked(who, &system, filled, None, Some(wrong)))
        }
    }
}

fn asked(
    (visitor, lends): (&Visitor, bool),
    system: &System,
    filled: Filled,
    trust: Option<&Trust>,
    wrong: Option<Wrong>,
) -> Response {
    let back = within(&system.system_id, "connection");
    let mut frame = frame_below(visitor, system, "Credentials");
    frame.above.push(Link::new(back.clone(), "Connection"));
    let of = wrong.as_ref();
    let mut fields = credential_fields([filled.way, &filled.access_key_id, &filled.role_arn], lends, of);
    fields.push(
        Field::line("external_id", "External id")
            .value(&filled.external_id)
            .hint("With a role that is given for the second time: the one that was shown. Of a role that the system has, it stays.")
            .unless(of),
    );
    let page = CredentialPage {
        frame,
        name: system.name.to_string(),
        way: way(system),
        action: within(&system.system_id, "credential"),
        fields,
        trust: trust.map(|trust| Copied { id: "trust".to_owned(), text: format!("{:#}", trust.policy) }),
        back,
        wrong: whole(wrong.clone()),
    };
    shown_as(status_of(wrong.as_ref()), &page)
}
