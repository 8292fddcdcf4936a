//! `keyreeve store …`

mod migrate;

use anyhow::Context as _;
use keyreeve_store::{BroughtBack, Compared, GoneSince, KEY_OF_THE_BACKUP, Restoration, StoreError};
use serde::Serialize;

use super::Context;
use crate::args::{BackUp, Restore, StoreCommand};
use crate::config::KeyPlace;
use crate::exit::{Ended, Refusal};
use crate::output::{Column, escape, failure, note, single};
use crate::terminal;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: StoreCommand) -> anyhow::Result<Ended> {
    match command {
        StoreCommand::Backup(arguments) => back_up(context, &arguments).await,
        StoreCommand::Restore(arguments) => restore(context, &arguments).await,
        StoreCommand::Migrate(arguments) => migrate::run(context, &arguments).await,
    }
}

/// Which files are where now.
#[derive(Debug, Serialize)]
struct Files {
    store: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
    /// False when only the plan was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<bool>,
    /// What a restore brings back, or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    brought_back: Option<BroughtBack>,
    /// What of it is gone in the store that is in the place, or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone_since: Option<GoneSince>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<String>,
}

/// What of a backup works again, in words.
fn in_words(back: &BroughtBack) -> Vec<String> {
    let counts = [
        ("systems", back.systems),
        ("accounts", back.accounts),
        ("open jobs", back.open_jobs),
        ("unclaimed passwords", back.unclaimed_passwords),
        ("valid tokens", back.valid_tokens),
        ("people who may sign in", back.people_who_may_sign_in),
        ("schedules", back.schedules),
    ];
    counts.map(|(what, count)| format!("{what}: {count}")).to_vec()
}

/// So many of a kind are named to people; JSON has all of them.
const NAMED: usize = 20;

/// What was gone and works again, a line for each kind.
fn gone_in_words(gone: &GoneSince) -> Vec<String> {
    let tokens = gone.tokens_revoked.iter().map(|token| format!("{} of {}", token.id, token.owner));
    let kinds = [
        ("tokens revoked since", tokens.collect()),
        ("people removed or disabled since", gone.people_removed.clone()),
        ("people given another role, other systems or another password since", gone.people_changed.clone()),
        ("systems removed since", gone.systems_removed.clone()),
        ("systems quarantined or suspended since", gone.systems_stopped.clone()),
        ("systems given other credentials since", gone.credentials_replaced.clone()),
        ("schedules ended or changed since", gone.schedules_changed.clone()),
        ("systems given other settings since", gone.settings_changed.clone()),
        ("import profiles given other thresholds or another scope since", gone.thresholds_changed.clone()),
        ("task mappings changed since", gone.mappings_changed.clone()),
        (
            "import runs accepted or rejected since",
            gone.runs_decided.iter().map(ToString::to_string).collect(),
        ),
        ("taken off protect lists since", gone.protections_removed.clone()),
        ("put on protect lists since, and not in the backup", gone.protections_lost.clone()),
        ("jobs ended since", gone.jobs_ended.iter().map(ToString::to_string).collect()),
    ];
    let mut lines: Vec<String> = kinds.iter().filter_map(|(what, names)| line(what, names)).collect();
    if gone.passwords_opened > 0 {
        lines.push(format!("passwords opened or worthless since: {}", gone.passwords_opened));
    }
    lines
}

fn line(what: &str, names: &[String]) -> Option<String> {
    let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        _ if names.is_empty() => None,
        None => Some(format!("{what}: {named}")),
        Some(more) => Some(format!("{what}: {named} and {more} more")),
    }
}

/// The same in a sentence.
fn compared_in_words(compared: &Compared) -> String {
    match compared {
        Compared::Not(why) => format!("What of that is gone since is not known: {why}."),
        Compared::Gone(gone) if gone.is_nothing() => {
            "Nothing of that is gone in the store that is there now.".to_owned()
        }
        Compared::Gone(gone) => {
            let lines = gone_in_words(gone);
            let lines: Vec<_> = lines.iter().map(|one| escape::line(one)).collect();
            format!("Of that is gone since: {}.", lines.join("; "))
        }
    }
}

impl Files {
    fn gone_since(&self) -> Vec<String> {
        match (&self.gone_since, &self.not_compared) {
            (Some(gone), _) if gone.is_nothing() => vec!["nothing".to_owned()],
            (Some(gone), _) => gone_in_words(gone),
            (None, Some(why)) => vec![format!("not known: {why}")],
            (None, None) => vec![],
        }
    }

    fn brought_back(&self) -> Vec<String> {
        self.brought_back.as_ref().map(in_words).unwrap_or_default()
    }
}

const COLUMNS: &[Column<Files>] = &[
    ("store", |files| files.store.clone()),
    ("backup", |files| files.backup.clone().unwrap_or_default()),
    ("replaced", |files| files.replaced.clone().unwrap_or_default()),
    ("restored", |files| files.restored.map(|restored| restored.to_string()).unwrap_or_default()),
    ("brought_back", |files| files.brought_back().join(", ")),
    ("gone_since", |files| files.gone_since().join("; ")),
];

