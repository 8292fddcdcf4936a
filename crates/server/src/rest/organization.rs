//! `POST /organization/discover`: the AWS accounts of an organization, each with a system.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use keyreeve_engine::desk::{AskedBy, DiscoveryAsked};
use keyreeve_engine::organization::{DEFAULT_ROLE, DiscoveryReport, Filter, RoleName, SystemIdPattern};
use keyreeve_engine::rights::Right;
use keyreeve_engine::systems::category;
use keyreeve_model::{AwsAccountId, SystemId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secrets::REPEATED;
use crate::auth::Caller;
use crate::body::InBody;
use crate::once::Once;
use crate::parts::Parts;
use crate::problem::{Problem, RefusedBody};

/// What System IDs look like unless somebody says otherwise.
const PATTERN: &str = "aws-{account_id}";
/// What new systems are filed under.
const CATEGORY: &str = "AWS";
/// So many accounts are tried at once, unless somebody says otherwise, and at most.
const AT_ONCE: u16 = 8;
const MOST_AT_ONCE: u16 = 64;

/// A discovery that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDiscovery {
    /// The system whose credentials ask the organization; the server's own do, if they are lent, when it is left out.
    #[serde(default)]
    by_system: Option<SystemId>,
    /// The role in each member account, with its path if it has one.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 512, default = "OrganizationAccountAccessRole")]
    role_name: Option<String>,
    /// What System IDs look like: a text with `{account_id}` or `{name}` in it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100, default = "aws-{account_id}")]
    system_id_pattern: Option<String>,
    /// What new systems are filed under; `AWS` if it is left out.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    category: Option<String>,
    /// The AWS region of new systems. Left out, it is that of the server.
    #[serde(default)]
    region: Option<String>,
    /// How many accounts are tried at once.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 64, default = 8)]
    jobs: Option<u16>,
    /// Which accounts; all, if nothing is named.
    #[serde(default)]
    include: Chosen,
    /// Which accounts to leave out.
    #[serde(default)]
    exclude: Chosen,
    /// Why; kept in the audit log.
    #[serde(default)]
    #[schema(max_length = 1_000)]
    reason: Option<String>,
    /// Only say what would be done.
    #[serde(default)]
    preview: bool,
}

/// Accounts of an organization: those that any of these names.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    /// Organizational units with all they hold, by id or path.
    #[serde(default)]
    units: Vec<String>,
    /// Accounts.
    #[serde(default)]
    accounts: Vec<AwsAccountId>,
    /// Accounts with one of these tags.
    #[serde(default)]
    tags: Vec<ChosenTag>,
}

/// A tag of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenTag {
    /// Its key.
    key: String,
    /// Its value.
    value: String,
}

impl NewDiscovery {
    /// What is asked for, and whether only to say what would be done.
    fn read(self) -> Result<(DiscoveryAsked, bool), Problem> {
        let jobs = self.jobs.unwrap_or(AT_ONCE);
        if !(1..=MOST_AT_ONCE).contains(&jobs) {
            return Err(Problem::bad_request(format!("jobs is a number from 1 to {MOST_AT_ONCE}")));
        }
        let role = RoleName::new(self.role_name.as_deref().unwrap_or(DEFAULT_ROLE));
        let pattern = SystemIdPattern::new(self.system_id_pattern.as_deref().unwrap_or(PATTERN));
        let filed = category(self.category.as_deref().unwrap_or(CATEGORY));
        let tags =
            |tags: Vec<ChosenTag>| tags.into_iter().map(|ChosenTag { key, value }| (key, value)).collect();
        let (include, exclude) = (self.include, self.exclude);
        let asked = DiscoveryAsked {
            by: self.by_system.map_or(AskedBy::Ambient, AskedBy::System),
            role: role.map_err(|why| Problem::bad_request(format!("role_name: {why}")))?,
            filter: Filter {
                include_units: include.units,
                exclude_units: exclude.units,
                include_accounts: include.accounts.into_iter().collect(),
                exclude_accounts: exclude.accounts.into_iter().collect(),
                include_tags: tags(include.tags),
                exclude_tags: tags(exclude.tags),
            },
            system_id: pattern.map_err(|why| Problem::bad_request(format!("system_id_pattern: {why}")))?,
            category: filed.map_err(|error| Problem::bad_request(error.to_string()))?,
            region: self.region,
            at_once: usize::from(jobs),
            reason: self.reason,
        };
        Ok((asked, self.preview))
    }
}

/// What became of the accounts of an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiscoveredOrganization {
    #[serde(flatten)]
    report: DiscoveryReport,
    /// Whether this answers a repeat of a request that was done before.
    repeated: bool,
}

/// Finds the accounts of an AWS organization, and keeps one system for each that is in use. Member accounts are entered with
/// the server's own credentials, so these must be lent; a preview that a system asks for needs none. A role that lets in
/// whoever brings another external id is not used. AWS is not changed. For an admin of all systems.
///
/// One is under way at a time, and it goes on though nobody waits for its answer. With an `Idempotency-Key`, a repeat gets
/// what the same request came to, until there is another one or the server is started again.
#[utoipa::path(
    post, path = "/organization/discover", tag = "systems",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body = NewDiscovery, responses((status = 200, body = DiscoveredOrganization), RefusedBody)
)]
pub(crate) async fn discover(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    once: Once,
    InBody { value, sha256 }: InBody<NewDiscovery>,
) -> Result<Response, Problem> {
    actor.require(Right::Administer)?;
    actor.require_all_systems()?;
    let (asked, preview) = value.read()?;
    let caller = actor.name().to_owned();
    let work = {
        let (desk, planning) = (parts.desk.clone(), parts.planning.clone());
        async move {
            let work = move || async move { desk.discover_from_afar(&actor, asked, preview).await };
            Ok(planning.run(work).await??)
        }
    };
    let (report, repeated) = parts.discoveries.come_to((&caller, once.key(), sha256), work).await?;
    let mut answer = Json(DiscoveredOrganization { report, repeated }).into_response();
    if repeated {
        answer.headers_mut().insert(REPEATED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}
