//! Imports that somebody asks for, and what people decide about them.

use std::sync::Arc;

use keyreeve_model::{ChangeSet, ImportRun, ImportRunId, ProfileName, SystemId};
use keyreeve_store::{AsOf, ClaimId, StoreError};
use tokio::sync::watch;

use super::keeping::fits;
use super::{Desk, DeskError};
use crate::drift::DriftedChange;
use crate::import::{ImportRequest, Importer, Progress};
use crate::rights::{Actor, Right};
use crate::threads::Threads;

/// The longest reason for a decision, in characters.
pub const LONGEST_REASON: usize = 1_000;

impl Desk {
    /// Has a system imported on a thread of its own, and gives the run once it is written down; it goes on until it has
    /// ended or `stop` becomes true. A second import of a system is refused while one is under way.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Import`], [`DeskError::NotConnected`], [`DeskError::Store`].
    pub async fn import(
        &self,
        actor: &Actor,
        asked: ImportAsked,
        importer: Importer,
        threads: &Threads,
        stop: watch::Receiver<bool>,
    ) -> Result<ImportRun, DeskError> {
        actor.require(Right::Operate)?;
        actor.require_system(&asked.system_id)?;
        let ImportAsked { system_id, profile, preview } = asked;
        let profile = self.store.get_import_profile(&system_id, &profile).await?;
        let system = self.store.get_system(&system_id).await?;
        let connector = self.connected(&system).await?;
        let (progress, actor) = (Arc::new(Progress::default()), actor.name().to_owned());
        let watched = Arc::clone(&progress);
        let run = move || async move {
            let mut stop = stop;
            let stopped = async move {
                if stop.wait_for(|stop| *stop).await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let request = ImportRequest { system: &system, profile: &profile, actor: &actor, preview };
            importer.run_until(&*connector, request, &progress, stopped).await
        };
        let (threads, (tell, told)) = (threads.clone(), tokio::sync::oneshot::channel());
        // Detached on purpose: the run goes on when nobody waits for it any more.
        drop(tokio::spawn(async move {
            let _ = tell.send(threads.run(run).await);
        }));
        tokio::select! {
            ended = told => match ended {
                Ok(Ok(ended)) => ended.map_err(|error| DeskError::Import(Box::new(error))),
                Ok(Err(_)) | Err(_) => Err(DeskError::BrokeOff),
            },
            run = watched.begun() => Ok(self.store.get_import_run(run).await?),
        }
    }

    /// Publishes exactly what a suspended run found; a reason must be given.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Reason`]; as [`keyreeve_store::Store::accept_import_run`].
    pub async fn accept(&self, actor: &Actor, id: ImportRunId, reason: &str) -> Result<ImportRun, DeskError> {
        let run = self.import_run(actor, Right::Approve, id).await?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            return Err(DeskError::Reason);
        }
        fits(Some(reason))?;
        Ok(self.store.accept_import_run(run.id, actor.name(), reason, self.clock.now()).await?)
    }

    /// Discards a suspended run.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Reason`]; as [`keyreeve_store::Store::reject_import_run`].
    pub async fn discard(
        &self,
        actor: &Actor,
        id: ImportRunId,
        reason: Option<&str>,
    ) -> Result<ImportRun, DeskError> {
        let run = self.import_run(actor, Right::Approve, id).await?;
        let reason = reason.unwrap_or_default().trim();
        if reason.chars().count() > LONGEST_REASON {
            return Err(DeskError::Reason);
        }
        fits(Some(reason))?;
        Ok(self.store.reject_import_run(run.id, actor.name(), reason, self.clock.now()).await?)
    }

    /// Accepts what AWS has in the place of changes that were made here, and tells how many of them had not ended.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`]; as [`DriftedChange::accept`].
    pub async fn accept_drift(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        claims: &[ClaimId],
        reason: Option<&str>,
    ) -> Result<u64, DeskError> {
        actor.require(Right::Approve)?;
        actor.require_system(system_id)?;
        fits(reason)?;
        let by = (actor.name(), reason);
        Ok(DriftedChange::accept(&self.store, system_id, claims, by, self.clock.now()).await?)
    }

    /// A run, for somebody who has that right in its system. One of another system is not there for them.
    ///
    /// # Errors
    /// [`DeskError::Denied`]; [`StoreError::RunNotFound`].
    pub async fn import_run(
        &self,
        actor: &Actor,
        right: Right,
        id: ImportRunId,
    ) -> Result<ImportRun, DeskError> {
        actor.require(right)?;
        let run = self.store.get_import_run(id).await?;
        if let Err(denied) = actor.require_system(&run.system_id) {
            return Err(DeskError::Hidden(denied, Box::new(StoreError::RunNotFound { run: id })));
        }
        Ok(run)
    }
}

impl Desk {
    /// What is different between two published runs of a system, each named by itself or by a moment that it speaks for.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`], [`DeskError::RunOfAnother`]; [`StoreError::RunNotFound`],
    /// [`StoreError::RunNotPublished`], [`StoreError::NotImported`].
    pub async fn difference(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        (from, to): (AsOf, AsOf),
    ) -> Result<Difference, DeskError> {
        let (from, to) = self.compared(actor, system_id, (from, to)).await?;
        Ok(Difference { from, to, changes: self.store.difference_between(from, to).await? })
    }

    /// The two published runs of a system that are compared, each named by itself or by a moment that it speaks for.
    ///
    /// # Errors
    /// As [`Desk::difference`].
    pub async fn compared(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        (from, to): (AsOf, AsOf),
    ) -> Result<(ImportRunId, ImportRunId), DeskError> {
        actor.require(Right::Read)?;
        actor.require_system(system_id)?;
        let from = self.speaking_for(actor, system_id, from).await?;
        let to = self.speaking_for(actor, system_id, to).await?;
        if from > to {
            return Err(DeskError::Invalid(format!(
                "import run {from} comes after run {to}: change their places"
            )));
        }
        Ok((from, to))
    }

    /// The run of the system that speaks for a moment.
    async fn speaking_for(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        moment: AsOf,
    ) -> Result<ImportRunId, DeskError> {
        if let AsOf::Run(run) = moment {
            return match self.import_run(actor, Right::Read, run).await?.system_id {
                of if of == *system_id => Ok(run),
                of => Err(DeskError::RunOfAnother { run, of, asked: system_id.clone() }),
            };
        }
        match self.store.speaking_run(system_id, moment).await? {
            Some(speaking) => Ok(speaking),
            None => Err(StoreError::not_imported(&self.store.get_system(system_id).await?).into()),
        }
    }
}

/// What is different between two published runs.
#[derive(Debug)]
pub struct Difference {
    /// The earlier one.
    pub from: ImportRunId,
    /// The later one.
    pub to: ImportRunId,
    /// What is different.
    pub changes: ChangeSet,
}

/// An import that is asked for.
#[derive(Debug, Clone)]
pub struct ImportAsked {
    /// The system.
    pub system_id: SystemId,
    /// The profile to run through.
    pub profile: ProfileName,
    /// Only compare; publish nothing.
    pub preview: bool,
}
