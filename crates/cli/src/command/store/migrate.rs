//! `keyreeve store migrate`

use keyreeve_model::Secret;
use keyreeve_store::{DatabaseUrl, MovedTable, Store};
use serde::Serialize;

use crate::args::Migrate;
use crate::command::Context;
use crate::config::KeyPlace;
use crate::exit::{Ended, Refusal};
use crate::output::{Column, hint, note, single};
use crate::terminal;

const DOING: &str = "moving the store to PostgreSQL";

/// What was moved, or would be.
#[derive(Debug, Serialize)]
struct Migration {
    /// The file that is the store, or was.
    store: String,
    /// Where to, without a password.
    to: String,
    /// False when only the plan was asked for.
    migrated: bool,
    /// Where the file is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    rows: u64,
    tables: Vec<MovedTable>,
}

impl Migration {
    fn tables(&self) -> Vec<String> {
        self.tables.iter().map(|one| format!("{}: {}", one.table, one.rows)).collect()
    }
}

const COLUMNS: &[Column<Migration>] = &[
    ("store", |one| one.store.clone()),
    ("to", |one| one.to.clone()),
    ("migrated", |one| one.migrated.to_string()),
    ("kept", |one| one.kept.clone().unwrap_or_default()),
    ("rows", |one| one.rows.to_string()),
    ("tables", |one| one.tables().join(", ")),
];

fn show(context: &Context, shown: &Migration) -> anyhow::Result<Ended> {
    context.output.one(shown, COLUMNS, |tables| {
        let mut facts = single(vec![
            ("Store", shown.store.clone()),
            ("To", shown.to.clone()),
            ("Moved", if shown.migrated { "yes" } else { "no" }.to_owned()),
            ("Old file, kept at", shown.kept.clone().unwrap_or_default()),
            ("Rows", shown.rows.to_string()),
        ]);
        facts.push(("Of tables", shown.tables().into()));
        tables.facts(facts);
    })?;
    Ok(Ended::Done)
}

pub(super) async fn run(context: &Context, arguments: &Migrate) -> anyhow::Result<Ended> {
    let here = &context.config.places.database;
    if here.sqlite_path().is_none() {
        return Err(Refusal::new(DOING, format!("it is in PostgreSQL already, at {here}"))
            .hint("to move it from there to another PostgreSQL, use pg_dump and pg_restore")
            .into());
    }
    let target = target(arguments)?;
    let store = context.store().await?;
    let tables = store.plan_move(&target).await?;
    let rows = tables.iter().map(|one| one.rows).sum();
    let mut shown = Migration {
        store: here.to_string(),
        to: target.to_string(),
        migrated: false,
        kept: None,
        rows,
        tables,
    };
    let what = format!(
        "The store at {here} will be moved to {target}: {rows} rows of {} tables. Nothing else may use it meanwhile. Its file \
         gets another name and is used no more; the key stays where it is.",
        shown.tables.len()
    );
    if !terminal::agrees(arguments.consent, DOING, &what)? {
        return show(context, &shown);
    }
    let moved = store.move_to(&target, context.actor.name(), context.clock.now()).await?;
    // As every command after this one will.
    match Store::open(&target, context.custody()).await {
        Ok(opened) => opened.close().await,
        Err(error) => {
            let why = format!("it was moved to {target}, and could not be opened there: {error}");
            let kept = moved.kept.display();
            return Err(Refusal::failed(DOING, why)
                .hint(format!("mend that, and set `database` to it; what was the file is kept at {kept}"))
                .into());
        }
    }
    shown.rows = moved.tables.iter().map(|one| one.rows).sum();
    (shown.migrated, shown.tables) = (true, moved.tables);
    shown.kept = Some(moved.kept.display().to_string());
    note(&format!(
        "The store is at {target} from now on, and every row was read back there. What was its file is kept at {}: it holds \
         all that the store held by then, so take it away once you have a backup of the new one.",
        moved.kept.display()
    ));
    hint(next(&context.config.places.key));
    show(context, &shown)
}

fn next(key: &KeyPlace) -> &'static str {
    match key {
        KeyPlace::File(_) => {
            "set `database` (KEYREEVE_DATABASE) to the new address, wherever Keyreeve runs; the key file stays where it is. \
             Then run `keyreeve doctor`"
        }
        _ => {
            "set `database` (KEYREEVE_DATABASE) to the new address, wherever Keyreeve runs; `key` stays as it is. Then run \
             `keyreeve doctor`"
        }
    }
}

/// The address that was given. What is wrong with one is said without it.
fn target(arguments: &Migrate) -> Result<DatabaseUrl, Refusal> {
    let given = match &arguments.to {
        Some(url) if DatabaseUrl::names_password(url) => {
            let why =
                "the address has a password, which everybody sees who lists the processes of this machine";
            return Err(Refusal::new(DOING, why).hint(
                "change that password, then leave it out and have it in PGPASSWORD or .pgpass, or give --to-stdin and write \
                 the address to standard input",
            ));
        }
        Some(url) => Secret::new(url.clone()),
        None => terminal::database_address()?,
    };
    let target: DatabaseUrl = given
        .expose()
        .trim()
        .parse()
        .map_err(|error: keyreeve_store::UrlError| Refusal::new(DOING, error.to_string()))?;
    match target.sqlite_path() {
        None => Ok(target),
        Some(_) => Err(Refusal::new(DOING, "the address that was given is that of an SQLite file")
            .hint("give postgres://USER@HOST/DATABASE")),
    }
}
