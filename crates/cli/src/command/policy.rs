//! `keyreeve policy generate`

use anyhow::Context as _;

use super::Context;
use crate::args::PolicyCommand;
use crate::exit::Ended;
use crate::output::write;

/// Writes the policy: JSON in every output format, ready for AWS.
pub(crate) fn run(_context: &Context, command: &PolicyCommand) -> anyhow::Result<Ended> {
    let PolicyCommand::Generate(arguments) = command;
    debug_assert_eq!(arguments.profile, "reference", "the argument parser lets nothing else through");
    let policy = keyreeve_aws::reference_policy(&arguments.partition, arguments.account_id.as_deref())
        .context("generating the policy")?;
    write(&policy)?;
    Ok(Ended::Done)
}
