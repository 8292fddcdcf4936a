//! Making, opening and closing a store.

use std::io::ErrorKind;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::pool::PoolOptions;
use sqlx::{ConnectOptions, Postgres, Sqlite};

use crate::audit::Checkpoints;
use crate::custody::KeyCustody;
use crate::data_keys::{self, Kek, KeyRing, Scope};
use crate::dialect::Dialect;
use crate::inventory::{MOST_KEPT, Numbers, OtherTexts, Places, SetsOfAws, Texts};
use crate::key_renewal::Renewal;
use crate::outgrown::Outgrown;
use crate::sqlite_pools::SqlitePools;
use crate::tokens::Touching;
use crate::transaction::reading;
use crate::url::Place;
use crate::writable::Writes;
use crate::{DatabaseUrl, StoreError, migrate, reach, secrets, sqlite_file, store_keys};

/// The store: systems, import runs and history in one database.
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) url: DatabaseUrl,
    /// The address as it is shown.
    pub(crate) place: String,
    pub(crate) keys: KeyRing,
    pub(crate) renewal: Renewal,
    pub(crate) touching: Touching,
    pub(crate) places: Places,
    /// What accounts are searched by.
    pub(crate) texts: Texts,
    /// What groups and policies are searched by, and what is gone.
    pub(crate) other_texts: OtherTexts,
    /// What many systems share of these.
    pub(crate) sets_of_aws: SetsOfAws,
    /// So many things at most are searched in memory, where they can be searched otherwise.
    pub(crate) most_searched: usize,
    /// How many there are in systems.
    pub(crate) searched: Numbers,
    /// Of how many accounts the access keys are not known.
    pub(crate) unknown_keys: Numbers,
    pub(crate) outgrown: Outgrown,
    pub(crate) writes: std::sync::Arc<Writes>,
    pub(crate) checkpoints: std::sync::Arc<Checkpoints>,
    #[cfg(feature = "faults")]
    pub(crate) faults: std::sync::Arc<crate::faults::Faults>,
}

/// Up to this size in bytes an SQLite file is checked page by page when it is opened (about a millisecond); a larger
/// one only by [`Store::check`].
const CHECKED_WHEN_OPENED: u64 = 1024 * 1024;

/// Connections.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite(SqlitePools),
    Postgres(sqlx::Pool<Postgres>),
}

