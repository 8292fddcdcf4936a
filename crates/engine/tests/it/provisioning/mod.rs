//! Provisioning through its front door: the real connector against the sandbox, over a real store.

mod administrators;
mod as_it_is_now;
mod first_sign_in;
mod life_cycle;
mod matrix;
mod one_answer;
mod order;
mod passed_on;
mod places;
mod plans;
mod r03_crash_points;
mod r04_every_step_twice;
mod r17_clocks;
mod r18_full_disk;
mod r32_poison;
mod r43_combined;
mod refusals;
mod stood_still;
mod unknown_outcomes;

use std::time::Duration;

use keyreeve_engine::plan::{Gatherer, Plan, plan};
use keyreeve_engine::provisioning::{Ended, HandOver, Rules, WorkError, Worker};
use keyreeve_model::{
    JobState, LoginProfileSource, PermissionProfile, ProvisioningJob, SystemSettings, Task, Wish,
};
use keyreeve_sandbox::{Mutation, TraceEntry};
use serde_json::Value;

use crate::harness::{ACCOUNT, Setup, World, empty, no_thresholds};

/// The job was planned by this very process: what it rests on need not be looked at again.
pub(crate) const JUST_PLANNED: Option<jiff::Timestamp> = Some(jiff::Timestamp::MAX);

/// A system whose connector may do everything.
pub(crate) fn full() -> Setup {
    Setup {
        settings: SystemSettings {
            permission_profile: PermissionProfile::Full,
            max_concurrent_requests: 8,
            ..SystemSettings::default()
        },
        thresholds: no_thresholds(),
        ..empty()
    }
}

/// A system with the reference policy.
pub(crate) fn reference() -> Setup {
    Setup {
        settings: SystemSettings { max_concurrent_requests: 8, ..SystemSettings::default() },
        thresholds: no_thresholds(),
        login_profiles: LoginProfileSource::PerUser,
        ..empty()
    }
}

/// Short waits, so that tests need not.
pub(crate) fn quick() -> Rules {
    Rules {
        propagation: Duration::from_millis(1_500),
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(40),
        crashes: 50,
        ..Rules::default()
    }
}

/// A user `ada` who has everything that blocks a deletion, and what else the tests name.
pub(crate) fn laden() -> Vec<Mutation> {
    let ada = || "ada".to_owned();
    let statement = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let mut all = vec![
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::CreateGroup { name: "ops".into(), path: "/".into() },
        Mutation::CreatePolicy { name: "own".into(), path: "/".into(), document: document.clone() },
        user("ada", "/staff/"),
        user("bob", "/staff/"),
    ];
    all.extend([
        Mutation::CreateLoginProfile { user: ada(), reset_required: false },
        Mutation::CreateLoginProfile { user: "bob".into(), reset_required: false },
        Mutation::CreateAccessKey { user: ada() },
        Mutation::CreateAccessKey { user: ada() },
        Mutation::AddSshKey { user: ada() },
        Mutation::AddSigningCertificate { user: ada() },
        Mutation::AddServiceCredential { user: ada() },
        Mutation::AddMfa { user: ada(), is_virtual: true },
        Mutation::AddMfa { user: ada(), is_virtual: false },
        Mutation::AddToGroup { user: ada(), group: "devs".into() },
        Mutation::AddToGroup { user: ada(), group: "ops".into() },
        Mutation::AttachUserPolicy { user: ada(), arn: policy("own") },
        Mutation::PutUserInline { user: ada(), name: "inline".into(), document },
    ]);
    all
}

pub(crate) fn user(name: &str, path: &str) -> Mutation {
    Mutation::CreateUser { name: name.into(), path: path.into(), tags: vec![], boundary: None }
}

