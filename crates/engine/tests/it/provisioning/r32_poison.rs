//! R32: a task that ends the worker each time is left to a person after three times; the rest of the queue is done,
//! and the worker does not go on ending.

use async_trait::async_trait;
use keyreeve_aws::AwsConnector;
use keyreeve_connector::{
    AccountCredentialEntry, AccountFacts, Connector, Error, Identity, Inventory, Marker, MfaDevice,
    NewAccessKey, Page, PasswordPolicy, Performed, PointRead, PolicyDocument, PolicyReference, Provisioning,
    RoleDetail,
};
use keyreeve_engine::provisioning::{Ended, Rules, Worker};
use keyreeve_model::{
    AccountCredentialKind, JobState, PermissionProfile, PolicyScope, Secret, StepCall, TaskState,
};
use serde_json::json;

use super::{JUST_PLANNED, full, laden, quick, user, wish};
use crate::harness::{ACCOUNT, World, connect, connector_key};

/// Where the worker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poison {
    /// When it looks at the account, before any call.
    Look,
    /// In the middle of the call.
    Call,
}

/// The connector to AWS, except that one account's name ends whoever works on it.
struct Poisoned {
    aws: AwsConnector,
    poison: Poison,
}

impl Poisoned {
    fn inner(&self) -> &dyn Provisioning {
        self.aws.provisioning().unwrap()
    }

    fn swallow(&self, account: &str, at: Poison) {
        assert!(account != "poison" || self.poison != at, "poison");
    }
}

#[async_trait]
impl Connector for Poisoned {
    async fn identify(&self) -> Result<Identity, Error> {
        self.aws.identify().await
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        self.aws.inventory()
    }

    fn provisioning(&self) -> Option<&dyn Provisioning> {
        Some(self)
    }
}

#[async_trait]
impl Provisioning for Poisoned {
    fn operation(&self, call: &StepCall) -> &'static str {
        self.inner().operation(call)
    }

    fn needs(&self, call: &StepCall) -> Vec<&'static str> {
        self.inner().needs(call)
    }

    fn read_needs(&self, read: PointRead) -> &'static str {
        self.inner().read_needs(read)
    }

    fn lacks(&self, profile: PermissionProfile, needs: &[&'static str]) -> Vec<&'static str> {
        self.inner().lacks(profile, needs)
    }

    async fn perform(&self, call: &StepCall, password: Option<&Secret>) -> Result<Performed, Error> {
        self.swallow(call.account(), Poison::Call);
        self.inner().perform(call, password).await
    }

    fn key_needs(&self) -> &'static str {
        self.inner().key_needs()
    }

    async fn create_access_key(&self, account: &str) -> Result<NewAccessKey, Error> {
        self.inner().create_access_key(account).await
    }

    async fn get_account_facts(&self, account: &str) -> Result<Option<AccountFacts>, Error> {
        self.swallow(account, Poison::Look);
        self.inner().get_account_facts(account).await
    }

    async fn list_credentials(
        &self,
        account: &str,
        kind: AccountCredentialKind,
        after: Option<&Marker>,
    ) -> Result<Page<AccountCredentialEntry>, Error> {
        self.inner().list_credentials(account, kind, after).await
    }

    async fn list_mfa_devices(
        &self,
        account: &str,
        after: Option<&Marker>,
    ) -> Result<Page<MfaDevice>, Error> {
        self.inner().list_mfa_devices(account, after).await
    }

    async fn list_roles(&self, after: Option<&Marker>) -> Result<Page<RoleDetail>, Error> {
        self.inner().list_roles(after).await
    }

    async fn get_inline_policy(&self, account: &str, name: &str) -> Result<Option<String>, Error> {
        self.inner().get_inline_policy(account, name).await
    }

    async fn list_groups_of(&self, account: &str, after: Option<&Marker>) -> Result<Page<String>, Error> {
        self.inner().list_groups_of(account, after).await
    }

    async fn list_policies_of(
        &self,
        account: &str,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyReference>, Error> {
        self.inner().list_policies_of(account, after).await
    }

    async fn list_policy_documents(
        &self,
        scope: PolicyScope,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyDocument>, Error> {
        self.inner().list_policy_documents(scope, after).await
    }

    async fn get_password_policy(&self) -> Result<Option<PasswordPolicy>, Error> {
        self.inner().get_password_policy().await
    }
}

/// Works on a job of a poisoned task and three sound ones, in a new process each time it ended; how often it did.
async fn ends(poison: Poison) -> u32 {
    let mut changes = laden();
    changes.extend(["poison", "one", "two", "three"].map(|name| user(name, "/")));
    let world = World::with(full(), &changes).await;
    let delete = |name: &str| wish(json!({"task": "delete_account", "account": name}));
    let job = world.job(&["poison", "one", "two", "three"].map(delete)).await;
    let mut ended = 0;
    loop {
        assert!(ended < 20, "{poison:?}: the worker ends again and again");
        let aws = connect(&world.sandbox.endpoint_url(), connector_key(&world.sandbox, ACCOUNT)).await;
        let system = world.store.get_system(&world.id).await.unwrap();
        let rules = Rules { crashes: Rules::default().crashes, ..quick() };
        let (worker, id) = (Worker { rules, ..world.worker() }, job.id);
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let process = tokio::spawn(async move {
            let connector = Poisoned { aws, poison };
            worker.run_job(&connector, &system, id, JUST_PLANNED, stopped, |_| {}).await
        });
        match process.await {
            Ok(done) => {
                assert_eq!(done.unwrap(), Ended::Done, "{poison:?}");
                break;
            }
            Err(died) => assert!(died.is_panic()),
        }
        ended += 1;
    }
    let job = world.store.job(job.id).await.unwrap();
    assert_eq!(job.state, JobState::PartiallyFailed, "{poison:?}: {job:#?}");
    for task in &job.tasks {
        let expected = if task.account == "poison" { TaskState::NeedsPerson } else { TaskState::Succeeded };
        assert_eq!(task.state, expected, "{poison:?}: {task:#?}");
        assert_eq!(world.user(&task.account).is_some(), task.account == "poison", "{poison:?}");
    }
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r32_a_task_that_ends_the_worker_is_isolated_after_three_times() {
    assert_eq!(ends(Poison::Look).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r32_a_call_that_ends_the_worker_is_isolated_when_its_attempts_are_used_up() {
    // Who was killed in the middle of a call has got that far: kills from outside must not isolate a sound task.
    assert_eq!(ends(Poison::Call).await, Rules::default().attempts);
}
