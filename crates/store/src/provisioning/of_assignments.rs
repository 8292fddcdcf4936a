//! Which jobs gave accounts groups and policies, and took them away: by the calls that were made, whatever was wished.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use keyreeve_model::{ExternalId, JobId, ResourceName, StepCall, SystemId};

use super::folded;
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, kept, systems};

/// A call of ours that gave an account something, or took it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentStep {
    /// The account.
    pub account: ExternalId,
    /// What: a group by the name that it had, or a policy by its ARN.
    pub resource: ResourceName,
    /// The id of a group; `None` where no import tells which group had that name then.
    pub group: Option<ExternalId>,
    /// Whether it was given, rather than taken away.
    pub gave: bool,
    /// When that was done.
    pub at: Timestamp,
    /// The job.
    pub job: JobId,
    /// Whoever asked for it.
    pub actor: String,
}

impl Store {
    /// What our calls gave some accounts and took from them, the last first, and no more than so many of them. Calls that
    /// found it so already are left out.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn assignment_steps(
        &self,
        system: &SystemId,
        accounts: &[ExternalId],
        most: u32,
    ) -> Result<Vec<AssignmentStep>, StoreError> {
        const TEXT: &str = "SELECT t.account_external_id, p.call, p.finished_at, t.job_id, j.actor, t.task_id, p.seq \
                            FROM tasks t JOIN provisioning_jobs j ON j.job_id = t.job_id \
                            JOIN steps p ON p.task_id = t.task_id WHERE t.system_key = ";
        const GIVING: &str = " AND p.state = 'applied' AND COALESCE(p.unchanged, 0) = 0 AND p.finished_at IS NOT NULL \
                              AND p.operation IN ('AddUserToGroup', 'RemoveUserFromGroup', 'AttachUserPolicy', \
                              'DetachUserPolicy') ORDER BY p.finished_at DESC, t.task_id DESC, p.seq DESC LIMIT ";
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        reading!(self, "reading which jobs gave what accounts hold", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let mut found = Vec::new();
            for some in accounts.chunks(transaction.dialect().values_per_statement() - 2) {
                let mut text = Statement::building(TEXT);
                text.bind(key).push(" AND t.account_external_id IN (VALUES ");
                text.bind_rows(some.iter().map(|id| vec![Value::from(id.as_str())]));
                text.push(")").push(GIVING).bind(i64::from(most));
                let read = |row: &crate::row::Row| {
                    let step = step(row.json(1)?);
                    let account: ExternalId = row.word(0)?;
                    let (at, job, actor) = (row.time(2)?, JobId(row.int(3)?), row.text(4)?);
                    Ok(step.map(|(gave, resource)| AssignmentStep {
                        account,
                        resource,
                        group: None,
                        gave,
                        at,
                        job,
                        actor,
                    }))
                };
                found.extend(transaction.fetch(text, read).await?.into_iter().flatten());
            }
            name_groups(transaction, key, &mut found).await?;
            Ok(found)
        })
        .await
    }
}

/// When a group had a name: from the import that saw it so first until the one that saw it otherwise.
struct Called {
    group: ExternalId,
    from: Timestamp,
    until: Option<Timestamp>,
}

/// Says which groups were meant: calls say names, and what is planned goes by the names of the last import of then; a group
/// that is newer is known by the next one.
async fn name_groups(
    transaction: &mut Transaction,
    key: i64,
    steps: &mut [AssignmentStep],
) -> Result<(), StoreError> {
    let of_group = |step: &AssignmentStep| match &step.resource {
        ResourceName::Group(name) => Some(folded(name)),
        ResourceName::Policy(_) => None,
    };
    let names: BTreeSet<String> = steps.iter().filter_map(of_group).collect();
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = names.into_iter().collect();
    // Of what lies before, somebody else's name may be all that is left.
    let given_up = kept::floor(transaction).await?;
    let kept_since = kept::first_kept(transaction, key, given_up).await?.map(|(_, since)| since);
    let mut known: BTreeMap<String, Vec<Called>> = BTreeMap::new();
    for some in names.chunks(transaction.dialect().values_per_statement() - 2) {
        let mut text = Statement::building(
            "SELECT lower(v.name), v.external_id, a.published_at, b.published_at FROM resource_versions v \
             JOIN import_runs a ON a.run_id = v.valid_from_run LEFT JOIN import_runs b ON b.run_id = v.valid_to_run \
             WHERE a.published_at IS NOT NULL AND v.type = 'group' AND v.system_key = ",
        );
        text.bind(key).push(" AND v.valid_to_run > ").bind(given_up).push(" AND lower(v.name) IN (VALUES ");
        text.bind_rows(some.iter().map(|name| vec![Value::from(name.as_str())]));
        text.push(") ORDER BY a.published_at");
        let read = |row: &Row| {
            Ok((row.text(0)?, Called { group: row.word(1)?, from: row.time(2)?, until: row.opt_time(3)? }))
        };
        for (name, called) in transaction.fetch(text, read).await? {
            known.entry(name).or_default().push(called);
        }
    }
    for step in steps.iter_mut().filter(|step| kept_since.is_none_or(|since| step.at >= since)) {
        let Some(called) = of_group(step).and_then(|name| known.get(&name)) else { continue };
        let holds = |one: &&Called| one.from <= step.at && one.until.is_none_or(|until| step.at < until);
        let then = called.iter().rev().find(holds);
        let next = || called.iter().find(|one| one.from > step.at);
        step.group = then.or_else(next).map(|one| one.group.clone());
    }
    Ok(())
}

/// What a call gives or takes away.
fn step(call: StepCall) -> Option<(bool, ResourceName)> {
    Some(match call {
        StepCall::AddToGroup { group, .. } => (true, ResourceName::Group(group)),
        StepCall::RemoveFromGroup { group, .. } => (false, ResourceName::Group(group)),
        StepCall::AttachPolicy { policy_arn, .. } => (true, ResourceName::Policy(policy_arn)),
        StepCall::DetachPolicy { policy_arn, .. } => (false, ResourceName::Policy(policy_arn)),
        _ => return None,
    })
}
