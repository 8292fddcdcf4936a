//! Giving up a change of the store's key that was begun and not ended.

use std::path::PathBuf;

use anyhow::Context as _;
use keyreeve_store::{KeyFacts, KeyStatus, NextFileCustody, Store};

use super::{Changed, show};
use crate::args::RekeyStore;
use crate::command::Context;
use crate::config::KeyPlace;
use crate::exit::{Ended, Refusal};
use crate::output::{hint, note};
use crate::terminal;

const DOING: &str = "giving the change of the store's key up";

/// `secrets rekey --abandon`
pub(super) async fn run(
    context: &Context,
    arguments: &RekeyStore,
    store: &Store,
    status: &KeyStatus,
) -> anyhow::Result<Ended> {
    let stays = &status.active;
    // What a process that ended in between has given up already is only tidied up.
    let (coming, under_way) = match (&status.coming, &status.abandoned) {
        (Some((coming, _)), _) => (coming, true),
        (None, Some(before)) if is_in_the_way(before) => (before, false),
        (None, Some(before)) => {
            let why = format!(
                "no change of the store's key is under way; the last one, to key {}, was given up already",
                before.version
            );
            return Err(Refusal::new(DOING, why).into());
        }
        (None, None) => {
            return Err(Refusal::new(DOING, "no change of the store's key is under way").into());
        }
    };
    let (version, old, custody) = (coming.version, stays.version, &coming.custody);
    let words = format!(
        "The change to key {version} at {custody} is given up: what is sealed under it ({} data keys) is taken away, key {old} \
         opens the store as before, and key {version} never will again. Whoever uses key {version} by now must be restarted \
         with key {old}.",
        status.under_coming
    );
    let changed = |state, old_key_file: Option<PathBuf>| Changed {
        state,
        key: version,
        custody: custody.clone(),
        replaced: old,
        data_keys: status.under_coming,
        secrets: 0,
        passwords: 0,
        old_key_file: old_key_file.map(|path| path.display().to_string()),
    };
    if !terminal::agrees(arguments.consent, DOING, &words)? {
        return show(context, &changed("planned", None), Ended::Done);
    }
    let aside = match under_way {
        true => give_up(context, arguments, store, status, coming).await?,
        false => put_aside(coming, &stays.fingerprint)?,
    };
    let ended = show(context, &changed("abandoned", aside.clone()), Ended::Done)?;
    note(&format!("Key {old} opens the store, as before, and key {version} does not."));
    if let Some(aside) = aside {
        hint(&format!(
            "{} holds key {version}: destroy it, unless a backup was made meanwhile",
            aside.display()
        ));
    }
    Ok(ended)
}

/// The change that was begun, if another place is asked for and nothing is under its key yet: then it need not be ended.
/// From here on it is as though it had not been begun.
pub(super) fn for_another_place(arguments: &RekeyStore, status: &mut KeyStatus) -> Option<KeyFacts> {
    let (coming, _) = status.coming.as_ref()?;
    let other = arguments.to.as_ref().is_some_and(|to| to.to_string() != coming.custody);
    if !other || status.under_coming > 0 {
        return None;
    }
    status.coming.take().map(|(coming, _)| coming)
}

/// Gives the change up, and takes a key file that was made for it out of the way. Gives where that is then.
pub(super) async fn give_up(
    context: &Context,
    arguments: &RekeyStore,
    store: &Store,
    status: &KeyStatus,
    coming: &KeyFacts,
) -> anyhow::Result<Option<PathBuf>> {
    let (actor, reason) = (context.actor.name(), arguments.reason.as_deref());
    store.abandon_rekey(actor, reason, context.clock.now()).await.context(DOING)?;
    put_aside(coming, &status.active.fingerprint)
}

/// Whether the file of a key whose change was given up still lies where another one is to be.
fn is_in_the_way(given_up: &KeyFacts) -> bool {
    match given_up.custody.parse() {
        Ok(KeyPlace::File(path)) => NextFileCustody(path).has(&given_up.fingerprint),
        _ => false,
    }
}

/// Takes the file of a key whose change was given up out of the way, if it is one.
pub(super) fn put_aside(given_up: &KeyFacts, stays: &str) -> anyhow::Result<Option<PathBuf>> {
    match given_up.custody.parse() {
        Ok(KeyPlace::File(path)) => {
            NextFileCustody(path).put_aside(&given_up.fingerprint, stays).context(DOING)
        }
        _ => Ok(None),
    }
}
