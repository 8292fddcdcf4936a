//! Somebody who is to be added, and a password that somebody is to have.

use keyreeve_model::{PersonName, Role, Secret, SystemId};
use keyreeve_store::{NewPerson, Store};

use super::DeskError;
use crate::people::{Passwords, check_password};

/// Somebody who is to be added.
#[derive(Debug, Clone)]
pub struct PersonAsked {
    /// Their name.
    pub name: PersonName,
    /// What they may do.
    pub role: Role,
    /// The systems they are limited to; empty for all.
    pub systems: Vec<SystemId>,
    /// Their password.
    pub password: Secret,
}

impl PersonAsked {
    /// What is kept of them; the password only as its hash.
    ///
    /// # Errors
    /// [`DeskError::Invalid`]; [`keyreeve_store::StoreError::SystemNotFound`].
    pub async fn kept(self, store: &Store) -> Result<NewPerson, DeskError> {
        for system in &self.systems {
            store.get_system(system).await?;
        }
        let password_hash = hash_of(&self.name, self.password).await?;
        let Self { name, role, systems, .. } = self;
        Ok(NewPerson { name, role, systems, password_hash })
    }
}

/// The hash of a password that is taken.
///
/// # Errors
/// [`DeskError::Invalid`] never repeats it.
pub async fn hash_of(name: &PersonName, password: Secret) -> Result<String, DeskError> {
    check_password(name, &password).map_err(|why| DeskError::Invalid(why.to_string()))?;
    let hashed = tokio::task::spawn_blocking(move || Passwords::hash(&password)).await;
    hashed.map_err(|_| DeskError::BrokeOff)?.map_err(|why| DeskError::Invalid(why.to_string()))
}
