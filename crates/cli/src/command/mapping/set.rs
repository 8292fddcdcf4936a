//! `keyreeve mapping set`

use anyhow::Context as _;
use keyreeve_model::{PermissionProfile, TargetProperty, TaskMapping};

use crate::args::SetMapping;
use crate::command::Context;
use crate::command::mapping;
use crate::exit::Ended;
use crate::output::note;
use crate::source::Source;

/// Replaces a task mapping, or goes back to the default.
pub(super) async fn run(context: &Context, arguments: &SetMapping) -> anyhow::Result<Ended> {
    let SetMapping { system_id, name, file, .. } = arguments;
    let doing = format!("setting the task mapping {name} of system {system_id}");
    // Read first: what is wrong with the file is wrong without a store, too.
    let new = file.as_ref().map(|path| mapping::read(path, *name, &doing)).transpose()?;
    let source = Source::of(context).await?;
    // What is set in the place of another one since then is not written over.
    let seen = source.version_of_task_mapping(system_id, *name).await.with_context(|| doing.clone())?;
    let what = format!("The task mapping {name} of system {system_id} would be this.");
    if !arguments.unasked.goes_on(&what) {
        source.system(system_id).await.with_context(|| doing.clone())?;
        mapping::print(context, &new.unwrap_or_else(|| TaskMapping::default_of(*name)))?;
        return Ok(Ended::Done);
    }
    let about = (seen.as_deref(), arguments.reason.as_deref());
    let set = source.set_task_mapping(context, (system_id, *name), new.as_ref(), about);
    set.await.with_context(|| doing.clone())?;
    let stored = source.task_mapping(system_id, *name).await.with_context(|| doing.clone())?;
    let system = source.system(system_id).await.with_context(|| doing.clone())?;
    mapping::print(context, &stored)?;
    if system.settings.permission_profile == PermissionProfile::Reference && needs_more(&stored) {
        note(&format!(
            "Tags and permissions boundaries are not among the fourteen actions of the permission profile reference. \
             `keyreeve system set {system_id} permission_profile=lifecycle` says that the connector may do more."
        ));
    }
    Ok(Ended::Done)
}

fn needs_more(mapping: &TaskMapping) -> bool {
    mapping
        .all_rows()
        .any(|row| matches!(row.property, TargetProperty::Tag(_) | TargetProperty::PermissionsBoundary))
}
