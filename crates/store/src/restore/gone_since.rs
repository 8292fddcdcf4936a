//! What a restored backup brings back that was gone: what works in the backup and no more in the store that is in the place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::SystemState;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use crate::time::to_millis;

/// How long whoever writes to the store in the place is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether it is known what comes back that was gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// The store in the place was read.
    Gone(Box<GoneSince>),
    /// It was not, for this reason.
    Not(String),
}

/// What works in the backup and no more in the store that is in the place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GoneSince {
    /// Tokens that were revoked.
    pub tokens_revoked: Vec<GoneToken>,
    /// People who were removed or disabled.
    pub people_removed: Vec<String>,
    /// People who were given another role or other systems, or another password.
    pub people_changed: Vec<String>,
    /// Systems that were removed.
    pub systems_removed: Vec<String>,
    /// Systems that were quarantined or suspended: they are in use again.
    pub systems_stopped: Vec<String>,
    /// Systems that were given other credentials, or another access key: those of before are theirs again.
    pub credentials_replaced: Vec<String>,
    /// Schedules that were ended or changed, as `system/profile`.
    pub schedules_changed: Vec<String>,
    /// Systems that were given other settings: those of before hold again.
    pub settings_changed: Vec<String>,
    /// Import profiles that were given other thresholds or another scope, as `system/profile`.
    pub thresholds_changed: Vec<String>,
    /// Task mappings that were set or put back, as `system/mapping`.
    pub mappings_changed: Vec<String>,
    /// Import runs that were accepted or rejected: they wait for somebody again.
    pub runs_decided: Vec<i64>,
    /// What was taken off a protect list, as `system: kind value`: it is protected again.
    pub protections_removed: Vec<String>,
    /// What was put on a protect list, likewise: the backup does not have it, so it is protected no more.
    pub protections_lost: Vec<String>,
    /// Jobs that were done, cancelled or rejected: they wait, or are carried out, again.
    pub jobs_ended: Vec<i64>,
    /// How many passwords were opened, or are worthless otherwise.
    pub passwords_opened: usize,
}

/// A token that lets in again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GoneToken {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
}

