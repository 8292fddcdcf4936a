//! What every command works with.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use keyreeve_engine::clock::Clock;
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::rights::Actor;
use keyreeve_store::{Closing, KeyCustody, Store};

use crate::actor;
use crate::config::{Config, Environment, KeyPlace};
use crate::custody;
use crate::output::Output;

/// Configuration, environment, output, time and who acts.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    pub(crate) output: Output,
    pub(crate) clock: Clock,
    /// Who acts; found out before a command begins.
    pub(crate) actor: Actor,
    /// The stores that were opened.
    opened: Mutex<Vec<Closing>>,
}

/// Longer than any work that is still under way at a command's end.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(1);

impl Context {
    /// Of this process.
    pub(crate) fn new(config: Config, environment: Environment, output: Output) -> Self {
        Self {
            config,
            environment,
            output,
            clock: Clock::system(),
            actor: actor::local(),
            opened: Mutex::default(),
        }
    }

    /// Where people reach `serve`, if that is configured.
    pub(crate) fn public_url(&self) -> Option<&PublicUrl> {
        self.config.http.public_url.as_ref()
    }

    /// Opens the store.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        let (store, held) = self.store_and_checkpoint().await?;
        if !held {
            tracing::error!(
                "the audit log was cut or replaced, or its checkpoint altered: see `audit verify`"
            );
        }
        Ok(store)
    }

    /// Opens the store to verify its audit log, also when that was altered.
    pub(crate) async fn store_to_verify(&self) -> anyhow::Result<Store> {
        self.database_is_there()?;
        let places = &self.config.places;
        let store =
            Store::open_to_verify(&places.database, self.custody()).await.context(crate::exit::Opening)?;
        self.will_close(&store);
        store.keep_custody(self.custody());
        store.keep_audit_checkpoint(places.checkpoint_folder()).await.context(crate::exit::Opening)?;
        Ok(store)
    }

    /// Opens the store, and tells whether its audit log holds the checkpoint that was kept of it.
    pub(crate) async fn store_and_checkpoint(&self) -> anyhow::Result<(Store, bool)> {
        self.database_is_there()?;
        let places = &self.config.places;
        let store = Store::open(&places.database, self.custody()).await.context(crate::exit::Opening)?;
        self.will_close(&store);
        // Another process may change the key while this one runs.
        store.keep_custody(self.custody());
        let folder = places.checkpoint_folder();
        let held = store.keep_audit_checkpoint(folder).await.context(crate::exit::Opening)?;
        Ok((store, held))
    }

    fn will_close(&self, store: &Store) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(store.closing());
    }

    /// At the end of a command: so that the file alone is the store, and whoever copies it has all of it.
    pub(crate) async fn close_stores(&self) {
        let opened = std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner));
        let closed = async {
            for store in &opened {
                store.close().await;
            }
        };
        // What is committed is safe without this.
        let _ = tokio::time::timeout(PATIENCE_AT_THE_END, closed).await;
    }

    /// Said first, because without a store there is no key either.
    fn database_is_there(&self) -> anyhow::Result<()> {
        let places = &self.config.places;
        if places.database.sqlite_path().is_none_or(std::path::Path::exists) {
            return Ok(());
        }
        if let Some(lost) = super::init::lost_database(places, "opening the store") {
            return Err(lost.into());
        }
        let place = places.database.to_string();
        Err(keyreeve_store::StoreError::NoStore { place }).context("opening the store")
    }

    /// Where the key of the store is kept.
    pub(crate) fn custody(&self) -> Box<dyn KeyCustody> {
        self.custody_at(&self.config.places.key)
    }

    /// The custody that a place stands for.
    pub(crate) fn custody_at(&self, place: &KeyPlace) -> Box<dyn KeyCustody> {
        custody::of(place, self.config.aws.additions(&self.environment))
    }
}
