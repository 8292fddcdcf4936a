//! A task mapping on trial: what it would send for some attributes. Nothing is changed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{
    Account, ActionTime, MappingName, Operation, Resource, ResourceType, StepCall, System, SystemId,
    TaskKind, TaskMapping,
};
use keyreeve_store::{AccountFilter, AsOf, ResourceFilter, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::{Given, MappingError, Sources, map_account, map_actions};

/// What would be sent.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Trial {
    /// The system.
    pub system_id: SystemId,
    /// The mapping.
    pub mapping: MappingName,
    /// The kind of task.
    pub task: TaskKind,
    /// The account's name.
    pub account: String,
    /// Its path.
    pub path: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The ARN of its permissions boundary.
    pub permissions_boundary: Option<String>,
    /// Names that were tried and are in use.
    pub taken: Vec<String>,
    /// The calls, in their order.
    pub calls: Vec<TriedCall>,
    /// What its calls give and the latest import did not see.
    pub obstacles: Vec<String>,
}

impl Trial {
    /// Whether the name that it came to is in use.
    #[must_use]
    pub fn clashes(&self) -> bool {
        self.task == TaskKind::CreateAccount && self.taken.contains(&self.account)
    }
}

/// One call, without what the planner adds of its own.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TriedCall {
    /// `Before`, `Main` or `After`.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub when: Cow<'static, str>,
    /// The call, as AWS has it.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub operation: Cow<'static, str>,
    /// What it is about; of a main call only what the mapping decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<StepCall>,
}

/// What is tried.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// The attributes.
    pub attributes: BTreeMap<String, String>,
    /// The account's name: given for a new account, or that of an account there is.
    pub name: Option<String>,
    /// Which kind of task; the first one that the mapping serves if it is left out.
    pub task: Option<TaskKind>,
}

/// What came of a trial.
#[derive(Debug)]
pub struct Outcome {
    /// What would be sent.
    pub trial: Trial,
    /// Whether the system was imported: else it is not known which names are taken.
    pub imported: bool,
    /// A name that no account has; its path was taken to be `/`.
    pub unknown: Option<String>,
}

/// A mapping cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// What was given makes no task.
    #[error("{0}")]
    NoTask(String),
    /// The mapping makes nothing of it.
    #[error("{0}")]
    Mapping(#[from] MappingError),
    /// The store cannot be read.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What is needed to try a mapping.
struct Setting<'a> {
    system: &'a System,
    mapping: &'a TaskMapping,
    attributes: &'a BTreeMap<String, String>,
    known: &'a [Account],
}

/// Tries a mapping of a system, whether it is set or not.
///
/// # Errors
/// See [`TrialError`].
pub async fn try_mapping(
    store: &Store,
    system: &System,
    mapping: &TaskMapping,
    tried: &Tried,
) -> Result<Outcome, TrialError> {
    let id = &system.system_id;
    let imported = store.latest_published(id).await?.is_some();
    let known = store.list_accounts(id, AsOf::Now, &AccountFilter::default()).await?;
    let setting = Setting { system, mapping, attributes: &tried.attributes, known: &known };
    let (mut trial, unknown) = attempt(&setting, tried)?;
    if imported {
        let known = store.list_resources(id, AsOf::Now, &ResourceFilter::default()).await?;
        trial.obstacles = unseen(&trial.calls, &known);
    }
    Ok(Outcome { trial, imported, unknown })
}

/// Groups and policies that the calls give and that are not known.
fn unseen(calls: &[TriedCall], known: &[Resource]) -> Vec<String> {
    let is_known = |kind: ResourceType, is: &dyn Fn(&Resource) -> bool| {
        known.iter().any(|resource| resource.kind == kind && is(resource))
    };
    let missing = |call: &StepCall| match call {
        StepCall::AddToGroup { group, .. } if !is_known(ResourceType::Group, &|one| one.name == *group) => {
            Some(format!("the last import saw no group {group:?}"))
        }
        StepCall::AttachPolicy { policy_arn, .. } | StepCall::SetBoundary { policy_arn, .. }
            if !is_known(ResourceType::Policy, &|one| one.arn == *policy_arn) =>
        {
            Some(format!("the last import saw no policy {policy_arn:?}"))
        }
        _ => None,
    };
    calls.iter().filter_map(|call| call.details.as_ref()).filter_map(missing).collect()
}

