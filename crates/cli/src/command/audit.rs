//! `keyreeve audit …`

use keyreeve_store::AuditFilter;

use super::Context;
use crate::args::{AuditCommand, ListAudit, VerifyAudit};
use crate::exit::{Ended, Refusal};
use crate::output::hint;
use crate::output::shape::{AUDIT, HEADS};

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &AuditCommand) -> anyhow::Result<Ended> {
    match command {
        AuditCommand::List(arguments) => list(context, arguments).await,
        AuditCommand::Verify(arguments) => verify(context, arguments).await,
    }
}

async fn list(context: &Context, arguments: &ListAudit) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let filter = AuditFilter {
        system_id: arguments.system_id.clone(),
        account: arguments.account.clone(),
        ..AuditFilter::default()
    };
    let rows = store.audit(&filter, arguments.limit).await?;
    if let Some(system_id) = arguments.system_id.as_ref().filter(|_| rows.is_empty()) {
        // A name that is misspelt is no empty log; of one that is not registered yet there may be rows all the same.
        store.get_system(system_id).await?;
    }
    context.output.list(&rows, &AUDIT, "Nothing was recorded yet.")?;
    Ok(Ended::Done)
}

async fn verify(context: &Context, arguments: &VerifyAudit) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let head = store.verify_audit().await?;
    if let Some(noted) = &arguments.head
        && !store.audit_holds(noted).await?
    {
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
