//! What `doctor` looks at of keys: where the store's key is kept, how old keys are, and what was left half done.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::key_ages::{OLDEST_ACCESS_KEY, OLDEST_STORE_KEY, access_key_stored};
use keyreeve_model::{CredentialKind, PermissionProfile, System};
use keyreeve_store::{CheckpointState, KeyStatus, RotationState, Store, StoreError, beside, key_file_holds};

use crate::command::Context;
use crate::command::init::exposed_mode;
use crate::config::{KEY_FILE, KeyPlace, Places};
use crate::output::shape::{Check, CheckState};

/// What may lie between two clocks without anybody minding.
const ODD_CLOCK: SignedDuration = SignedDuration::from_secs(60);

fn warning(name: &str, found: String, advice: impl Into<String>) -> Check {
    Check::new(name, CheckState::Warning, found, advice)
}

/// Where the key is kept, when that is no file, and whether it could be had from there. A store that does not open for
/// another reason says nothing of the key.
pub(super) fn custody(place: &KeyPlace, refused: Option<&anyhow::Error>) -> Option<Check> {
    const NAME: &str = "key";
    if place.file().is_some() {
        return None;
    }
    let Some(refused) = refused else {
        return Some(Check::ok(NAME, format!("kept at {place}; it opens the store")));
    };
    let why = crate::output::failure::words(refused);
    Some(match refused.chain().find_map(|error| error.downcast_ref::<StoreError>()) {
        Some(StoreError::Key(error)) => {
            let advice = why.1.unwrap_or_else(|| format!("see that {place} gives the key, then ask again"));
            Check::new(NAME, CheckState::Error, format!("it cannot be had from {place}: {error}"), advice)
        }
        _ => warning(
            NAME,
            format!("kept at {place}, and not read: the store does not open"),
            "mend the database first",
        ),
    })
}

/// The database's own file is for its owner alone, too: it tells who holds what.
pub(super) fn database_file(path: &Path) -> Option<Check> {
    const NAME: &str = "database_file";
    let files = ["", "-wal"].map(|ending| beside(path, ending));
    let exposed = files.iter().find_map(|file| {
        let mode = exposed_mode(&std::fs::metadata(file).ok()?)?;
        Some((file.display().to_string(), mode))
    });
    match exposed {
        Some((file, mode)) => {
            let found = format!("{file}: {} (mode {mode:04o})", others_can(mode));
            Some(warning(NAME, found, format!("run `chmod 600 {file}`")))
        }
        None => path.exists().then(|| Check::ok(NAME, "for its owner alone")),
    }
}

/// Whether the audit log still holds what its checkpoint has seen.
pub(super) async fn checkpoint(store: &Store) -> Check {
    const NAME: &str = "audit_checkpoint";
    let error = |found: String, advice: &str| Check::new(NAME, CheckState::Error, found, advice);
    match store.audit_checkpoint().await {
        Ok(CheckpointState::Held(seen)) => Check::ok(NAME, format!("the audit log holds row {}", seen.seq)),
        Ok(CheckpointState::None) => warning(
            NAME,
            "there is none: rows that are cut off the audit log's end would not be missed".to_owned(),
            "the next change makes it; if there was one, look into who took it away",
        ),
        Ok(CheckpointState::BeforeRestore(seen, restored)) => Check::ok(
            NAME,
            format!(
                "it is of {}, before the restore of {restored}, and says nothing of the log since; the next change \
                 makes a new one",
                seen.at
            ),
        ),
        Ok(CheckpointState::OfAnother(seen)) => warning(
            NAME,
            format!(
                "the file is the checkpoint of another store ({}), and says nothing of this one",
                seen.store
            ),
            "see why it is there; the next change replaces it",
        ),
        Ok(CheckpointState::Missed(seen)) => error(
            format!("the audit log has lost row {} of {}, or has another one there", seen.seq, seen.at),
            "somebody cut or replaced rows: keep the store as it is, run `keyreeve audit verify`, and compare it with a \
             backup",
        ),
        Ok(CheckpointState::Altered(path)) => error(
            format!("{} was not written with this store's key", path.display()),
            "look into who changed it; `keyreeve audit verify --renew-checkpoint REASON` lets it begin anew",
        ),
        Err(why) => error(why.to_string(), "mend the store first"),
    }
}

/// What a mode lets others do with a file.
pub(super) fn others_can(mode: u32) -> &'static str {
    match (mode & 0o044 != 0, mode & 0o022 != 0) {
        (true, true) => "others can read it, and write to it",
        (false, true) => "others can write to it",
        (true, false) => "others can read it",
        (false, false) => "others can use it",
    }
}

/// Keys that a change has put aside open the backups of before: with the database beside them they are a way in. While a
/// change is under way the old key is needed.
pub(super) fn old_key_files(places: &Places, status: Option<&KeyStatus>) -> Vec<Check> {
    let changing = status.is_none_or(|status| status.coming.is_some());
    let given_up = status.and_then(|status| status.abandoned.as_ref());
    let mut found = places.key_files_of_before();
    found.retain(|path| !changing || path.file_name() != Some(KEY_FILE.as_ref()));
    let exposed = |path: &Path| {
        let mode = std::fs::metadata(path).ok().and_then(|found| exposed_mode(&found));
        mode.map_or(String::new(), |mode| format!(" ({}, mode {mode:04o})", others_can(mode)))
    };
    let (unused, replaced): (Vec<_>, Vec<_>) = found
        .iter()
        .partition(|path| given_up.is_some_and(|given_up| key_file_holds(path, &given_up.fingerprint)));
    let named = |found: Vec<&PathBuf>| {
        let named = found.iter().map(|path| format!("{}{}", path.display(), exposed(path)));
        named.collect::<Vec<_>>().join(", ")
    };
    let replaced = (!replaced.is_empty()).then(|| {
        warning(
            "old_keys",
            format!("keys of before, which {} replaced, lie here: {}", places.key, named(replaced)),
            "move them to where the backups of before are not, and destroy them when those backups are gone",
        )
    });
    let unused = (!unused.is_empty()).then(|| {
        warning(
            "given_up_keys",
            format!("a key lies here to which the change was given up: {}", named(unused)),
            "destroy it, unless a backup was made while the change was under way",
        )
    });
    replaced.into_iter().chain(unused).collect()
}

