//! What administrators and operators change besides accounts: the protect list, tokens, import profiles; and passwords
//! that an operator may see.

use jiff::SignedDuration;
use keyreeve_model::hidden::{check_line, check_lines};
use keyreeve_model::{
    ImportProfile, OIDC_PREFIX, Protection, ProtectionKind, Role, Secret, SystemId, TaskId, Token, TokenId,
    check_account_name,
};
use keyreeve_store::{BEARER, NewToken, Store, StoreError};

use super::{Desk, DeskError, LONGEST_REASON};
use crate::provisioning::{Revealed, reveal};
use crate::rights::{Actor, Right};
use crate::tokens::MadeToken;

/// The longest name of a token's owner, in characters.
const LONGEST_OWNER: usize = 100;
/// The longest name, path or tag that is protected, in characters.
const LONGEST_PROTECTED: usize = 512;
/// A token lasts so long at most, in days, if it ends at all.
const MOST_DAYS: u32 = 3_650;

/// A token that is asked for.
#[derive(Debug, Clone)]
pub struct TokenAsked {
    /// Whose it is.
    pub owner: String,
    /// What it may do.
    pub role: Role,
    /// The systems it is limited to; empty for all.
    pub systems: Vec<SystemId>,
    /// After how many days it stops working; `None` for never.
    pub expires_in_days: Option<u32>,
    /// What tells one asking from another, so that the same makes one token alone.
    pub once: Option<String>,
}

/// Whether a token may be somebody's of this name.
///
/// # Errors
/// Why not, in a sentence: its length, or because Keyreeve itself or people who sign in act under it. Whether all of it
/// shows is looked at by whoever takes it.
pub fn check_owner(owner: &str) -> Result<(), String> {
    let sized = (1..=LONGEST_OWNER).contains(&owner.chars().count()) && owner.trim() == owner;
    if sized && !is_of_keyreeve(owner) {
        return Ok(());
    }
    Err(format!(
        "an owner has 1 to {LONGEST_OWNER} characters, no space at either end, and is none of those under which Keyreeve \
         itself acts (local:, oidc:, keyreeve:, schedule: and what follows, system, {BEARER})"
    ))
}

/// Whether Keyreeve itself acts under this name, or people who sign in do.
fn is_of_keyreeve(owner: &str) -> bool {
    let owner = owner.to_lowercase();
    ["local:", "keyreeve:", "schedule:", OIDC_PREFIX].iter().any(|taken| owner.starts_with(taken))
        || ["system", BEARER].contains(&owner.as_str())
}

impl Desk {
    /// Puts something on the protect list of a system.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`]; as [`keyreeve_store::Store::add_protection`].
    pub async fn protect(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        kind: ProtectionKind,
        reason: Option<String>,
    ) -> Result<Protection, DeskError> {
        administers(actor, system_id)?;
        fits(reason.as_deref())?;
        let what = kind.parts().0;
        let kind = kind
            .checked()
            .map_err(|hidden| DeskError::Invalid(format!("the {what} cannot be protected: {hidden}")))?;
        let value = kind.parts().1;
        let wrong = value.chars().count() > LONGEST_PROTECTED
            || match &kind {
                ProtectionKind::Account(name) => check_account_name(name).is_err(),
                ProtectionKind::Path(path) => !(path.starts_with('/') && path.ends_with('/')),
                ProtectionKind::Tag(tag) => tag.split('=').next().unwrap_or_default().is_empty(),
            };
        if wrong {
            let why = format!(
                "{value:?} is no {what}: a name is one that IAM users can have, a path begins and ends with '/', a tag is key or key=value, \
                 and none is longer than {LONGEST_PROTECTED} characters"
            );
            return Err(DeskError::Invalid(why));
        }
        let added_by = actor.name().to_owned();
        let protection = Protection { kind, reason, added_by, added_at: self.clock.now() };
        self.store.add_protection(system_id, &protection).await?;
        Ok(protection)
    }

    /// Takes something off the protect list of a system.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`keyreeve_store::Store::remove_protection`].
    pub async fn end_protection(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        kind: &ProtectionKind,
        reason: Option<&str>,
    ) -> Result<(), DeskError> {
        administers(actor, system_id)?;
        fits(reason)?;
        Ok(self.store.remove_protection(system_id, kind, actor.name(), reason, self.clock.now()).await?)
    }

