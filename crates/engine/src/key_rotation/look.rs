//! What a rotation would do, and whether it can.

use keyreeve_connector::{AccountCredentialEntry, Cause, Connector};
use keyreeve_model::{AccountCredential, AccountCredentialKind, CredentialKind, StepCall, System, SystemId};
use keyreeve_store::RotationState;

use super::keys::{provisioning, user_name};
use super::{RotationError, Rotator};
use crate::plan::{Facts, denied_on_user};

/// What was found before anything is done.
#[derive(Debug, Clone)]
pub struct Look {
    /// The user whose keys these are.
    pub user_arn: String,
    /// The key in use.
    pub key_id: String,
    /// All keys of the user.
    pub keys: Vec<AccountCredentialEntry>,
    /// A rotation that was begun before, and how far it has come.
    pub under_way: Option<RotationState>,
    /// The other systems that sign in with this very key, or assume their role with it: they change with it.
    pub shared: Vec<SystemId>,
}

impl Rotator<'_> {
    /// Looks whose the key is, at its user's keys, and what of the connector's rights is missing. `facts` are those
    /// of the last import's system, if there was one.
    ///
    /// # Errors
    /// Whatever keeps the key from being rotated, said before anything is done.
    pub async fn look(&self, system: &System, facts: Option<&Facts>) -> Result<Look, RotationError> {
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
        let acts_as_user = matches!(system.credential, CredentialKind::AccessKey { .. });
        if let Some(facts) = facts.filter(|_| acts_as_user) {
            let missing = denied_on_user(facts, user, &needs(provisioning, user, &key_id));
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
        let under_way = self.store.key_rotation(&system.system_id).await?.map(|(rotation, _)| rotation.state);
        let shared = self.store.sharing_key(&system.system_id).await?;
        Ok(Look { user_arn: identity.arn.clone(), key_id, keys, under_way, shared })
    }

    /// A connection with the system's key as it is now; of a role, as the user that it is assumed with.
    pub(super) async fn connect_as_stored(
        &self,
        system: &System,
    ) -> Result<Box<dyn Connector>, RotationError> {
        let key_id = stored_key(system)?;
        let secret = crate::systems::secret_of(self.store, self.clock, system).await?;
        let secret = secret.ok_or(RotationError::NoSecret)?;
        self.dial.dial(&key_id, &secret).await.map_err(RotationError::Dial)
    }
}

/// The key that a system signs in with, or assumes its role with.
///
/// # Errors
/// [`RotationError::NoStoredKey`].
pub fn stored_key(system: &System) -> Result<String, RotationError> {
    let key = system.credential.access_key_id().map(str::to_owned);
    key.ok_or_else(|| RotationError::NoStoredKey(system.system_id.clone()))
}

/// What a rotation needs its user to be allowed on itself.
fn needs(provisioning: &dyn keyreeve_connector::Provisioning, user: &str, key_id: &str) -> Vec<&'static str> {
    let credential = || AccountCredential { kind: AccountCredentialKind::AccessKey, id: key_id.to_owned() };
    let account = || user.to_owned();
    let off = StepCall::SetCredential { account: account(), credential: credential(), active: false };
    let gone = StepCall::DeleteCredential { account: account(), credential: credential() };
    let read = keyreeve_connector::PointRead::Credentials(AccountCredentialKind::AccessKey);
    let mut needs = vec![provisioning.read_needs(read), provisioning.key_needs()];
    needs.extend([off, gone].iter().flat_map(|call| provisioning.needs(call)));
    needs
}
