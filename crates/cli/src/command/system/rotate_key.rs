//! `keyreeve system rotate-key`

use anyhow::Context as _;
use keyreeve_engine::desk::{DeskError, RotationAsked};
use keyreeve_engine::key_rotation::{KeyChange, KeyPlan};
use keyreeve_model::SystemId;
use keyreeve_store::{KeyRotation, RotationState, Store};

use crate::args::RotateKey;
use crate::command::Context;
use crate::command::change::{desk, refused};
use crate::exit::{Ended, Refusal};
use crate::output::{Column, note};
use crate::source::{Server, Source};
use crate::terminal;

const COLUMNS: &[Column<KeyChange>] = &[
    ("system_id", |change| change.system_id.to_string()),
    ("state", |change| change.state.as_str().to_owned()),
    ("user", |change| change.user.clone()),
    ("old_key", |change| change.old_key.clone()),
    ("new_key", |change| change.new_key.clone().unwrap_or_default()),
    ("also", |change| names(&change.also).join(" ")),
];

/// Replaces the access key that a system signs in with, or goes on with what was interrupted.
pub(crate) async fn run(context: &Context, arguments: &RotateKey) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return by_server(context, &server, arguments).await;
    }
    let id = &arguments.system_id;
    let doing = || format!("rotating the access key of system {id}");
    let desk = desk(context).await?;
    let asked = RotationAsked {
        reason: arguments.reason.as_deref(),
        lease: context.config.import.lease,
        request: None,
    };
    let looked = desk.look_at_key(&context.actor, id, asked).await;
    let (system, look) = looked.map_err(|error| refusal(doing(), error))?;
    let plan = look.plan(id);
    if !terminal::agrees(arguments.consent, &doing(), &plan_in_words(&plan))? {
        return show(context, &plan.change);
    }
    let rotated = desk.rotate_key(&context.actor, (&system, &look), asked).await;
    show_done(context, &rotated.map_err(|error| refusal(doing(), error))?)
}

/// Has a server replace the key.
async fn by_server(context: &Context, server: &Server, arguments: &RotateKey) -> anyhow::Result<Ended> {
    let id = &arguments.system_id;
    let doing = || format!("rotating the access key of system {id}");
    let plan = server.key_plan(id).await.with_context(doing)?;
    if !terminal::agrees(arguments.consent, &doing(), &plan_in_words(&plan))? {
        return show(context, &plan.change);
    }
    let plan = server.rotate_key(id, arguments.reason.as_deref()).await.with_context(doing)?;
    show_done(context, &plan.change)
}

fn show_done(context: &Context, change: &KeyChange) -> anyhow::Result<Ended> {
    let ended = show(context, change)?;
    note("The new key works and is stored; the old one is deleted.");
    Ok(ended)
}

/// Says what became of a rotation that a system, which is removed or has other credentials now, had not ended.
pub(super) async fn say_who_goes_on(store: &Store, before: Option<&KeyRotation>) -> anyhow::Result<()> {
    let Some(rotation) = before else { return Ok(()) };
    match store.rotation_of_key(&rotation.old_key_id).await? {
        Some(heir) if heir == rotation.system_id => {}
        Some(heir) => note(&format!(
            "The rotation of its access key had not ended. System {heir} has the same key, and goes on with it: `keyreeve \
             system rotate-key {heir}`"
        )),
        None => {
            let (user, old) = (&rotation.user_arn, &rotation.old_key_id);
            let new = rotation.new_key_id.as_deref().unwrap_or("one that may have been made");
            note(&format!(
                "The rotation of its access key had not ended, and no other system has that key. {user} may have two keys \
                 now, {old} and {new}: delete in AWS what nobody uses."
            ));
        }
    }
    Ok(())
}

fn show(context: &Context, change: &KeyChange) -> anyhow::Result<Ended> {
    context.output.one(change, COLUMNS, |tables| {
        let mut facts = vec![
            ("System", change.system_id.to_string()),
            ("State", change.state.as_str().to_owned()),
            ("User", change.user.clone()),
            ("Old key", change.old_key.clone()),
            ("New key", change.new_key.clone().unwrap_or_default()),
        ];
        if !change.also.is_empty() {
            facts.push(("Also of", names(&change.also).join(", ")));
        }
        tables.facts(facts);
    })?;
    Ok(Ended::Done)
}

fn names(systems: &[SystemId]) -> Vec<String> {
    systems.iter().map(ToString::to_string).collect()
}

fn plan_in_words(plan: &KeyPlan) -> String {
    let names = names(&plan.change.also);
    let also = match (names.as_slice(), plan.under_way) {
        ([], _) => String::new(),
        (names, Some(RotationState::Switched | RotationState::Deactivated)) => {
            format!(" The new key is also that of {}.", names.join(", "))
        }
        (names, _) => format!(
            " The same key is also that of {}: they change to the new one at the same moment, and nothing of theirs runs \
             meanwhile.",
            names.join(", ")
        ),
    };
    rotation_in_words(plan) + &also
}

fn rotation_in_words(plan: &KeyPlan) -> String {
    let (user, key) = (&plan.change.user, &plan.change.old_key);
    let new = plan.change.new_key.as_deref().unwrap_or("the new key");
    match plan.under_way {
        None => format!(
            "A new access key of {user} is made, proven and stored; then {key} is switched off, the new one is proven once \
             more, and {key} is deleted. No import and no job of this system runs meanwhile."
        ),
        Some(RotationState::Making) => format!(
            "A rotation was interrupted while a new key was made: if there is one whose secret was lost, it is deleted, and \
             another one is made. {key} is in force until that one is proven."
        ),
        Some(RotationState::Made) => format!(
            "A rotation was interrupted when {new} had been made and stored: it is proven, and takes the place of {key}, \
             which is then switched off and deleted."
        ),
        Some(RotationState::Switched | RotationState::Deactivated) => format!(
            "A rotation was interrupted when {new} had taken the place of {key}: it is proven once more, and {key} is deleted."
        ),
    }
}

/// It ran, but failed; what could not begin is said as such.
fn refusal(doing: String, error: DeskError) -> anyhow::Error {
    match error {
        DeskError::Rotation(error) if error.could_not_begin() => {
            Refusal::new(doing, error.to_string()).into()
        }
        DeskError::Rotation(error) => Refusal::failed(doing, error.to_string()).into(),
        DeskError::Gather(error) => anyhow::Error::from(error).context("looking whose the key is"),
        DeskError::Store(error) => anyhow::Error::from(error).context(doing),
        other => refused(other),
    }
}
