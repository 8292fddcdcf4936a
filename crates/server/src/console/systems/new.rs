//! `/new-system`: registering a system.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::{DeskError, SystemAsked, SystemMade};
use keyreeve_engine::rights::Right;
use keyreeve_engine::systems::{BaseAsked, CredentialAsked, SystemError};
use keyreeve_model::digest_hex;
use keyreeve_store::{KnownRegistration, StoreError};
use serde::Deserialize;

use super::of;
use crate::body::GivenSecret;
use crate::console::form::{Field, Sent, Takes, Wrong, status_of, whole};
use crate::console::page::{Frame, Said, Section, shown_as};
use crate::console::parts::Link;
use crate::console::text::hides;
use crate::console::visitor::Visitor;
use crate::once::Once;
use crate::parts::Parts;
use crate::problem::Problem;

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSystem {
    name: String,
    system_id: String,
    category: String,
    technology: String,
    content: String,
    region: String,
    credential: Credential,
    access_key_id: String,
    secret_access_key: GivenSecret,
    role_arn: String,
    once: String,
}

/// How it is to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Credential {
    AccessKey,
    RoleByAccessKey,
    RoleByServer,
    Server,
}

impl Credential {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::AccessKey, "access_key", "An access key of an IAM user"),
        (Self::RoleByAccessKey, "role_by_access_key", "A role, assumed with an access key"),
        (Self::RoleByServer, "role_by_server", "A role, assumed with this server's own credentials"),
        (Self::Server, "server", "This server's own credentials"),
    ];

    pub(super) fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(one, ..)| *one == self).map_or("", |(_, word, _)| word)
    }
}

/// What is in the fields, but for the secret.
#[derive(Default)]
struct Filled {
    name: String,
    system_id: String,
    category: String,
    region: String,
    credential: &'static str,
    access_key_id: String,
    role_arn: String,
}

#[derive(Template)]
#[template(path = "console/systems/new.html")]
struct NewPage {
    frame: Frame,
    wrong: Option<String>,
    once: String,
    definition: Vec<Field>,
    credential: Vec<Field>,
}

pub(super) async fn page(visitor: Visitor, State(parts): State<Parts>) -> Result<Response, Problem> {
    may(&visitor)?;
    let filled = Filled { credential: Credential::AccessKey.as_str(), ..Filled::default() };
    asked(&parts, &visitor, &filled, None).await
}

pub(super) async fn register(
    visitor: Visitor,
    State(parts): State<Parts>,
    Sent(sent): Sent<NewSystem>,
) -> Result<Response, Problem> {
    may(&visitor)?;
    let filled = Filled {
        name: sent.name.clone(),
        system_id: sent.system_id.clone(),
        category: sent.category.clone(),
        region: sent.region.clone(),
        credential: sent.credential.as_str(),
        access_key_id: sent.access_key_id.clone(),
        role_arn: sent.role_arn.clone(),
    };
    let once = Once::of(&sent.once)?;
    let fields = [&sent.name, &sent.system_id, &sent.access_key_id, &sent.role_arn];
    let body = digest_hex(fields.map(String::as_str).join("\n").as_bytes());
    let wanted = match wanted(sent) {
        Ok(wanted) => wanted,
        Err(wrong) => return asked(&parts, &visitor, &filled, Some(wrong)).await,
    };
    let request = once.registering(&visitor.actor, &wanted.system_id).map(|key| (key, body));
    let work = {
        let (desk, actor, request) = (parts.desk.clone(), visitor.actor.clone(), request.clone());
        move || async move {
            let request = request.as_ref().map(|(key, body)| (key, body.as_str()));
            desk.register_system(&actor, wanted, request).await
        }
    };
    match parts.planning.run(work).await? {
        Ok(SystemMade { system, .. }) => Ok(Said::Registered.to(&of(&system.system_id))),
        Err(error) => {
            // A form that is sent twice leads twice to the same place.
            if let Some((key, body)) = &request
                && let KnownRegistration::Done(system_id) =
                    parts.store.registered_by(key, body, parts.clock.now()).await?
            {
                return Ok(Said::Registered.to(&of(&system_id)));
            }
            let wrong = place_of(error)?;
            asked(&parts, &visitor, &filled, Some(wrong)).await
        }
    }
}

