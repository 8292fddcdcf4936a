//! `keyreeve audit …`

use keyreeve_engine::rights::Right;
use keyreeve_store::{AUDIT_ACTIONS, AuditFilter};

use super::Context;
use crate::args::{AuditCommand, ListAudit, VerifyAudit};
use crate::exit::{Ended, Refusal};
use crate::output::shape::{AUDIT, HEADS};
use crate::output::{Format, hint, note};
use crate::source::Source;

/// So many rows a table has unless another number is asked for.
const ROWS_OF_A_TABLE: u32 = 100;
/// So many are read at once.
const PAGE: u32 = 1_000;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &AuditCommand) -> anyhow::Result<Ended> {
    match command {
        AuditCommand::List(arguments) => list(context, arguments).await,
        AuditCommand::Verify(arguments) => verify(context, arguments).await,
    }
}

async fn list(context: &Context, arguments: &ListAudit) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let mut filter = arguments.filter();
    let everything = filter == AuditFilter::default();
    let limit = match (arguments.limit, context.output.format()) {
        (Some(limit), _) => limit,
        (None, Format::Table) => ROWS_OF_A_TABLE,
        (None, Format::Json | Format::Csv) => u32::MAX,
    };
    let first = source.audit(&filter, 1).await?;
    if let Some(action) = filter.action.as_deref().filter(|_| first.is_empty())
        && !AUDIT_ACTIONS.contains(&action)
    {
        let why = format!("there is no action {action:?}");
        let hint = format!("these are the actions: {}", AUDIT_ACTIONS.join(", "));
        return Err(Refusal::new("listing the audit log", why).hint(hint).into());
    }
    if let Some(system_id) = arguments.system_id.as_ref().filter(|_| first.is_empty()) {
        // A name that is misspelt is no empty log; of one that is not registered yet there may be rows all the same.
        source.system(system_id).await?;
    }
    let mut pages = context.output.pages(&AUDIT)?;
    let mut left = limit;
    while left > 0 {
        let rows = source.audit(&filter, left.min(PAGE)).await?;
        let Some(last) = rows.last() else { break };
        filter.before = Some(last.seq);
        left = left.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        pages.write(rows)?;
    }
    let empty = if everything { "Nothing was recorded yet." } else { "No row fits." };
    pages.end(empty)?;
    if left == 0
        && let Some(before) = filter.before
        && !source.audit(&filter, 1).await?.is_empty()
    {
        note(&format!("There are more rows before row {before}."));
        hint(&format!(
            "the same command with --before {before} goes on; --limit N shows more at once, and --output csv or json all"
        ));
    }
    Ok(Ended::Done)
}

async fn verify(context: &Context, arguments: &VerifyAudit) -> anyhow::Result<Ended> {
    let source = match arguments.renew_checkpoint {
        Some(_) => Source::of(context).await?,
        None => Source::to_verify(context).await?,
    };
    if let Some(reason) = &arguments.renew_checkpoint {
        let Some(store) = source.store() else {
            let why = "the checkpoint is on the machine of the server";
            return Err(Refusal::new("renewing the checkpoint", why.to_owned())
                .hint("run this there")
                .into());
        };
        context.actor.require(Right::Administer)?;
        store.renew_audit_checkpoint(context.actor.name(), reason, context.clock.now()).await?;
    }
    let (head, holds) = source.verify_audit(arguments.head.as_ref()).await?;
    if let Some(noted) = arguments.head.as_ref().filter(|_| !holds) {
        let why = format!(
            "the log does not hold row {} as it was noted: it, or rows before it, were taken away or replaced since",
            noted.seq
        );
        let hint = "if a backup was restored, `keyreeve audit list` has a row store_restored; else keep the store as it is \
                    and compare it with a backup";
        return Err(Refusal::failed("verifying the audit log", why).hint(hint).into());
    }
    context.output.one(&head, HEADS, |tables| {
        tables.facts(vec![
            ("State", "every row is as it was written".to_owned()),
            ("Last row", head.seq.to_string()),
            ("Its hash", head.hash.clone()),
        ]);
    })?;
    hint(&format!(
        "note {}:{} elsewhere: `keyreeve audit verify --head {}:{}` tells later whether anything up to it was taken away",
        head.seq, head.hash, head.seq, head.hash
    ));
    Ok(Ended::Done)
}
