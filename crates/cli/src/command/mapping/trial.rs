//! `keyreeve mapping try`

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_engine::mapping::{Given, MappingError, Sources, map_account, map_actions};
use keyreeve_model::{
    Account, ActionTime, MappingName, Operation, Resource, ResourceType, StepCall, System, SystemId,
    TaskKind, TaskMapping,
};
use keyreeve_store::{AccountFilter, AsOf, ResourceFilter};
use serde::Serialize;

use crate::args::TryMapping;
use crate::command::{Context, mapping};
use crate::exit::{Ended, Refusal};
use crate::output::shape::{Column, step_in_words};
use crate::output::{Narrow, Tables, note, single};

/// What would be sent.
#[derive(Debug, Serialize)]
struct Trial {
    system_id: SystemId,
    mapping: MappingName,
    task: TaskKind,
    account: String,
    path: String,
    tags: BTreeMap<String, String>,
    permissions_boundary: Option<String>,
    /// Names that were tried and are in use.
    taken: Vec<String>,
    calls: Vec<TriedCall>,
    /// What its calls give and the latest import did not see.
    obstacles: Vec<String>,
}

/// One call, without what the planner adds of its own.
#[derive(Debug, Serialize)]
struct TriedCall {
    when: &'static str,
    operation: &'static str,
    /// What it is about; of a main call only what the mapping decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<StepCall>,
}

/// What is needed to try a mapping.
struct Setting<'a> {
    system: System,
    mapping: TaskMapping,
    attributes: BTreeMap<String, String>,
    known: &'a [Account],
}