impl GoneSince {
    /// Whether nothing comes back that was gone.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What works in a store at a moment. Numbers and names are taken again after a restore, so each has the time at which it
/// was made with it.
struct Working {
    head: Head,
    store_id: String,
    tokens: BTreeSet<(GoneToken, i64)>,
    /// With what each may do.
    people: BTreeMap<(String, i64), (String, String, Option<i64>)>,
    systems: BTreeMap<(String, i64), SignsIn>,
    /// With when each is due.
    schedules: BTreeMap<(String, String), (Option<String>, Option<String>)>,
    /// What else import profiles say.
    profiles: BTreeMap<Named, String>,
    mappings: BTreeMap<Named, String>,
    /// Import runs that wait for somebody.
    suspended: BTreeSet<(i64, i64)>,
    protections: BTreeSet<Protected>,
    jobs: BTreeSet<(i64, i64)>,
    passwords: BTreeSet<(i64, i64)>,
}

/// Where an audit log ends: the number of its last row, and the hash over all of them.
pub(super) type Head = (i64, String);

/// A system's state, what it signs in with (the credentials without their secret, and how often that was set), and its
/// settings.
type SignsIn = (String, String, i64, String);

/// Something of a system: the system's id and when it was registered, and the name of the thing.
type Named = ((String, i64), String);

/// Something on a protect list: the system's id and when it was registered, what kind it is, and what is protected.
type Protected = ((String, i64), String, String);

const TOKENS: &str = "SELECT token_id, owner, created_at FROM tokens \
                      WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)";
const PEOPLE: &str = "SELECT name, created_at, role, systems, password_changed_at FROM people \
                      WHERE disabled_at IS NULL";
const SYSTEMS: &str = "SELECT system_id, created_at, state, credential, secret_revision, settings FROM systems \
                       WHERE removed_at IS NULL";
const SCHEDULES: &str = "SELECT s.system_id, p.name, json_extract(p.definition, '$.schedule'), \
                         json_extract(p.definition, '$.time_zone') FROM import_profiles p \
                         JOIN systems s ON s.system_key = p.system_key WHERE s.removed_at IS NULL \
                         AND json_extract(p.definition, '$.schedule') IS NOT NULL";
const PROFILES: &str = "SELECT s.system_id, s.created_at, p.name, \
                        json_remove(p.definition, '$.schedule', '$.time_zone') FROM import_profiles p \
                        JOIN systems s ON s.system_key = p.system_key WHERE s.removed_at IS NULL";
const MAPPINGS: &str = "SELECT s.system_id, s.created_at, m.name, m.definition FROM task_mappings m \
                        JOIN systems s ON s.system_key = m.system_key WHERE s.removed_at IS NULL";
const SUSPENDED: &str = "SELECT run_id, started_at FROM import_runs WHERE state = 'suspended'";
const PROTECTIONS: &str = "SELECT s.system_id, s.created_at, p.kind, p.value FROM protections p \
                           JOIN systems s ON s.system_key = p.system_key WHERE s.removed_at IS NULL";
const JOBS: &str = "SELECT job_id, created_at FROM provisioning_jobs WHERE finished_at IS NULL";
const PASSWORDS: &str = "SELECT delivery_id, created_at FROM password_deliveries WHERE kind IN ('link', 'operator') \
                         AND state = 'released' AND ciphertext IS NOT NULL \
                         AND (expires_at IS NULL OR expires_at > $1)";

/// Compares a backup with the store in its place. Both are only read, and neither needs a key; somebody may be using the
/// store. Where its file is held for us alone, it is read by way of `held`. Gives the end of the audit log of the store in
/// the place, too, if that could be read: nothing is changed without a row.
pub(super) async fn compare(
    backup: &Path,
    store: &Path,
    held: Option<&mut SqliteConnection>,
    now: Timestamp,
) -> (Compared, Option<Head>) {
    if !store.exists() {
        return (Compared::Not("there is no store in the place".to_owned()), None);
    }
    let before = working(backup, now).await;
    let present = match held {
        Some(connection) => as_of_one_moment(connection, now).await,
        None => working(store, now).await,
    };
    let unreadable = |error: sqlx::Error| {
        Compared::Not(format!("the store in the place could not be read: {}", why_unread(&error)))
    };
    let head = present.as_ref().ok().map(|present| present.head.clone());
    let compared = match (before, present) {
        (Err(error), _) | (_, Err(error)) => unreadable(error),
        (Ok(before), Ok(present)) if before.store_id != present.store_id => {
            Compared::Not("the store in the place is another one than the backup is of".to_owned())
        }
        (Ok(before), Ok(present)) => Compared::Gone(Box::new(gone(before, &present))),
    };
    (compared, head)
}

/// Why a store could not be read, for people.
fn why_unread(error: &sqlx::Error) -> String {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const CORRUPT: i32 = 11;
    const CANNOT_OPEN: i32 = 14;
    const NOT_A_DATABASE: i32 = 26;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    match code.map(|code| code & 0xff) {
        Some(BUSY | LOCKED) => "somebody is writing to it; ask again in a moment".to_owned(),
        Some(CORRUPT | NOT_A_DATABASE) => "it is damaged, or no store of Keyreeve".to_owned(),
        Some(CANNOT_OPEN) => "its file cannot be opened; see that you may read it and its folder".to_owned(),
        // It has other tables.
        Some(1) => "it was not made by this version of Keyreeve".to_owned(),
        _ => format!("its file cannot be read ({error})"),
    }
}

fn gone(before: Working, present: &Working) -> GoneSince {
    let mut found = GoneSince {
        passwords_opened: before.passwords.difference(&present.passwords).count(),
        jobs_ended: before.jobs.difference(&present.jobs).map(|(job, _)| *job).collect(),
        schedules_changed: before
            .schedules
            .iter()
            .filter(|(profile, due)| present.schedules.get(*profile) != Some(*due))
            .map(|((system, profile), _)| format!("{system}/{profile}"))
            .collect(),
        thresholds_changed: before
            .profiles
            .iter()
            .filter(|(profile, says)| present.profiles.get(*profile) != Some(*says))
            .filter(|((system, _), _)| present.systems.contains_key(system))
            .map(|(profile, _)| named(profile))
            .collect(),
        mappings_changed: before
            .mappings
            .keys()
            .chain(present.mappings.keys())
            .filter(|mapping| before.mappings.get(*mapping) != present.mappings.get(*mapping))
            .filter(|(system, _)| before.systems.contains_key(system) && present.systems.contains_key(system))
            .map(named)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        runs_decided: before.suspended.difference(&present.suspended).map(|(run, _)| *run).collect(),
        protections_removed: before.protections.difference(&present.protections).map(protected).collect(),
        // Of systems that the backup does not know, nothing comes back that could need protection.
        protections_lost: present
            .protections
            .difference(&before.protections)
            .filter(|(system, ..)| before.systems.contains_key(system))
            .map(protected)
            .collect(),
        tokens_revoked: before.tokens.difference(&present.tokens).map(|(token, _)| token.clone()).collect(),
        ..GoneSince::default()
    };
    for (person, could) in before.people {
        match present.people.get(&person) {
            None => found.people_removed.push(person.0),
            Some(can) if *can != could => found.people_changed.push(person.0),
            Some(_) => {}
        }
    }
    for (system, (was, credential, revision, settings)) in before.systems {
        let Some((is, now_with, now_revision, now_settings)) = present.systems.get(&system) else {
            found.systems_removed.push(system.0);
            continue;
        };
        if (now_with, now_revision) != (&credential, &revision) {
            found.credentials_replaced.push(system.0.clone());
        }
        if *now_settings != settings {
            found.settings_changed.push(system.0.clone());
        }
        if was == SystemState::Active.as_str() && *is != was {
            found.systems_stopped.push(system.0);
        }
    }
    found
}

fn named(((system, _), name): &Named) -> String {
    format!("{system}/{name}")
}

fn protected(((system, _), kind, value): &Protected) -> String {
    format!("{system}: {kind} {value}")
}

async fn working(path: &Path, now: Timestamp) -> Result<Working, sqlx::Error> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(PATIENCE)
        .pragma("query_only", "ON")
        .disable_statement_logging()
        .connect()
        .await?;
    let read = as_of_one_moment(&mut connection, now).await;
    // It was only read, so nothing is lost when closing it fails.
    let _ = connection.close().await;
    read
}

