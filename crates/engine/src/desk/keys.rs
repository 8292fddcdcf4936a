//! The access keys that systems sign in with, replaced by administrators.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{System, SystemId};
use keyreeve_store::{AuditFilter, KeyClaim, StoreError};
use serde::Deserialize;

use super::keeping::{administers, fits};
use super::{Desk, DeskError, is_there};
use crate::import::Patience;
use crate::key_rotation::{KeyChange, KeyChangeState, Look, Rotator, Settling, stored_key};
use crate::plan::Gatherer;
use crate::rights::Actor;

/// Which systems a rotation is of.
const SIGN_IN_WITH_IT: &str = "sign in with this access key";

/// How a key is to be replaced.
#[derive(Debug, Clone, Copy)]
pub struct RotationAsked<'a> {
    /// Why.
    pub reason: Option<&'a str>,
    /// How long the rotation is held without a sign of life.
    pub lease: Duration,
    /// The request that is done when the rotation has ended well.
    pub request: Option<&'a KeyClaim>,
}

/// What the audit log says of a rotation that has ended well.
#[derive(Deserialize)]
struct Ended {
    user: String,
    old_key: String,
    new_key: Option<String>,
}

impl Desk {
    /// Looks at the access key that a system signs in with: whose it is, and what stands in the way of replacing it. Reads
    /// only.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::NotConnected`], [`DeskError::Gather`], [`DeskError::Rotation`],
    /// [`DeskError::Store`].
    pub async fn look_at_key(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        asked: RotationAsked<'_>,
    ) -> Result<(System, Look), DeskError> {
        administers(actor, system_id)?;
        fits(asked.reason)?;
        let system = self.store.get_system(system_id).await?;
        is_there(&system)?;
        stored_key(&system)?;
        let connector = self.connected(&system).await?;
        let gatherer = Gatherer {
            store: self.store.clone(),
            clock: self.clock,
            patience: Patience::default(),
            pacers: self.pacers.clone(),
        };
        // Never with the credentials of another AWS account.
        gatherer.guard(&*connector, &system).await?;
        let look = self.rotator(actor, &system, asked).look(&system).await?;
        actor.require_each(&look.shared, SIGN_IN_WITH_IT)?;
        Ok((system, look))
    }

    /// Replaces the access key that a system signs in with, as it was looked at, or goes on with what was interrupted.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Rotation`], [`DeskError::Store`].
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        (system, look): (&System, &Look),
        asked: RotationAsked<'_>,
    ) -> Result<KeyChange, DeskError> {
        administers(actor, &system.system_id)?;
        actor.require_each(&look.shared, SIGN_IN_WITH_IT)?;
        let done = self.rotator(actor, system, asked).rotate(system, look).await?;
        Ok(KeyChange {
            system_id: system.system_id.clone(),
            state: KeyChangeState::Done,
            user: done.user_arn,
            old_key: done.old_key_id,
            new_key: Some(done.new_key_id),
            also: look.shared.clone(),
        })
    }

    /// What a request came to that was made at that time and replaced a key.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Store`].
    pub async fn rotated_key(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        asked_at: Timestamp,
    ) -> Result<KeyChange, DeskError> {
        administers(actor, system_id)?;
        // One rotation of a system is under way at a time, so the first that ended since is the one that was asked for.
        let filter = AuditFilter {
            system_id: Some(system_id.clone()),
            actor: Some(actor.name().to_owned()),
            action: Some("key_rotation_finished".to_owned()),
            since: Some(asked_at),
            ..AuditFilter::default()
        };
        let row = self.store.oldest_audit(&filter, 1).await?.into_iter().next();
        let ended = row.and_then(|row| serde_json::from_value::<Ended>(row.subject).ok());
        let Some(Ended { user, old_key, new_key }) = ended else {
            let what = "what a request to replace an access key came to is not in the audit log".to_owned();
            return Err(StoreError::Data { what }.into());
        };
        let (state, also) = (KeyChangeState::Done, self.store.sharing_key(system_id).await?);
        actor.require_each(&also, SIGN_IN_WITH_IT)?;
        Ok(KeyChange { system_id: system_id.clone(), state, user, old_key, new_key, also })
    }

    fn rotator<'a>(&'a self, actor: &'a Actor, system: &'a System, asked: RotationAsked<'a>) -> Rotator<'a> {
        Rotator {
            store: &self.store,
            clock: self.clock,
            connections: &*self.connections,
            region: system.region.as_deref(),
            actor: actor.name(),
            reason: asked.reason,
            request: asked.request,
            lease: asked.lease,
            settling: Settling::default(),
        }
    }
}