fn attempt(setting: &Setting<'_>, tried: &Tried) -> Result<(Trial, Option<String>), TrialError> {
    let first = setting.mapping.main.keys().next();
    let no_task = |why: &str| TrialError::NoTask(why.to_owned());
    let task = tried.task.or(first.copied()).ok_or_else(|| no_task("the mapping serves no task"))?;
    let Some(main) = setting.mapping.main.get(&task) else {
        return Err(TrialError::NoTask(format!(
            "{} does not serve the task {}",
            setting.mapping.name,
            task.as_str()
        )));
    };
    match (task, &tried.name) {
        (TaskKind::CreateAccount, name) => Ok((creation(setting, name.as_deref(), *main)?, None)),
        (_, Some(name)) => Ok(change(setting, name, task, *main)?),
        (_, None) => {
            Err(TrialError::NoTask(format!("the task {} needs an account: give its name", task.as_str())))
        }
    }
}

fn creation(setting: &Setting<'_>, name: Option<&str>, main: Operation) -> Result<Trial, MappingError> {
    let names: BTreeSet<String> =
        setting.known.iter().map(|account| account.name.to_ascii_lowercase()).collect();
    let is_taken = |name: &str| names.contains(&name.to_ascii_lowercase());
    let sources = Sources { system: setting.system, attributes: setting.attributes };
    let given = Given { name, ..Given::default() };
    let mut mapped = map_account(setting.mapping, sources, given, &is_taken)?;
    if is_taken(&mapped.account) {
        mapped.taken.push(mapped.account.clone());
    }
    let password = StepCall::CreateLoginProfile { account: mapped.account.clone() };
    Ok(Trial {
        system_id: setting.system.system_id.clone(),
        mapping: setting.mapping.name,
        task: TaskKind::CreateAccount,
        account: mapped.account,
        path: mapped.path,
        tags: mapped.tags,
        permissions_boundary: mapped.permissions_boundary,
        taken: mapped.taken,
        calls: calls(mapped.before, main, Some(password), mapped.after),
        obstacles: Vec::new(),
    })
}

fn change(
    setting: &Setting<'_>,
    name: &str,
    task: TaskKind,
    main: Operation,
) -> Result<(Trial, Option<String>), MappingError> {
    let exact = setting.known.iter().find(|account| account.name == name);
    let account =
        exact.or_else(|| setting.known.iter().find(|account| account.name.eq_ignore_ascii_case(name)));
    let unknown = account.is_none().then(|| name.to_owned());
    let name = account.map_or(name, |account| &account.name);
    let path = account.map_or("/", |account| &account.path);
    let sources = Sources { system: setting.system, attributes: setting.attributes };
    let actions = |when| map_actions(setting.mapping, task, when, sources, name, path);
    let details = match main {
        Operation::DeleteUser => Some(StepCall::DeleteAccount { account: name.to_owned() }),
        Operation::UpdateLoginProfile => Some(StepCall::UpdateLoginProfile { account: name.to_owned() }),
        _ => None,
    };
    let trial = Trial {
        system_id: setting.system.system_id.clone(),
        mapping: setting.mapping.name,
        task,
        account: name.to_owned(),
        path: path.to_owned(),
        tags: BTreeMap::new(),
        permissions_boundary: None,
        taken: Vec::new(),
        calls: calls(actions(ActionTime::Before)?, main, details, actions(ActionTime::After)?),
        obstacles: Vec::new(),
    };
    Ok((trial, unknown))
}

fn calls(
    before: Vec<StepCall>,
    main: Operation,
    details: Option<StepCall>,
    after: Vec<StepCall>,
) -> Vec<TriedCall> {
    let action = |when| {
        move |call: StepCall| TriedCall {
            when: Cow::Borrowed(when),
            operation: Cow::Borrowed(Operation::of(&call).map_or("", Operation::as_str)),
            details: Some(call),
        }
    };
    let main = TriedCall { when: Cow::Borrowed("Main"), operation: Cow::Borrowed(main.as_str()), details };
    let before = before.into_iter().map(action(ActionTime::Before.as_str()));
    before.chain([main]).chain(after.into_iter().map(action(ActionTime::After.as_str()))).collect()
}
