//! Starting a sandbox, and the handle on one that runs.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use keyreeve_model::Secret;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::faults::{FaultRule, FaultState};
use crate::mutation::Mutation;
use crate::options::{ConnectorPolicy, Consistency, Options, Population};
use crate::organization::{OrganizationChange, OrganizationSeed};
use crate::server;
use crate::state::KeyStatus;
use crate::trace::TraceEntry;
use crate::world::{ConnectorKey, World};

/// A strict look-alike of AWS IAM and STS.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Seeds the accounts and opens both ports on 127.0.0.1.
    ///
    /// # Errors
    /// [`Error::Listen`] when a port cannot be opened, [`Error::Refused`] when an account cannot be seeded.
    pub async fn start(options: Options) -> Result<Running, Error> {
        let (aws, address) = server::listen(options.port).await?;
        let (admin, admin_address) = server::listen(options.admin_port).await?;
        let world = Arc::new(World::new(options)?);
        let tasks = vec![
            tokio::spawn(server::serve_aws(aws, Arc::clone(&world))),
            tokio::spawn(server::admin::serve(admin, Arc::clone(&world))),
        ];
        Ok(Running { world, address, admin_address, tasks })
    }
}

/// A sandbox that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    world: Arc<World>,
    address: SocketAddr,
    admin_address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Running {
    /// What `AWS_ENDPOINT_URL` is to be.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the admin port answers.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin_address)
    }

    /// Closes both ports and all connections.
    pub async fn shutdown(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            // Aborted, so the error is the proof that it has ended.
            let _ = task.await;
        }
    }

    /// The ids of the accounts, in their order.
    #[must_use]
    pub fn account_ids(&self) -> Vec<String> {
        self.world.accounts().iter().map(|account| account.id.clone()).collect()
    }

    /// The access key of the connector of an account.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub fn connector_key(&self, account: &str) -> Result<ConnectorKey, Error> {
        Ok(self.world.account(account)?.connector_key())
    }

    /// Everything in an account, as `GET /accounts/{id}/state` gives it. No secrets.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub fn state(&self, account: &str) -> Result<Value, Error> {
        Ok(self.world.account(account)?.history.present().to_json())
    }

    /// Adds made-up people, groups, policies and roles.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`], [`Error::Refused`].
    pub fn seed(&self, account: &str, population: Population) -> Result<(), Error> {
        self.world.seed(account, population)
    }

    /// Lets one day's changes happen: joiners, leavers, movers, changed groups and policies, new keys. The
    /// same for the same seed and number of days. Gives the changes.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`], [`Error::Refused`].
    pub fn evolve(&self, account: &str) -> Result<Vec<Mutation>, Error> {
        self.world.evolve(account)
    }

    /// Makes changes behind IAM's back: all of them, or none.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`], [`Error::Refused`].
    pub fn mutate(&self, account: &str, changes: &[Mutation]) -> Result<(), Error> {
        self.world.mutate(account, changes)
    }

    /// Makes an organization of accounts, in place of the one there is. Accounts that are missing are made.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`] of the management account, [`Error::Refused`].
    pub fn organize(&self, seed: &OrganizationSeed) -> Result<(), Error> {
        self.world.organize(seed)
    }

    /// Changes the organization: one change after the other, up to the first that is refused.
    ///
    /// # Errors
    /// [`Error::NoOrganization`], [`Error::UnknownAccount`], [`Error::Refused`].
    pub fn reorganize(&self, changes: &[OrganizationChange]) -> Result<(), Error> {
        self.world.reorganize(changes)
    }

    /// Adds a fault rule; gives its number.
    pub fn add_fault(&self, rule: FaultRule) -> u64 {
        self.world.faults.add(rule)
    }

    /// All fault rules with how often they matched and fired.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultState> {
        self.world.faults.all()
    }

    /// The rules that fired less often than they must. A test ends by asserting that this is empty.
    #[must_use]
    pub fn unfired(&self) -> Vec<FaultState> {
        self.world.faults.unfired()
    }

    /// Removes all fault rules, and begins anew to count attempts.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// All calls since the start or the last [`Self::clear_trace`].
    #[must_use]
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.world.trace.all()
    }

    /// Forgets the calls so far.
    pub fn clear_trace(&self) {
        self.world.trace.clear();
    }

    /// The time of what the sandbox keeps.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Lets time pass for what the sandbox keeps: reports age, sessions expire. Signatures and the `Date`
    /// header stay with the real time, so real clients go on working.
    pub fn advance_clock(&self, seconds: i64) {
        self.world.clock.advance(seconds);
    }

    /// Sets the time of what the sandbox keeps.
    pub fn set_clock(&self, at: Timestamp) {
        self.world.clock.set(at);
    }

    /// Makes the sandbox's clock wrong towards its clients: the `Date` header, and what signatures are held
    /// against.
    pub fn set_clock_skew(&self, seconds: i64) {
        self.world.clock.set_skew(seconds);
    }

    /// How long writes take to settle.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        self.world.consistency()
    }

    /// Sets how long writes take to settle, from now on.
    pub fn set_consistency(&self, consistency: Consistency) {
        self.world.set_consistency(consistency);
    }

    /// Whether the console would let this user in with this password. Not for a password that was made behind
    /// IAM's back: nobody knows it.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub fn signs_in(&self, account: &str, user: &str, password: &str) -> Result<bool, Error> {
        self.world.signs_in(account, user, &Secret::new(password.to_owned()))
    }

    /// Sets the actions a principal is denied (user name, role name, ARN, or `*`); `*` denies all, an empty
    /// list allows again. `GetCallerIdentity` is always allowed.
    pub fn deny(&self, principal: &str, actions: &[&str]) {
        let actions: Vec<String> = actions.iter().map(|action| (*action).to_owned()).collect();
        self.world.deny(principal, &actions);
    }

    /// Lets the connector of an account, and the role it may assume, do this and nothing else: in place of what the
    /// sandbox gave them before. Policies that others gave them stay.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`]; [`Error::Refused`] for a text that is no policy document.
    pub fn permit_connector(&self, account: &str, policy: &ConnectorPolicy) -> Result<(), Error> {
        self.world.permit(account, policy)
    }

    /// A key of `administrator`, a user who holds `AdministratorAccess`. The user is made when it is first asked for.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`], [`Error::Refused`].
    pub fn administrator_key(&self, account: &str) -> Result<ConnectorKey, Error> {
        self.world.administrator(account)
    }

    /// Gives the connector of an account a new access key and deletes the old one.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`], [`Error::Refused`].
    pub fn rotate_connector(&self, account: &str) -> Result<ConnectorKey, Error> {
        self.world.rotate_connector(account)
    }

    /// Switches an access key on or off.
    ///
    /// # Errors
    /// [`Error::UnknownKey`].
    pub fn set_key_status(&self, key_id: &str, status: KeyStatus) -> Result<(), Error> {
        self.world.set_key_status(key_id, status)
    }

    /// Lets an access key act as the connector of another account; `None` undoes it.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub fn swap_key(&self, key_id: &str, account: Option<&str>) -> Result<(), Error> {
        self.world.swap_key(key_id, account)
    }
}
