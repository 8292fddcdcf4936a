//! `keyreeve drift …`

use anyhow::Context as _;

use super::Context;
use crate::args::DriftCommand;
use crate::exit::Ended;
use crate::output::note;
use crate::output::shape::DRIFT;
use crate::source::Source;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &DriftCommand) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let system_id = match command {
        DriftCommand::List(arguments) => &arguments.system_id,
        DriftCommand::Accept(arguments) => {
            let system_id = &arguments.system_id;
            let number = arguments.claims.len();
            let changes = if number == 1 { "1 change".to_owned() } else { format!("{number} changes") };
            if arguments.unasked.goes_on(&format!(
                "What AWS has in the place of {changes} would be accepted in system {system_id}."
            )) {
                let doing = || format!("accepting what AWS has in system {system_id}");
                let reason = arguments.reason.as_deref();
                let accepted = source.accept_drift(context, system_id, &arguments.claims, reason);
                let accepted = accepted.await.with_context(doing)?;
                if usize::try_from(accepted).unwrap_or(usize::MAX) < number {
                    note(&format!("{accepted} of {number} had not ended before, and were accepted."));
                }
            }
            system_id
        }
    };
    let drift = source.drift(system_id).await?;
    let empty = format!(
        "No change that was made here in system {system_id} was seen otherwise by the import after it. What is undone in AWS \
         later, once an import has confirmed it, is no drift: `keyreeve import diff RUN` of the run that sees it has it."
    );
    context.output.list(&drift, &DRIFT, &empty)?;
    Ok(Ended::Done)
}
