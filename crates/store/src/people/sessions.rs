//! Sessions. What a browser keeps is 256 random bits, so its SHA-256 is all that need be kept here.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::{Person, Session, SessionId};
use serde_json::json;

use super::read_from;
use crate::audit::recording;
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError};

/// Uses within this time of the last one noted are not noted.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// So many addresses of one person are remembered, the latest ones.
const MOST_ADDRESSES: i64 = 20;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLife {
    /// However much they are used.
    pub at_most: Duration,
    /// Without being used.
    pub idle: Duration,
    /// So many of one person at once; the oldest ends for a new one.
    pub at_once: u32,
}

/// A session to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its name.
    pub id: SessionId,
    /// SHA-256 of what the browser keeps.
    pub value_sha256: [u8; 32],
    /// From where they signed in.
    pub address: String,
    /// Whether they did so with a password.
    pub with_password: bool,
}

/// Attempts to sign in that came to nothing, of some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInFailures {
    /// How often, for each name that somebody has. What else was given for a name may be a password.
    pub people: BTreeMap<String, u64>,
    /// How often with a name that nobody has.
    pub unknown: u64,
    /// How often nothing was looked at, as there were too many.
    pub throttled: u64,
    /// How often what a provider said was refused, by the reason.
    pub provider: BTreeMap<&'static str, u64>,
}

