//! Assignments that we changed and no import has seen yet: open claims, laid over what the last import saw.

use std::collections::{HashMap, HashSet};

use keyreeve_model::{
    Assignment, AssignmentKey, AssignmentKind, AssignmentState, ClaimFact, ExternalId, ImportRunId,
    ResourceType, SystemId,
};

use crate::history::Versions;
use crate::statement::{Statement, statement};
use crate::transaction::Transaction;
use crate::{AssignmentFilter, StoreError};

/// What open claims say of the assignments of a system's accounts.
pub(crate) struct Pending {
    claims: Vec<Claimed>,
}

struct Claimed {
    account: ExternalId,
    name: String,
    fact: ClaimFact,
}

/// What is looked for in a list of assignments.
struct Wanted<'a> {
    kind: AssignmentKind,
    /// Of a group its name, of a policy its ARN.
    resource: &'a str,
}

impl Wanted<'_> {
    fn is(&self, assignment: &Assignment) -> bool {
        assignment.kind == self.kind
            && match self.kind {
                AssignmentKind::AccountGroup => assignment.resource_name.eq_ignore_ascii_case(self.resource),
                _ => assignment.resource_arn.as_deref() == Some(self.resource),
            }
    }
}

fn wanted(fact: &ClaimFact) -> Option<(Wanted<'_>, AssignmentState)> {
    let of = |kind, resource, state| Some((Wanted { kind, resource }, state));
    let (group, policy) = (AssignmentKind::AccountGroup, AssignmentKind::AccountPolicy);
    match fact {
        ClaimFact::InGroup { group: name } => of(group, name, AssignmentState::PendingAdd),
        ClaimFact::NotInGroup { group: name } => of(group, name, AssignmentState::PendingRemove),
        ClaimFact::HasPolicy { policy_arn } => of(policy, policy_arn, AssignmentState::PendingAdd),
        ClaimFact::LacksPolicy { policy_arn } => of(policy, policy_arn, AssignmentState::PendingRemove),
        _ => None,
    }
}

/// The accounts about which there are open claims of this kind; `$1` is the system.
pub(crate) const CLAIMED: &str = " IN (SELECT c.account_external_id FROM claims c WHERE c.state = 'open' \
                                  AND (c.topic LIKE 'group:%' OR c.topic LIKE 'policy:%' \
                                  OR c.topic = 'existence') AND c.system_key = ";

impl Pending {
    pub(crate) async fn load(transaction: &mut Transaction, system_key: i64) -> Result<Self, StoreError> {
        let text = "SELECT account_external_id, account, fact FROM claims WHERE system_key = $1 AND state = 'open' \
                    AND (topic LIKE 'group:%' OR topic LIKE 'policy:%' OR topic = 'existence') ORDER BY claim_id";
        let claims = transaction
            .fetch(statement!(text, system_key), |row| {
                Ok(Claimed { account: row.word(0)?, name: row.text(1)?, fact: row.json(2)? })
            })
            .await?;
        Ok(Self { claims })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Marks those of `listed` that we took away, and adds those that we gave and the filter lets through. `held` is all
    /// that the claims' accounts hold by the last import.
    pub(crate) async fn lay_over(
        &self,
        transaction: &mut Transaction,
        of: (&SystemId, i64),
        versions: Versions,
        held: Vec<Assignment>,
        listed: &mut Vec<Assignment>,
        filter: &AssignmentFilter,
    ) -> Result<(), StoreError> {
        let mut by_account: HashMap<&ExternalId, Vec<&Assignment>> = HashMap::new();
        for assignment in &held {
            by_account.entry(&assignment.subject_external_id).or_default().push(assignment);
        }
        let mut taken: HashSet<AssignmentKey> = HashSet::new();
        for claim in &self.claims {
            let held = by_account.get(&claim.account).map_or(&[][..], Vec::as_slice);
            if claim.fact == ClaimFact::AccountGone {
                taken.extend(held.iter().map(|assignment| assignment.key()));
                continue;
            }
            let Some((wanted, state)) = wanted(&claim.fact) else { continue };
            let found = held.iter().find(|assignment| wanted.is(assignment));
            match (state, found) {
                (AssignmentState::PendingRemove, Some(found)) => {
                    taken.insert(found.key());
                }
                (AssignmentState::PendingAdd, None) => {
                    let name = held.first().map_or(&claim.name, |held| &held.subject_name);
                    let added = given(transaction, of, versions, (name, &claim.account), &wanted).await?;
                    if lets_through(filter, &added) {
                        listed.push(added);
                    }
                }
                _ => {}
            }
        }
        for assignment in listed.iter_mut().filter(|assignment| taken.contains(&assignment.key())) {
            assignment.state = AssignmentState::PendingRemove;
        }
        Ok(())
    }
}

/// An assignment that we made. No run has seen it, so it has no run's number.
async fn given(
    transaction: &mut Transaction,
    (system_id, system_key): (&SystemId, i64),
    versions: Versions,
    (name, account): (&str, &ExternalId),
    wanted: &Wanted<'_>,
) -> Result<Assignment, StoreError> {
    let (resource_type, column) = match wanted.kind {
        AssignmentKind::AccountGroup => (ResourceType::Group, "lower(v.name) = lower("),
        _ => (ResourceType::Policy, "v.arn = ("),
    };
    let mut text = Statement::building("SELECT v.external_id, v.arn, v.name FROM resource_versions v");
    text.push(" WHERE v.system_key = ").bind(system_key).push(" AND ");
    versions.condition(&mut text, "v");
    text.push(" AND v.type = ").bind(resource_type.as_str()).push(" AND ").push(column);
    text.bind(wanted.resource).push(")");
    let found =
        transaction.fetch_optional(text, |row| Ok((row.word(0)?, row.text(1)?, row.text(2)?))).await?;
    let (resource_external_id, resource_arn, resource_name) = match found {
        Some((id, arn, name)) => (Some(id), Some(arn), name),
        None if resource_type == ResourceType::Group => (None, None, wanted.resource.to_owned()),
        // A policy's name is the last part of its ARN.
        None => {
            let name = wanted.resource.rsplit('/').next().unwrap_or(wanted.resource);
            (None, Some(wanted.resource.to_owned()), name.to_owned())
        }
    };
    Ok(Assignment {
        system_id: system_id.clone(),
        kind: wanted.kind,
        subject_name: name.to_owned(),
        subject_external_id: account.clone(),
        resource_external_id,
        resource_arn,
        resource_name,
        state: AssignmentState::PendingAdd,
        first_seen_run: ImportRunId(0),
        last_seen_run: ImportRunId(0),
    })
}

/// As `filter_assignments` of the inventory does in SQL.
fn lets_through(filter: &AssignmentFilter, assignment: &Assignment) -> bool {
    let is = |asked: &str, name: &str, id: Option<&ExternalId>| {
        name.to_lowercase() == asked.to_lowercase() || id.is_some_and(|id| id.as_str() == asked)
    };
    let resource =
        |asked: &str| is(asked, &assignment.resource_name, assignment.resource_external_id.as_ref());
    filter.kind.is_none_or(|kind| kind == assignment.kind)
        && filter
            .account
            .as_ref()
            .is_none_or(|asked| is(asked, &assignment.subject_name, Some(&assignment.subject_external_id)))
        && filter
            .group
            .as_ref()
            .is_none_or(|asked| assignment.kind == AssignmentKind::AccountGroup && resource(asked))
        && filter.policy.as_ref().is_none_or(|asked| {
            assignment.kind == AssignmentKind::AccountPolicy
                && (resource(asked) || assignment.resource_arn.as_deref() == Some(asked))
        })
}
