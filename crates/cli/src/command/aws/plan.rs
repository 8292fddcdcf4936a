//! What is missing of the connector's access, in the order in which it is made.
//!
//! Whatever of it is there is left, so a run that was broken off is simply run again. A role's system is registered before
//! the role is made, because only the store knows its external id; a user's system at once after its key, because only
//! that answer has the secret. A key that is there and not in the store has a secret that nobody has.

use anyhow::Context as _;
use keyreeve_aws::{AwsConnector, Found, OWN_PATH};
use keyreeve_connector::{Cause, Identity};
use keyreeve_model::{AwsAccountId, CredentialKind, System, SystemId};
use serde_json::Value;

use super::{DOING, external_id_of};
use crate::args::Bootstrap;
use keyreeve_engine::systems::trust_policy;

use crate::command::MADE_LATER;
use crate::exit::Refusal;

/// What is to be there in the end.
pub(super) struct Target<'a> {
    pub(super) arguments: &'a Bootstrap,
    pub(super) account_id: AwsAccountId,
    pub(super) partition: String,
    /// The user's or role's name.
    pub(super) name: &'a str,
    /// Its ARN.
    pub(super) arn: String,
    /// Names, ARNs and texts of the policies.
    pub(super) policies: Vec<(String, String, String)>,
    pub(super) description: String,
    /// The system, where it is registered.
    pub(super) registered: Option<SystemId>,
}

/// One thing that is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    CreatePolicy {
        name: String,
        arn: String,
        document: String,
    },
    ReplacePolicy {
        arn: String,
        document: String,
        /// The text in force.
        before: Option<String>,
    },
    CreateUser,
    CreateRole {
        trust: String,
    },
    ReplaceTrust {
        trust: String,
        /// The one in force.
        before: Option<String>,
    },
    Attach {
        policy: String,
    },
    /// Takes a policy away that an earlier run gave and this one does not want.
    Detach {
        policy: String,
    },
    DeleteKey {
        key: String,
    },
    /// And registers the system with it.
    CreateKey,
    Register {
        external_id: String,
    },
}

impl<'a> Target<'a> {
    pub(super) fn new(
        arguments: &'a Bootstrap,
        identity: &Identity,
        known: Option<&System>,
        documents: Vec<String>,
    ) -> Self {
        let (partition, account) = (&identity.partition, &identity.account_id);
        let name = arguments.user.as_deref().or(arguments.role.as_deref()).unwrap_or_default();
        let kind = if arguments.user.is_some() { "user" } else { "role" };
        let several = documents.len() > 1;
        let policies = documents.into_iter().enumerate().map(|(index, document)| {
            let policy = if several { format!("{name}-{}", index + 1) } else { name.to_owned() };
            let arn = format!("arn:{partition}:iam::{account}:policy{OWN_PATH}{policy}");
            (policy, arn, document)
        });
        Self {
            account_id: account.clone(),
            partition: partition.clone(),
            arn: format!("arn:{partition}:iam::{account}:{kind}{OWN_PATH}{name}"),
            policies: policies.collect(),
            description: description(arguments),
            registered: known.map(|system| system.system_id.clone()),
            name,
            arguments,
        }
    }

    /// Whether a policy has a name that an earlier run with other limits would have given: `name`, or `name-1` and so on
    /// where the text did not fit into one.
    fn could_have_made(&self, arn: &str) -> bool {
        let name = arn.split_once(&format!(":policy{OWN_PATH}{}", self.name)).map(|(_, rest)| rest);
        name.is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
        })
    }

    /// A system of that id must be this very one.
    pub(super) fn check(&self, known: Option<&System>) -> Result<(), Refusal> {
        let refuse = |why: String| Err(Refusal::new(DOING, why).hint("give another --system-id"));
        let id = &self.arguments.system_id;
        let Some(system) = known else { return Ok(()) };
        if system.removed_at.is_some() {
            return refuse(format!("the System ID {id} was used by a system that was removed"));
        }
        if system.aws_account_id.as_ref().is_some_and(|pinned| *pinned != self.account_id) {
            return refuse(format!("system {id} is of another AWS account"));
        }
        let fits = match &system.credential {
            CredentialKind::AccessKey { .. } => self.arguments.user.is_some(),
            CredentialKind::Role { role_arn, .. } => *role_arn == self.arn,
            _ => false,
        };
        if fits { Ok(()) } else { refuse(format!("system {id} signs in with something else")) }
    }
}

pub(super) fn description(arguments: &Bootstrap) -> String {
    let made = format!("Made by keyreeve aws bootstrap for system {}", arguments.system_id);
    match &arguments.reason {
        Some(reason) => format!("{made}: {reason}"),
        None => made,
    }
}

/// What is missing, and what else was seen.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Policies that the user or role holds besides, which nobody touches.
    pub(super) also_attached: Vec<String>,
}

