//! Registering systems, and keeping their credentials tied to one AWS account.

use keyreeve_connector::{AccountEntry, Cause, Connector, Identity};
use keyreeve_model::{
    AwsAccountId, CredentialKind, Effect, Failure, FailureKind, RoleBase, Secret, System, SystemId,
    SystemState,
};
use keyreeve_store::{NewSystem, RequestKey, Signer, SignerPart, Store, StoreError};

use crate::clock::Clock;

mod changes;
mod credential;
mod identify;
mod protections;
mod release;
mod trust;

pub use changes::{Given, NotSet, category, patched};
pub use credential::{
    BaseAsked, CredentialAsked, NotTaken, Taken, access_key_id, account_of_role, external_id, role_arn,
};
pub use identify::identify;
pub use protections::{ProtectionsEnd, keeps_protections};
pub use release::{NotReleased, Released, release};
pub use trust::{Trust, trust_policy};

/// A system could not be registered, changed or verified.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// AWS does not accept the credentials.
    #[error(
        "AWS refused the credentials, so nothing was stored: {0}. Check the key, its secret and the clock"
    )]
    Refused(#[source] keyreeve_connector::Error),
    /// Whose credentials they are could not be found out, and for this that must be known.
    #[error("whose credentials these are could not be found out, so nothing was changed: {0}")]
    Unidentified(#[source] keyreeve_connector::Error),
    /// The credentials belong to another AWS account.
    #[error(
        "the new credentials belong to AWS account {found}, but this system is pinned to {pinned}: the old \
         credentials stay. Register the other account as a system of its own"
    )]
    OtherAccount {
        /// The account of the new credentials.
        found: AwsAccountId,
        /// The account the system is pinned to.
        pinned: AwsAccountId,
    },
    /// The system was to be in another partition than its credentials.
    #[error(
        "the credentials belong to the partition {found}, but the region is one of {expected}: nothing was \
         stored"
    )]
    OtherPartition {
        /// The partition of the credentials.
        found: String,
        /// The partition asked for.
        expected: String,
    },
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// A registered system, and what is still open about it.
#[derive(Debug)]
pub struct Registered {
    /// The system as stored.
    pub system: System,
    /// Who it signs in as; `None` when AWS could not be reached: the first check or import then pins the account.
    pub identity: Option<Identity>,
    /// Why AWS could not be reached.
    pub unreachable: Option<keyreeve_connector::Error>,
}

/// Registers a system. Credentials that AWS refuses are not stored; when AWS cannot be reached the system is
/// registered and its AWS account is pinned later. A partition that is known beforehand must be that of the
/// credentials.
///
/// # Errors
/// Name or System ID taken, credentials refused or of another partition, no store.
pub async fn register(
    store: &Store,
    clock: Clock,
    actor: &str,
    new: NewSystem,
    connector: &dyn Connector,
) -> Result<Registered, SystemError> {
    register_once(store, clock, actor, new, connector, None).await
}

/// The same for a request with a key and the digest of its body.
///
/// # Errors
/// As [`register`].
pub(crate) async fn register_once(
    store: &Store,
    clock: Clock,
    actor: &str,
    mut new: NewSystem,
    connector: &dyn Connector,
    request: Option<(&RequestKey, &str)>,
) -> Result<Registered, SystemError> {
    let (identity, unreachable) = match identify(connector, clock).await {
        Ok(identity) => (Some(identity), None),
        Err(error) if matches!(error.cause, Cause::CredentialBad | Cause::Denied) => {
            return Err(SystemError::Refused(error));
        }
        Err(error) => (None, Some(error)),
    };
    if let Some(identity) = &identity {
        if let Some(expected) = new.partition.filter(|expected| *expected != identity.partition) {
            return Err(SystemError::OtherPartition { found: identity.partition.clone(), expected });
        }
        new.aws_account_id = Some(identity.account_id.clone());
        new.partition = Some(identity.partition.clone());
    }
    let system = store.create_system_once(new, actor, clock.now(), request).await?;
    match &identity {
        Some(identity) => note_signers(store, clock, &system, connector, identity).await?,
        // A role that lets nobody in yet has somebody behind it all the same.
        None => note_base_or_warn(store, clock, &system, connector).await?,
    }
    Ok(Registered { system, identity, unreachable })
}

/// Gives a system other credentials. They must work, and belong to the AWS account the system is pinned to;
/// otherwise the old ones stay. Good ones also end a quarantine.
///
/// # Errors
/// See [`SystemError`]; after an error nothing has changed.
pub async fn replace_credentials(
    store: &Store,
    clock: Clock,
    actor: &str,
    system: &System,
    credential: CredentialKind,
    secret: Option<Secret>,
    connector: &dyn Connector,
) -> Result<Identity, SystemError> {
    let identity = identify(connector, clock).await.map_err(|error| match error.cause {
        Cause::CredentialBad | Cause::Denied => SystemError::Refused(error),
        _ => SystemError::Unidentified(error),
    })?;
    if let Some(pinned) = system.aws_account_id.as_ref().filter(|pinned| **pinned != identity.account_id) {
        return Err(SystemError::OtherAccount { found: identity.account_id.clone(), pinned: pinned.clone() });
    }
    let pin = Some((identity.account_id.clone(), identity.partition.clone()));
    let changed =
        store.set_credentials(&system.system_id, credential, secret, pin, actor, clock.now()).await?;
    note_signers(store, clock, &changed, connector, &identity).await?;
    if system.state == SystemState::Quarantined {
        store.release_system(&system.system_id, (actor, None), clock.now()).await?;
    }
    Ok(identity)
}