pub(crate) fn policy(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

pub(crate) fn wish(json: Value) -> Wish {
    serde_json::from_value(json).unwrap()
}

impl World {
    /// A world with these changes made and imported.
    pub(crate) async fn with(setup: Setup, changes: &[Mutation]) -> Self {
        let world = Self::start(setup).await;
        world.sandbox.mutate(ACCOUNT, changes).unwrap();
        world.published().await;
        world.sandbox.clear_trace();
        world
    }

    fn gatherer(&self) -> Gatherer {
        Gatherer {
            store: self.store.clone(),
            clock: self.clock,
            patience: self.patience,
            pacers: std::sync::Arc::default(),
        }
    }

    pub(crate) async fn plan(&self, wishes: &[Wish]) -> Plan {
        let system = self.store.get_system(&self.id).await.unwrap();
        let facts = self.gatherer().gather(&self.connector, &system, wishes).await.unwrap();
        let mut number = 0;
        let provisioning = keyreeve_connector::Connector::provisioning(&self.connector).unwrap();
        plan(&facts, provisioning, wishes, || {
            number += 1;
            format!("mark-{number}")
        })
    }

    /// Queues a job for wishes that nothing stands in the way of.
    pub(crate) async fn job(&self, wishes: &[Wish]) -> ProvisioningJob {
        let plan = self.plan(wishes).await;
        assert!(
            plan.is_possible(),
            "{:?}",
            plan.tasks.iter().map(|task| &task.obstacles).collect::<Vec<_>>()
        );
        let system = self.store.get_system(&self.id).await.unwrap();
        let hand_over = HandOver::prepare(&plan, &system.settings).unwrap();
        let new = hand_over.job(&plan, "local:test", None).unwrap();
        self.store.create_job(&new, self.clock.now()).await.unwrap()
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker {
            store: self.store.clone(),
            clock: self.clock,
            patience: self.patience,
            rules: quick(),
            pacers: std::sync::Arc::default(),
            places: std::sync::Arc::default(),
            elsewhere: keyreeve_engine::provisioning::Elsewhere::Wait,
            lease: Duration::from_millis(400),
            name: "test".to_owned(),
        }
    }

    pub(crate) async fn work(&self, job: &ProvisioningJob) -> Result<Ended, WorkError> {
        let system = self.store.get_system(&self.id).await.unwrap();
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let worker = self.worker();
        Box::pin(worker.run_job(&self.connector, &system, job.id, JUST_PLANNED, stopped, |_| {})).await
    }

    /// Does what is wished, to the end.
    pub(crate) async fn done(&self, wishes: &[Wish]) -> ProvisioningJob {
        let job = self.job(wishes).await;
        assert_eq!(self.work(&job).await.unwrap(), Ended::Done);
        self.store.job(job.id).await.unwrap()
    }

    /// As [`World::done`], having succeeded.
    pub(crate) async fn succeeded(&self, wishes: &[Wish]) -> ProvisioningJob {
        let job = self.done(wishes).await;
        let failures: Vec<_> = job.tasks.iter().map(|task| (&task.failure, &task.steps)).collect();
        assert_eq!(job.state, JobState::Succeeded, "{failures:#?}");
        job
    }

    /// The users of the account, without ids and times.
    pub(crate) fn final_users(&self) -> Value {
        let mut state = self.sandbox.state(ACCOUNT).unwrap();
        bare(&mut state);
        state["users"].take()
    }

    /// One user of the account as it is.
    pub(crate) fn user(&self, name: &str) -> Option<Value> {
        let state = self.sandbox.state(ACCOUNT).unwrap();
        let users = state["users"].as_array().unwrap().clone();
        users.into_iter().find(|user| user["name"] == name)
    }

    /// The writes that reached AWS.
    pub(crate) fn writes(&self) -> Vec<TraceEntry> {
        self.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some()).collect()
    }

    /// The writes that changed something, as their actions.
    pub(crate) fn effective(&self) -> Vec<String> {
        self.writes()
            .into_iter()
            .filter(|entry| entry.applied == Some(true))
            .map(|entry| entry.action)
            .collect()
    }
}

/// Takes away what differs from run to run: ids, times, and the marks of creations.
fn bare(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                ![
                    "id",
                    "created",
                    "changed",
                    "arn",
                    "unique_id",
                    "last_used",
                    "uploaded",
                    "enabled",
                    "updated",
                ]
                .contains(&name.as_str())
            });
            fields.values_mut().for_each(bare);
        }
        Value::Array(items) => {
            items.retain(|item| {
                item.as_array().is_none_or(|pair| pair.first() != Some(&"keyreeve:task".into()))
            });
            items.iter_mut().for_each(bare);
        }
        _ => {}
    }
}

/// The only task of a job.
pub(crate) fn only(job: &ProvisioningJob) -> &Task {
    assert_eq!(job.tasks.len(), 1);
    &job.tasks[0]
}