impl SignInFailures {
    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

const COLUMNS: &str = "SELECT s.session_id, s.person, s.address, s.signed_in_at, s.last_used_at, s.ends_at, \
                       p.name, p.issuer, p.subject, p.shown_as, p.role, p.systems, p.created_at, \
                       p.password_changed_at, p.signed_in_at, p.disabled_at, p.password_hash \
                       FROM sessions s JOIN people p ON p.name = s.person";

impl Store {
    /// Begins a session of somebody who has shown who they are. `shown` is what they were then: if their password or
    /// what they may do was changed meanwhile, there is no session.
    ///
    /// # Errors
    /// [`StoreError::PersonNotFound`], also of somebody who was changed meanwhile.
    pub async fn begin_session(
        &self,
        shown: &Person,
        new: &NewSession,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Session, StoreError> {
        let name = shown.name.as_str();
        recording!(self, "beginning the session", now, |transaction, trail| {
            forget_ended(transaction, life, now).await?;
            let (found, _) = super::find(transaction, name).await?;
            let same = |person: &Person| {
                (person.role, person.systems.clone(), person.password_changed_at, person.created_at)
            };
            if same(&found) != same(shown) || found.disabled_at.is_some() {
                return Err(StoreError::PersonNotFound { name: name.to_owned() });
            }
            let text = "UPDATE people SET signed_in_at = $1 WHERE name = $2";
            transaction.execute(statement!(text, to_millis(now), name)).await?;
            let text = "DELETE FROM sessions WHERE person = $1 AND session_id NOT IN (SELECT session_id FROM sessions \
                        WHERE person = $1 ORDER BY signed_in_at DESC, session_id DESC LIMIT $2)";
            let others = i64::from(life.at_once.max(1)) - 1;
            let ended = transaction.execute(statement!(text, name, others)).await?;
            let text = "INSERT INTO sessions (session_id, value_sha256, person, address, signed_in_at, last_used_at, \
                        ends_at) VALUES ($1, $2, $3, $4, $5, $5, $6)";
            let ends_at = now.checked_add(life.at_most).unwrap_or(Timestamp::MAX);
            let insert = statement!(
                text,
                new.id.0.as_str(),
                new.value_sha256.to_vec(),
                name,
                new.address.as_str(),
                to_millis(now),
                to_millis(ends_at),
            );
            transaction.execute(insert).await?;
            if new.with_password {
                remember(transaction, name, &new.address, now).await?;
            }
            let subject = json!({
                "session": new.id, "address": new.address, "with_password": new.with_password, "sessions_ended": ended,
            });
            trail.note(name, None, "signed_in", &subject);
            Ok(Session {
                id: new.id.clone(),
                person: name.to_owned(),
                address: new.address.clone(),
                signed_in_at: now,
                last_used_at: now,
                ends_at,
            })
        })
        .await
    }

    /// The session of what a browser keeps, and whose it is, as long as it lasts. That it was used is noted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session(
        &self,
        value_sha256: [u8; 32],
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Option<(Session, Person)>, StoreError> {
        let mut text = Statement::building(COLUMNS);
        text.push(" WHERE s.value_sha256 = ").bind(value_sha256.to_vec());
        let Some((session, person)) = self.lasting(text, life, now).await? else { return Ok(None) };
        if now.duration_since(session.last_used_at) >= NOTED_EVERY {
            let text = "UPDATE sessions SET last_used_at = $1 WHERE session_id = $2";
            writing!(self, "noting the session's use", |transaction| {
                let update = statement!(text, to_millis(now), session.id.0.as_str());
                transaction.execute(update).await.map(|_| ())
            })
            .await?;
        }
        Ok(Some((session, person)))
    }

    /// The session of a name, and whose it is, as long as it lasts. This is no use of it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session_called(
        &self,
        id: &SessionId,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Option<(Session, Person)>, StoreError> {
        let mut text = Statement::building(COLUMNS);
        text.push(" WHERE s.session_id = ").bind(id.0.as_str());
        self.lasting(text, life, now).await
    }

    async fn lasting(
        &self,
        text: Statement,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Option<(Session, Person)>, StoreError> {
        let found = reading!(self, "looking for the session", |transaction| {
            transaction.fetch_optional(text.clone(), read_both).await
        })
        .await?;
        Ok(found.filter(|(session, person)| {
            session.ends_at > now
                && used_since(life, now) < session.last_used_at
                && person.disabled_at.is_none()
        }))
    }

    /// The sessions that last, of one person or of everybody, the latest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sessions(
        &self,
        person: Option<&str>,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let mut text = Statement::building(COLUMNS);
        text.push(" WHERE s.ends_at > ").bind(to_millis(now));
        text.push(" AND s.last_used_at > ").bind(to_millis(used_since(life, now)));
        if let Some(person) = person {
            text.push(" AND s.person = ").bind(person);
        }
        text.push(" ORDER BY s.signed_in_at DESC, s.session_id");
        reading!(self, "listing the sessions", |transaction| {
            transaction.fetch(text.clone(), |row| Ok(read_both(row)?.0)).await
        })
        .await
    }

    /// Ends a session: one of `of`, or of anybody.
    ///
    /// # Errors
    /// [`StoreError::SessionNotFound`].
    pub async fn end_session(
        &self,
        id: &SessionId,
        of: Option<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        recording!(self, "ending the session", now, |transaction, trail| {
            let text = "SELECT person FROM sessions WHERE session_id = $1";
            let person =
                transaction.fetch_optional(statement!(text, id.0.as_str()), |row| row.text(0)).await?;
            let Some(person) = person.filter(|person| of.is_none_or(|of| of == person)) else {
                return Err(StoreError::SessionNotFound { session: id.clone() });
            };
            let text = "DELETE FROM sessions WHERE session_id = $1";
            transaction.execute(statement!(text, id.0.as_str())).await?;
            trail.note(actor, None, "session_ended", &json!({"session": id, "person": person}));
            Ok(())
        })
        .await
    }

    /// Notes attempts to sign in that came to nothing, all of some time in one row.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_sign_in_failures(
        &self,
        failures: &SignInFailures,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        recording!(self, "noting attempts to sign in", now, |_transaction, trail| {
            let SignInFailures { people, unknown, throttled, provider } = failures;
            let subject = json!({
                "people": people, "unknown": unknown, "throttled": throttled, "provider": provider,
            });
            trail.note(actor, None, "sign_in_failed", &subject);
            Ok(())
        })
        .await
    }
}

/// A session that was not used since then has ended.
fn used_since(life: SessionLife, now: Timestamp) -> Timestamp {
    now.checked_sub(life.idle).unwrap_or(Timestamp::MIN)
}

async fn forget_ended(
    transaction: &mut Transaction,
    life: SessionLife,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "DELETE FROM sessions WHERE ends_at <= $1 OR last_used_at <= $2";
    let delete = statement!(text, to_millis(now), to_millis(used_since(life, now)));
    transaction.execute(delete).await.map(|_| ())
}

async fn remember(
    transaction: &mut Transaction,
    name: &str,
    address: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO sign_in_addresses (person, address, signed_in_at) VALUES ($1, $2, $3) \
                ON CONFLICT (person, address) DO UPDATE SET signed_in_at = excluded.signed_in_at";
    transaction.execute(statement!(text, name, address, to_millis(now))).await?;
    let text = "DELETE FROM sign_in_addresses WHERE person = $1 AND address NOT IN (SELECT address \
                FROM sign_in_addresses WHERE person = $1 ORDER BY signed_in_at DESC, address LIMIT $2)";
    transaction.execute(statement!(text, name, MOST_ADDRESSES)).await.map(|_| ())
}

/// Ends all sessions of somebody, and tells how many.
pub(super) async fn end_all(transaction: &mut Transaction, name: &str) -> Result<u64, StoreError> {
    transaction.execute(statement!("DELETE FROM sessions WHERE person = $1", name)).await
}

fn read_both(row: &Row) -> Result<(Session, Person), StoreError> {
    let session = Session {
        id: SessionId(row.text(0)?),
        person: row.text(1)?,
        address: row.text(2)?,
        signed_in_at: row.time(3)?,
        last_used_at: row.time(4)?,
        ends_at: row.time(5)?,
    };
    Ok((session, read_from(row, 6)?.0))
}