/// Shows what a mapping makes of some attributes.
pub(super) async fn run(context: &Context, arguments: &TryMapping) -> anyhow::Result<Ended> {
    let TryMapping { system_id, mapping: name, .. } = arguments;
    let doing = format!("trying the task mapping {name} of system {system_id}");
    let store = context.store().await?;
    let system = store.get_system(system_id).await?;
    let mapping = match &arguments.file {
        Some(path) => mapping::read(path, *name, &doing)?,
        None => store.task_mapping(system_id, *name).await?.mapping,
    };
    let known = store.list_accounts(system_id, AsOf::Now, &AccountFilter::default()).await?;
    if known.is_empty() && store.latest_published(system_id).await?.is_none() {
        note(&format!(
            "System {system_id} has not been imported yet, so it is not known which names are taken. Run: `keyreeve \
             import run {system_id}`"
        ));
    }
    let attributes = attributes_of(arguments).map_err(|why| Refusal::new(doing.clone(), why))?;
    let setting = Setting { system, mapping, attributes, known: &known };
    let mut trial = attempt(&setting, arguments).map_err(|why| Refusal::new(doing.clone(), why))?;
    if store.latest_published(system_id).await?.is_some() {
        let known = store.list_resources(system_id, AsOf::Now, &ResourceFilter::default()).await?;
        trial.obstacles = unseen(&trial.calls, &known);
    }
    let clash = trial.task == TaskKind::CreateAccount && trial.taken.contains(&trial.account);
    context.output.one(&trial, COLUMNS, |tables| show(&trial, tables))?;
    if clash {
        note(&format!(
            "The name {} is taken. A name that is given, or not to be made unique, stays as it is.",
            trial.account
        ));
    }
    Ok(Ended::done_if(!clash && trial.obstacles.is_empty()))
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

fn attributes_of(arguments: &TryMapping) -> Result<BTreeMap<String, String>, String> {
    let mut attributes = BTreeMap::new();
    for (name, value) in &arguments.attributes {
        if attributes.insert(name.clone(), value.clone()).is_some() {
            return Err(format!("the attribute {name} is given twice"));
        }
    }
    Ok(attributes)
}

fn attempt(setting: &Setting<'_>, arguments: &TryMapping) -> Result<Trial, String> {
    let first = setting.mapping.main.keys().next();
    let task = arguments.task.or(first.copied()).ok_or("the mapping serves no task")?;
    let Some(main) = setting.mapping.main.get(&task) else {
        return Err(format!("{} does not serve the task {}", setting.mapping.name, task.as_str()));
    };
    match (task, &arguments.name) {
        (TaskKind::CreateAccount, name) => {
            creation(setting, name.as_deref(), *main).map_err(|error| error.to_string())
        }
        (_, Some(name)) => change(setting, name, task, *main).map_err(|error| error.to_string()),
        (_, None) => Err(format!("the task {} needs an account: --name", task.as_str())),
    }
}

fn creation(setting: &Setting<'_>, name: Option<&str>, main: Operation) -> Result<Trial, MappingError> {
    let names: BTreeSet<String> =
        setting.known.iter().map(|account| account.name.to_ascii_lowercase()).collect();
    let is_taken = |name: &str| names.contains(&name.to_ascii_lowercase());
    let sources = Sources { system: &setting.system, attributes: &setting.attributes };
    let given = Given { name, ..Given::default() };
    let mut mapped = map_account(&setting.mapping, sources, given, &is_taken)?;
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

fn change(setting: &Setting<'_>, name: &str, task: TaskKind, main: Operation) -> Result<Trial, MappingError> {
    let exact = setting.known.iter().find(|account| account.name == name);
    let account =
        exact.or_else(|| setting.known.iter().find(|account| account.name.eq_ignore_ascii_case(name)));
    if account.is_none() {
        note(&format!("No account {name} is known; its path is taken to be /."));
    }
    let name = account.map_or(name, |account| &account.name);
    let path = account.map_or("/", |account| &account.path);
    let sources = Sources { system: &setting.system, attributes: &setting.attributes };
    let actions = |when| map_actions(&setting.mapping, task, when, sources, name, path);
    let details = match main {
        Operation::DeleteUser => Some(StepCall::DeleteAccount { account: name.to_owned() }),
        Operation::UpdateLoginProfile => Some(StepCall::UpdateLoginProfile { account: name.to_owned() }),
        _ => None,
    };
    Ok(Trial {
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
    })
}

fn calls(
    before: Vec<StepCall>,
    main: Operation,
    details: Option<StepCall>,
    after: Vec<StepCall>,
) -> Vec<TriedCall> {
    let action = |when| {
        move |call: StepCall| TriedCall {
            when,
            operation: Operation::of(&call).map_or("", Operation::as_str),
            details: Some(call),
        }
    };
    let main = TriedCall { when: "Main", operation: main.as_str(), details };
    let before = before.into_iter().map(action(ActionTime::Before.as_str()));
    before.chain([main]).chain(after.into_iter().map(action(ActionTime::After.as_str()))).collect()
}

const COLUMNS: &[Column<Trial>] = &[
    ("system_id", |trial| trial.system_id.to_string()),
    ("mapping", |trial| trial.mapping.to_string()),
    ("task", |trial| trial.task.as_str().to_owned()),
    ("account", |trial| trial.account.clone()),
    ("path", |trial| trial.path.clone()),
    ("tags", |trial| pairs(&trial.tags).join(";")),
    ("permissions_boundary", |trial| trial.permissions_boundary.clone().unwrap_or_default()),
    ("taken", |trial| trial.taken.join(";")),
    ("calls", |trial| trial.calls.iter().map(|call| call.operation).collect::<Vec<_>>().join(";")),
    ("obstacles", |trial| trial.obstacles.join(";")),
];

const CALLS: &[Column<TriedCall>] = &[
    ("when", |call| call.when.to_owned()),
    ("operation", |call| call.operation.to_owned()),
    ("about", |call| call.details.as_ref().map(about).unwrap_or_default()),
];

fn show(trial: &Trial, tables: &mut Tables) {
    let mut facts = single(vec![
        ("task", trial.task.as_str().to_owned()),
        ("account", trial.account.clone()),
        ("path", trial.path.clone()),
    ]);
    facts.push(("tags", pairs(&trial.tags).into()));
    facts.extend(single(vec![
        ("permissions_boundary", trial.permissions_boundary.clone().unwrap_or_default()),
        ("taken", trial.taken.join(", ")),
    ]));
    tables.facts(facts);
    tables.list("Calls of the mapping", &trial.calls, CALLS, Narrow::Wrap { sentences: 1 });
    tables.sentences("This stands in the way:", &trial.obstacles);
}

/// What a call is about beside the account.
fn about(call: &StepCall) -> String {
    match call {
        StepCall::DeleteAccount { .. } | StepCall::UpdateLoginProfile { .. } => String::new(),
        StepCall::CreateLoginProfile { .. } | StepCall::DeleteLoginProfile { .. } => String::new(),
        call => step_in_words(call, None),
    }
}

fn pairs(pairs: &BTreeMap<String, String>) -> Vec<String> {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect()
}
