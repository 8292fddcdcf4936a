//! Drift, as people and programs see it: what was changed here, by which job, and what AWS has in the place of it.

use std::collections::HashMap;

use jiff::Timestamp;
use keyreeve_model::{Account, ClaimFact, ExternalId, ImportRunId, JobId, SystemId, SystemState};
use keyreeve_store::{ClaimId, Drift, Store, StoreError};
use serde::{Deserialize, Serialize};

/// A change that was made here and is not so in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DriftedChange {
    /// Its number, by which it is accepted.
    pub claim: i64,
    /// The system.
    pub system_id: SystemId,
    /// The account, by the name that the last import saw, or by that of then.
    pub account: String,
    /// Its id in AWS.
    pub account_external_id: ExternalId,
    /// Whether the last import saw the account.
    pub account_is_there: bool,
    /// What was done here, for programs.
    pub fact: ClaimFact,
    /// What was done here, in words.
    pub done: String,
    /// What AWS has in the place of it, in words.
    pub aws_has: String,
    /// The job that did it.
    pub job: JobId,
    /// Who asked for that job.
    pub actor: String,
    /// When it was done.
    pub done_at: Timestamp,
    /// The import run that saw the contrary.
    pub import_run: Option<ImportRunId>,
    /// When that was published.
    pub seen_at: Timestamp,
}

impl DriftedChange {
    /// What has drifted of a system and not ended, the newest first.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn of_system(store: &Store, system: &SystemId, most: u32) -> Result<Vec<Self>, StoreError> {
        store.get_system(system).await?;
        let drifts = store.drifts(Some(std::slice::from_ref(system)), most).await?;
        let mut ids: Vec<ExternalId> =
            drifts.iter().map(|drift| drift.claim.account_external_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let known = store.accounts_by_id(system, &ids).await?;
        let known: HashMap<ExternalId, Account> =
            known.into_iter().map(|account| (account.external_id.clone(), account)).collect();
        let told = |drift: Drift| {
            let account = known.get(&drift.claim.account_external_id);
            Self::of(drift, account)
        };
        Ok(drifts.into_iter().map(told).collect())
    }

    /// Notes that somebody accepts what AWS has in the place of these changes, and tells how many of them had not ended.
    /// What AWS has goes into the audit log with it, as far as the last import tells.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn accept(
        store: &Store,
        system: &SystemId,
        claims: &[ClaimId],
        by: (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if store.get_system(system).await?.state == SystemState::Removed {
            return Err(StoreError::SystemRemoved { system_id: system.clone() });
        }
        let mut aws_has: HashMap<i64, String> = Self::of_system(store, system, u32::MAX)
            .await?
            .into_iter()
            .map(|drift| (drift.claim, drift.aws_has))
            .collect();
        let told: Vec<_> = claims.iter().map(|claim| (*claim, aws_has.remove(&claim.0))).collect();
        store.accept_drift(system, &told, by, now).await
    }

    fn of(Drift { id, claim, job, actor, seen_at }: Drift, account: Option<&Account>) -> Self {
        Self {
            claim: id.0,
            account: account.map_or(claim.account, |account| account.name.clone()),
            account_is_there: account.is_some(),
            done: claim.fact.words(),
            aws_has: instead(&claim.fact, account),
            system_id: claim.system_id,
            account_external_id: claim.account_external_id,
            fact: claim.fact,
            job,
            actor,
            done_at: claim.claimed_at,
            import_run: claim.settled_by,
            seen_at,
        }
    }
}

/// What AWS has in the place of it, as far as the last import tells; of an account that is not known, that it is gone.
fn instead(fact: &ClaimFact, account: Option<&Account>) -> String {
    let Some(account) = account else { return "There is no such account".to_owned() };
    match fact {
        ClaimFact::Named { .. } => format!("Its name is {:?}", account.name),
        ClaimFact::Path { .. } => format!("Its path is {:?}", account.path),
        ClaimFact::Tagged { key, .. } | ClaimFact::NotTagged { key } => {
            let tags = account.tags.iter().flatten();
            match tags.clone().find(|(found, _)| found.eq_ignore_ascii_case(key)) {
                Some((key, value)) => format!("Tag {key:?} = {value:?}"),
                None => format!("No tag {key:?}"),
            }
        }
        ClaimFact::Boundary { .. } | ClaimFact::NoBoundary => match &account.permissions_boundary {
            Some(arn) => format!("Its boundary is {arn:?}"),
            None => contrary(fact),
        },
        _ => contrary(fact),
    }
}

/// What AWS has in the place of it, by what was claimed alone.
#[must_use]
pub fn contrary(fact: &ClaimFact) -> String {
    match fact {
        ClaimFact::AccountExists => "There is no such account".to_owned(),
        ClaimFact::AccountGone => "The account is there".to_owned(),
        ClaimFact::Named { .. } => "Another name".to_owned(),
        ClaimFact::Path { .. } => "Another path".to_owned(),
        ClaimFact::LoginProfilePresent => "No console password".to_owned(),
        ClaimFact::LoginProfileAbsent => "A console password".to_owned(),
        ClaimFact::InGroup { group } => format!("Not in group {group:?}"),
        ClaimFact::NotInGroup { group } => format!("In group {group:?}"),
        ClaimFact::HasPolicy { policy_arn } => format!("Policy {policy_arn:?} is not attached"),
        ClaimFact::LacksPolicy { policy_arn } => format!("Policy {policy_arn:?} is attached"),
        ClaimFact::KeyActive { access_key_id } => {
            format!("Access key {access_key_id:?} is switched off, or gone")
        }
        ClaimFact::KeyInactive { access_key_id } => format!("Access key {access_key_id:?} is switched on"),
        ClaimFact::KeyGone { access_key_id } => format!("Access key {access_key_id:?} is there"),
        ClaimFact::Tagged { key, .. } => format!("Tag {key:?} has another value, or is gone"),
        ClaimFact::NotTagged { key } => format!("There is a tag {key:?}"),
        ClaimFact::Boundary { .. } => "Another boundary, or none".to_owned(),
        ClaimFact::NoBoundary => "A boundary".to_owned(),
        ClaimFact::LacksInlinePolicy { name } => format!("Inline policy {name:?} is there"),
        ClaimFact::LacksMfaDevice { serial } => format!("MFA device {serial:?} is in use"),
    }
}
