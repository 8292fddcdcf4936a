//! `keyreeve secrets …`

mod abandon;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use keyreeve_store::{
    KeyCustody, KeyFacts, KeyStatus, NextFileCustody, Rekey, RekeyPlan, Resealed, Store, StoreError,
    key_file_holds,
};
use serde::Serialize;

use super::Context;
use crate::args::RekeyStore;
use crate::config::{KEY_FILE, KeyPlace};
use crate::exit::{Ended, Refusal};
use crate::output::{Column, hint, note};
use crate::terminal;

const DOING: &str = "changing the store's key";

/// What is added to the name of a key file that a change put aside.
const PUT_ASIDE: &str = ".old-";

/// How often it is looked whether work under way has ended.
const LOOK: Duration = Duration::from_millis(500);

/// What became of it.
#[derive(Debug, Serialize)]
struct Changed {
    /// `planned`, `waiting_for_configuration`, `done` or `abandoned`.
    state: &'static str,
    key: i64,
    custody: String,
    replaced: i64,
    data_keys: u64,
    secrets: u64,
    passwords: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_key_file: Option<String>,
}

const COLUMNS: &[Column<Changed>] = &[
    ("state", |changed| changed.state.to_owned()),
    ("key", |changed| changed.key.to_string()),
    ("custody", |changed| changed.custody.clone()),
    ("replaced", |changed| changed.replaced.to_string()),
    ("data_keys", |changed| changed.data_keys.to_string()),
    ("secrets", |changed| changed.secrets.to_string()),
    ("passwords", |changed| changed.passwords.to_string()),
    ("old_key_file", |changed| changed.old_key_file.clone().unwrap_or_default()),
];

/// Gives the store a new key: begins, or goes on with what was begun.
pub(crate) async fn rekey(context: &Context, arguments: &RekeyStore) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let mut status = store.key_status().await.context(DOING)?;
    if arguments.abandon {
        return abandon::run(context, arguments, &store, &status).await;
    }
    let given_up = abandon::for_another_place(arguments, &mut status);
    let target = target(context, arguments, &status)?;
    let data_keys = status.coming.as_ref().map_or(arguments.data_keys, |(_, plan)| plan.data_keys);
    let mut words = plan_in_words(&status, &target, data_keys);
    if let Some(coming) = &given_up {
        let (version, custody) = (coming.version, &coming.custody);
        words.push_str(&format!(
            " The change to key {version} at {custody} is given up: nothing is under that key yet."
        ));
    }
    if !terminal::agrees(arguments.consent, DOING, &words)? {
        let changed = Changed {
            state: "planned",
            key: status.coming.as_ref().map_or(status.next_version, |(facts, _)| facts.version),
            custody: target.to_string(),
            replaced: status.active.version,
            data_keys: status.data_keys,
            secrets: if data_keys { status.secrets } else { 0 },
            passwords: if data_keys { status.passwords } else { 0 },
            old_key_file: None,
        };
        return show(context, &changed, Ended::Done);
    }
    if let Some(coming) = &given_up {
        abandon::give_up(context, arguments, &store, &status, coming).await?;
    }
    let custody = coming_custody(context, &target);
    let rekey = match under_way(&store, &*custody).await? {
        Some(rekey) => rekey,
        None => begin(context, &store, &status, &target, arguments).await?,
    };
    let actor = context.actor.name();
    let sealed = store.carry_on_rekey(&rekey, actor, context.clock.now()).await.context(DOING)?;
    let old_file = match &target {
        KeyPlace::File(path) => {
            NextFileCustody(path.clone()).put_in_place(&status.active.fingerprint).context(DOING)?
        }
        _ => None,
    };
    if target != context.config.places.key {
        let changed = changed("waiting_for_configuration", &rekey, &target, &status, sealed, None);
        let ended = show(context, &changed, Ended::NeedsAttention)?;
        note("Both keys open the store now, so nothing that runs is disturbed.");
        hint(&format!(
            "set `key = \"{target}\"` in keyreeve.toml (or KEYREEVE_KEY) wherever keyreeve uses this store, then end the \
             change with `keyreeve secrets rekey`"
        ));
        return Ok(ended);
    }
    if data_keys {
        wait_for_work(context, &store).await?;
    }
    let old = store.finish_rekey(&rekey, actor, context.clock.now()).await.context(DOING)?;
    let changed = changed("done", &rekey, &target, &status, sealed, old_file.as_ref());
    let ended = show(context, &changed, Ended::Done)?;
    say_what_to_keep(context, &old, old_file, &rekey);
    Ok(ended)
}

