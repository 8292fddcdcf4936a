//! The reads about single accounts: only of those that are not refused whatever they would tell.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use keyreeve_connector::{MfaDevice, PointRead};
use keyreeve_model::{AccountCredential, AccountCredentialKind, TaskKind, Wish};

use super::{GatherError, Gathering, readable};
use crate::plan::facts::{AccountFact, Facts, Seen};
use crate::plan::needs::present_names;
use crate::plan::protect;

impl Gathering<'_> {
    /// The facts about single accounts that their tasks need.
    pub(super) async fn read_points(&self, facts: &mut Facts, wishes: &[Wish]) -> Result<(), GatherError> {
        let mut wanted: BTreeMap<String, BTreeSet<TaskKind>> = BTreeMap::new();
        for (name, wish) in present_names(wishes) {
            let key = name.to_ascii_lowercase();
            let refused = |account| refused_unread(facts, account, wish, wishes);
            if facts.accounts.get(&key).is_some_and(|account| !refused(account)) {
                wanted.entry(key).or_default().insert(wish.kind());
            }
        }
        let all: Vec<(String, BTreeSet<TaskKind>, AccountFact)> = wanted
            .into_iter()
            .filter_map(|(key, kinds)| facts.accounts.get(&key).map(|account| (key, kinds, account.clone())))
            .collect();
        let mut reads = futures::stream::iter(all)
            .map(|(key, kinds, account)| async move { (key, self.read_account(&account, &kinds).await) })
            .buffer_unordered(self.reader.concurrency);
        let mut read = Vec::new();
        while let Some((key, points)) = reads.next().await {
            match points {
                Ok(points) => read.push((key, Ok(points))),
                Err(GatherError::Denied(unreadable)) => read.push((key, Err(unreadable))),
                Err(other) => return Err(other),
            }
        }
        drop(reads);
        for (key, points) in read {
            let Some(account) = facts.accounts.get_mut(&key) else { continue };
            match points {
                Ok(points) => points.into_account(account),
                Err(unreadable) => account.unreadable = Some(unreadable),
            }
        }
        Ok(())
    }

    async fn read_account(
        &self,
        account: &AccountFact,
        kinds: &BTreeSet<TaskKind>,
    ) -> Result<Points, GatherError> {
        use TaskKind::{DeactivateAccount, DeleteAccount, ReactivateAccount, ResetPassword};
        let name = account.name.as_str();
        let any = |of: &[TaskKind]| of.iter().any(|kind| kinds.contains(kind));
        let mut points = Points::default();
        if any(&[DeleteAccount, DeactivateAccount, ReactivateAccount, ResetPassword]) {
            let answer = self.reader.call(None, || self.reader.inventory.get_login_profile(name)).await;
            points.login_profile = Seen::Read(readable("the login profile", name, answer)?.is_some());
        }
        if any(&[DeleteAccount, DeactivateAccount, ReactivateAccount]) {
            points.credentials = self.credentials(name).await?;
        }
        if any(&[DeleteAccount]) {
            points.mfa_devices = match self.visible(&[PointRead::MfaDevices]) {
                Some(missing) => Seen::NotVisible(missing),
                None => Seen::Read(
                    self.pages("multi-factor devices", name, |marker| async move {
                        self.provisioning.list_mfa_devices(name, marker.as_ref()).await
                    })
                    .await?,
                ),
            };
            points.inline_documents = self.inline_documents(account).await?;
        }
        Ok(points)
    }

    async fn credentials(&self, name: &str) -> Result<Seen<BTreeMap<AccountCredential, bool>>, GatherError> {
        let kinds = AccountCredentialKind::ALL;
        let reads = kinds.map(PointRead::Credentials);
        if let Some(missing) = self.visible(&reads) {
            return Ok(Seen::NotVisible(missing));
        }
        let mut found = BTreeMap::new();
        for kind in kinds {
            let entries = self
                .pages(kind.as_str(), name, |marker| async move {
                    self.provisioning.list_credentials(name, kind, marker.as_ref()).await
                })
                .await?;
            found.extend(entries.into_iter().map(|entry| (entry.credential, entry.active)));
        }
        Ok(Seen::Read(found))
    }

    /// Documents of the inline policies that the details named, for the recreate package; what may not be read is left
    /// out.
    async fn inline_documents(
        &self,
        account: &AccountFact,
    ) -> Result<BTreeMap<String, Option<String>>, GatherError> {
        let mut documents = BTreeMap::new();
        if self.visible(&[PointRead::InlinePolicy]).is_some() {
            return Ok(documents);
        }
        let name = account.name.as_str();
        for policy in &account.inline_policies {
            let answer = self.reader.call(None, || self.provisioning.get_inline_policy(name, policy)).await;
            documents.insert(policy.clone(), readable("an inline policy", name, answer)?);
        }
        Ok(documents)
    }
}

#[derive(Default)]
struct Points {
    login_profile: Seen<bool>,
    credentials: Seen<BTreeMap<AccountCredential, bool>>,
    mfa_devices: Seen<Vec<MfaDevice>>,
    inline_documents: BTreeMap<String, Option<String>>,
}

impl Points {
    fn into_account(self, account: &mut AccountFact) {
        account.login_profile = self.login_profile;
        account.credentials = self.credentials;
        account.mfa_devices = self.mfa_devices;
        account.inline_documents = self.inline_documents;
    }
}

/// Whether one of the wishes about an account is refused whatever reading it would tell.
pub(super) fn refused_unread(facts: &Facts, account: &AccountFact, wish: &Wish, wishes: &[Wish]) -> bool {
    protect::protected(facts, account).is_some()
        || (!gives(wishes) && protect::last_whatever_is_read(facts, account, wish).is_some())
}

/// Whether wishes may give somebody what an administrator holds, so that who is the last is told by the plan alone.
fn gives(wishes: &[Wish]) -> bool {
    use TaskKind::{AddAssignment, CreateAccount, ReactivateAccount, UpdateAccount};
    wishes
        .iter()
        .any(|wish| matches!(wish.kind(), AddAssignment | CreateAccount | ReactivateAccount | UpdateAccount))
}
