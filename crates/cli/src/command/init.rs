//! `keyreeve init`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use keyreeve_engine::tokens::MadeToken;
use keyreeve_model::Role;
use keyreeve_store::{DatabaseUrl, NewToken, Store, StoreError, beside, left_by_moves, remove_database};
use serde::Serialize;

use super::Context;
use crate::args::MakeStore;
use crate::config::{KeyPlace, Places};
use crate::exit::{Ended, Refusal};
use crate::output::{Column, hint, note};

const DOING: &str = "making the store";

/// Whose the first token is.
const FIRST_OWNER: &str = "admin";

/// What was made. It holds the first token, which is shown this once.
#[derive(Serialize)]
struct Made {
    data_dir: String,
    /// Where the key is kept, as the configuration names it.
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<String>,
    database: String,
    token: String,
}

const COLUMNS: &[Column<Made>] = &[
    ("data_dir", |made| made.data_dir.clone()),
    ("key", |made| made.key.clone()),
    ("key_file", |made| made.key_file.clone().unwrap_or_default()),
    ("database", |made| made.database.clone()),
    ("token", |made| made.token.clone()),
];

/// Makes the data folder, the key and the database. What an interrupted `init` left behind is used. A key whose
/// database is gone is no fresh place, so nothing is made there unless that is asked for.
pub(crate) async fn run(context: &Context, arguments: &MakeStore) -> anyhow::Result<Ended> {
    let places = &context.config.places;
    if let Some(path) = places.database.sqlite_path()
        && path.exists()
    {
        return Err(Refusal::new(DOING, format!("there is one at {} already", places.database))
            .hint("use it as it is, or set another data_dir to make a second one")
            .into());
    }
    if let Some(lost) = lost_database(places, DOING)
        && !arguments.new_database
    {
        return Err(lost.into());
    }
    make_folder(&places.data_dir)?;
    if let Some(folder) = places.database.sqlite_path().and_then(Path::parent)
        && folder != places.data_dir
        && !folder.as_os_str().is_empty()
    {
        make_folder(folder)?;
    }
    if let Some(path) = places.database.sqlite_path() {
        mark_begun(path).context(DOING)?;
    }
    let token = MadeToken::generate().context(DOING)?;
    match places.database.sqlite_path() {
        Some(path) => make_file(context, path, &token).await.context(DOING)?,
        None => make_store(context, &places.database, &token).await.context(DOING)?,
    }
    let made = Made {
        data_dir: places.data_dir.display().to_string(),
        key: places.key.to_string(),
        key_file: places.key.file().map(|path| path.display().to_string()),
        database: places.database.to_string(),
        token: token.text.expose().to_owned(),
    };
    context.output.one(&made, COLUMNS, |tables| {
        tables.facts(vec![
            ("Data folder", made.data_dir.clone()),
            ("Key", made.key_file.clone().unwrap_or_else(|| made.key.clone())),
            ("Database", made.database.clone()),
            ("First token", made.token.clone()),
        ]);
    })?;
    note(
        "The token is an admin's; it is shown this once and kept nowhere. Set KEYREEVE_TOKEN to it to act as admin. \
         To do without it, add an admin with `keyreeve person add`, then revoke it.",
    );
    hint(&format!("{} Next: `keyreeve system add`", keep_it(&places.key)));
    Ok(Ended::Done)
}

/// What to do about the key, so that the store can still be opened when this machine is gone.
fn keep_it(key: &KeyPlace) -> &'static str {
    match key {
        KeyPlace::Kms(_) => {
            "the key in KMS is all that opens this store: see that nobody schedules its deletion, for as long as there \
             are backups."
        }
        _ => "keep a copy of the key apart from the database: without it, stored credentials cannot be read.",
    }
}

/// A refusal if the key of a store is there and its SQLite database is not, and no interrupted `init` explains that.
pub(crate) fn lost_database(places: &Places, doing: &str) -> Option<Refusal> {
    let path = places.database.sqlite_path()?;
    let key_file = places.key.file()?;
    let has_key = std::fs::metadata(key_file).is_ok_and(|found| found.len() > 0);
    (has_key && !path.exists() && !unfinished(path).exists()).then(|| {
        if let Some(moved) = left_by_moves(path).last() {
            let why = format!(
                "it was moved to PostgreSQL; what was its file is kept at {}",
                moved.display()
            );
            return Refusal::new(doing, why).hint(
                "set `database` (KEYREEVE_DATABASE) to the address that `keyreeve store migrate` was given; the key stays as \
                 it is",
            );
        }
        let why = format!(
            "the key {} is there, but its database {} is missing; a new one would know no systems and no history",
            key_file.display(),
            path.display()
        );
        Refusal::new(doing, why).hint(
            "restore a backup with `keyreeve store restore FILE`, or mend the address; if the database is gone for \
             good, `keyreeve init --new-database` begins anew",
        )
    })
}

/// Where the database is made.
fn unfinished(path: &Path) -> PathBuf {
    beside(path, ".unfinished")
}

/// Says, before there is a key, that a database will follow: a key with this file beside the database's place is
/// what an interrupted `init` leaves behind.
fn mark_begun(path: &Path) -> Result<(), StoreError> {
    let made = std::fs::File::create(unfinished(path)).and_then(|file| file.sync_all());
    made.map_err(|source| StoreError::Io { doing: DOING, source })
}

/// Makes the database beside its place and puts it there at once, so that there is never half a store.
async fn make_file(context: &Context, path: &Path, token: &MadeToken) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { doing: DOING, source };
    let unfinished = unfinished(path);
    remove_database(&unfinished).map_err(io)?;
    make_store(context, &DatabaseUrl::sqlite(&unfinished), token).await?;
    // A link, unlike a rename, never replaces what another `init` has just put there.
    std::fs::hard_link(&unfinished, path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            StoreError::AlreadyThere { place: context.config.places.database.to_string() }
        }
        _ => io(error),
    })?;
    std::fs::remove_file(&unfinished).map_err(io)
}

/// Makes the tables, and the first token.
async fn make_store(context: &Context, database: &DatabaseUrl, token: &MadeToken) -> Result<(), StoreError> {
    let now = context.clock.now();
    let store = Store::create(database, context.custody(), now).await?;
    store.keep_audit_checkpoint(context.config.places.checkpoint_folder()).await?;
    let first = NewToken {
        id: token.id.clone(),
        secret_sha256: token.secret_sha256,
        owner: FIRST_OWNER.to_owned(),
        role: Role::Admin,
        systems: Vec::new(),
        expires_at: None,
    };
    store.create_token(&first, context.actor.name(), now).await?;
    store.close().await;
    Ok(())
}

/// Makes a folder for its owner alone, or refuses one that others can enter.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let refuse = |why: String| Refusal::new(DOING, format!("the folder {}: {why}", folder.display()));
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(refuse("it is a file".to_owned()).into()),
        Ok(found) => match exposed_mode(&found) {
            Some(mode) => Err(refuse(format!("others can enter it (mode {mode:04o})"))
                .hint(format!("run `chmod 700 {}`, or set another data_dir", folder.display()))
                .into()),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            private_folder(folder).map_err(|error| refuse(error.to_string()).into())
        }
        Err(error) => Err(refuse(error.to_string()).into()),
    }
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// The mode of a file or folder, if others than its owner may use it.
pub(crate) fn exposed_mode(found: &std::fs::Metadata) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = found.permissions().mode() & 0o7777;
        (mode & 0o077 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = found;
        None
    }
}