/// The change that was begun, with its key.
async fn under_way(store: &Store, custody: &dyn KeyCustody) -> anyhow::Result<Option<Rekey>> {
    match store.rekey_under_way(custody).await {
        Err(error @ (StoreError::WrongKey | StoreError::Key(_))) => {
            let why = format!("a change to a new key was begun, and that cannot be had: {}", lost(&error));
            Err(Refusal::new(DOING, why)
                .hint(
                    "bring the new key back or, if it is lost, give the change up: `keyreeve secrets rekey --abandon`, \
                     after which the old key opens the store as before",
                )
                .into())
        }
        found => found.context(DOING),
    }
}

/// Why a key to come cannot be had. What is advised of the store's key is not advised of it: nothing hangs on it alone.
fn lost(error: &StoreError) -> String {
    let said = error.to_string();
    match error {
        StoreError::WrongKey => "its place holds another key".to_owned(),
        _ => said.split_once("; ").map_or(said.clone(), |(lost, _)| lost.to_owned()),
    }
}

fn changed(
    state: &'static str,
    rekey: &Rekey,
    target: &KeyPlace,
    status: &KeyStatus,
    sealed: Resealed,
    old_file: Option<&PathBuf>,
) -> Changed {
    Changed {
        state,
        key: rekey.version(),
        custody: target.to_string(),
        replaced: status.active.version,
        data_keys: sealed.data_keys,
        secrets: sealed.secrets,
        passwords: sealed.passwords,
        old_key_file: old_file.map(|path| path.display().to_string()),
    }
}

fn show(context: &Context, changed: &Changed, ended: Ended) -> anyhow::Result<Ended> {
    context.output.one(changed, COLUMNS, |tables| {
        tables.facts(vec![
            ("State", changed.state.replace('_', " ")),
            ("Key", format!("{} at {}", changed.key, changed.custody)),
            ("In place of key", changed.replaced.to_string()),
            ("Data keys under it", changed.data_keys.to_string()),
            ("Secrets sealed anew", changed.secrets.to_string()),
            ("Passwords sealed anew", changed.passwords.to_string()),
        ]);
    })?;
    Ok(ended)
}

/// Where the new key is to be kept. What was begun decides, if something was.
fn target(context: &Context, arguments: &RekeyStore, status: &KeyStatus) -> Result<KeyPlace, Refusal> {
    let configured = &context.config.places.key;
    if let Some((coming, plan)) = &status.coming {
        let begun: KeyPlace = coming.custody.parse().map_err(|why: &str| {
            Refusal::new(DOING, format!("the place of the key that was begun with is not understood: {why}"))
        })?;
        if arguments.to.as_ref().is_some_and(|to| *to != begun) || (arguments.data_keys && !plan.data_keys) {
            let why = format!(
                "a change to {begun} was begun, and is not ended yet: {} data keys are under its key",
                status.under_coming
            );
            return Err(Refusal::new(DOING, why).hint(
                "end it first: `keyreeve secrets rekey`; or give it up: `keyreeve secrets rekey --abandon`",
            ));
        }
        return Ok(begun);
    }
    let ordinary = ordinary_place(context, status);
    let target = arguments.to.clone().unwrap_or_else(|| ordinary.clone());
    // What lies where this configuration has its key by default is kept under another name.
    let own = KeyPlace::File(context.config.places.data_dir.join(KEY_FILE));
    match &target {
        KeyPlace::Environment(_) | KeyPlace::Systemd(_) if target == *configured => {
            Err(Refusal::new(DOING, format!("{target} holds the old key, and cannot hold two"))
                .hint("put a new key into another variable or credential, and name it with --to"))
        }
        KeyPlace::File(path)
            if target != *configured
                && path.exists()
                && !is_given_up(path, &target, status)
                && (arguments.to.is_some() || target != own) =>
        {
            Err(Refusal::new(DOING, format!("there is a file at {} already", path.display()))
                .hint("give a path that is free: it may be the only key of a store"))
        }
        _ => Ok(target),
    }
}

