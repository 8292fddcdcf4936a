//! People who may sign in. Of a password only its hash is kept, and whatever changes what somebody may do ends their
//! sessions in the same transaction.

mod admins;
mod sessions;

use jiff::Timestamp;
use keyreeve_model::{OIDC_PREFIX, Person, PersonName, Role, SystemId};
use serde_json::json;

use crate::audit::{Trail, recording};
use crate::row::{Row, to_json};
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

pub(crate) use admins::Admins;
pub use admins::AdminsLeft;
pub use sessions::{NewSession, SessionLife, SignInFailures};

/// Somebody to be added.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// Their name.
    pub name: PersonName,
    /// What they may do.
    pub role: Role,
    /// The systems they are limited to; empty for all.
    pub systems: Vec<SystemId>,
    /// The hash of their password.
    pub password_hash: String,
}

/// What an identity provider says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The provider.
    pub issuer: String,
    /// Who they are there.
    pub subject: String,
    /// What it calls them.
    pub shown_as: Option<String>,
    /// What they may do, by what it says.
    pub role: Role,
    /// The systems they are limited to; empty for all.
    pub systems: Vec<SystemId>,
}

impl Vouched {
    /// The name under which they act. A provider's address holds no `@`, so two people never have the same.
    fn name(&self) -> String {
        let issuer = self.issuer.trim_start_matches("https://").trim_end_matches('/');
        format!("{OIDC_PREFIX}{}@{issuer}", self.subject)
    }
}

/// What is known of somebody who wants to sign in.
#[derive(Clone)]
pub struct KnownPerson {
    /// Who they are.
    pub person: Person,
    /// The hash of their password; `None` if a provider vouches for them.
    pub password_hash: Option<String>,
    /// From where they have signed in with it.
    pub addresses: Vec<String>,
}

impl std::fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPerson")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for KnownPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownPerson").field("person", &self.person).finish_non_exhaustive()
    }
}

const COLUMNS: &str = "SELECT name, issuer, subject, shown_as, role, systems, created_at, password_changed_at, \
                       signed_in_at, disabled_at, password_hash FROM people";

impl Store {
    /// Adds somebody with a password.
    ///
    /// # Errors
    /// [`StoreError::PersonTaken`].
    pub async fn add_person(
        &self,
        new: &NewPerson,
        actor: &str,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        recording!(self, "adding the person", now, |transaction, trail| {
            let NewPerson { name, role, systems, password_hash } = new;
            let text = "INSERT INTO people (name, role, systems, password_hash, created_at, password_changed_at) \
                        VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING";
            let (role_word, list) = (role.as_str(), to_json(systems)?);
            let insert =
                statement!(text, name.as_str(), role_word, list, password_hash.as_str(), to_millis(now));
            if transaction.execute(insert).await? == 0 {
                return Err(StoreError::PersonTaken { name: name.to_string() });
            }
            let subject = json!({"person": name.as_str(), "role": role, "systems": systems});
            trail.note(actor, None, "person_added", &subject);
            Ok(find(transaction, name.as_str()).await?.0)
        })
        .await
    }