/// A transaction that has begun.
pub(crate) enum Begun {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Pools {
    pub(crate) async fn begin(&self, writing: bool) -> Result<Begun, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pools) => Begun::Sqlite(pools.begin(writing).await?),
            Self::Postgres(pool) => {
                let dialect = Dialect::Postgres;
                let begin = if writing { dialect.begin_write() } else { dialect.begin_read() };
                Begun::Postgres(pool.begin_with(begin).await?)
            }
        })
    }

    async fn close(&self) {
        match self {
            Self::Sqlite(pools) => pools.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Store {
    /// Makes a store where there is none, and binds it to a key that its custody makes.
    ///
    /// For SQLite the file is made with mode 0600; its folder must exist. For PostgreSQL the database must exist
    /// and the tables go into the first schema of the search path.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`] when something is at that place; nothing is changed then.
    /// [`StoreError::Unreachable`] when PostgreSQL does not let us in.
    pub async fn create(
        url: &DatabaseUrl,
        custody: impl KeyCustody,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        if let Place::Sqlite(path) = &url.0 {
            sqlite_file::make_empty(path).map_err(|source| match source.kind() {
                ErrorKind::AlreadyExists => StoreError::AlreadyThere { place: url.to_string() },
                _ => StoreError::Io { doing: "making the store's file", source },
            })?;
        }
        let store = Self::connect(url);
        let made = async {
            store.reach().await?;
            if migrate::is_store(&store).await? {
                return Err(StoreError::AlreadyThere { place: store.place.clone() });
            }
            let store_id = secrets::random_id()?;
            let made = custody.make(&store_id, store_keys::FIRST).await?;
            let place = custody.place();
            let kek = Kek { key: made.key.clone(), version: store_keys::FIRST, store_id, place };
            migrate::create(&store, &kek, &made, &kek.place, now).await?;
            store.keys.hold(kek);
            store.settle_file("making the store").await?;
            store.outgrown.watch();
            Ok(())
        }
        .await;
        if let Err(error) = made {
            store.close().await;
            if let Place::Sqlite(path) = &url.0 {
                sqlite_file::remove_unfinished(path);
            }
            return Err(error);
        }
        Ok(store)
    }

    /// Opens a store that [`Self::create`] made, and brings its schema up to date. A small SQLite file is checked
    /// page by page; for a larger one that would take too long, see [`Self::check`].
    ///
    /// # Errors
    /// [`StoreError::NoStore`], [`StoreError::NotAStore`], [`StoreError::Damaged`] (with the command that
    /// restores a backup), [`StoreError::NewerVersion`], [`StoreError::MigrationAltered`],
    /// [`StoreError::WrongKey`], [`StoreError::KeyReplaced`], [`StoreError::KeptElsewhere`], [`StoreError::Key`],
    /// [`StoreError::Unreachable`].
    pub async fn open(url: &DatabaseUrl, custody: impl KeyCustody) -> Result<Self, StoreError> {
        Self::open_for(url, custody, false).await
    }

    /// Opens a store to verify its audit log ([`Store::verify_audit`]) and for nothing else: also one whose log's tables or
    /// triggers were altered, to which nothing is written then.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_to_verify(url: &DatabaseUrl, custody: impl KeyCustody) -> Result<Self, StoreError> {
        Self::open_for(url, custody, true).await
    }

    async fn open_for(
        url: &DatabaseUrl,
        custody: impl KeyCustody,
        verifies: bool,
    ) -> Result<Self, StoreError> {
        let small = match &url.0 {
            Place::Sqlite(path) => sqlite_file::inspect(path, &url.to_string())? <= CHECKED_WHEN_OPENED,
            Place::Postgres(_) => false,
        };
        let store = Self::connect(url);
        let opened = async {
            store.reach().await?;
            if small {
                store.check().await?;
            }
            if !migrate::is_store(&store).await? {
                return Err(match url.0 {
                    Place::Sqlite(_) => StoreError::NotAStore { place: store.place.clone() },
                    Place::Postgres(_) => StoreError::NoStore { place: store.place.clone() },
                });
            }
            let pending = match migrate::check(&store).await {
                Err(altered @ StoreError::AuditAltered { .. }) if verifies => {
                    let kek = store_keys::fetch(&store, &custody).await?;
                    // One of an earlier version would have to be brought up to date first.
                    if kek.store_id.is_empty() {
                        return Err(altered);
                    }
                    store.keys.hold(kek);
                    return Ok(());
                }
                checked => checked?,
            };
            let kek = store_keys::fetch(&store, &custody).await?;
            migrate::apply(&store, pending).await?;
            store.keys.hold(data_keys::adopt(&store, kek, &custody.place()).await?);
            match store.open_key_of_log().await {
                Err(StoreError::KeyChanged) => Err(store.log_needs_coming().await?),
                opened => opened,
            }
        }
        .await;
        match opened {
            Ok(()) => {
                store.outgrown.watch();
                Ok(store)
            }
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// Opens the data key that every change needs, so that this process goes on when the store's key is changed.
    pub(crate) async fn open_key_of_log(&self) -> Result<(), StoreError> {
        let opened = reading!(self, "opening the store's data key", |transaction| {
            self.keys.current(transaction, &Scope::store()).await
        })
        .await;
        match opened {
            // Reading needs no key, so a spoilt one does not keep the store from being read.
            Ok(_) | Err(StoreError::SecretUnreadable { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What is said of an audit log whose data key is not under the key at hand.
    async fn log_needs_coming(&self) -> Result<StoreError, StoreError> {
        let held = self.keys.kek()?.version;
        // Whoever holds the new one, before all is under it, waits for that.
        let coming = self.key_status().await?.coming.filter(|(coming, _)| coming.version != held);
        Ok(coming.map_or(StoreError::KeyChanged, |(coming, _)| StoreError::NewKeyNeeded {
            version: coming.version,
            kept: coming.custody,
            whose: vec![Scope::store().whose()],
        }))
    }

    /// Closes all connections, after the work under way.
    pub async fn close(&self) {
        self.closing().close().await;
    }

    /// What closes this store, whoever holds it then.
    #[must_use]
    pub fn closing(&self) -> Closing {
        Closing { pools: self.pools.clone(), checkpoints: std::sync::Arc::clone(&self.checkpoints) }
    }

    /// Where the store is.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// What tells this store from others, and nothing else of it; `None` as long as it has no id.
    #[must_use]
    pub fn mark(&self) -> Option<String> {
        let id = self.keys.kek().ok().map(|kek| kek.store_id.clone()).filter(|id| !id.is_empty())?;
        let digest = keyreeve_model::digest_hex(format!("keyreeve store {id}").as_bytes());
        digest.get(..16).map(str::to_owned)
    }

    /// Whether PostgreSQL lets us in; a file is opened by itself.
    pub(crate) async fn reach(&self) -> Result<(), StoreError> {
        match &self.url.0 {
            Place::Sqlite(_) => Ok(()),
            Place::Postgres(options) => reach::reach(options, reach::PATIENCE).await,
        }
    }

    /// What would open a store, with no connection yet.
    pub(crate) fn connect(url: &DatabaseUrl) -> Self {
        let pools = match &url.0 {
            Place::Sqlite(path) => Pools::Sqlite(SqlitePools::of(path)),
            Place::Postgres(options) => {
                let options =
                    options.as_ref().clone().application_name("keyreeve").disable_statement_logging();
                Pools::Postgres(
                    PoolOptions::new()
                        .max_connections(8)
                        .acquire_timeout(Duration::from_secs(30))
                        .connect_lazy_with(options),
                )
            }
        };
        Self {
            pools,
            url: url.clone(),
            place: url.to_string(),
            keys: KeyRing::default(),
            renewal: Renewal::default(),
            touching: Touching::default(),
            places: Places::default(),
            texts: Texts::default(),
            other_texts: OtherTexts::default(),
            sets_of_aws: SetsOfAws::default(),
            most_searched: MOST_KEPT,
            searched: Numbers::default(),
            unknown_keys: Numbers::default(),
            outgrown: Outgrown::default(),
            writes: std::sync::Arc::default(),
            checkpoints: std::sync::Arc::default(),
            #[cfg(feature = "faults")]
            faults: std::sync::Arc::default(),
        }
    }

    /// Moves what SQLite's log holds into the file itself, so that the file alone is a store.
    pub(crate) async fn settle_file(&self, doing: &'static str) -> Result<(), StoreError> {
        let Pools::Sqlite(pools) = &self.pools else { return Ok(()) };
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(pools.writer())
            .await
            .map(|_| ())
            .map_err(|error| crate::transaction::failure(doing, &self.place, &error))
    }
}

/// Closes a store that somebody else holds, or held.
pub struct Closing {
    pools: Pools,
    checkpoints: std::sync::Arc<Checkpoints>,
}

impl Closing {
    /// Closes all connections, after the work under way. An SQLite file that no other process has open is whole by itself
    /// then: nothing of it is left in the log beside it.
    pub async fn close(&self) {
        self.checkpoints.write();
        self.pools.close().await;
    }
}

impl std::fmt::Debug for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closing")
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.place)
    }
}
