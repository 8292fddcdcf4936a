//! What a rotation would do, and whether it can.

use keyreeve_connector::{AccountCredentialEntry, Cause, Connector, Identity, PointRead, Provisioning};
use keyreeve_model::{
    AccountCredential, AccountCredentialKind, CredentialKind, Secret, StepCall, System, SystemId,
};
use keyreeve_policy::{PolicySet, Request, Target, Verdict, evaluate};
use keyreeve_store::{KeyRotation, RotationState};

use super::keys::{provisioning, user_name};
use super::{KeyChange, KeyChangeState, KeyPlan, RotationError, Rotator};
use crate::connections::{PoliciesError, in_words};

/// What was found before anything is done.
#[derive(Debug, Clone)]
pub struct Look {
    /// The user whose keys these are.
    pub user_arn: String,
    /// The key in use.
    pub key_id: String,
    /// All keys of the user.
    pub keys: Vec<AccountCredentialEntry>,
    /// A rotation that was begun before.
    pub under_way: Option<KeyRotation>,
    /// The other systems that sign in with this very key, or assume their role with it: they change with it.
    pub shared: Vec<SystemId>,
}

impl Look {
    /// The same as it is told to who asks for it.
    #[must_use]
    pub fn plan(&self, system_id: &SystemId) -> KeyPlan {
        // Once it has switched, the key in use is the new one.
        let begun = self.under_way.as_ref();
        let change = KeyChange {
            system_id: system_id.clone(),
            state: KeyChangeState::Planned,
            user: self.user_arn.clone(),
            old_key: begun.map_or(&self.key_id, |rotation| &rotation.old_key_id).clone(),
            new_key: begun.and_then(|rotation| rotation.new_key_id.clone()),
            also: self.shared.clone(),
        };
        KeyPlan { change, under_way: begun.map(|rotation| rotation.state) }
    }
}