    /// Whether anybody is known here who signs in.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_people(&self) -> Result<bool, StoreError> {
        let text = "SELECT COUNT(*) FROM (SELECT name FROM people LIMIT 1) AS one";
        let found = reading!(self, "looking for people", |transaction| {
            transaction.fetch_one(statement!(text), |row| row.int(0)).await
        });
        Ok(found.await? > 0)
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        let mut text = Statement::building(COLUMNS);
        text.push(" ORDER BY name");
        reading!(self, "listing the people", |transaction| {
            transaction.fetch(text.clone(), |row| Ok(read(row)?.0)).await
        })
        .await
    }

    /// What is known of somebody who says they are called so.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn known_person(&self, name: &str) -> Result<Option<KnownPerson>, StoreError> {
        let found = reading!(self, "looking for the person", |transaction| {
            let (person, password_hash) = find(transaction, name).await?;
            let text = "SELECT address FROM sign_in_addresses WHERE person = $1";
            let addresses = transaction.fetch(statement!(text, name), |row| row.text(0)).await?;
            Ok(KnownPerson { person, password_hash, addresses })
        })
        .await;
        match found {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::PersonNotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets somebody's password; their sessions end.
    ///
    /// # Errors
    /// [`StoreError::PersonNotFound`], [`StoreError::PersonOfProvider`].
    pub async fn set_password(
        &self,
        name: &str,
        password_hash: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        recording!(self, "setting the password", now, |transaction, trail| {
            find_local(transaction, name).await?;
            let text = "UPDATE people SET password_hash = $1, password_changed_at = $2 WHERE name = $3";
            transaction.execute(statement!(text, password_hash, to_millis(now), name)).await?;
            // Whoever knew the old password may have signed in elsewhere.
            let text = "DELETE FROM sign_in_addresses WHERE person = $1";
            transaction.execute(statement!(text, name)).await?;
            let ended = sessions::end_all(transaction, name).await?;
            trail.note(actor, None, "person_password_set", &json!({"person": name, "sessions_ended": ended}));
            Ok(find(transaction, name).await?.0)
        })
        .await
    }

    /// Sets what somebody with a password may do; if that is something else, their sessions end.
    ///
    /// # Errors
    /// [`StoreError::PersonNotFound`], [`StoreError::PersonOfProvider`], [`StoreError::LastAdmin`].
    pub async fn set_role(
        &self,
        name: &str,
        (role, systems): (Role, &[SystemId]),
        actor: &str,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        recording!(self, "setting the role", now, |transaction, trail| {
            let before = find_local(transaction, name).await?;
            if (before.role, before.systems.as_slice()) == (role, systems) {
                return Ok(before);
            }
            let admins = Admins::now(transaction, now).await?;
            change(transaction, trail, (&before, role, systems), actor).await?;
            admins.remain(transaction, name).await?;
            Ok(find(transaction, name).await?.0)
        })
        .await
    }

    /// Keeps somebody from signing in, or lets them again; kept out, their sessions end.
    ///
    /// # Errors
    /// [`StoreError::PersonNotFound`], [`StoreError::LastAdmin`].
    pub async fn let_in(
        &self,
        name: &str,
        may: bool,
        actor: &str,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        recording!(self, "letting the person in or keeping them out", now, |transaction, trail| {
            let (before, _) = find(transaction, name).await?;
            if before.disabled_at.is_none() == may {
                return Ok(before);
            }
            let admins = Admins::now(transaction, now).await?;
            let since = (!may).then(|| to_millis(now));
            let text = "UPDATE people SET disabled_at = $1 WHERE name = $2";
            transaction.execute(statement!(text, since, name)).await?;
            let ended = if may { 0 } else { sessions::end_all(transaction, name).await? };
            let action = if may { "person_enabled" } else { "person_disabled" };
            trail.note(actor, None, action, &json!({"person": name, "sessions_ended": ended}));
            admins.remain(transaction, name).await?;
            Ok(find(transaction, name).await?.0)
        })
        .await
    }

    /// Removes somebody with their sessions. What they did stays in the audit log.
    ///
    /// # Errors
    /// [`StoreError::PersonNotFound`], [`StoreError::LastAdmin`].
    pub async fn remove_person(
        &self,
        name: &str,
        actor: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        recording!(self, "removing the person", now, |transaction, trail| {
            let (person, _) = find(transaction, name).await?;
            let admins = Admins::now(transaction, now).await?;
            let ended = sessions::end_all(transaction, name).await?;
            for text in
                ["DELETE FROM sign_in_addresses WHERE person = $1", "DELETE FROM people WHERE name = $1"]
            {
                transaction.execute(statement!(text, name)).await?;
            }
            let subject = json!({"person": name, "sessions_ended": ended, "reason": reason});
            trail.note(actor, None, "person_removed", &subject);
            admins.remain(transaction, name).await?;
            Ok(person)
        })
        .await
    }

    /// Keeps what a provider says of somebody who signs in. If they may do something else than before, their sessions
    /// end.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn vouched_for(&self, vouched: &Vouched, now: Timestamp) -> Result<Person, StoreError> {
        let name = vouched.name();
        recording!(self, "keeping what the provider says", now, |transaction, trail| {
            let Vouched { issuer, subject, shown_as, role, systems } = vouched;
            let text = "INSERT INTO people (name, issuer, subject, role, systems, created_at) \
                        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
            let values = (role.as_str(), to_json(systems)?);
            let insert = statement!(
                text,
                name.as_str(),
                issuer.as_str(),
                subject.as_str(),
                values.0,
                values.1,
                to_millis(now)
            );
            if transaction.execute(insert).await? > 0 {
                let subject = json!({"person": name, "role": role, "systems": systems});
                trail.note(&name, None, "person_added", &subject);
            }
            let text = "UPDATE people SET shown_as = $1 WHERE name = $2";
            transaction.execute(statement!(text, shown_as.as_deref(), name.as_str())).await?;
            let (before, _) = find(transaction, &name).await?;
            if (before.role, &before.systems) != (*role, systems) {
                change(transaction, trail, (&before, *role, systems), &name).await?;
            }
            Ok(find(transaction, &name).await?.0)
        })
        .await
    }

    /// Ends the sessions of somebody who signed in before and to whom the provider gives no role any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn no_longer_vouched_for(
        &self,
        issuer: &str,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        recording!(self, "ending the sessions", now, |transaction, trail| {
            let text = "SELECT name FROM people WHERE issuer = $1 AND subject = $2";
            let found =
                transaction.fetch_optional(statement!(text, issuer, subject), |row| row.text(0)).await?;
            let Some(name) = found else { return Ok(()) };
            let ended = sessions::end_all(transaction, &name).await?;
            if ended > 0 {
                let subject = json!({"person": name, "sessions_ended": ended, "why": "no_role"});
                trail.note(&name, None, "session_ended", &subject);
            }
            Ok(())
        })
        .await
    }
}

