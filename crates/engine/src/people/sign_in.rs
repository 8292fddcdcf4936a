//! Signing in, and what comes of it: a session.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use keyreeve_model::{Person, PersonName, Secret, Session, SessionId};
use keyreeve_store::{NewSession, SessionLife, SignInFailures, Store, StoreError, Vouched};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::passwords::{HashError, Passwords};
use super::rules::{PasswordRefused, check_password};
use super::throttle::{Throttle, TooMany, network_of};

/// Bytes of what a browser keeps.
const VALUE_BYTES: usize = 32;
/// Bytes of a session's name.
const ID_BYTES: usize = 8;
/// Who notes attempts to sign in: nobody was anybody yet.
const ACTOR: &str = "keyreeve:sign-in";

/// Where people sign in. Copies share everything.
#[derive(Debug, Clone)]
pub struct SignIn {
    store: Arc<Store>,
    passwords: Passwords,
    throttle: Arc<Throttle>,
    failures: Arc<Mutex<SignInFailures>>,
    life: SessionLife,
}

/// A session that has begun.
#[derive(Debug)]
pub struct Begun {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub person: Person,
    /// What their browser keeps. It is given this once.
    pub value: Secret,
}

/// Somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name or password is wrong, or they are disabled. Which of these is not said.
    #[error("name or password is wrong")]
    Refused,
    /// It was tried too often.
    #[error("{0}")]
    TooMany(#[from] TooMany),
    /// A provider vouches for them, and an administrator has disabled them here.
    #[error("{0} is disabled here")]
    Disabled(String),
    /// The new password is not taken.
    #[error("{0}")]
    NotTaken(#[from] PasswordRefused),
    /// A password could not be looked at.
    #[error("the password could not be looked at: {0}")]
    Hash(#[from] HashError),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl SignIn {
    /// Sessions last as it is said.
    ///
    /// # Errors
    /// [`HashError::NoRandomness`].
    pub fn new(store: Arc<Store>, life: SessionLife) -> Result<Self, HashError> {
        Ok(Self {
            store,
            passwords: Passwords::new()?,
            throttle: Arc::default(),
            failures: Arc::default(),
            life,
        })
    }

    /// How long sessions last.
    #[must_use]
    pub fn life(&self) -> SessionLife {
        self.life
    }

    /// Signs somebody in who has a password here. Whatever is wrong, the same is done and said.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn with_password(
        &self,
        name: &str,
        password: Secret,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Begun, SignInError> {
        let person = self.knows(name, password, from, now).await?;
        let network = network_of(from);
        let begun = self.begin(&person, (from, network.clone()), true, now).await;
        if begun.is_ok() {
            self.throttle.signed_in(name, &network);
        }
        begun
    }

    /// Gives somebody another password who knows theirs. All of their sessions end, and a new one begins.
    ///
    /// # Errors
    /// [`SignInError`]: the old password is refused as it is where they sign in, and as often.
    pub async fn change_password(
        &self,
        person: &Person,
        (old, new): (Secret, Secret),
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Begun, SignInError> {
        // Somebody whom a provider vouches for has no such name, and no password here.
        let name: PersonName = person.name.parse().map_err(|_| SignInError::Refused)?;
        check_password(&name, &new)?;
        let person = self.knows(&person.name, old, from, now).await?;
        let hash = tokio::task::spawn_blocking(move || Passwords::hash(&new)).await;
        let hash = hash.map_err(|_| HashError::BrokeOff)??;
        let person = self.store.set_password(&person.name, &hash, &person.name, now).await?;
        self.begin(&person, (from, network_of(from)), true, now).await
    }

    /// Whoever has this name and this password.
    async fn knows(
        &self,
        name: &str,
        password: Secret,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Person, SignInError> {
        let network = network_of(from);
        let known = self.store.known_person(name).await?;
        let before = known.as_ref().is_some_and(|known| known.addresses.contains(&network));
        if let Err(too_many) = self.throttle.attempt(name, &network, before, now) {
            self.failed(|failures| failures.throttled += 1);
            return Err(too_many.into());
        }
        let kept = known.as_ref().and_then(|known| known.password_hash.as_deref());
        let fits = self.passwords.fits(kept, password).await?;
        let known = known.map(|known| known.person);
        match known {
            Some(person) if fits && person.disabled_at.is_none() => Ok(person),
            known => {
                self.failed(|failures| match known {
                    Some(person) => *failures.people.entry(person.name).or_default() += 1,
                    None => failures.unknown += 1,
                });
                Err(SignInError::Refused)
            }
        }
    }

    /// Signs somebody in for whom a provider vouches.
    ///
    /// # Errors
    /// [`SignInError::Disabled`], [`SignInError::Store`].
    pub async fn vouched_for(
        &self,
        vouched: &Vouched,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Begun, SignInError> {
        let person = self.store.vouched_for(vouched, now).await?;
        if person.disabled_at.is_some() {
            self.refused_of_provider("disabled");
            return Err(SignInError::Disabled(person.name));
        }
        self.begin(&person, (from, network_of(from)), false, now).await
    }

    /// Counts something that a provider said, or was said to have said, and that was refused.
    pub fn refused_of_provider(&self, why: &'static str) {
        self.failed(|failures| *failures.provider.entry(why).or_default() += 1);
    }

    /// One attempt more from an address, before it is known whose.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn attempt_from(&self, from: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        self.throttle.attempt_from(&network_of(from), now).inspect_err(|_| {
            self.failed(|failures| failures.throttled += 1);
        })
    }

    /// One attempt more from an address at a one-time secret.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn tries_secret(&self, from: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        self.throttle.attempt_secret(&network_of(from), now)
    }

    async fn begin(
        &self,
        person: &Person,
        (from, network): (IpAddr, String),
        with_password: bool,
        now: Timestamp,
    ) -> Result<Begun, SignInError> {
        let mut id = [0_u8; ID_BYTES];
        let mut value = Zeroizing::new([0_u8; VALUE_BYTES]);
        getrandom::fill(&mut id).map_err(|_| HashError::NoRandomness)?;
        getrandom::fill(&mut *value).map_err(|_| HashError::NoRandomness)?;
        let value = Secret::new(hex(&*value));
        // What is remembered for the throttle is the network; it is also what tells somebody that it was not them.
        let address = if with_password { network } else { from.to_canonical().to_string() };
        let new =
            NewSession { id: SessionId(hex(&id)), value_sha256: digest(&value), address, with_password };
        match self.store.begin_session(person, &new, self.life, now).await {
            Ok(session) => Ok(Begun { session, person: person.clone(), value }),
            // They were changed or removed while the password was looked at.
            Err(StoreError::PersonNotFound { .. }) => Err(SignInError::Refused),
            Err(error) => Err(error.into()),
        }
    }

    /// The session of what a browser keeps, and whose it is, as long as it lasts.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session(
        &self,
        value: &Secret,
        now: Timestamp,
    ) -> Result<Option<(Session, Person)>, StoreError> {
        let shaped = value.expose().len() == 2 * VALUE_BYTES
            && value.expose().bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !shaped {
            return Ok(None);
        }
        self.store.session(digest(value), self.life, now).await
    }

    /// Whose session this is, as they are now, as long as it lasts. This is no use of it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn still(&self, session: &SessionId, now: Timestamp) -> Result<Option<Person>, StoreError> {
        let found = self.store.session_called(session, self.life, now).await?;
        Ok(found.map(|(_, person)| person))
    }

    /// Writes down what attempts came to nothing since it was done last, in one row.
    ///
    /// # Errors
    /// When the database cannot be written; it is tried with the next ones then.
    pub async fn note_failures(&self, now: Timestamp) -> Result<(), StoreError> {
        let failures = std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner));
        if failures.is_empty() {
            return Ok(());
        }
        let noted = self.store.note_sign_in_failures(&failures, ACTOR, now).await;
        if noted.is_err() {
            self.failed(|newer| {
                newer.unknown += failures.unknown;
                newer.throttled += failures.throttled;
                for (name, count) in failures.people {
                    *newer.people.entry(name).or_default() += count;
                }
                for (why, count) in failures.provider {
                    *newer.provider.entry(why).or_default() += count;
                }
            });
        }
        noted
    }

    /// How many passwords were looked at.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.passwords.looked_at()
    }

    fn failed(&self, count: impl FnOnce(&mut SignInFailures)) {
        count(&mut self.failures.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn digest(value: &Secret) -> [u8; 32] {
    Sha256::digest(value.expose().as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
