//! `keyreeve resource …`

use keyreeve_model::{PolicyDocuments, PolicyVersion, Resource, laid_out};
use keyreeve_store::ResourceFilter;
use serde::Serialize;

use super::Context;
use super::reading::nothing;
use crate::args::{ListResources, ResourceCommand, ShowResource};
use crate::exit::{Ended, Refusal};
use crate::output::shape::{RESOURCES, minute, resource_facts};
use crate::output::{Column, Columns, Format, Narrow, Tables};
use crate::source::Source;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: ResourceCommand) -> anyhow::Result<Ended> {
    match command {
        ResourceCommand::List(arguments) => list(context, &arguments).await,
        ResourceCommand::Show(arguments) => show(context, &arguments).await,
    }
}

async fn list(context: &Context, arguments: &ListResources) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let source = Source::of(context).await?;
    let resources = source.resources(&arguments.system_id, as_of, &arguments.filter()).await?;
    let empty = match resources.is_empty() {
        true => nothing(&source, &arguments.system_id, "resource").await?,
        false => String::new(),
    };
    context.output.list(&resources, &RESOURCES, &empty)?;
    Ok(Ended::Done)
}

/// A group or policy with what it says.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    resource: Resource,
    #[serde(flatten)]
    documents: PolicyDocuments,
}

const VERSIONS: &[Column<PolicyVersion>] = &[
    ("version", |one| one.version_id.clone()),
    ("in_force", |one| if one.is_default { "yes" } else { "no" }.to_owned()),
    ("created", |one| minute(one.created_at)),
    ("gone_in_run", |one| one.gone_run.map(|run| run.to_string()).unwrap_or_default()),
];

async fn show(context: &Context, arguments: &ShowResource) -> anyhow::Result<Ended> {
    const DOING: &str = "showing a resource";
    let ShowResource { system_id, resource: wanted, moment } = arguments;
    let as_of = moment.as_of(context.clock.now())?;
    let source = Source::of(context).await?;
    let all = source.resources(system_id, as_of, &ResourceFilter::default()).await?;
    let by_id = all.iter().position(|one| one.external_id.as_str() == wanted || one.arn == *wanted);
    let called: Vec<usize> =
        (0..).zip(&all).filter(|(_, one)| one.name == *wanted).map(|(at, _)| at).collect();
    let found = match (by_id, called.as_slice()) {
        (Some(at), _) => at,
        (None, [at]) => *at,
        (None, []) => {
            let why = format!("the system has no group or policy {wanted:?} as of that moment");
            let hint = format!("`keyreeve resource list {system_id}` shows those there are");
            return Err(Refusal::new(DOING, why).hint(hint).into());
        }
        (None, several) => {
            let arns = several.iter().filter_map(|at| all.get(*at)).map(|one| one.arn.as_str());
            let why = format!("{} are called {wanted:?}", several.len());
            let hint = format!("name the one by its ARN: {}", arns.collect::<Vec<_>>().join(", "));
            return Err(Refusal::new(DOING, why).hint(hint).into());
        }
    };
    let Some(resource) = all.into_iter().nth(found) else { return Ok(Ended::Done) };
    let documents = source.resource_documents(&resource, as_of).await?;
    let shown = Shown { resource, documents };
    match context.output.format() {
        Format::Csv => context.output.one(&shown.resource, RESOURCES.csv, |_| {})?,
        _ => context.output.one(&shown, Columns::Texts(&[]), |tables| draw(&shown, tables))?,
    }
    Ok(Ended::Done)
}

fn draw(shown: &Shown, tables: &mut Tables) {
    let Shown { resource, documents } = shown;
    tables.facts(resource_facts(resource));
    tables.list("Versions", &documents.versions, VERSIONS, Narrow::Shorten);
    let in_force = documents.versions.iter().filter(|one| one.is_default);
    let says = (in_force.map(|one| (one.version_id.as_str(), one.document.as_deref())))
        .chain(documents.inline.iter().map(|one| (one.name.as_str(), one.document.as_deref())));
    for (name, document) in says {
        let lines = match document {
            Some(document) => laid_out(document).lines().map(str::to_owned).collect::<Vec<_>>(),
            None => vec!["not known: no import has read it".to_owned()],
        };
        tables.facts(vec![(name, lines)]);
    }
}
