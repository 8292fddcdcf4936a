//! Claims in an import: what we changed since the last one is read one by one, counts towards no threshold, and is
//! confirmed or contradicted by what this run saw.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use keyreeve_model::{
    Account, Assignment, AssignmentKind, Change, ChangeCounts, ChangeKind, ChangeSet, Claim, ClaimFact,
    ClaimState, ExternalId, ImportObject, ImportScope, Inventory, LoginProfileState, ObjectType, Warning,
};
use keyreeve_store::ClaimId;

/// The open claims of a system.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    by_account: HashMap<ExternalId, Vec<(ClaimId, Claim)>>,
}

impl Claimed {
    pub(crate) fn new(claims: Vec<(ClaimId, Claim)>) -> Self {
        let mut by_account: HashMap<ExternalId, Vec<(ClaimId, Claim)>> = HashMap::new();
        for (id, claim) in claims {
            by_account.entry(claim.account_external_id.clone()).or_default().push((id, claim));
        }
        Self { by_account }
    }

    /// The accounts whose credentials no older report may vouch for.
    pub(crate) fn accounts(&self) -> HashSet<ExternalId> {
        self.by_account.keys().cloned().collect()
    }

    /// How many changes there are of each type, without those that merely do what we claimed: no threshold counts
    /// them.
    pub(crate) fn unexpected(&self, changes: &ChangeSet) -> BTreeMap<ObjectType, ChangeCounts> {
        changes
            .counts_where(|change| !self.expects_account(change), |change| !self.expects_assignment(change))
    }

    fn of(&self, id: &ExternalId) -> &[(ClaimId, Claim)] {
        self.by_account.get(id).map_or(&[], Vec::as_slice)
    }

    fn expects_account(&self, change: &Change<Account>) -> bool {
        let claims = self.of(&change.object().external_id);
        match change.kind() {
            ChangeKind::Created => claims.iter().any(|(_, claim)| claim.fact == ClaimFact::AccountExists),
            ChangeKind::Deleted => claims.iter().any(|(_, claim)| claim.fact == ClaimFact::AccountGone),
            ChangeKind::Changed => !claims.is_empty(),
        }
    }

    fn expects_assignment(&self, change: &Change<Assignment>) -> bool {
        let assignment = change.object();
        let claims = self.of(&assignment.subject_external_id);
        let account_went = claims.iter().any(|(_, claim)| claim.fact == ClaimFact::AccountGone);
        let arn = assignment.resource_arn.as_deref();
        let of_this = |fact: &ClaimFact| match (fact, assignment.kind) {
            (
                ClaimFact::InGroup { group } | ClaimFact::NotInGroup { group },
                AssignmentKind::AccountGroup,
            ) => *group == assignment.resource_name,
            (
                ClaimFact::HasPolicy { policy_arn } | ClaimFact::LacksPolicy { policy_arn },
                AssignmentKind::AccountPolicy,
            ) => arn == Some(policy_arn),
            _ => false,
        };
        let named = claims.iter().any(|(_, claim)| of_this(&claim.fact));
        named
            || (account_went && change.kind() == ChangeKind::Deleted)
            || (change.kind() == ChangeKind::Changed && !claims.is_empty())
    }

    /// What this run says of each claim it could judge: only evidence taken after the claim was made counts, and only
    /// of what the run covered.
    pub(crate) fn judge(
        &self,
        after: &Inventory,
        scope: &ImportScope,
        started_at: Timestamp,
    ) -> Vec<(ClaimId, &Claim, ClaimState)> {
        let accounts: HashMap<&ExternalId, &Account> =
            after.accounts.iter().map(|account| (&account.external_id, account)).collect();
        let mut held: HashMap<&ExternalId, Vec<&Assignment>> = HashMap::new();
        for assignment in &after.assignments {
            if self.by_account.contains_key(&assignment.subject_external_id) {
                held.entry(&assignment.subject_external_id).or_default().push(assignment);
            }
        }
        let mut judged = Vec::new();
        for (id, claim) in
            self.by_account.values().flatten().filter(|(_, claim)| started_at > claim.claimed_at)
        {
            let account = accounts.get(&claim.account_external_id).copied();
            let held = held.get(&claim.account_external_id).map_or(&[][..], Vec::as_slice);
            if let Some(holds) = holds(claim, account, held, scope) {
                judged.push((
                    *id,
                    claim,
                    if holds { ClaimState::Confirmed } else { ClaimState::Contradicted },
                ));
            }
        }
        judged.sort_by_key(|(id, _, _)| *id);
        judged
    }
}

/// Whether what a claim says is so; `None` where this run did not look, or could not see.
fn holds(
    claim: &Claim,
    account: Option<&Account>,
    held: &[&Assignment],
    scope: &ImportScope,
) -> Option<bool> {
    if !scope.objects.contains(&ImportObject::Accounts) {
        return None;
    }
    let Some(account) = account else {
        return match claim.fact {
            ClaimFact::AccountGone => Some(true),
            // An account that is gone was deleted by somebody else, or lies outside what was read.
            ClaimFact::AccountExists if scope.path_prefix == "/" => Some(false),
            _ => None,
        };
    };
    if !scope.covers_account(account) {
        return None;
    }
    let in_group = |group: &str| {
        held.iter().any(|one| one.kind == AssignmentKind::AccountGroup && one.resource_name == group)
    };
    let has_policy = |arn: &str| {
        held.iter()
            .any(|one| one.kind == AssignmentKind::AccountPolicy && one.resource_arn.as_deref() == Some(arn))
    };
    match &claim.fact {
        ClaimFact::AccountExists => Some(true),
        ClaimFact::AccountGone => Some(false),
        ClaimFact::Named { name } => Some(account.name == *name),
        ClaimFact::Path { path } => Some(account.path == *path),
        ClaimFact::LoginProfilePresent => login(account, claim, LoginProfileState::Present),
        ClaimFact::LoginProfileAbsent => login(account, claim, LoginProfileState::Absent),
        ClaimFact::InGroup { group } => Some(in_group(group)),
        ClaimFact::NotInGroup { group } => Some(!in_group(group)),
        ClaimFact::HasPolicy { policy_arn } => Some(has_policy(policy_arn)),
        ClaimFact::LacksPolicy { policy_arn } => Some(!has_policy(policy_arn)),
    }
}

/// The reading must be younger than the claim: a credential report may be hours old.
fn login(account: &Account, claim: &Claim, claimed: LoginProfileState) -> Option<bool> {
    let fresh = account.credentials.as_of.is_some_and(|as_of| as_of > claim.claimed_at);
    let known = account.login_profile.state != LoginProfileState::Unknown;
    (fresh && known).then_some(account.login_profile.state == claimed)
}

/// Drift in words: claims of ours that somebody has undone.
pub(crate) fn drift(contradicted: &[&Claim]) -> Option<Warning> {
    let first = contradicted.first()?;
    let others = match contradicted.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let message = format!(
        "drift: what task {} did to {:?} is not so any more{others}; nothing is repeated by itself",
        first.task, first.account
    );
    Some(Warning::new("drift", message))
}
