//! Who is an administrator now. What a task takes away may have become an administrator's since it was planned, so this
//! is looked at anew when a task is taken and while it is under way; one look serves all who ask within a few seconds.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use keyreeve_connector::AccountDetail;
use keyreeve_model::{ExternalId, Failure, StepCall, Task, TaskId};
use tokio::sync::Mutex;

use crate::import::collect::Details;
use crate::plan::protect;

/// For so long a look also says whose a name is, so that who has just looked need not look again.
const NAMES_HOLD: SignedDuration = SignedDuration::from_secs(1);

/// For so long a look says who is an administrator. What this store's own systems do meanwhile is known without it, so
/// only what others do within this time is seen late.
const SEEN_HOLDS: SignedDuration = SignedDuration::from_secs(10);

/// What is known of it. One per job under way.
pub(super) struct Administrators {
    /// The tasks that take an administrator away as they were planned, or planned once more.
    planned: HashSet<TaskId>,
    /// When that was, if it was this process that planned them.
    planned_at: Option<Timestamp>,
    seen: Mutex<Option<Seen>>,
}

/// What one look showed.
struct Seen {
    began_at: Timestamp,
    ended_at: Timestamp,
    administrators: HashSet<ExternalId>,
    accounts: HashMap<String, AccountDetail>,
}

impl Administrators {
    pub(super) fn new(planned: HashSet<TaskId>, planned_at: Option<Timestamp>) -> Self {
        Self { planned, planned_at, seen: Mutex::default() }
    }

    /// Whether a task that takes something away may take it from an administrator of this partition. `look` is waited
    /// for only when no answer is young enough; those who ask meanwhile wait for the same one. It also tells to whom something was
    /// given that AWS may not show yet.
    pub(super) async fn concern(
        &self,
        task: &Task,
        partition: &str,
        now: impl Fn() -> Timestamp,
        look: impl Future<Output = Result<(Details, HashSet<ExternalId>), Failure>>,
    ) -> Result<bool, Failure> {
        if self.planned.contains(&task.id) {
            return Ok(true);
        }
        let Some(account) = &task.account_external_id else { return Ok(false) };
        if self.planned_at.is_some_and(|at| is_young(at, now(), SEEN_HOLDS)) {
            return Ok(false);
        }
        let mut seen = self.seen.lock().await;
        if let Some(seen) = seen.as_ref().filter(|seen| is_young(seen.ended_at, now(), SEEN_HOLDS)) {
            return Ok(seen.administrators.contains(account));
        }
        *seen = None;
        let began_at = now();
        let (details, strengthened) = look.await?;
        let mut administrators = administrators(&details, partition);
        administrators.extend(strengthened);
        let is_one = administrators.contains(account);
        let accounts = details.accounts.into_iter().map(|account| (account.name.clone(), account)).collect();
        *seen = Some(Seen { began_at, ended_at: now(), administrators, accounts });
        Ok(is_one)
    }

    /// Whose a name was in the last look and when that began, if it was a moment ago.
    pub(super) async fn account(&self, name: &str, now: Timestamp) -> Option<(AccountDetail, Timestamp)> {
        let seen = self.seen.lock().await;
        let seen = seen.as_ref()?;
        let age = now.duration_since(seen.began_at);
        let young = !age.is_negative() && age <= NAMES_HOLD;
        seen.accounts.get(name).filter(|_| young).map(|account| (account.clone(), seen.began_at))
    }
}

/// A clock that went back says nothing about how old a look is.
pub(super) fn is_young(at: Timestamp, now: Timestamp, holds: SignedDuration) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age <= holds
}

/// Whether a call could take an administrator away, if its account were one.
pub(super) fn may_take(call: &StepCall) -> bool {
    match call {
        StepCall::DeleteAccount { .. }
        | StepCall::AddToGroup { .. }
        | StepCall::RemoveFromGroup { .. }
        | StepCall::AttachPolicy { .. }
        | StepCall::DetachPolicy { .. }
        | StepCall::SetBoundary { .. } => true,
        StepCall::DeleteLoginProfile { .. }
        | StepCall::SetCredential { .. }
        | StepCall::DeleteCredential { .. } => protect::shuts_out(call),
        StepCall::CreateAccount { .. }
        | StepCall::UpdateAccount { .. }
        | StepCall::CreateLoginProfile { .. }
        | StepCall::UpdateLoginProfile { .. }
        | StepCall::DeactivateMfaDevice { .. }
        | StepCall::DeleteVirtualMfaDevice { .. }
        | StepCall::DeleteInlinePolicy { .. }
        | StepCall::TagAccount { .. }
        | StepCall::UntagAccount { .. }
        | StepCall::RemoveBoundary { .. } => false,
    }
}

/// Who holds AdministratorAccess of a partition, directly or through a group.
fn administrators(details: &Details, partition: &str) -> HashSet<ExternalId> {
    let policy = protect::administrator_access(partition);
    let groups: HashMap<&str, bool> = details
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.policies.iter().any(|held| held.arn == policy)))
        .collect();
    let through = |name: &String| groups.get(name.as_str()).copied().unwrap_or(false);
    let accounts = details.accounts.iter();
    let holders = accounts.filter(|account| {
        account.policies.iter().any(|held| held.arn == policy) || account.groups.iter().any(through)
    });
    holders.map(|account| account.external_id.clone()).collect()
}
