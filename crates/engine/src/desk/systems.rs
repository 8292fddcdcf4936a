//! What administrators change of systems: their names and settings, their task mappings, and whether they are worked with.

use std::collections::BTreeMap;

use keyreeve_model::{ImportProfile, MappingName, ProfileName, System, SystemId, TaskKind, TaskMapping};
use keyreeve_store::{StoreError, StoredMapping};
use serde_json::Value;

use super::keeping::{administers, fits};
use super::{Desk, DeskError};
use crate::check::{Check, CheckState, LastTest};
use crate::mapping::{self, Outcome, Tried, try_mapping};
use crate::own_policy::{PolicyAsked, PolicyFacts, WrittenPolicy};
use crate::rights::{Actor, Right};
use crate::systems::{Given, Released, keeps_protections, patched, release};

/// What is tried with a task mapping.
#[derive(Debug, Clone, Default)]
pub struct TrialAsked {
    /// The attributes.
    pub attributes: BTreeMap<String, String>,
    /// The account's name.
    pub name: Option<String>,
    /// Which kind of task.
    pub task: Option<TaskKind>,
    /// A mapping to try instead of the one that is set.
    pub mapping: Option<TaskMapping>,
}

impl Desk {
    /// Changes the name, the category, the region and the settings of a system, all of them or none, if it is still as `is_seen` says.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`]; [`StoreError::SystemChanged`], and as
    /// [`keyreeve_store::Store::update_system`].
    pub async fn change_system(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        is_seen: impl FnOnce(&System) -> bool,
        asked: &[(String, Given)],
    ) -> Result<System, DeskError> {
        administers(actor, system_id)?;
        let system = self.store.get_system(system_id).await?;
        if !is_seen(&system) {
            return Err(StoreError::SystemChanged { system_id: system_id.clone() }.into());
        }
        let (regions, others): (Vec<_>, Vec<_>) =
            asked.iter().cloned().partition(|(name, _)| name == "region");
        let mut patch = patched(&system, &others).map_err(|error| DeskError::Invalid(error.to_string()))?;
        for (_, given) in &regions {
            patch.region = Some(self.region_of(&system, given)?);
        }
        patch.seen = Some(Box::new(system));
        Ok(self.store.update_system(system_id, patch, actor.name(), self.clock.now()).await?)
    }

    /// The region that is given: one of the system's partition, or none.
    fn region_of(&self, system: &System, given: &Given) -> Result<Option<String>, DeskError> {
        let region = match given {
            Given::Json(Value::Null) => return Ok(None),
            Given::Text(region) | Given::Json(Value::String(region)) if region == "none" => return Ok(None),
            Given::Text(region) | Given::Json(Value::String(region)) => region,
            Given::Json(_) => return Err(DeskError::Invalid("a region is a text, or null".to_owned())),
        };
        let partition = self.partition_of(region)?;
        match &system.partition {
            Some(own) if *own != partition => Err(DeskError::Invalid(format!(
                "the region {region} is of the partition {partition}, but the system is in {own}"
            ))),
            _ => Ok(Some(region.clone())),
        }
    }

    /// Looks whether a system can be reached, and what its credentials may do, and keeps what was found.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::NotConnected`], [`DeskError::Store`].
    pub async fn check_system(&self, actor: &Actor, system_id: &SystemId) -> Result<Vec<Check>, DeskError> {
        actor.require(Right::Operate)?;
        actor.require_system(system_id)?;
        let system = self.store.get_system(system_id).await?;
        let checked = self.connections.check(&system).await;
        let found = match &checked {
            Ok(checks) => checks.clone(),
            Err(error) => {
                let advice = "mend what is said here, then test it again";
                vec![Check::new("connection", CheckState::Error, error.to_string(), advice)]
            }
        };
        LastTest::keep(&self.store, &system, &found, (actor.name(), self.clock.now())).await;
        checked.map_err(DeskError::NotConnected)
    }

    /// What the policy of a system's connector follows from, and the policy itself, with what somebody wants besides.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`], [`DeskError::Store`].
    pub async fn write_policy(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        asked: &PolicyAsked,
    ) -> Result<(PolicyFacts, WrittenPolicy), DeskError> {
        let facts = self.policy_facts(actor, system_id, asked).await?;
        let written = self.connections.write_policy(&facts, asked).map_err(DeskError::Invalid)?;
        Ok((facts, written))
    }

