//! `GET /systems/{system_id}/policy`: the policy that the connector of a system needs for itself.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts as Head;
use keyreeve_engine::own_policy::{PolicyAsked, PolicyFacts, WrittenPolicy};
use keyreeve_model::{PermissionProfile, SystemId};
use serde::Serialize;
use serde_json::{Map, Value};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// What the policy is to be besides what follows from the system. Lists have their name once for each entry.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `Asked` reads")]
pub(crate) struct Wanted {
    /// Which permissions it grants; those of the system's settings if it is left out.
    #[param(inline)]
    profile: Option<PermissionProfile>,
    /// The AWS partition, if it is not the system's.
    #[param(max_length = 64)]
    partition: Option<String>,
    /// The AWS account, if it is not the one that the system is pinned to.
    #[param(pattern = "^[0-9]{12}$")]
    account_id: Option<String>,
    /// Govern the users under these paths alone.
    path: Option<Vec<String>>,
    /// Change the members of these groups alone: names, ARNs, or `/path/*`.
    groups: Option<Vec<String>>,
    /// Attach and detach these policies alone: ARNs, which may have wildcards.
    policies: Option<Vec<String>>,
    /// Make users, and attach policies to them, with this permissions boundary alone.
    boundary: Option<String>,
    /// Accounts that nothing may change: names, or `/path/*`.
    break_glass: Option<Vec<String>>,
    /// The user or role that the connector signs in as, which it must not change; asked of AWS if it is left out.
    connector: Option<Vec<String>>,
    /// Let the connector replace its own access key.
    rotate_own_key: Option<bool>,
}

/// What may be given more than once.
const LISTS: [&str; 5] = ["path", "groups", "policies", "break_glass", "connector"];

/// What the query asks for.
pub(crate) struct Asked(PolicyAsked);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Problem> {
        Ok(Self(read(head.uri.query().unwrap_or_default())?))
    }
}

fn read(query: &str) -> Result<PolicyAsked, Problem> {
    let refuse =
        |why: String| Problem::bad_request(format!("the query of the address cannot be read: {why}"));
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = match (&*name, &*value) {
            ("rotate_own_key", "true") => Value::Bool(true),
            ("rotate_own_key", "false") => Value::Bool(false),
            (_, text) => Value::String(text.to_owned()),
        };
        if LISTS.contains(&&*name) {
            let list = fields.entry(name.into_owned()).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut().into_iter().for_each(|list| list.push(value.clone()));
        } else if fields.insert(name.to_string(), value).is_some() {
            return Err(refuse(format!("{name} is given twice")));
        }
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| refuse(error.to_string()))
}

/// The policy that the connector of a system needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnPolicy {
    /// What of the system it follows from.
    facts: PolicyFacts,
    #[serde(flatten)]
    written: WrittenPolicy,
}

/// Writes the policy that the connector of a system needs for itself, by the system's settings, its protect list and its AWS
/// account. Nothing is changed, here or in AWS; AWS may be asked whose the system's credentials are.
#[utoipa::path(
    get, path = "/systems/{system_id}/policy", tag = "systems", params(("system_id" = SystemId, Path), Wanted),
    responses((status = 200, body = OwnPolicy), Refused)
)]
pub(crate) async fn get(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    Asked(asked): Asked,
) -> Result<Json<OwnPolicy>, Problem> {
    let desk = parts.desk.clone();
    let work = move || async move { desk.write_policy(&actor, &system_id, &asked).await };
    let (facts, written) = parts.planning.run(work).await??;
    Ok(Json(OwnPolicy { facts, written }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_their_name_for_each_entry_and_nothing_else_is_given_twice() {
        let asked = read("profile=lifecycle&path=%2Fa%2F&path=%2Fb,c%2F&rotate_own_key=true").unwrap();
        assert_eq!(asked.profile, Some(PermissionProfile::Lifecycle));
        assert_eq!(asked.limits.path, ["/a/", "/b,c/"]);
        assert!(asked.limits.rotate_own_key && asked.limits.groups.is_empty());
        for bad in ["profile=read&profile=full", "profile=all", "rotate_own_key=yes"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