    /// Makes a token. Its text is given this once and kept nowhere.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`]; [`StoreError::SystemNotFound`].
    pub async fn make_token(&self, actor: &Actor, asked: TokenAsked) -> Result<(Token, Secret), DeskError> {
        actor.require(Right::Administer)?;
        actor.require_all_systems()?;
        let TokenAsked { owner, role, systems, expires_in_days, once } = asked;
        shows("owner", &owner)?;
        check_owner(&owner).map_err(DeskError::Invalid)?;
        if expires_in_days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            return Err(DeskError::Invalid(format!("a token lasts 1 to {MOST_DAYS} days, or for ever")));
        }
        let systems = known_once(&self.store, systems).await?;
        let now = self.clock.now();
        let days = |days: u32| now.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
        let expires_at =
            expires_in_days.map(days).transpose().map_err(|error| DeskError::Invalid(error.to_string()))?;
        let made = MadeToken::generate().map_err(|error| DeskError::Invalid(error.to_string()))?;
        let new =
            NewToken { id: made.id, secret_sha256: made.secret_sha256, owner, role, systems, expires_at };
        let once = once.map(|once| format!("{} {once}", actor.name()));
        Ok((self.store.create_token_once(&new, once.as_deref(), actor.name(), now).await?, made.text))
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; [`StoreError::TokenNotFound`].
    pub async fn revoke_token(
        &self,
        actor: &Actor,
        id: &TokenId,
        reason: Option<&str>,
    ) -> Result<Token, DeskError> {
        actor.require(Right::Administer)?;
        actor.require_all_systems()?;
        fits(reason)?;
        Ok(self.store.revoke_token(id, actor.name(), reason, self.clock.now()).await?)
    }

    /// Sets an import profile, which may be new, if the one of its name is still as `is_seen` says.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`]; as [`keyreeve_store::Store::put_import_profile_if`].
    pub async fn set_profile(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        profile: &ImportProfile,
        is_seen: impl Fn(Option<&ImportProfile>) -> bool + Send + Sync,
    ) -> Result<(), DeskError> {
        administers(actor, system_id)?;
        profile.validate().map_err(|error| DeskError::Invalid(error.to_string()))?;
        let (actor, now) = (actor.name(), self.clock.now());
        Ok(self.store.put_import_profile_if(system_id, profile, is_seen, actor, now).await?)
    }

    /// Gives the password of a task: the text for its recipient, or in operator mode the password itself, once.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Open`]; [`StoreError::TaskNotFound`].
    pub async fn reveal(&self, actor: &Actor, task: TaskId) -> Result<Revealed, DeskError> {
        actor.require(Right::Operate)?;
        let job = self.store.job(self.store.job_of_task(task).await?).await?;
        if let Err(denied) = actor.require_system(&job.system_id) {
            return Err(DeskError::Hidden(denied, Box::new(StoreError::TaskNotFound { task })));
        }
        Ok(reveal(&self.store, task, actor.name(), self.clock.now()).await?)
    }
}

/// Systems that there are, each once.
///
/// # Errors
/// [`StoreError::SystemNotFound`].
pub(super) async fn known_once(store: &Store, systems: Vec<SystemId>) -> Result<Vec<SystemId>, StoreError> {
    let mut known = Vec::new();
    for system in systems {
        if !known.contains(&system) {
            store.get_system(&system).await?;
            known.push(system);
        }
    }
    Ok(known)
}

pub(super) fn administers(actor: &Actor, system_id: &SystemId) -> Result<(), DeskError> {
    actor.require(Right::Administer)?;
    Ok(actor.require_system(system_id)?)
}

/// Whether a reason can be kept: it is not too long, and all of it shows.
///
/// # Errors
/// [`DeskError::Invalid`].
pub fn fits(reason: Option<&str>) -> Result<(), DeskError> {
    let reason = reason.unwrap_or_default();
    if reason.chars().count() > LONGEST_REASON {
        return Err(DeskError::Invalid(format!("the reason is longer than {LONGEST_REASON} characters")));
    }
    check_lines(reason).map_err(|hidden| DeskError::Invalid(format!("the reason cannot be kept: {hidden}")))
}

fn shows(what: &str, text: &str) -> Result<(), DeskError> {
    check_line(text).map_err(|hidden| DeskError::Invalid(format!("the {what} cannot be used: {hidden}")))
}
