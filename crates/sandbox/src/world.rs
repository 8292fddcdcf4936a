//! Everything a running sandbox holds, shared by its two ports and its handle.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use jiff::Timestamp;
use keyreeve_model::Secret;
use serde::{Deserialize, Serialize};

use crate::actions::report::ReportDesk;
use crate::authorise::Documents;
use crate::clock::Clock;
use crate::error::Error;
use crate::faults::Faults;
use crate::mutation::Mutation;
use crate::options::{ConnectorPolicy, Consistency, Options, Population};
use crate::organization::Organization;
use crate::protocol::error::ApiError;
use crate::protocol::paging::PageStarts;
use crate::protocol::signature::SigningKeys;
use crate::seed;
use crate::seeded::Seeded;
use crate::state::{History, KeyStatus, State};
use crate::trace::Trace;

/// The user every account has for the connector.
pub(crate) const CONNECTOR: &str = "keyreeve-connector";
/// The role every account has for the connector; it trusts the accounts of the sandbox.
pub(crate) const CONNECTOR_ROLE: &str = "keyreeve-reader";

/// The user who may do everything in an account, once somebody has asked for its key.
pub(crate) const ADMINISTRATOR: &str = "administrator";
/// Where these two and the role are, and nobody who was made up.
pub(crate) const OWN_PATH: &str = "/keyreeve/";

/// An access key of an account's connector, or of its administrator. These secrets open nothing but the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorKey {
    /// `AKIA…`
    pub access_key_id: String,
    /// 40 characters.
    pub secret_access_key: String,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) history: History,
    pub(crate) report: Mutex<ReportDesk>,
    pub(crate) connector: Mutex<ConnectorKey>,
    /// How often `evolve` was asked.
    days: AtomicU64,
}

impl Account {
    pub(crate) fn connector_key(&self) -> ConnectorKey {
        lock(&self.connector).clone()
    }
}