/// Where a key is put when no place is named: where the key is, or where it was kept before a change put it aside under the
/// name that it has now.
fn ordinary_place(context: &Context, status: &KeyStatus) -> KeyPlace {
    let configured = &context.config.places.key;
    let KeyPlace::File(path) = configured else { return configured.clone() };
    let before = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        Some(path.with_file_name(name.get(..name.rfind(PUT_ASIDE)?)?))
    };
    let Some(stripped) = before(path) else { return configured.clone() };
    match status.active.custody.parse() {
        Ok(KeyPlace::File(noted)) if before(&noted).is_none() => KeyPlace::File(noted),
        _ => KeyPlace::File(stripped),
    }
}

/// Whether this file is the key of the last change, which was given up: it is put aside when another change begins.
fn is_given_up(path: &Path, target: &KeyPlace, status: &KeyStatus) -> bool {
    status.abandoned.as_ref().is_some_and(|before| {
        before.custody == target.to_string() && key_file_holds(path, &before.fingerprint)
    })
}

/// The custody of the new key. A file waits beside its place until all is done.
fn coming_custody(context: &Context, target: &KeyPlace) -> Box<dyn KeyCustody> {
    match target {
        KeyPlace::File(path) => Box::new(NextFileCustody(path.clone())),
        other => context.custody_at(other),
    }
}

async fn begin(
    context: &Context,
    store: &Store,
    status: &KeyStatus,
    target: &KeyPlace,
    arguments: &RekeyStore,
) -> anyhow::Result<Rekey> {
    let version = status.next_version;
    if let Some(before) = &status.abandoned {
        // A process that ended in between may have left its key in the way.
        abandon::put_aside(before, &status.active.fingerprint)?;
    }
    let made = coming_custody(context, target).make(&status.store_id, version).await.context(DOING)?;
    let plan = RekeyPlan::new(arguments.data_keys);
    let by = (context.actor.name(), arguments.reason.as_deref());
    let begun = store.begin_rekey(&made, &target.to_string(), version, plan, by, context.clock.now()).await;
    begun.context(DOING)
}

/// What will happen, in full sentences.
fn plan_in_words(status: &KeyStatus, target: &KeyPlace, data_keys: bool) -> String {
    let old = &status.active;
    let kept = if old.custody.is_empty() { String::new() } else { format!(", kept at {}", old.custody) };
    let version = status.coming.as_ref().map_or(status.next_version, |(facts, _)| facts.version);
    let mut words = format!(
        "Key {} of the store{kept}, gives way to key {version}, kept at {target}: {} data keys are sealed under it.",
        old.version, status.data_keys
    );
    if data_keys {
        words.push_str(&format!(
            " Each system gets a new data key, and {} secrets and {} passwords that wait for an operator are sealed anew.",
            status.secrets, status.passwords
        ));
    }
    if status.coming.is_some() {
        words.push_str(" This change was begun before; what was done is not done again.");
    }
    words.push_str(&format!(" Backups made before still need key {}.", old.version));
    words
}

/// Work under way may need new data keys that it can open only with the old key.
async fn wait_for_work(context: &Context, store: &Store) -> anyhow::Result<()> {
    let mut told = false;
    while let Some((work, until)) = store.live_work(context.clock.now()).await.context(DOING)? {
        if !told {
            note(&format!("Waiting for {work} to end; if nobody works on it, until {until:.0}."));
            told = true;
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Where a key is that opens the store no more. Nothing is named that holds another one: whoever destroys what is named
/// must not destroy that.
fn where_it_is(context: &Context, old: &KeyFacts, old_file: Option<PathBuf>) -> String {
    let holds = |path: &PathBuf| key_file_holds(path, &old.fingerprint);
    let found = || context.config.places.key_files_of_before().into_iter().find(holds);
    match old.custody.parse() {
        Ok(KeyPlace::File(noted)) => match old_file.into_iter().chain([noted]).find(holds).or_else(found) {
            Some(path) => format!("it is at {}", path.display()),
            None => format!("it was at {}, where it is no more", old.custody),
        },
        Ok(kept) => format!("it is at {kept}"),
        Err(_) => "it is where it was kept".to_owned(),
    }
}

fn say_what_to_keep(context: &Context, old: &KeyFacts, old_file: Option<PathBuf>, rekey: &Rekey) {
    note(&format!(
        "Key {} opens this store no more. Backups made before still need it: {}.",
        old.version,
        where_it_is(context, old, old_file)
    ));
    hint(&format!(
        "keep a copy of key {} apart from the database, make a new backup (`keyreeve store backup FILE`), and move key {} \
         to where the old backups are not; when they are gone, destroy it",
        rekey.version(),
        old.version
    ));
}
