//! `keyreeve policy generate`

use anyhow::Context as _;

use super::Context;
use crate::args::{PolicyCommand, PolicyProfile};
use crate::exit::Ended;
use crate::output::write;

/// Writes the policy: JSON in every output format, ready for AWS.
pub(crate) fn run(_context: &Context, command: &PolicyCommand) -> anyhow::Result<Ended> {
    let PolicyCommand::Generate(arguments) = command;
    let generate = match arguments.profile {
        PolicyProfile::Reference => keyreeve_aws::reference_policy,
        PolicyProfile::Read => keyreeve_aws::read_policy,
    };
    let policy =
        generate(&arguments.partition, arguments.account_id.as_deref()).context("generating the policy")?;
    write(&policy)?;
    Ok(Ended::Done)
}
