//! `keyreeve system rotate-key`

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use keyreeve_aws::{AwsConnector, Credential};
use keyreeve_connector::{Connector, Identity};
use keyreeve_engine::import::Patience;
use keyreeve_engine::key_rotation::{
    Dial, Look, PoliciesError, RotationError, Rotator, Settling, stored_key,
};
use keyreeve_engine::pace::Pacers;
use keyreeve_engine::plan::Gatherer;
use keyreeve_model::{Secret, System};
use keyreeve_policy::PolicySet;
use keyreeve_store::{KeyRotation, RotationState, Store};
use serde::Serialize;

use crate::args::RotateKey;
use crate::command::{Context, connection};
use crate::exit::{Ended, Refusal};
use crate::output::{Column, note};
use crate::terminal;

/// What became of the key.
#[derive(Debug, Serialize)]
struct Rotated {
    system_id: String,
    /// `planned` or `done`.
    state: &'static str,
    user: String,
    old_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_key: Option<String>,
    /// The other systems that sign in with the same key, or assume their role with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
}

const COLUMNS: &[Column<Rotated>] = &[
    ("system_id", |rotated| rotated.system_id.clone()),
    ("state", |rotated| rotated.state.to_owned()),
    ("user", |rotated| rotated.user.clone()),
    ("old_key", |rotated| rotated.old_key.clone()),
    ("new_key", |rotated| rotated.new_key.clone().unwrap_or_default()),
    ("also", |rotated| rotated.also.join(" ")),
];

/// Replaces the access key that a system signs in with, or goes on with what was interrupted.
pub(crate) async fn run(context: &Context, arguments: &RotateKey) -> anyhow::Result<Ended> {
    let id = &arguments.system_id;
    let doing = || format!("rotating the access key of system {id}");
    let store = Arc::new(context.store().await?);
    let system = store.get_system(id).await?;
    stored_key(&system).map_err(|error| refusal(doing(), error))?;
    let dial = Dialling { context, region: system.region.clone() };
    let rotator = Rotator {
        store: &store,
        clock: context.clock,
        dial: &dial,
        actor: context.actor.name(),
        reason: arguments.reason.as_deref(),
        lease: context.config.import.lease,
        settling: Settling::default(),
    };
    guard(context, &store, &system).await?;
    let look = rotator.look(&system).await.map_err(|error| refusal(doing(), error))?;
    let also: Vec<String> = look.shared.iter().map(ToString::to_string).collect();
    if !terminal::agrees(arguments.consent, &doing(), &plan_in_words(&look))? {
        let planned = Rotated {
            system_id: id.to_string(),
            state: "planned",
            user: look.user_arn,
            old_key: look.key_id,
            new_key: None,
            also,
        };
        return show(context, &planned);
    }
    let done = rotator.rotate(&system, &look).await.map_err(|error| refusal(doing(), error))?;
    let rotated = Rotated {
        system_id: id.to_string(),
        state: "done",
        user: done.user_arn,
        old_key: done.old_key_id,
        new_key: Some(done.new_key_id),
        also,
    };
    let ended = show(context, &rotated)?;
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

fn show(context: &Context, rotated: &Rotated) -> anyhow::Result<Ended> {
    context.output.one(rotated, COLUMNS, |tables| {
        let mut facts = vec![
            ("System", rotated.system_id.clone()),
            ("State", rotated.state.to_owned()),
            ("User", rotated.user.clone()),
            ("Old key", rotated.old_key.clone()),
            ("New key", rotated.new_key.clone().unwrap_or_default()),
        ];
        if !rotated.also.is_empty() {
            facts.push(("Also of", rotated.also.join(", ")));
        }
        tables.facts(facts);
    })?;
    Ok(Ended::Done)
}

fn plan_in_words(look: &Look) -> String {
    let names: Vec<String> = look.shared.iter().map(ToString::to_string).collect();
    let also = match (names.as_slice(), look.under_way) {
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
    rotation_in_words(look) + &also
}

fn rotation_in_words(look: &Look) -> String {
    let (user, key) = (&look.user_arn, &look.key_id);
    match look.under_way {
        None => format!(
            "A new access key of {user} is made, proven and stored; then {key} is switched off, the new one is proven once \
             more, and {key} is deleted. No import and no job of this system runs meanwhile."
        ),
        Some(RotationState::Making) => format!(
            "A rotation was interrupted while a new key was made: if there is one whose secret was lost, it is deleted, and \
             another one is made. {key} is in force until that one is proven."
        ),
        Some(RotationState::Made) => format!(
            "A rotation was interrupted when a new key had been made and stored: it is proven, and takes the place of {key}, \
             which is then switched off and deleted."
        ),
        Some(RotationState::Switched | RotationState::Deactivated) => format!(
            "A rotation was interrupted when {key} had taken the old key's place: it is proven once more, and the old key is \
             deleted."
        ),
    }
}

/// It ran, but failed; what could not begin is said as such.
fn refusal(doing: String, error: RotationError) -> anyhow::Error {
    match error {
        RotationError::Store(error) => anyhow::Error::from(error).context(doing),
        RotationError::NoStoredKey(_)
        | RotationError::NoUser(_)
        | RotationError::Elsewhere(_)
        | RotationError::ForeignKey { .. }
        | RotationError::OfBefore { .. }
        | RotationError::NotListed { .. }
        | RotationError::Missing { .. }
        | RotationError::Dial(_)
        | RotationError::NoSecret => Refusal::new(doing, error.to_string()).into(),
        other => Refusal::failed(doing, other.to_string()).into(),
    }
}

/// Whose the stored credentials are: never another AWS account's.
async fn guard(context: &Context, store: &Arc<Store>, system: &System) -> anyhow::Result<()> {
    let gatherer = Gatherer {
        store: Arc::clone(store),
        clock: context.clock,
        patience: Patience::default(),
        pacers: Arc::new(Pacers::default()),
    };
    let connector = connection::of_system(context, store, system).await?;
    gatherer.guard(&connector, system).await.context("looking whose the key is")?;
    Ok(())
}

/// Connects with one key or the other.
struct Dialling<'a> {
    context: &'a Context,
    region: Option<String>,
}

impl Dialling<'_> {
    async fn connect(&self, access_key_id: &str, secret: &Secret) -> Result<AwsConnector, String> {
        let credential = Credential::AccessKey {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret.clone(),
        };
        let connector = connection::connect(self.context, credential, self.region.as_deref()).await;
        connector.map_err(|error| format!("{error:#}"))
    }
}

#[async_trait]
impl Dial for Dialling<'_> {
    async fn dial(&self, access_key_id: &str, secret: &Secret) -> Result<Box<dyn Connector>, String> {
        Ok(Box::new(self.connect(access_key_id, secret).await?))
    }

    async fn policies(
        &self,
        access_key_id: &str,
        secret: &Secret,
        identity: &Identity,
    ) -> Result<Option<PolicySet>, PoliciesError> {
        let connector = self.connect(access_key_id, secret).await.map_err(PoliciesError::Dial)?;
        Ok(connector.own_policies(identity).await?.map(|own| own.policies))
    }
}
