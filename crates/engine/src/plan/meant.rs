//! Whom wishes mean. What is exactly an id means whose it is, as it does where accounts are read. A name can be anything,
//! another's id as well: then nobody is meant for certain.

use std::collections::HashSet;

use keyreeve_model::{Obstacle, ObstacleKind, ResourceName, Wish, ambiguous};

use super::facts::Facts;

/// The ids by which wishes may mean somebody. No task of a plan changes them.
pub(super) struct Ids(HashSet<String>);

impl Ids {
    pub(super) fn of(facts: &Facts) -> Self {
        let accounts = facts.accounts.values().filter_map(|account| account.external_id.as_ref());
        let groups = facts.groups.values().map(|group| &group.external_id);
        Self(accounts.chain(groups).map(ToString::to_string).collect())
    }

    /// The wish with names in the place of ids.
    ///
    /// # Errors
    /// What is the id of one and the name of another.
    pub(super) fn named(&self, facts: &Facts, wish: &Wish) -> Result<Wish, Obstacle> {
        let mut wish = wish.clone();
        match &mut wish {
            Wish::CreateAccount { groups, .. } => {
                groups.iter_mut().try_for_each(|group| self.name_group(facts, group))?;
            }
            Wish::AddAssignment { account, resource } | Wish::RemoveAssignment { account, resource } => {
                self.name_account(facts, account)?;
                if let ResourceName::Group(group) = resource {
                    self.name_group(facts, group)?;
                }
            }
            Wish::UpdateAccount { account, .. }
            | Wish::DeactivateAccount { account }
            | Wish::ReactivateAccount { account, .. }
            | Wish::DeleteAccount { account }
            | Wish::ResetPassword { account, .. } => self.name_account(facts, account)?,
        }
        Ok(wish)
    }

    fn name_account(&self, facts: &Facts, given: &mut String) -> Result<(), Obstacle> {
        if !self.0.contains(given) {
            return Ok(());
        }
        let has_id = |id: Option<&str>| id == Some(given.as_str());
        let id_of = |name: &str| facts.account(name)?.external_id.as_ref().map(ToString::to_string);
        let of_id = facts
            .accounts
            .values()
            .find(|account| has_id(account.external_id.as_ref().map(|id| id.as_str())))
            .map(|account| account.name.clone());
        let called = id_of(given).filter(|id| id != given);
        take("account", given, of_id, called)
    }

    fn name_group(&self, facts: &Facts, given: &mut String) -> Result<(), Obstacle> {
        if !self.0.contains(given) {
            return Ok(());
        }
        let of_id = facts
            .groups
            .values()
            .find(|group| group.external_id.as_str() == given.as_str())
            .map(|group| group.name.clone());
        let called = facts.group(given).map(|group| group.external_id.to_string()).filter(|id| id != given);
        take("group", given, of_id, called)
    }
}

/// Puts the name of whoever has the id in its place.
fn take(
    noun: &str,
    given: &mut String,
    of_id: Option<String>,
    called: Option<String>,
) -> Result<(), Obstacle> {
    match (of_id, called) {
        (Some(name), Some(id)) => {
            Err(Obstacle::new(ObstacleKind::Ambiguous, ambiguous(noun, given, &name, &id)))
        }
        (Some(name), None) => {
            *given = name;
            Ok(())
        }
        (None, _) => Ok(()),
    }
}

/// Wishes with names in the place of ids, where it is certain who is meant.
pub(super) fn named_where_certain(facts: &Facts, wishes: &[Wish]) -> Vec<Wish> {
    let ids = Ids::of(facts);
    wishes.iter().map(|wish| ids.named(facts, wish).unwrap_or_else(|_| wish.clone())).collect()
}