async fn as_of_one_moment(connection: &mut SqliteConnection, now: Timestamp) -> Result<Working, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let found = read(&mut transaction, now).await?;
    transaction.rollback().await?;
    Ok(found)
}

async fn read(connection: &mut SqliteConnection, now: Timestamp) -> Result<Working, sqlx::Error> {
    let store_id = sqlx::query("SELECT store_id FROM envelope WHERE marker = 1");
    let store_id = store_id.fetch_one(&mut *connection).await?.try_get(0)?;
    let head = sqlx::query("SELECT seq, hash FROM audit_head WHERE marker = 1");
    let head = head.fetch_one(&mut *connection).await?;
    let head = (head.try_get(0)?, head.try_get(1)?);
    let at = Some(to_millis(now));
    let tokens = all(connection, TOKENS, at, |row| {
        Ok((GoneToken { id: row.try_get(0)?, owner: row.try_get(1)? }, row.try_get(2)?))
    });
    let tokens = tokens.await?.into_iter().collect();
    let people = all(connection, PEOPLE, None, |row| {
        Ok(((row.try_get(0)?, row.try_get(1)?), (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?)))
    });
    let people = people.await?.into_iter().collect();
    let systems = all(connection, SYSTEMS, None, |row| {
        let system = (row.try_get(0)?, row.try_get(1)?);
        Ok((system, (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?, row.try_get(5)?)))
    });
    let systems = systems.await?.into_iter().collect();
    let schedules = all(connection, SCHEDULES, None, |row| {
        Ok(((row.try_get(0)?, row.try_get(1)?), (row.try_get(2)?, row.try_get(3)?)))
    });
    let schedules = schedules.await?.into_iter().collect();
    let of_system =
        |row: &SqliteRow| Ok((((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?), row.try_get(3)?));
    let profiles = all(connection, PROFILES, None, of_system).await?.into_iter().collect();
    let mappings = all(connection, MAPPINGS, None, of_system).await?.into_iter().collect();
    let suspended = all(connection, SUSPENDED, None, |row| Ok((row.try_get(0)?, row.try_get(1)?))).await?;
    let protections = all(connection, PROTECTIONS, None, |row| {
        Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?, row.try_get(3)?))
    });
    let protections = protections.await?.into_iter().collect();
    let jobs = all(connection, JOBS, None, |row| Ok((row.try_get(0)?, row.try_get(1)?))).await?;
    let passwords = all(connection, PASSWORDS, at, |row| Ok((row.try_get(0)?, row.try_get(1)?))).await?;
    Ok(Working {
        head,
        store_id,
        tokens,
        people,
        systems,
        schedules,
        profiles,
        mappings,
        suspended: suspended.into_iter().collect(),
        protections,
        jobs: jobs.into_iter().collect(),
        passwords: passwords.into_iter().collect(),
    })
}

async fn all<T>(
    connection: &mut SqliteConnection,
    text: &'static str,
    at: Option<i64>,
    read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, sqlx::Error> {
    let query = at.into_iter().fold(sqlx::query(text), sqlx::query::Query::bind);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(read).collect()
}