    /// What the policy of a system's connector follows from.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Store`].
    pub async fn policy_facts(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        asked: &PolicyAsked,
    ) -> Result<PolicyFacts, DeskError> {
        actor.require(Right::Read)?;
        actor.require_system(system_id)?;
        let system = self.store.get_system(system_id).await?;
        Ok(PolicyFacts::of(&self.store, &*self.connections, &system, asked).await?)
    }

    /// Ends a quarantine, unless its cause is still there.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::NotReleased`], [`DeskError::NotConnected`], [`DeskError::Store`].
    pub async fn release_system(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        reason: Option<&str>,
    ) -> Result<Released, DeskError> {
        administers(actor, system_id)?;
        fits(reason)?;
        let system = self.store.get_system(system_id).await?;
        let connector = self.connected(&system).await?;
        Ok(release(&self.store, self.clock, (actor.name(), reason), &system, &*connector).await?)
    }

    /// Removes a system, if it is still as `is_seen` says; its history is kept, and AWS is not touched.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::ProtectionsEnd`]; as [`keyreeve_store::Store::remove_system_if`].
    pub async fn remove_system(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        is_seen: impl Fn(&System) -> bool + Send + Sync,
        reason: Option<&str>,
    ) -> Result<System, DeskError> {
        administers(actor, system_id)?;
        fits(reason)?;
        let system = self.store.get_system(system_id).await?;
        if let Some(end) = keeps_protections(&self.store, &system).await? {
            return Err(DeskError::ProtectionsEnd(end));
        }
        let by = (actor.name(), reason);
        Ok(self.store.remove_system_if(system_id, is_seen, by, self.clock.now()).await?)
    }

    /// Sets a task mapping of a system, whole, if the one that holds is still as `is_seen` says.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`]; as [`keyreeve_store::Store::set_task_mapping_if`].
    pub async fn set_mapping(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        new: &TaskMapping,
        is_seen: impl Fn(&TaskMapping) -> bool + Send + Sync,
        reason: Option<&str>,
    ) -> Result<StoredMapping, DeskError> {
        administers(actor, system_id)?;
        fits(reason)?;
        mapping::check(new).map_err(|error| DeskError::Invalid(error.to_string()))?;
        let by = (actor.name(), reason);
        self.store.set_task_mapping_if(system_id, new, is_seen, by, self.clock.now()).await?;
        Ok(self.store.task_mapping(system_id, new.name).await?)
    }

    /// Goes back to the default of a task mapping, if the one that holds is still as `is_seen` says.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`keyreeve_store::Store::reset_task_mapping_if`].
    pub async fn reset_mapping(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        name: MappingName,
        is_seen: impl Fn(&TaskMapping) -> bool + Send + Sync,
        reason: Option<&str>,
    ) -> Result<(), DeskError> {
        administers(actor, system_id)?;
        fits(reason)?;
        let by = (actor.name(), reason);
        Ok(self.store.reset_task_mapping_if(system_id, name, is_seen, by, self.clock.now()).await?)
    }

    /// What a task mapping makes of some attributes. Nothing is changed.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`], [`DeskError::Store`].
    pub async fn try_mapping(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        name: MappingName,
        asked: TrialAsked,
    ) -> Result<Outcome, DeskError> {
        actor.require(Right::Read)?;
        actor.require_system(system_id)?;
        let system = self.store.get_system(system_id).await?;
        let TrialAsked { attributes, name: account, task, mapping } = asked;
        let tried = Tried { attributes, name: account, task };
        let of = match mapping {
            Some(given) if given.name != name => {
                return Err(DeskError::Invalid(format!("the mapping that is given is {}", given.name)));
            }
            Some(given) => {
                mapping::check(&given).map_err(|error| DeskError::Invalid(error.to_string()))?;
                given
            }
            None => self.store.task_mapping(system_id, name).await?.mapping,
        };
        Ok(try_mapping(&self.store, &system, &of, &tried).await?)
    }

    /// Takes an import profile away, with its schedule, if it is still as `is_seen` says.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; as [`keyreeve_store::Store::remove_import_profile`].
    pub async fn remove_profile(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        profile: &ProfileName,
        is_seen: impl Fn(&ImportProfile) -> bool + Send + Sync,
        reason: Option<&str>,
    ) -> Result<(), DeskError> {
        administers(actor, system_id)?;
        fits(reason)?;
        let by = (actor.name(), reason);
        Ok(self.store.remove_import_profile(system_id, profile, is_seen, by, self.clock.now()).await?)
    }
}
