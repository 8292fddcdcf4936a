//! `keyreeve system show`

use keyreeve_model::{System, SystemId};

use crate::command::Context;
use crate::exit::Ended;
use crate::output::shape::{SYSTEMS, system_facts};
use crate::source::Source;

/// Shows one system.
pub(crate) async fn run(context: &Context, system_id: &SystemId) -> anyhow::Result<Ended> {
    show(context, &Source::of(context).await?.system(system_id).await?)
}

/// Shows a system, as after every change of one.
pub(super) fn show(context: &Context, system: &System) -> anyhow::Result<Ended> {
    context.output.one(system, SYSTEMS.csv, |tables| tables.facts(system_facts(system)))?;
    Ok(Ended::Done)
}