/// Looks at what is there, and says what is missing.
pub(super) async fn plan(
    administrator: &AwsConnector,
    target: &Target<'_>,
    known: Option<&System>,
) -> anyhow::Result<Plan> {
    let mut steps = Vec::new();
    let of_role = target.arguments.role.is_some();
    let found = match of_role {
        true => administrator.find_role(target.name).await,
        false => administrator.find_user(target.name).await,
    };
    let found = found.context(DOING)?;
    match &found {
        Some(found) => ours(target, found, &target.arn)?,
        None => not_in_other_case(administrator, target).await?,
    }
    let only_shown = target.arguments.consent.plan;
    let external_id = of_role.then(|| external_id(known, found.as_ref(), only_shown));
    if let Some(external_id) = external_id.as_ref().filter(|_| known.is_none()) {
        steps.push(Step::Register { external_id: external_id.clone() });
    }
    for (name, arn, document) in &target.policies {
        match administrator.find_policy(arn).await.context(DOING)? {
            None => steps.push(Step::CreatePolicy {
                name: name.clone(),
                arn: arn.clone(),
                document: document.clone(),
            }),
            Some(there) => {
                ours(target, &there, arn)?;
                if !same(there.document.as_deref(), document) {
                    let (arn, document) = (arn.clone(), document.clone());
                    steps.push(Step::ReplacePolicy { arn, document, before: there.document });
                }
            }
        }
    }
    let trust = external_id.as_ref().zip(target.arguments.trusted_principal.as_ref());
    let trust = trust.map(|(external_id, principal)| trust_policy(principal, external_id).to_string());
    match (&found, trust) {
        (None, Some(trust)) => steps.push(Step::CreateRole { trust }),
        (Some(role), Some(trust)) if !same(role.document.as_deref(), &trust) => {
            steps.push(Step::ReplaceTrust { trust, before: role.document.clone() });
        }
        (None, None) => steps.push(Step::CreateUser),
        _ => {}
    }
    let attached = found.as_ref().map(|found| found.attached.as_slice()).unwrap_or_default();
    let missing = target.policies.iter().filter(|(_, arn, _)| !attached.contains(arn));
    steps.extend(missing.map(|(_, arn, _)| Step::Attach { policy: arn.clone() }));
    let (given_before, also_attached) = others_attached(administrator, target, attached).await?;
    // After what takes their place: the connector is never without.
    steps.extend(given_before.into_iter().map(|policy| Step::Detach { policy }));
    if !of_role {
        steps.extend(key_steps(target, known, found.as_ref())?);
    }
    Ok(Plan { steps, also_attached })
}

/// The other policies that are attached: those that an earlier run made for this system and gave, and those of others.
async fn others_attached(
    administrator: &AwsConnector,
    target: &Target<'_>,
    attached: &[String],
) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut given_before, mut of_others) = (Vec::new(), Vec::new());
    for arn in attached.iter().filter(|arn| !target.policies.iter().any(|(_, own, _)| own == *arn)) {
        let made_before = target.could_have_made(arn)
            && administrator
                .find_policy(arn)
                .await
                .context(DOING)?
                .is_some_and(|policy| ours(target, &policy, arn).is_ok());
        if made_before { given_before.push(arn.clone()) } else { of_others.push(arn.clone()) }
    }
    Ok((given_before, of_others))
}

/// What was made by others is not taken over.
fn ours(target: &Target<'_>, found: &Found, arn: &str) -> Result<(), Refusal> {
    let id = target.arguments.system_id.as_str();
    if found.arn == arn && found.system.as_deref() == Some(id) {
        return Ok(());
    }
    let why = format!("{} is there already, and was not made by this command for system {id}", found.arn);
    Err(Refusal::new(DOING, why).hint("give another name with --user or --role"))
}

/// Names that differ only in case exclude each other, which AWS would say after some calls. Who may not list them hears it
/// then.
async fn not_in_other_case(administrator: &AwsConnector, target: &Target<'_>) -> anyhow::Result<()> {
    let of_role = target.arguments.role.is_some();
    let other = match administrator.find_in_other_case(target.name, of_role).await {
        Err(error) if error.cause == Cause::Denied => None,
        found => found.context(DOING)?,
    };
    let Some(other) = other else { return Ok(()) };
    let why = format!(
        "{other} is there already, and AWS takes no two names that differ only in upper and lower case"
    );
    Err(Refusal::new(DOING, why).hint("give another name with --user or --role").into())
}

/// That of the system, else that of the role which a run made that was broken off, else a new one; one that would not
/// be used is not shown.
fn external_id(known: Option<&System>, role: Option<&Found>, only_shown: bool) -> String {
    let of_role = || {
        let trust: Value = serde_json::from_str(role?.document.as_deref()?).ok()?;
        let id = trust.pointer("/Statement/0/Condition/StringEquals/sts:ExternalId")?.as_str()?;
        uuid::Uuid::try_parse(id).is_ok().then(|| id.to_owned())
    };
    let of_system = known.and_then(external_id_of).map(str::to_owned);
    let new = || if only_shown { MADE_LATER.to_owned() } else { uuid::Uuid::new_v4().to_string() };
    of_system.or_else(of_role).unwrap_or_else(new)
}

