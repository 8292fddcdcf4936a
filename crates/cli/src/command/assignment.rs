//! `keyreeve assignment …`

use super::known::{Named, note_unknown};
use super::reading::nothing;
use super::{Context, change};
use crate::args::{AssignmentCommand, ListAssignments};
use crate::exit::Ended;
use crate::output::shape::{ASSIGNMENTS, HELD};
use crate::source::Source;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: AssignmentCommand) -> anyhow::Result<Ended> {
    match command {
        AssignmentCommand::List(arguments) => list(context, &arguments).await,
        AssignmentCommand::Add(arguments) => {
            change::run(context, &arguments.system_id, vec![arguments.addition()], &arguments.change).await
        }
        AssignmentCommand::Remove(arguments) => {
            change::run(context, &arguments.system_id, vec![arguments.removal()], &arguments.change).await
        }
    }
}

async fn list(context: &Context, arguments: &ListAssignments) -> anyhow::Result<Ended> {
    if let Some(filter) = arguments.held() {
        let source = Source::of(context).await?;
        // A server knows by itself whom it answers.
        let systems = match context.actor.require_all_systems() {
            Ok(()) => None,
            Err(_) => {
                let ids = source.systems(false).await?.into_iter().map(|system| system.system_id);
                Some(ids.filter(|id| context.actor.reaches(id)).collect::<Vec<_>>())
            }
        };
        let held = source.held(systems.as_deref(), &filter).await?;
        context.output.list(&held, &HELD, "Nobody holds that in any system, as the last imports saw it.")?;
        return Ok(Ended::Done);
    }
    // One of the two is given.
    let Some(system_id) = &arguments.system_id else { return Ok(Ended::Done) };
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let filter = arguments.filter();
    let source = Source::of(context).await?;
    let assignments = source.assignments(system_id, as_of, &filter).await?;
    let empty = match assignments.is_empty() {
        true => nothing(&source, system_id, "assignment").await?,
        false => String::new(),
    };
    context.output.list(&assignments, &ASSIGNMENTS, &empty)?;
    if let Some(store) = source.store().filter(|_| assignments.is_empty()) {
        let (account, group) = (filter.account.as_deref(), filter.group.as_deref());
        let named = Named { account, group, policy: filter.policy.as_deref() };
        note_unknown(store, system_id, as_of, named).await?;
    }
    Ok(Ended::Done)
}
