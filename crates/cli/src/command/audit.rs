//! `keyreeve audit …`

use keyreeve_store::AuditFilter;

use super::Context;
use crate::args::{AuditCommand, ListAudit};
use crate::exit::Ended;
use crate::output::hint;
use crate::output::shape::{AUDIT, HEADS};

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &AuditCommand) -> anyhow::Result<Ended> {
    match command {
        AuditCommand::List(arguments) => list(context, arguments).await,
        AuditCommand::Verify => verify(context).await,
    }
}

async fn list(context: &Context, arguments: &ListAudit) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    if let Some(system_id) = &arguments.system_id {
        // A name that is misspelt is no empty log.
        store.get_system(system_id).await?;
    }
    let filter = AuditFilter {
        system_id: arguments.system_id.clone(),
        account: arguments.account.clone(),
        ..AuditFilter::default()
    };
    let rows = store.audit(&filter, arguments.limit).await?;
    context.output.list(&rows, &AUDIT, "Nothing was recorded yet.")?;
    Ok(Ended::Done)
}

async fn verify(context: &Context) -> anyhow::Result<Ended> {
    let head = context.store().await?.verify_audit().await?;
    context.output.one(&head, HEADS, |tables| {
        tables.facts(vec![
            ("State", "every row is as it was written".to_owned()),
            ("Last row", head.seq.to_string()),
            ("Its hash", head.hash.clone()),
        ]);
    })?;
    hint(
        "note the last row and its hash elsewhere: they prove later that nothing before them was taken away",
    );
    Ok(Ended::Done)
}