fn may(visitor: &Visitor) -> Result<(), Problem> {
    visitor.actor.require(Right::Administer)?;
    Ok(visitor.actor.require_all_systems()?)
}

/// What the desk is asked for, or which field stands in the way.
fn wanted(sent: NewSystem) -> Result<SystemAsked, Wrong> {
    let name = sent.name.trim().parse().map_err(|why| Wrong::with("name", why))?;
    let system_id = sent.system_id.trim().parse().map_err(|why| Wrong::with("system_id", why))?;
    if (sent.technology.as_str(), sent.content.as_str()) != ("aws", "access_rights") {
        return Err(Wrong::whole("a system is an AWS account, and its content is access rights"));
    }
    let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let key = (sent.access_key_id, sent.secret_access_key);
    let credential = credential(sent.credential, key, &sent.role_arn)?;
    Ok(SystemAsked {
        system_id,
        name,
        category: given(sent.category),
        region: given(sent.region),
        credential,
    })
}

/// How a system is to sign in, or which field stands in the way.
pub(super) fn credential(
    way: Credential,
    (access_key_id, GivenSecret(secret_access_key)): (String, GivenSecret),
    role_arn: &str,
) -> Result<CredentialAsked, Wrong> {
    let access_key_id = access_key_id.trim().to_owned();
    let role_arn = role_arn.trim();
    let has_key = matches!(way, Credential::AccessKey | Credential::RoleByAccessKey);
    let has_role = matches!(way, Credential::RoleByAccessKey | Credential::RoleByServer);
    if !has_role && !role_arn.is_empty() {
        let why = "a role is given, and it would not be assumed; choose a role above, or leave this empty";
        return Err(Wrong::with("role_arn", why));
    }
    let key_is_given = !access_key_id.is_empty() || !secret_access_key.expose().is_empty();
    if !has_key && key_is_given {
        let why =
            "an access key is given, and it would not be used; choose one above, or leave both fields empty";
        return Err(Wrong::with("access_key_id", why));
    }
    let role = || match role_arn {
        "" => Err(Wrong::with("role_arn", "give the ARN of the role")),
        role_arn => Ok(role_arn.to_owned()),
    };
    if has_key {
        if access_key_id.is_empty() {
            return Err(Wrong::with("access_key_id", "give the id of the access key"));
        }
        if secret_access_key.expose().is_empty() {
            return Err(Wrong::with("secret_access_key", "give the secret of the access key"));
        }
    }
    Ok(match way {
        Credential::AccessKey => CredentialAsked::AccessKey { access_key_id, secret_access_key },
        Credential::RoleByAccessKey => CredentialAsked::Role {
            role_arn: role()?,
            base: Some(BaseAsked::AccessKey { access_key_id, secret_access_key }),
            via: Vec::new(),
        },
        Credential::RoleByServer => CredentialAsked::Role { role_arn: role()?, base: None, via: Vec::new() },
        Credential::Server => CredentialAsked::Ambient,
    })
}

/// Which field a refusal is about.
pub(super) fn place_of(error: DeskError) -> Result<Wrong, Problem> {
    let field = match &error {
        DeskError::Store(StoreError::NameTaken { .. }) => Some("name"),
        DeskError::Store(StoreError::SystemIdTaken { .. }) => Some("system_id"),
        DeskError::NotLent(_) => Some("credential"),
        DeskError::Credentials(error) => match **error {
            SystemError::Refused(ref why) if why.to_string().contains("SignatureDoesNotMatch") => {
                Some("secret_access_key")
            }
            SystemError::Refused(_) => Some("access_key_id"),
            SystemError::OtherPartition { .. } => Some("region"),
            _ => None,
        },
        _ => None,
    };
    let wrong = Wrong::of(Problem::from(error))?;
    Ok(Wrong { field, ..wrong })
}

