//! The people who may sign in: somebody who is to be added, and what an admin of all systems changes of them.

use keyreeve_model::{Person, PersonName, Role, Secret, SystemId};
use keyreeve_store::{NewPerson, Store};

use super::keeping::{fits, known_once};
use super::{Desk, DeskError};
use crate::people::{Passwords, check_password};
use crate::rights::{Actor, Right};

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
        let Self { name, role, systems, password } = self;
        let systems = known_once(store, systems).await?;
        let password_hash = hash_of(&name, password).await?;
        Ok(NewPerson { name, role, systems, password_hash })
    }
}

impl Desk {
    /// Everybody who may sign in, or once did.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Store`].
    pub async fn people(&self, actor: &Actor) -> Result<Vec<Person>, DeskError> {
        administers_all(actor)?;
        Ok(self.store.people().await?)
    }

    /// Adds somebody who signs in with a password.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`PersonAsked::kept`] and [`Store::add_person`].
    pub async fn add_person(&self, actor: &Actor, asked: PersonAsked) -> Result<Person, DeskError> {
        administers_all(actor)?;
        let new = asked.kept(&self.store).await?;
        Ok(self.store.add_person(&new, actor.name(), self.clock.now()).await?)
    }

    /// Gives somebody another role or other systems; none for all. Their sessions end.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`Store::set_role`].
    pub async fn set_role(
        &self,
        actor: &Actor,
        name: &str,
        (role, systems): (Role, &[SystemId]),
    ) -> Result<Person, DeskError> {
        administers_all(actor)?;
        let systems = known_once(&self.store, systems.to_vec()).await?;
        Ok(self.store.set_role(name, (role, &systems), actor.name(), self.clock.now()).await?)
    }

    /// Gives somebody another password. Their sessions end.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`hash_of`] and [`Store::set_password`].
    pub async fn set_password(
        &self,
        actor: &Actor,
        name: &PersonName,
        password: Secret,
    ) -> Result<Person, DeskError> {
        administers_all(actor)?;
        let hash = hash_of(name, password).await?;
        Ok(self.store.set_password(name.as_str(), &hash, actor.name(), self.clock.now()).await?)
    }

    /// Lets somebody in again, or keeps them out. Who is kept out has no session any more.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`Store::let_in`].
    pub async fn let_in(&self, actor: &Actor, name: &str, may: bool) -> Result<Person, DeskError> {
        administers_all(actor)?;
        Ok(self.store.let_in(name, may, actor.name(), self.clock.now()).await?)
    }

    /// Removes somebody; what they did keeps their name.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Reason`]; as [`Store::remove_person`].
    pub async fn remove_person(
        &self,
        actor: &Actor,
        name: &str,
        reason: Option<&str>,
    ) -> Result<Person, DeskError> {
        administers_all(actor)?;
        fits(reason)?;
        Ok(self.store.remove_person(name, actor.name(), reason, self.clock.now()).await?)
    }
}

fn administers_all(actor: &Actor) -> Result<(), DeskError> {
    actor.require(Right::Administer)?;
    Ok(actor.require_all_systems()?)
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
