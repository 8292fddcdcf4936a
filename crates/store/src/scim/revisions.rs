//! How often what SCIM shows of a user or a group has become otherwise. Each change counts one up, in the transaction that
//! makes it, so nothing ever has a revision that it had before; two changes that undo each other are two.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{Account, AssignmentKind, Change, ChangeSet, ClaimFact, ExternalId, ResourceType};

use crate::StoreError;
use crate::history::STILL;
use crate::statement::{Statement, statement};
use crate::transaction::Transaction;

/// Counts these up. In order, so that no two transactions wait for each other.
pub(crate) async fn count_up(
    transaction: &mut Transaction,
    system_key: i64,
    resources: BTreeSet<&str>,
) -> Result<(), StoreError> {
    let resources: Vec<&str> = resources.into_iter().collect();
    for some in resources.chunks(transaction.dialect().values_per_statement() / 3) {
        let mut text =
            Statement::building("INSERT INTO scim_revisions (system_key, resource_id, revision) VALUES ");
        text.bind_rows(some.iter().map(|id| vec![system_key.into(), (*id).into(), 1.into()]));
        text.push(
            " ON CONFLICT (system_key, resource_id) DO UPDATE SET revision = scim_revisions.revision + 1",
        );
        transaction.execute(text).await?;
    }
    Ok(())
}

/// Counts up what an import has seen otherwise. What it saw for the first time was never anything else.
pub(crate) async fn imported(
    transaction: &mut Transaction,
    system_key: i64,
    changes: &ChangeSet,
) -> Result<(), StoreError> {
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    for change in &changes.accounts {
        match change {
            Change::Changed { before, after, .. } if shown(before) != shown(after) => {
                touched.insert(after.external_id.as_str());
            }
            Change::Deleted { before } => drop(touched.insert(before.external_id.as_str())),
            Change::Changed { .. } | Change::Created { .. } => {}
        }
    }
    for change in &changes.resources {
        if let Change::Changed { after: one, .. } | Change::Deleted { before: one } = change
            && one.kind == ResourceType::Group
        {
            touched.insert(one.external_id.as_str());
        }
    }
    for change in &changes.assignments {
        let (Change::Created { after: one }
        | Change::Changed { after: one, .. }
        | Change::Deleted { before: one }) = change;
        if one.kind == AssignmentKind::GroupPolicy {
            continue;
        }
        touched.insert(one.subject_external_id.as_str());
        if one.kind == AssignmentKind::AccountGroup {
            touched.extend(one.resource_external_id.as_ref().map(ExternalId::as_str));
        }
    }
    count_up(transaction, system_key, touched).await
}

/// What SCIM shows of an account: much else of it changes with each sign-in.
fn shown(account: &Account) -> impl PartialEq + '_ {
    (
        (&account.name, &account.path, &account.arn, account.status, account.created_at),
        (account.login_profile.state, account.login_profile.password_reset_required),
        (&account.tags, &account.permissions_boundary),
    )
}

/// Counts up what was claimed of accounts, each with its system, and the groups that they came into or left.
pub(crate) async fn claimed<'a>(
    transaction: &mut Transaction,
    claims: impl Iterator<Item = (i64, &'a ExternalId, &'a ClaimFact)> + Send,
) -> Result<(), StoreError> {
    let mut by_system: BTreeMap<i64, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for (system_key, account, fact) in claims {
        let (accounts, groups) = by_system.entry(system_key).or_default();
        accounts.insert(account.as_str());
        groups.extend(group_of(fact));
    }
    for (system_key, (accounts, groups)) in by_system {
        let groups = called(transaction, system_key, &groups).await?;
        let all = accounts.into_iter().chain(groups.iter().map(ExternalId::as_str)).collect();
        count_up(transaction, system_key, all).await?;
    }
    Ok(())
}

/// Counts a user up, and where it comes or goes for SCIM, the groups that it is in or ever was: it is no member of any
/// while it is gone.
pub(crate) async fn said(
    transaction: &mut Transaction,
    system_key: i64,
    resource: &ExternalId,
    comes_or_goes: bool,
) -> Result<(), StoreError> {
    let mut groups = Vec::new();
    if comes_or_goes {
        let text = "SELECT DISTINCT resource_external_id FROM assignment_versions WHERE system_key = $1 \
                    AND subject_external_id = $2 AND kind = 'account_group' AND resource_external_id IS NOT NULL";
        let imported = statement!(text, system_key, resource.as_str());
        groups = transaction.fetch(imported, |row| row.word(0)).await?;
        let text =
            "SELECT fact FROM claims WHERE system_key = $1 AND account_external_id = $2 AND state = 'open'";
        let open = statement!(text, system_key, resource.as_str());
        let facts = transaction.fetch(open, |row| row.json::<ClaimFact>(0)).await?;
        let names = facts.iter().filter_map(group_of).collect();
        groups.extend(called(transaction, system_key, &names).await?);
    }
    let all = groups.iter().chain([resource]).map(ExternalId::as_str).collect();
    count_up(transaction, system_key, all).await
}

fn group_of(fact: &ClaimFact) -> Option<&str> {
    match fact {
        ClaimFact::InGroup { group } | ClaimFact::NotInGroup { group } => Some(group),
        _ => None,
    }
}

/// The groups of these names, by the last import.
async fn called(
    transaction: &mut Transaction,
    system_key: i64,
    names: &BTreeSet<&str>,
) -> Result<Vec<ExternalId>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = Statement::building(
        "SELECT external_id FROM resource_versions WHERE type = 'group' AND system_key = ",
    );
    text.bind(system_key).push(" AND valid_to_run = ").bind(STILL).push(" AND name IN (VALUES ");
    text.bind_rows(names.iter().map(|name| vec![(*name).into()])).push(")");
    transaction.fetch(text, |row| row.word(0)).await
}
