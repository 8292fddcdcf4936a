//! `keyreeve mapping try`

use std::collections::BTreeMap;

use anyhow::Context as _;
use keyreeve_engine::mapping::{Outcome, Trial, TrialError, Tried, TriedCall, try_mapping};
use keyreeve_model::StepCall;

use crate::args::TryMapping;
use crate::command::{Context, mapping};
use crate::exit::{Ended, Refusal};
use crate::output::shape::{Column, step_in_words};
use crate::output::{Narrow, Tables, note, single};
use crate::source::Source;

/// Shows what a mapping makes of some attributes.
pub(super) async fn run(context: &Context, arguments: &TryMapping) -> anyhow::Result<Ended> {
    let TryMapping { system_id, mapping: name, .. } = arguments;
    let doing = format!("trying the task mapping {name} of system {system_id}");
    let source = Source::of(context).await?;
    let system = source.system(system_id).await?;
    let given = arguments.file.as_ref().map(|path| mapping::read(path, *name, &doing)).transpose()?;
    let attributes = attributes_of(arguments).map_err(|why| Refusal::new(doing.clone(), why))?;
    let tried = Tried { attributes, name: arguments.name.clone(), task: arguments.task };
    let Outcome { trial, imported, unknown } = match &source {
        Source::Server(server) => server
            .try_mapping(system_id, *name, given.as_ref(), &tried)
            .await
            .with_context(|| doing.clone())?,
        Source::Store(store) => {
            let mapping = match given {
                Some(given) => given,
                None => store.task_mapping(system_id, *name).await?.mapping,
            };
            try_mapping(store, &system, &mapping, &tried).await.map_err(|error| match error {
                TrialError::Store(error) => anyhow::Error::from(error),
                other => Refusal::new(doing.clone(), other.to_string()).into(),
            })?
        }
    };
    if !imported {
        note(&format!(
            "System {system_id} has not been imported yet, so it is not known which names are taken. Run: `keyreeve \
             import run {system_id}`"
        ));
    }
    if let Some(name) = unknown {
        note(&format!("No account {name} is known; its path is taken to be /."));
    }
    context.output.one(&trial, COLUMNS, |tables| show(&trial, tables))?;
    if trial.clashes() {
        note(&format!(
            "The name {} is taken. A name that is given, or not to be made unique, stays as it is.",
            trial.account
        ));
    }
    Ok(Ended::done_if(!trial.clashes() && trial.obstacles.is_empty()))
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

const COLUMNS: &[Column<Trial>] = &[
    ("system_id", |trial| trial.system_id.to_string()),
    ("mapping", |trial| trial.mapping.to_string()),
    ("task", |trial| trial.task.as_str().to_owned()),
    ("account", |trial| trial.account.clone()),
    ("path", |trial| trial.path.clone()),
    ("tags", |trial| pairs(&trial.tags).join(";")),
    ("permissions_boundary", |trial| trial.permissions_boundary.clone().unwrap_or_default()),
    ("taken", |trial| trial.taken.join(";")),
    ("calls", |trial| trial.calls.iter().map(|call| &*call.operation).collect::<Vec<_>>().join(";")),
    ("obstacles", |trial| trial.obstacles.join(";")),
];

const CALLS: &[Column<TriedCall>] = &[
    ("when", |call| call.when.to_string()),
    ("operation", |call| call.operation.to_string()),
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