/// The store's key, the systems' keys, the clock, and what nobody may change.
pub(super) async fn of_store(context: &Context, store: &Store) -> Vec<Check> {
    match looked_at(context, store).await {
        Ok(checks) => checks,
        Err(error) => vec![Check::new("keys", CheckState::Error, error.to_string(), "mend the database")],
    }
}

async fn looked_at(context: &Context, store: &Store) -> Result<Vec<Check>, StoreError> {
    let now = context.clock.now();
    let mut checks = vec![];
    let status = store.key_status().await?;
    checks.push(store_key_age(status.active.version, status.active.created_at, now));
    if let Some((coming, _)) = &status.coming {
        checks.push(warning(
            "key_change",
            format!("a change to key {} at {} was begun and not ended", coming.version, coming.custody),
            "end it with `keyreeve secrets rekey`, or give it up with `--abandon`",
        ));
    }
    checks.push(clock(store.latest_moment().await?, now));
    for system in store.list_systems(false).await? {
        checks.extend(access_key(store, &system, now).await?);
        checks.extend(rotation(store, &system).await?);
        checks.extend(protections(store, &system).await?);
    }
    Ok(checks)
}

fn store_key_age(version: i64, made: Timestamp, now: Timestamp) -> Check {
    const NAME: &str = "key_age";
    match now.duration_since(made) {
        age if age > OLDEST_STORE_KEY => {
            let found = format!("key {version} of the store was made {made:.0}, {} days ago", days(age));
            warning(NAME, found, "give the store a new one: `keyreeve secrets rekey`")
        }
        age => Check::ok(NAME, format!("key {version} of the store is {} days old", days(age))),
    }
}

fn days(age: SignedDuration) -> i64 {
    age.as_hours() / 24
}

/// What the store has from a later time than this machine's clock shows. AWS's own clock is compared by `system check`.
fn clock(latest: Option<Timestamp>, now: Timestamp) -> Check {
    const NAME: &str = "clock";
    match latest {
        Some(latest) if latest.duration_since(now) > ODD_CLOCK => warning(
            NAME,
            format!("something was written at {latest:.0}, and this machine's clock shows {now:.0}"),
            "set the clock; AWS refuses requests that are more than 5 minutes off, and `keyreeve system check` compares it \
             with AWS's",
        ),
        _ => Check::ok(NAME, "nothing in the store is later than this machine's clock"),
    }
}

/// Whether a stored access key has grown old.
async fn access_key(store: &Store, system: &System, now: Timestamp) -> Result<Option<Check>, StoreError> {
    let Some(access_key_id) = system.credential.access_key_id() else { return Ok(None) };
    let Some(stored) = access_key_stored(store, system).await? else { return Ok(None) };
    let how = match system.credential {
        CredentialKind::Role { .. } => "assumes its role",
        _ => "signs in",
    };
    let id = &system.system_id;
    let age = now.duration_since(stored);
    Ok((age > OLDEST_ACCESS_KEY).then(|| {
        warning(
            "access_key_age",
            format!("{id} {how} with {access_key_id}, stored {} days ago", days(age)),
            format!("replace it: `keyreeve system rotate-key {id}`"),
        )
    }))
}

async fn rotation(store: &Store, system: &System) -> Result<Option<Check>, StoreError> {
    let id = &system.system_id;
    Ok(store.key_rotation(id).await?.map(|(rotation, _)| {
        let found = match rotation.state {
            RotationState::Making | RotationState::Made => "it signs in with the old key",
            RotationState::Switched | RotationState::Deactivated => {
                "it signs in with the new key, and the old one is still there"
            }
        };
        warning(
            "key_rotation",
            format!("the rotation of the access key of {id} was begun and not ended; {found}"),
            format!("go on with it: `keyreeve system rotate-key {id}`"),
        )
    }))
}

/// A system that may be changed should name what nobody may change: the way back in for people, first of all.
async fn protections(store: &Store, system: &System) -> Result<Option<Check>, StoreError> {
    let id = &system.system_id;
    if system.settings.permission_profile == PermissionProfile::Read {
        return Ok(None);
    }
    Ok(store.protections(id).await?.is_empty().then(|| {
        warning(
            "protections",
            format!("nothing is protected in {id} but what always is: the connector itself"),
            format!("protect the accounts of last resort: `keyreeve protect add {id} --path /break-glass/`"),
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    #[test]
    fn a_key_of_more_than_a_year_is_old() {
        assert_eq!(store_key_age(1, at(0), at(365)).state, CheckState::Ok);
        let old = store_key_age(3, at(0), at(366));
        assert_eq!(old.state, CheckState::Warning);
        assert!(old.message.contains("366 days ago") && old.advice.unwrap().contains("secrets rekey"));
    }

    #[test]
    fn a_clock_behind_what_was_written_is_odd() {
        let later = |seconds: i64| Some(Timestamp::from_second(1_000 + seconds).unwrap());
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(clock(None, now).state, CheckState::Ok);
        assert_eq!(clock(later(60), now).state, CheckState::Ok);
        assert_eq!(clock(later(61), now).state, CheckState::Warning);
        assert_eq!(clock(later(-500), now).state, CheckState::Ok);
    }
}