fn key_steps(
    target: &Target<'_>,
    known: Option<&System>,
    user: Option<&Found>,
) -> Result<Vec<Step>, Refusal> {
    let keys = user.map(|user| user.keys.as_slice()).unwrap_or_default();
    let is_there = |id: &str| keys.iter().any(|(key, _)| key == id);
    if let Some(wanted) = &target.arguments.replace_key {
        if !is_there(wanted) {
            let why = format!("user {} has no access key {wanted}", target.name);
            return Err(Refusal::new(DOING, why).hint("leave out --replace-key to see which it has"));
        }
        return Ok(vec![Step::DeleteKey { key: wanted.clone() }, Step::CreateKey]);
    }
    let stored = known.and_then(|system| match &system.credential {
        CredentialKind::AccessKey { access_key_id } => Some(access_key_id.as_str()),
        _ => None,
    });
    match (stored, keys) {
        (Some(stored), _) if is_there(stored) => Ok(Vec::new()),
        (Some(stored), _) => {
            let why = format!("the store keeps the key {stored}, which user {} does not have", target.name);
            Err(Refusal::new(DOING, why).hint("give the system a key that works: `keyreeve system set`"))
        }
        (None, []) => Ok(vec![Step::CreateKey]),
        (None, [(key, made), ..]) => {
            let when = made.map(|at| format!(", made at {at:.0}")).unwrap_or_default();
            let why = format!(
                "user {} has the access key {key}{when}, whose secret is not in the store: no second key is made",
                target.name
            );
            Err(Refusal::new(DOING, why).hint(format!(
                "if nothing uses it, as after a run that was broken off, give --replace-key {key}"
            )))
        }
    }
}

/// Whether two documents say the same.
fn same(there: Option<&str>, wanted: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    there.and_then(parsed).is_some_and(|there| Some(there) == parsed(wanted))
}

impl Step {
    /// The call to AWS, and what it changes; `None` of what is done here alone.
    pub(super) fn call(&self, target: &Target<'_>) -> Option<(&'static str, String)> {
        let holder = &target.arn;
        let of_user = target.arguments.user.is_some();
        Some(match self {
            Self::CreatePolicy { arn, .. } => ("CreatePolicy", arn.clone()),
            Self::ReplacePolicy { arn, .. } => ("CreatePolicyVersion", arn.clone()),
            Self::CreateUser => ("CreateUser", holder.clone()),
            Self::CreateRole { .. } => ("CreateRole", holder.clone()),
            Self::ReplaceTrust { .. } => ("UpdateAssumeRolePolicy", holder.clone()),
            Self::Attach { policy } if of_user => ("AttachUserPolicy", format!("{holder}, {policy}")),
            Self::Attach { policy } => ("AttachRolePolicy", format!("{holder}, {policy}")),
            Self::Detach { policy } if of_user => ("DetachUserPolicy", format!("{holder}, {policy}")),
            Self::Detach { policy } => ("DetachRolePolicy", format!("{holder}, {policy}")),
            Self::DeleteKey { key } => ("DeleteAccessKey", format!("{holder}, {key}")),
            Self::CreateKey => ("CreateAccessKey", holder.clone()),
            Self::Register { .. } => return None,
        })
    }

    /// The document that it sets, and the one in force.
    pub(super) fn documents(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::CreatePolicy { document, .. } => (Some(document), None),
            Self::CreateRole { trust } => (Some(trust), None),
            Self::ReplacePolicy { document, before, .. } => (Some(document), before.as_deref()),
            Self::ReplaceTrust { trust, before } => (Some(trust), before.as_deref()),
            _ => (None, None),
        }
    }

    /// Whether a system that is not registered yet is registered by it.
    pub(super) fn registers(&self) -> bool {
        matches!(self, Self::CreateKey | Self::Register { .. })
    }

    pub(super) fn in_words(&self, target: &Target<'_>) -> String {
        let (name, id) = (target.name, &target.arguments.system_id);
        match self {
            Self::CreatePolicy { arn, .. } => format!("make the policy {arn}"),
            Self::ReplacePolicy { arn, .. } => {
                format!("give the policy {arn} its new text; the one before stays as a version")
            }
            Self::CreateUser => format!("make the user {}", target.arn),
            Self::CreateRole { .. } => format!("make the role {}", target.arn),
            Self::ReplaceTrust { .. } => format!("give the role {} another trust policy", target.arn),
            Self::Attach { policy } => format!("attach {policy} to {name}"),
            Self::Detach { policy } => {
                format!("detach {policy}, which an earlier run gave to {name}; the policy itself stays")
            }
            Self::DeleteKey { key } => format!("delete the access key {key} of user {name}"),
            Self::CreateKey => {
                format!("make an access key of user {name}, sealed into the store for system {id}")
            }
            Self::Register { external_id } => {
                format!("register system {id} with this role and the external id {external_id}")
            }
        }
    }
}