impl Rotator<'_> {
    /// Looks whose the key is, at its user's keys, and what of its user's rights is missing.
    ///
    /// # Errors
    /// Whatever keeps the key from being rotated, said before anything is done.
    pub async fn look(&self, system: &System) -> Result<Look, RotationError> {
        let key_id = stored_key(system)?;
        if let Some(other) = self.store.rotation_elsewhere(&system.system_id).await? {
            return Err(RotationError::Elsewhere(other));
        }
        let connector = self.connect_as_stored(system).await?;
        let identity = connector.identify().await.map_err(|source| RotationError::Call {
            doing: "finding out whose key it is",
            then: "nothing was done",
            source: Box::new(source),
        })?;
        let user = user_name(&identity.arn).ok_or_else(|| RotationError::NoUser(identity.arn.clone()))?;
        let provisioning = provisioning(&*connector)?;
        let under_way = self.store.key_rotation(&system.system_id).await?.map(|(rotation, _)| rotation);
        let come_to = under_way.as_ref().map(|rotation| rotation.state);
        if let Some(set) = self.policies(system, &identity, provisioning).await? {
            let missing = denied(&set, &identity.arn, needs(provisioning, user, &key_id, come_to));
            if !missing.is_empty() {
                return Err(RotationError::Missing { user: identity.arn.clone(), actions: missing });
            }
        }
        let keys = self.list(provisioning, user, false).await.map_err(|source| match source.cause {
            Cause::Denied => {
                RotationError::Missing { user: identity.arn.clone(), actions: vec!["iam:ListAccessKeys"] }
            }
            _ => RotationError::Call {
                doing: "listing the user's access keys",
                then: "nothing was done",
                source: Box::new(source),
            },
        })?;
        let shared = self.store.sharing_key(&system.system_id).await?;
        Ok(Look { user_arn: identity.arn.clone(), key_id, keys, under_way, shared })
    }

    /// A connection with the system's key as it is now; of a role, as the user that it is assumed with.
    pub(super) async fn connect_as_stored(
        &self,
        system: &System,
    ) -> Result<Box<dyn Connector>, RotationError> {
        let key_id = stored_key(system)?;
        let secret = self.stored_secret(system).await?;
        self.connect_with(&key_id, &secret).await
    }

    /// A connection with one of the keys. Nothing is sent yet.
    pub(super) async fn connect_with(
        &self,
        key_id: &str,
        secret: &Secret,
    ) -> Result<Box<dyn Connector>, RotationError> {
        let connected = self.connections.connect_with(&key(key_id), Some(secret.clone()), self.region).await;
        connected.map_err(|why| RotationError::Dial(in_words(&*why)))
    }

    async fn stored_secret(&self, system: &System) -> Result<Secret, RotationError> {
        let secret = crate::systems::secret_of(self.store, self.clock, system).await?;
        secret.ok_or(RotationError::NoSecret)
    }

    /// The policies of the key's user, asked for themselves: there need be no import, and the user may be another one
    /// than the role's that imports read with. `None` where they may not be read, or cannot be all there is, because
    /// they deny what reading them needs.
    async fn policies(
        &self,
        system: &System,
        identity: &Identity,
        provisioning: &dyn Provisioning,
    ) -> Result<Option<PolicySet>, RotationError> {
        let (credential, secret) = (key(&stored_key(system)?), self.stored_secret(system).await?);
        let mut patience = self.settling.patience();
        let set = loop {
            let secret = Some(secret.clone());
            match self.connections.policies_with(&credential, secret, self.region, identity).await {
                Ok(set) => break set,
                Err(PoliciesError::NotConnected(why)) => return Err(RotationError::Dial(in_words(&*why))),
                Err(PoliciesError::Call(error)) if error.cause == Cause::Denied => break None,
                Err(PoliciesError::Call(error)) if patience.may_repeat(&error, false, true).await => {}
                Err(PoliciesError::Call(error)) => {
                    return Err(RotationError::Call {
                        doing: "reading what its user is allowed",
                        then: "nothing was done",
                        source: Box::new(error),
                    });
                }
            }
        };
        let read_with = provisioning.read_needs(PointRead::PolicyDocuments);
        let may_read = |set: &PolicySet| evaluate(set, &Request::new(read_with)).verdict != Verdict::Deny;
        Ok(set.filter(may_read))
    }
}

fn key(access_key_id: &str) -> CredentialKind {
    CredentialKind::AccessKey { access_key_id: access_key_id.to_owned() }
}

/// The key that a system signs in with, or assumes its role with.
///
/// # Errors
/// [`RotationError::NoStoredKey`].
pub fn stored_key(system: &System) -> Result<String, RotationError> {
    let key = system.credential.access_key_id().map(str::to_owned);
    key.ok_or_else(|| RotationError::NoStoredKey(system.system_id.clone()))
}

/// What a rotation needs its user to be allowed on itself, from where it has come to on.
fn needs(
    provisioning: &dyn Provisioning,
    user: &str,
    key_id: &str,
    under_way: Option<RotationState>,
) -> Vec<&'static str> {
    let credential = || AccountCredential { kind: AccountCredentialKind::AccessKey, id: key_id.to_owned() };
    let account = || user.to_owned();
    let off = StepCall::SetCredential { account: account(), credential: credential(), active: false };
    let gone = StepCall::DeleteCredential { account: account(), credential: credential() };
    let mut needs = vec![provisioning.read_needs(PointRead::Credentials(AccountCredentialKind::AccessKey))];
    if matches!(under_way, None | Some(RotationState::Making)) {
        needs.push(provisioning.key_needs());
    }
    if under_way != Some(RotationState::Deactivated) {
        needs.extend(provisioning.needs(&off));
    }
    needs.extend(provisioning.needs(&gone));
    needs
}

/// Which of these actions on a user its policies certainly do not allow.
fn denied(set: &PolicySet, user_arn: &str, mut actions: Vec<&'static str>) -> Vec<&'static str> {
    let itself = Target::Arn(user_arn.to_owned());
    actions
        .retain(|action| evaluate(set, &Request::new(*action).on(itself.clone())).verdict == Verdict::Deny);
    actions
}