/// Temporary credentials.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) secret: Secret,
    pub(crate) token: Secret,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) account: String,
    pub(crate) role: String,
    /// The unique id of the role: another one of the same name is not meant.
    pub(crate) role_id: String,
    pub(crate) name: String,
    /// The policies that were passed, by name and text.
    pub(crate) policies: Vec<(String, String)>,
    pub(crate) with_mfa: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    pub(crate) starts: PageStarts,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) documents: Documents,
    /// Goes into markers, so that those of another sandbox are refused.
    pub(crate) salt: u64,
    accounts: RwLock<BTreeMap<String, Arc<Account>>>,
    denials: Mutex<HashMap<String, HashSet<String>>>,
    sessions: Mutex<HashMap<String, Session>>,
    /// Access keys that act as the connector of another account.
    swapped: Mutex<HashMap<String, String>>,
    consistency: Mutex<Consistency>,
    pub(crate) organization: RwLock<Option<Organization>>,
    serial: AtomicU64,
    started: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(options: Options) -> Result<Self, Error> {
        let world = Self {
            salt: Seeded::new(options.seed, "markers").next(),
            clock: Clock::default(),
            faults: Faults::default(),
            trace: Trace::default(),
            starts: PageStarts::default(),
            signing_keys: SigningKeys::default(),
            documents: Documents::default(),
            accounts: RwLock::default(),
            denials: Mutex::default(),
            sessions: Mutex::default(),
            swapped: Mutex::default(),
            consistency: Mutex::new(options.consistency),
            organization: RwLock::default(),
            serial: AtomicU64::new(0),
            started: Instant::now(),
            options,
        };
        let ids: Vec<String> =
            world.options.accounts.iter().map(|account| account.account_id.clone()).collect();
        for account in &world.options.accounts {
            let state = seed::account(&world.options, &account.account_id, &ids, account.population)?;
            world.add_account(state)?;
        }
        if let Some(organization) = world.options.organization.clone() {
            world.organize(&organization)?;
        }
        Ok(world)
    }

    pub(crate) fn add_account(&self, state: State) -> Result<(), Error> {
        let id = state.account_id.to_string();
        let connector = connector_key(&state).ok_or_else(|| Error::UnknownAccount(id.clone()))?;
        let account = Account {
            id: id.clone(),
            history: History::new(state),
            report: Mutex::default(),
            connector: Mutex::new(connector),
            days: AtomicU64::new(0),
        };
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(account));
        Ok(())
    }

    /// Microseconds since the start, on the machine's monotonic clock.
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn consistency(&self) -> Consistency {
        *lock(&self.consistency)
    }

    pub(crate) fn set_consistency(&self, consistency: Consistency) {
        *lock(&self.consistency) = consistency;
    }

    /// Whether the console would let this user of an account in.
    pub(crate) fn signs_in(&self, account: &str, user: &str, password: &Secret) -> Result<bool, Error> {
        let state = self.account(account)?.history.present();
        Ok(state.signs_in(user, password, self.clock.now()))
    }

    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn account(&self, id: &str) -> Result<Arc<Account>, Error> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(id).cloned().ok_or_else(|| Error::UnknownAccount(id.to_owned()))
    }

    /// Another account than this one, if the sandbox has one.
    pub(crate) fn other_account(&self, id: &str) -> Option<Arc<Account>> {
        self.accounts().into_iter().find(|account| account.id != id)
    }

    /// Makes changes to an account: all of them, or none.
    pub(crate) fn mutate(&self, account: &str, changes: &[Mutation]) -> Result<(), Error> {
        let now = self.clock.now();
        let apply = |state: &mut State| changes.iter().try_for_each(|change| state.apply(change, now));
        self.account(account)?.history.write(now, apply).map_err(Error::refused)
    }

    /// Adds made-up people, groups and policies to an account.
    pub(crate) fn seed(&self, account: &str, population: Population) -> Result<(), Error> {
        let now = self.clock.now();
        let fill = |state: &mut State| seed::fill(state, self.options.seed, population);
        self.account(account)?.history.write(now, fill).map_err(Error::refused)
    }

    /// Lets a day's changes happen in an account; the same for the same seed and day. Gives what changed.
    pub(crate) fn evolve(&self, account: &str) -> Result<Vec<Mutation>, Error> {
        let account = self.account(account)?;
        let now = self.clock.now();
        let day = account.days.fetch_add(1, Ordering::SeqCst) + 1;
        let changes = seed::evolve::changes(&account.history.present(), self.options.seed, day);
        let apply = |state: &mut State| changes.iter().try_for_each(|change| state.apply(change, now));
        account.history.write(now, apply).map_err(Error::refused)?;
        Ok(changes)
    }

    /// Gives the connector of an account a new key; the old one is deleted.
    pub(crate) fn rotate_connector(&self, account: &str) -> Result<ConnectorKey, Error> {
        let account = self.account(account)?;
        let now = self.clock.now();
        let old = lock(&account.connector).access_key_id.clone();
        let change = |state: &mut State| {
            let key = state.create_access_key(CONNECTOR, now)?;
            // A test may have deleted the old key before.
            let _ = state.remove_key(&old);
            Ok(key)
        };
        let key = account.history.write(now, change).map_err(Error::refused)?;
        let key = ConnectorKey { access_key_id: key.id, secret_access_key: key.secret.expose().to_owned() };
        lock(&account.connector).clone_from(&key);
        Ok(key)
    }

    /// Lets the connector of an account, and its role, do this and nothing else.
    pub(crate) fn permit(&self, account: &str, policy: &ConnectorPolicy) -> Result<(), Error> {
        let now = self.clock.now();
        let permit = |state: &mut State| seed::connector::permit(state, policy, now);
        self.account(account)?.history.write(now, permit).map_err(Error::refused)
    }

    /// A key of a user who may do everything in an account.
    pub(crate) fn administrator(&self, account: &str) -> Result<ConnectorKey, Error> {
        let now = self.clock.now();
        let make = |state: &mut State| seed::connector::administrator(state, now);
        let key = self.account(account)?.history.write(now, make).map_err(Error::refused)?;
        Ok(ConnectorKey { access_key_id: key.id, secret_access_key: key.secret.expose().to_owned() })
    }

    /// Switches an access key on or off, in whichever account it is.
    pub(crate) fn set_key_status(&self, key_id: &str, status: KeyStatus) -> Result<(), Error> {
        let owner =
            self.accounts().into_iter().find(|account| account.history.present().keys.contains_key(key_id));
        let account = owner.ok_or_else(|| Error::UnknownKey(key_id.to_owned()))?;
        self.mutate(&account.id, &[Mutation::SetKeyStatus { key_id: key_id.to_owned(), status }])
    }

    /// Lets an access key act as the connector of another account; `None` undoes it.
    pub(crate) fn swap_key(&self, key_id: &str, account: Option<&str>) -> Result<(), Error> {
        match account {
            Some(account) => {
                let id = self.account(account)?.id.clone();
                lock(&self.swapped).insert(key_id.to_owned(), id);
            }
            None => {
                lock(&self.swapped).remove(key_id);
            }
        }
        Ok(())
    }

    pub(crate) fn swapped_to(&self, key_id: &str) -> Option<String> {
        lock(&self.swapped).get(key_id).cloned()
    }

    /// Sets the actions a principal may not do; `*` as the principal is everyone.
    pub(crate) fn deny(&self, principal: &str, actions: &[String]) {
        let actions = actions.iter().map(|action| without_service(action).to_owned()).collect();
        lock(&self.denials).insert(principal.to_owned(), actions);
    }

    /// Whether one of these names of the caller is denied the action.
    pub(crate) fn is_denied(&self, names: &[&str], action: &str) -> bool {
        let denials = lock(&self.denials);
        let mut lists = names.iter().chain(&["*"]).filter_map(|name| denials.get(*name));
        lists.any(|actions| actions.contains(action) || actions.contains("*"))
    }

    pub(crate) fn session(&self, key_id: &str) -> Option<Session> {
        lock(&self.sessions).get(key_id).cloned()
    }

    pub(crate) fn add_session(&self, key_id: &str, session: Session) {
        lock(&self.sessions).insert(key_id.to_owned(), session);
    }

    /// Lets temporary credentials be expired from now on.
    pub(crate) fn expire_session(&self, key_id: &str) {
        let now = self.clock.now();
        if let Some(session) = lock(&self.sessions).get_mut(key_id) {
            session.expires = now;
        }
    }

    /// Chance for the next request id, session or the like.
    pub(crate) fn next_chance(&self) -> Seeded {
        let serial = self.serial.fetch_add(1, Ordering::SeqCst);
        Seeded::new(self.options.seed, &format!("request/{serial}"))
    }
}

fn connector_key(state: &State) -> Option<ConnectorKey> {
    let key = state.user(CONNECTOR).ok()?.keys.first()?;
    Some(ConnectorKey { access_key_id: key.id.clone(), secret_access_key: key.secret.expose().to_owned() })
}

/// `ListUsers` out of `iam:ListUsers`.
fn without_service(action: &str) -> &str {
    action.split_once(':').map_or(action, |(_, name)| name)
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::refused(error)
    }
}