fn show(context: &Context, files: &Files) -> anyhow::Result<Ended> {
    context.output.one(files, COLUMNS, |tables| {
        let mut facts = single(vec![
            ("Store", files.store.clone()),
            ("Backup", files.backup.clone().unwrap_or_default()),
            ("Replaced store, kept at", files.replaced.clone().unwrap_or_default()),
            (
                "Restored",
                files.restored.map_or("", |restored| if restored { "yes" } else { "no" }).to_owned(),
            ),
        ]);
        let back = if files.restored == Some(true) { "Brought back" } else { "Would bring back" };
        facts.push((back, files.brought_back().into()));
        facts.push(("Of that, gone since", files.gone_since().into()));
        tables.facts(facts);
    })?;
    Ok(Ended::Done)
}

async fn back_up(context: &Context, arguments: &BackUp) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    store.backup(&arguments.file).await?;
    note(keep_with_backup(&context.config.places.key));
    let files = Files {
        store: store.url().to_string(),
        backup: Some(arguments.file.display().to_string()),
        replaced: None,
        restored: None,
        brought_back: None,
        gone_since: None,
        not_compared: None,
    };
    show(context, &files)
}

/// What else is needed to restore a backup, and must not lie by it.
fn keep_with_backup(key: &KeyPlace) -> &'static str {
    match key {
        KeyPlace::File(_) => "The key is not in the backup: keep a copy of the key file apart from it.",
        KeyPlace::Environment(_) => {
            "The key is not in the backup: keep a copy of the variable's value apart from it."
        }
        KeyPlace::Systemd(_) => {
            "The key is not in the backup: keep a copy of what systemd's credential holds apart from it, in clear: \
             the sealed file may open on this machine alone."
        }
        KeyPlace::Kms(_) => {
            "The key in the backup is sealed by the key in KMS, which alone opens it: see that nobody schedules that \
             key's deletion while there is a backup."
        }
    }
}

/// Names the key files there are, where another key is needed.
fn with_keys(context: &Context, doing: &'static str, error: StoreError) -> anyhow::Error {
    let found = context.config.places.key_files_of_before();
    let needs_key =
        matches!(&error, StoreError::BackupRefused { advice, .. } if *advice == KEY_OF_THE_BACKUP);
    let error = anyhow::Error::from(error).context(doing);
    if !needs_key || found.is_empty() {
        return error;
    }
    let found: Vec<String> = found.iter().map(|path| format!("file:{}", path.display())).collect();
    let (why, hint) = failure::words(&error);
    let hint = format!("{}. Here are: {}", hint.unwrap_or_default(), found.join(", "));
    let why = why.strip_prefix(&format!("{doing}: ")).unwrap_or(&why).to_owned();
    Refusal::new(doing, why).hint(hint).into()
}

async fn restore(context: &Context, arguments: &Restore) -> anyhow::Result<Ended> {
    const DOING: &str = "restoring the backup";
    let database = &context.config.places.database;
    let Some(path) = database.sqlite_path() else {
        return Err(StoreError::UsePgDump { doing: DOING }.into());
    };
    let custody = context.custody();
    let (actor, now) = (context.actor.name(), context.clock.now());
    let prepared = match arguments.consent.plan {
        true => Restoration::plan(&arguments.file, path, &custody, actor, now).await,
        false => Restoration::prepare(&arguments.file, path, &custody, actor, now).await,
    };
    let mut prepared = prepared.map_err(|error| with_keys(context, DOING, error))?;
    let files = |prepared: &Restoration, replaced, restored| {
        let (gone_since, not_compared) = match prepared.compared().clone() {
            Compared::Gone(gone) => (Some(*gone), None),
            Compared::Not(why) => (None, Some(why)),
        };
        Files {
            store: database.to_string(),
            backup: Some(arguments.file.display().to_string()),
            replaced,
            restored: Some(restored),
            brought_back: Some(*prepared.brought_back()),
            gone_since,
            not_compared,
        }
    };
    let replaced = loop {
        let what = format!(
            "The store at {} will be replaced by {}. What is there now is kept beside it. What was taken away since the \
             backup was made is there again: it brings back {}. {}",
            path.display(),
            arguments.file.display(),
            in_words(prepared.brought_back()).join(", "),
            compared_in_words(prepared.compared())
        );
        if !terminal::agrees(arguments.consent, DOING, &what)? {
            return show(context, &files(&prepared, None, false));
        }
        match prepared.put_in_place(&custody, context.clock.now()).await {
            // Whoever was asked has agreed to something else; with --yes nothing was shown yet.
            Err(StoreError::ChangedSinceCompared { .. }) if arguments.consent.yes => {}
            Err(StoreError::ChangedSinceCompared { .. }) => {
                note("The store was changed since this was shown, and was not replaced yet. So it is now:");
            }
            replaced => break replaced.context(DOING)?,
        }
    };
    if let Some(kept) = &replaced {
        note(&format!("The store that was in the place is kept at {}.", kept.display()));
    }
    // What the checkpoint had seen of the store that was there may be missing in the backup, and the log says so.
    let (store, _) = context.store_and_checkpoint().await?;
    if let Some(kept) = &replaced {
        store.leave_audit_checkpoint_to(kept).context(DOING)?;
    }
    let reason = format!("{} was restored", arguments.file.display());
    store.renew_audit_checkpoint(actor, &reason, context.clock.now()).await.context(DOING)?;
    store.close().await;
    note(
        "Tokens, people, passwords and jobs that were taken away since the backup was made are there again. Go through \
         `keyreeve token list`, `keyreeve person list` and `keyreeve job list SYSTEM` before `keyreeve serve` starts.",
    );
    show(context, &files(&prepared, replaced.map(|path| path.display().to_string()), true))
}