/// Keeps who is behind a system's credentials, so that nobody changes that account: the one it acts as, and the one its
/// role is assumed with. The latter is looked up where it is not known yet or may be another one by now.
///
/// # Errors
/// Only the store's: whose base credentials these are may stay unknown, see [`note_base`].
async fn note_signers(
    store: &Store,
    clock: Clock,
    system: &System,
    connector: &dyn Connector,
    identity: &Identity,
) -> Result<(), StoreError> {
    note_signer(store, clock, system, SignerPart::System, identity).await?;
    note_base_or_warn(store, clock, system, connector).await
}

/// Keeps whose credentials a system's role is assumed with, so that nobody changes that account; whose they are may stay
/// unknown.
///
/// # Errors
/// Only the store's.
pub async fn note_base_or_warn(
    store: &Store,
    clock: Clock,
    system: &System,
    connector: &dyn Connector,
) -> Result<(), StoreError> {
    match note_base(store, clock, system, connector).await {
        Ok(()) => Ok(()),
        Err(BaseError::Store(error)) => Err(error),
        Err(BaseError::Unidentified(error)) => {
            tracing::warn!(system.id = %system.system_id, %error, "whose credentials the role is assumed with is not known");
            Ok(())
        }
    }
}

/// Whose credentials a role is assumed with could not be found out or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BaseError {
    /// AWS did not say.
    #[error("{0}")]
    Unidentified(#[source] keyreeve_connector::Error),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Keeps whose credentials a system's role is assumed with, so that nobody changes that account.
///
/// # Errors
/// See [`BaseError`]; none where it is known, and a stored key is always the same user's.
pub(crate) async fn note_base(
    store: &Store,
    clock: Clock,
    system: &System,
    connector: &dyn Connector,
) -> Result<(), BaseError> {
    match &system.credential {
        CredentialKind::AccessKey { .. } => return Ok(()),
        CredentialKind::Role { base: Some(RoleBase::AccessKey { .. }), .. }
            if store.knows_base(&system.system_id).await? =>
        {
            return Ok(());
        }
        // A profile may name a role of its own, and what is around may be such a profile.
        CredentialKind::Role { .. } | CredentialKind::Profile { .. } | CredentialKind::Ambient => {}
    }
    if let Some(identity) = connector.identify_base().await.map_err(BaseError::Unidentified)? {
        note_signer(store, clock, system, SignerPart::Base, &identity).await?;
    }
    Ok(())
}

/// Keeps that a system signs in as this user, who was made for it and has not signed in yet.
///
/// # Errors
/// Only the store's.
pub async fn note_user(
    store: &Store,
    clock: Clock,
    system_id: &SystemId,
    aws_account_id: &AwsAccountId,
    user: &AccountEntry,
) -> Result<(), StoreError> {
    let signer = Signer {
        system_id: system_id.clone(),
        part: SignerPart::System,
        external_id: user.external_id.to_string(),
        arn: user.arn.clone(),
    };
    store.note_signer(&signer, aws_account_id, clock.now()).await
}

/// Keeps one of them, if it is a user: a role is no account.
pub(crate) async fn note_signer(
    store: &Store,
    clock: Clock,
    system: &System,
    part: SignerPart,
    identity: &Identity,
) -> Result<(), StoreError> {
    if !identity.arn.contains(":user/") {
        return Ok(());
    }
    let signer = Signer {
        system_id: system.system_id.clone(),
        part,
        external_id: identity.external_id.clone(),
        arn: identity.arn.clone(),
    };
    store.note_signer(&signer, &identity.account_id, clock.now()).await
}

/// The secret of a system's credentials. Where it does not open, somebody has changed the store behind our back: the
/// system is quarantined.
///
/// # Errors
/// [`StoreError::SecretUnreadable`], and whatever else keeps the store from being read.
pub async fn secret_of(store: &Store, clock: Clock, system: &System) -> Result<Option<Secret>, StoreError> {
    let secret = store.get_secret(&system.system_id).await;
    if let (Err(unreadable @ StoreError::SecretUnreadable { .. }), SystemState::Active) =
        (&secret, system.state)
    {
        let now = clock.now();
        let failure = Failure {
            kind: FailureKind::SecretUnreadable,
            message: unreadable.to_string(),
            effect: Effect::None,
            at: now,
        };
        store.quarantine_system(&system.system_id, failure, now).await?;
    }
    secret
}

/// What verifying a system showed.
#[derive(Debug)]
pub enum Verdict {
    /// The stored credentials belong to the pinned AWS account (or have pinned it just now).
    Pinned,
    /// They belong to another one: the system is quarantined now.
    Quarantined(Failure),
}

/// Holds an identity against the system's pin, and pins a system that has none yet.
///
/// # Errors
/// Only the store's.
pub async fn verify(
    store: &Store,
    clock: Clock,
    system: &System,
    identity: &Identity,
) -> Result<Verdict, StoreError> {
    let now = clock.now();
    match &system.aws_account_id {
        None => {
            store
                .pin_system(&system.system_id, identity.account_id.clone(), &identity.partition, now)
                .await?;
            note_signer(store, clock, system, SignerPart::System, identity).await?;
            Ok(Verdict::Pinned)
        }
        Some(pinned) if *pinned == identity.account_id => {
            note_signer(store, clock, system, SignerPart::System, identity).await?;
            Ok(Verdict::Pinned)
        }
        Some(pinned) => {
            let failure = Failure {
                kind: FailureKind::AccountMismatch,
                message: format!(
                    "the stored credentials belong to AWS account {}, but this system is pinned to {pinned}",
                    identity.account_id
                ),
                effect: Effect::None,
                at: now,
            };
            store.quarantine_system(&system.system_id, failure.clone(), now).await?;
            Ok(Verdict::Quarantined(failure))
        }
    }
}