async fn asked(
    parts: &Parts,
    visitor: &Visitor,
    filled: &Filled,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let systems = parts.store.list_systems(false).await?;
    let known = systems.into_iter().filter(|system| visitor.actor.reaches(&system.system_id));
    // What is proposed is read, and taken as it is.
    let categories: BTreeSet<String> =
        known.map(|system| system.category).filter(|category| !hides(category)).collect();
    let one = |value: &str, called: &str| vec![(value.to_owned(), called.to_owned())];
    let of = wrong.as_ref();
    let definition = vec![
        Field::line("name", "Name")
            .value(&filled.name)
            .hint("What people call it. It can be changed.")
            .required()
            .unless(of),
        Field::line("system_id", "System ID")
            .value(&filled.system_id)
            .hint("Letters, digits, dot, dash and underscore. It never changes, and is never used again.")
            .required()
            .unless(of),
        Field::new("category", "Category", Takes::Line(categories.into_iter().collect()))
            .value(&filled.category)
            .hint("What it is filed under: one there is, or a new one. AWS, if it is left empty.")
            .unless(of),
        Field::new("technology", "Collector technology", Takes::OneOf(one("aws", "AWS IAM"))).required(),
        Field::new("content", "Content", Takes::OneOf(one("access_rights", "Access rights")))
            .hint("Accounts, groups and policies, and who holds what. It never changes.")
            .required(),
    ];
    let filled_in = [filled.credential, filled.access_key_id.as_str(), filled.role_arn.as_str()];
    let mut credential = credential_fields(filled_in, parts.desk.lends(), of);
    credential.push(
        Field::line("region", "Region")
            .value(&filled.region)
            .hint("It decides the partition. That of the server, if it is left empty.")
            .unless(of),
    );
    let mut frame = Frame::of(visitor, Section::Systems, "New system");
    frame.above = vec![Link::new("/systems", "Systems")];
    let status = status_of(wrong.as_ref());
    let once = uuid::Uuid::now_v7().to_string();
    Ok(shown_as(status, &NewPage { frame, wrong: whole(wrong), once, definition, credential }))
}

/// The fields of how a system signs in, with what is in them: the way, the id of the key, the role.
pub(super) fn credential_fields(
    [way, access_key_id, role_arn]: [&str; 3],
    lends: bool,
    wrong: Option<&Wrong>,
) -> Vec<Field> {
    // What the server would refuse is not offered, unless it is what there is.
    let offered = |(one, word, _): &&(Credential, &str, &str)| {
        let is_lent = matches!(one, Credential::RoleByServer | Credential::Server);
        lends || !is_lent || *word == way
    };
    let ways = Credential::ALL.iter().filter(offered);
    let ways = ways.map(|(_, word, called)| ((*word).to_owned(), (*called).to_owned()));
    vec![
        Field::new("credential", "Signs in with", Takes::OneOf(ways.collect()))
            .value(way)
            .required()
            .unless(wrong),
        Field::line("access_key_id", "Access key id")
            .value(access_key_id)
            .hint("Needed with an access key: its public half, AKIA…")
            .depends()
            .unless(wrong),
        Field::new("secret_access_key", "Secret access key", Takes::Secret)
            .hint("Needed with an access key: its secret half. It is sealed, and never shown again.")
            .depends()
            .unless(wrong),
        Field::line("role_arn", "Role")
            .value(role_arn)
            .depends()
            .hint("Needed with a role: its ARN. The external id that its trust policy must ask for is made up here, and shown afterwards.")
            .unless(wrong),
    ]
}
