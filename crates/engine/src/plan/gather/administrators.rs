//! Whether the administrators who would be left can come in now.

use keyreeve_connector::PointRead;
use keyreeve_model::{AccountCredentialKind, Wish};

use super::super::facts::Facts;
use super::super::needs::present_names;
use super::super::protect;
use super::Gathering;
use super::points::refused_unread;

impl Gathering<'_> {
    /// Where a wish is about an administrator: who else can come in, read until one is found who can and whom no wish is
    /// about. What cannot be read says nothing.
    pub(super) async fn read_ways_in(&self, facts: &mut Facts, wishes: &[Wish]) {
        let named: Vec<String> =
            present_names(wishes).into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let administrators = facts.accounts.iter().filter(|(_, one)| protect::is_administrator(facts, one));
        let mut keys: Vec<String> = administrators.map(|(key, _)| key.clone()).collect();
        let concerns = |(name, wish): (&str, &Wish)| {
            facts.account(name).is_some_and(|one| {
                protect::is_administrator(facts, one) && !refused_unread(facts, one, wish, wishes)
            })
        };
        if !facts.settings.keep_last_administrator || !present_names(wishes).into_iter().any(concerns) {
            return;
        }
        keys.sort_by_key(|key| named.contains(key));
        for key in keys {
            let Some(account) = facts.accounts.get_mut(&key) else { continue };
            account.comes_in = self.comes_in(&account.name).await;
            let comes_in = account.comes_in == Some(true);
            if comes_in && !named.contains(&key) && protect::counts(facts, &key) {
                return;
            }
        }
    }

    async fn comes_in(&self, name: &str) -> Option<bool> {
        let profile = self.reader.call(None, || self.reader.inventory.get_login_profile(name)).await;
        let password = profile.ok()?.is_some();
        let kind = AccountCredentialKind::AccessKey;
        if password || self.visible(&[PointRead::Credentials(kind)]).is_some() {
            return password.then_some(true);
        }
        let keys = self.pages(kind.as_str(), name, |marker| async move {
            self.provisioning.list_credentials(name, kind, marker.as_ref()).await
        });
        Some(keys.await.ok()?.iter().any(|key| key.active))
    }
}
