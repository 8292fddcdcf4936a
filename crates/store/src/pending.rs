//! Assignments that we changed and no import has seen yet: open claims, laid over what the last import saw.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

use keyreeve_model::{
    Assignment, AssignmentKey, AssignmentKind, AssignmentState, ClaimFact, ExternalId, ImportRunId,
    ResourceType, SystemId,
};

use crate::history::Versions;
use crate::row::Row;
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
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
        let mut known: HashMap<Wanted<'_>, Known> = HashMap::new();
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
                    if !may_let_through(filter, wanted.kind, name, &claim.account) {
                        continue;
                    }
                    let resource = match known.entry(wanted) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => {
                            new.insert(look_up(transaction, of.1, versions, &wanted).await?)
                        }
                    };
                    let added = given(of.0, (name, &claim.account), &wanted, resource.clone());
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

/// What is known of a group or policy: its external id, its ARN, and its name.
type Known = (Option<ExternalId>, Option<String>, String);

/// Looks a resource up among the versions that hold. Both ways go through the index of names: a policy's is the last part of
/// its ARN, and a group is there by the very name that was asked for, but for the case of its letters.
async fn look_up(
    transaction: &mut Transaction,
    system_key: i64,
    versions: Versions,
    wanted: &Wanted<'_>,
) -> Result<Known, StoreError> {
    let group = wanted.kind == AssignmentKind::AccountGroup;
    let (resource_type, name) = match group {
        true => (ResourceType::Group, wanted.resource),
        false => (ResourceType::Policy, wanted.resource.rsplit('/').next().unwrap_or(wanted.resource)),
    };
    let select = |condition: &str| {
        let mut text = Statement::building("SELECT v.external_id, v.arn, v.name FROM resource_versions v");
        text.push(" WHERE v.system_key = ").bind(system_key).push(" AND ");
        versions.condition(&mut text, "v");
        text.push(" AND v.type = ").bind(resource_type.as_str());
        text.push(condition).bind(name);
        text
    };
    let read = |row: &Row| Ok::<Known, StoreError>((Some(row.word(0)?), Some(row.text(1)?), row.text(2)?));
    let mut text = select(" AND v.name = ");
    if !group {
        text.push(" AND v.arn = ").bind(wanted.resource);
    }
    if let Some(known) = transaction.fetch_optional(text, read).await? {
        return Ok(known);
    }
    if !group {
        return Ok((None, Some(wanted.resource.to_owned()), name.to_owned()));
    }
    let mut text = select(" AND lower(v.name) = lower(");
    text.push(")");
    let known = transaction.fetch_optional(text, read).await?;
    Ok(known.unwrap_or_else(|| (None, None, name.to_owned())))
}

/// An assignment that we made. No run has seen it, so it has no run's number.
fn given(
    system_id: &SystemId,
    (name, account): (&str, &ExternalId),
    wanted: &Wanted<'_>,
    (resource_external_id, resource_arn, resource_name): Known,
) -> Assignment {
    Assignment {
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
    }
}

/// Whether a name or an id is what a filter asks for.
fn is(asked: &str, name: &str, id: Option<&ExternalId>) -> bool {
    name.to_lowercase() == asked.to_lowercase() || id.is_some_and(|id| id.as_str() == asked)
}

/// Whether the kind and the holder pass a filter: all that is known before the resource is looked up.
fn may_let_through(
    filter: &AssignmentFilter,
    kind: AssignmentKind,
    name: &str,
    account: &ExternalId,
) -> bool {
    filter.kind.is_none_or(|asked| asked == kind)
        && filter.account.as_ref().is_none_or(|asked| is(asked, name, Some(account)))
        && (filter.group.is_none() || kind == AssignmentKind::AccountGroup)
        && (filter.policy.is_none() || kind == AssignmentKind::AccountPolicy)
}

/// As `filter_assignments` of the inventory does in SQL.
fn lets_through(filter: &AssignmentFilter, assignment: &Assignment) -> bool {
    let resource =
        |asked: &str| is(asked, &assignment.resource_name, assignment.resource_external_id.as_ref());
    may_let_through(filter, assignment.kind, &assignment.subject_name, &assignment.subject_external_id)
        && filter.group.as_ref().is_none_or(|asked| resource(asked))
        && filter
            .policy
            .as_ref()
            .is_none_or(|asked| resource(asked) || assignment.resource_arn.as_deref() == Some(asked))
}