async fn change(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    (before, role, systems): (&Person, Role, &[SystemId]),
    actor: &str,
) -> Result<(), StoreError> {
    let text = "UPDATE people SET role = $1, systems = $2 WHERE name = $3";
    transaction.execute(statement!(text, role.as_str(), to_json(&systems)?, before.name.as_str())).await?;
    let ended = sessions::end_all(transaction, &before.name).await?;
    let subject = json!({
        "person": before.name,
        "role": role,
        "systems": systems,
        "before": {"role": before.role, "systems": before.systems},
        "sessions_ended": ended,
    });
    trail.note(actor, None, "person_changed", &subject);
    Ok(())
}

async fn find(transaction: &mut Transaction, name: &str) -> Result<(Person, Option<String>), StoreError> {
    let mut text = Statement::building(COLUMNS);
    text.push(" WHERE name = ").bind(name);
    transaction
        .fetch_optional(text, read)
        .await?
        .ok_or_else(|| StoreError::PersonNotFound { name: name.to_owned() })
}

async fn find_local(transaction: &mut Transaction, name: &str) -> Result<Person, StoreError> {
    let (person, _) = find(transaction, name).await?;
    if person.is_of_provider() {
        return Err(StoreError::PersonOfProvider { name: name.to_owned() });
    }
    Ok(person)
}

fn read(row: &Row) -> Result<(Person, Option<String>), StoreError> {
    read_from(row, 0)
}

fn read_from(row: &Row, first: usize) -> Result<(Person, Option<String>), StoreError> {
    let person = Person {
        name: row.text(first)?,
        issuer: row.opt_text(first + 1)?,
        subject: row.opt_text(first + 2)?,
        shown_as: row.opt_text(first + 3)?,
        role: row.word(first + 4)?,
        systems: row.json(first + 5)?,
        created_at: row.time(first + 6)?,
        password_changed_at: row.opt_time(first + 7)?,
        signed_in_at: row.opt_time(first + 8)?,
        disabled_at: row.opt_time(first + 9)?,
    };
    Ok((person, row.opt_text(first + 10)?))
}
