//! What a server is asked to change.
//!
//! Jobs and imports are asked for with an `Idempotency-Key`: when an answer is lost, the same is sent again under the same
//! key, and done once all the same. Other changes are sent once.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use keyreeve_engine::check::Check;
use keyreeve_engine::key_rotation::KeyPlan;
use keyreeve_engine::mapping::{Outcome, Trial, Tried};
use keyreeve_engine::organization::DiscoveryReport;
use keyreeve_engine::plan::Plan;
use keyreeve_engine::provisioning::{Handed, Revealed};
use keyreeve_engine::systems::Trust;
use keyreeve_model::{
    ImportProfile, ImportRun, ImportRunId, JobId, MappingName, Person, ProfileName, Protection,
    ProtectionKind, ProvisioningJob, Secret, System, SystemId, TaskId, TaskMapping, Token, TokenId, Wish,
};
use keyreeve_server::{Answered, ClientError, Sent, Verb};
use keyreeve_store::StoredMapping;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::server::{Server, refusal};
use crate::exit::Refusal;

/// No sooner than that the same is asked again.
pub(crate) const ASKED_EVERY: Duration = Duration::from_secs(1);
/// After so long without an answer it is given up.
const LOST_FOR: Duration = Duration::from_secs(60);
/// The server may be at what was asked for so long: planning much takes minutes.
const UNDER_WAY_FOR: Duration = Duration::from_secs(10 * 60);

/// What came of asking for changes.
pub(crate) enum Came {
    /// All is as it is wished already.
    NothingToDo(Box<Plan>),
    /// A job.
    Job(Box<AskedJob>),
}

/// A job that was asked for, or asked for again.
#[derive(Deserialize)]
pub(crate) struct AskedJob {
    /// The job.
    #[serde(flatten)]
    pub(crate) job: ProvisioningJob,
    #[serde(default)]
    one_time_secrets: Vec<OneTimeSecret>,
    /// Whether this answers a repeat: the one-time secrets were in the answer that was lost.
    #[serde(default)]
    pub(crate) repeated: bool,
}

#[derive(Deserialize)]
struct OneTimeSecret {
    task: TaskId,
    account: String,
    secret: String,
}

impl AskedJob {
    /// Takes the one-time secrets of its passwords out.
    pub(crate) fn take_secrets(&mut self) -> Vec<Handed> {
        let handed = |one: OneTimeSecret| (one.task, one.account, Secret::new(one.secret));
        std::mem::take(&mut self.one_time_secrets).into_iter().map(handed).collect()
    }
}

/// A system that was registered.
#[derive(Deserialize)]
pub(crate) struct RegisteredSystem {
    /// The system.
    #[serde(flatten)]
    pub(crate) system: System,
    /// Why AWS did not say whose its credentials are.
    pub(crate) unreachable: Option<String>,
    /// What the trust policy of its role must say.
    pub(crate) trust: Option<Trust>,
    /// Other systems of the same AWS account.
    pub(crate) same_account: Vec<SystemId>,
}

/// What came of other credentials.
#[derive(Deserialize)]
pub(crate) struct ReplacedCredential {
    /// The system.
    #[serde(flatten)]
    pub(crate) system: System,
    /// Whom it signs in as now; `None` when nothing was changed yet.
    pub(crate) signs_in_as: Option<String>,
    /// What the trust policy of the role must say first.
    pub(crate) trust: Option<Trust>,
    /// Whether the role lets in who brings another external id.
    pub(crate) lets_in_anybody: bool,
}

#[derive(Deserialize)]
struct Checked {
    items: Vec<Check>,
}

#[derive(Deserialize)]
struct ReleasedSystem {
    #[serde(flatten)]
    system: System,
    unidentified: Option<String>,
}

#[derive(Deserialize)]
struct TriedMapping {
    #[serde(flatten)]
    trial: Trial,
    imported: bool,
    unknown_account: Option<String>,
}

/// What trying a job again would take, and why it would be refused.
#[derive(Deserialize)]
pub(crate) struct PlannedAgain {
    #[serde(flatten)]
    pub(crate) plan: Plan,
    pub(crate) refused: Option<String>,
}

#[derive(Deserialize)]
struct MadeToken {
    #[serde(flatten)]
    token: Token,
    text: String,
}

#[derive(Deserialize)]
struct RevealedPassword {
    password: Option<String>,
    encrypted_password: Option<String>,
}

impl Server {
    /// What wishes would take, and the name of just that.
    pub(crate) async fn plan(
        &self,
        system: &SystemId,
        wishes: &[Wish],
    ) -> anyhow::Result<(Plan, Option<String>)> {
        let parts = ["systems", system.as_str(), "plans"];
        let body = Some(written(&json!({"wishes": wishes})));
        let answered = self.sent(&Sent { body, ..Sent::new(Verb::Post, &parts) }).await?;
        Ok((read(&answered)?, answered.header("plan-sha256").map(str::to_owned)))
    }

    /// Asks for changes, once; for those that were seen, and no others.
    pub(crate) async fn ask(
        &self,
        system: &SystemId,
        wishes: &[Wish],
        seen: Option<&str>,
        reason: Option<&str>,
    ) -> anyhow::Result<Came> {
        let body = json!({"wishes": wishes, "reason": reason, "plan_sha256": seen});
        let answered = self.once(&["systems", system.as_str(), "jobs"], &body).await?;
        // 202 is a job; with nothing to do there is none.
        match answered.status {
            202 => Ok(Came::Job(Box::new(read(&answered)?))),
            _ => Ok(Came::NothingToDo(Box::new(read(&answered)?))),
        }
    }

    /// Refuses what [`Self::approve`] would be refused.
    pub(crate) async fn require_approvable(&self, job: &ProvisioningJob) -> anyhow::Result<()> {
        let body = json!({"plan_sha256": job.plan_sha256, "preview": true});
        self.of_job::<ProvisioningJob>(job.id, "approve", &body).await.map(drop)
    }

    /// Refuses what [`Self::reject`] would be refused.
    pub(crate) async fn require_rejectable(&self, job: JobId) -> anyhow::Result<()> {
        self.of_job::<ProvisioningJob>(job, "reject", &json!({"preview": true})).await.map(drop)
    }

    /// Approves a job whose plan is the one that was seen.
    pub(crate) async fn approve(
        &self,
        job: &ProvisioningJob,
        reason: Option<&str>,
    ) -> anyhow::Result<ProvisioningJob> {
        self.of_job(job.id, "approve", &json!({"reason": reason, "plan_sha256": job.plan_sha256})).await
    }

    /// Rejects a job.
    pub(crate) async fn reject(&self, job: JobId, reason: Option<&str>) -> anyhow::Result<ProvisioningJob> {
        self.of_job(job, "reject", &json!({"reason": reason})).await
    }

    /// Takes back what has not begun of a job.
    pub(crate) async fn cancel(&self, job: JobId) -> anyhow::Result<ProvisioningJob> {
        self.of_job(job, "cancel", &json!({})).await
    }

    /// Notes that a job which failed is left at that.
    pub(crate) async fn dismiss(&self, job: JobId, reason: &str) -> anyhow::Result<ProvisioningJob> {
        self.of_job(job, "dismiss", &json!({"reason": reason})).await
    }

    /// Queues once more what failed of a job.
    pub(crate) async fn retry(&self, job: JobId) -> anyhow::Result<AskedJob> {
        self.of_job(job, "retry", &json!({})).await
    }

    /// What trying a job again would take.
    pub(crate) async fn plan_again(&self, job: JobId) -> anyhow::Result<PlannedAgain> {
        self.of_job(job, "retry-plan", &json!({})).await
    }

    async fn of_job<T: DeserializeOwned>(&self, job: JobId, what: &str, body: &Value) -> anyhow::Result<T> {
        Ok(self.change(Verb::Post, &["jobs", &job.to_string(), what], Some(body)).await?)
    }

    /// Begins an import, once.
    pub(crate) async fn import(
        &self,
        system: &SystemId,
        profile: &ProfileName,
        preview: bool,
    ) -> anyhow::Result<ImportRun> {
        let body = json!({"profile": profile, "preview": preview});
        Ok(read(&self.once(&["systems", system.as_str(), "import-runs"], &body).await?)?)
    }

    /// Publishes a suspended run.
    pub(super) async fn accept_run(&self, run: ImportRunId, reason: &str) -> Result<ImportRun, Refusal> {
        let body = json!({"reason": reason});
        self.change(Verb::Post, &["import-runs", &run.to_string(), "accept"], Some(&body)).await
    }

    /// Discards a suspended run.
    pub(super) async fn reject_run(&self, run: ImportRunId, reason: &str) -> Result<ImportRun, Refusal> {
        let body = json!({"reason": reason});
        self.change(Verb::Post, &["import-runs", &run.to_string(), "reject"], Some(&body)).await
    }

    /// Accepts what AWS has, and tells how much of it had not ended.
    pub(super) async fn accept_drift(
        &self,
        system: &SystemId,
        claims: &[i64],
        reason: Option<&str>,
    ) -> Result<u64, Refusal> {
        let parts = ["systems", system.as_str(), "drift", "accept"];
        // A server of an earlier version takes no reason, and refuses what it does not know.
        let body = match reason {
            Some(reason) => json!({"claims": claims, "reason": reason}),
            None => json!({"claims": claims}),
        };
        let ended: Value = self.change(Verb::Post, &parts, Some(&body)).await?;
        Ok(ended.get("accepted").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Puts something on the protect list.
    pub(super) async fn protect(&self, system: &SystemId, one: &Protection) -> Result<(), Refusal> {
        let (kind, value) = one.kind.parts();
        let body = json!({"kind": kind, "value": value, "reason": one.reason});
        let parts = ["systems", system.as_str(), "protections"];
        self.change::<Protection>(Verb::Post, &parts, Some(&body)).await.map(|_| ())
    }

    /// Takes something off the protect list.
    pub(super) async fn end_protection(
        &self,
        system: &SystemId,
        kind: &ProtectionKind,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let (kind, value) = kind.parts();
        let reason = reason.map(|reason| ("reason", reason.to_owned()));
        let query: Vec<(&str, String)> =
            [("kind", kind.to_owned()), ("value", value.to_owned())].into_iter().chain(reason).collect();
        let parts = ["systems", system.as_str(), "protections"];
        self.sent(&Sent { query: &query, ..Sent::new(Verb::Delete, &parts) }).await.map(|_| ())
    }

    /// Task mappings, with who set them.
    pub(super) async fn task_mappings(&self, system: &SystemId) -> anyhow::Result<Vec<StoredMapping>> {
        let listed: Vec<Map<String, Value>> =
            self.some(&["systems", system.as_str(), "mappings"], u32::MAX).await?;
        let stored = |mut one: Map<String, Value>| -> Result<StoredMapping, serde_json::Error> {
            one.remove("default");
            let by = one.remove("updated_by").and_then(|by| by.as_str().map(str::to_owned));
            let at = one.remove("updated_at").map(serde_json::from_value::<Option<Timestamp>>).transpose()?;
            Ok(StoredMapping {
                mapping: serde_json::from_value(Value::Object(one))?,
                set: by.zip(at.flatten()),
            })
        };
        let strange = |error: serde_json::Error| refusal(ClientError::Strange(error.to_string()));
        Ok(listed.into_iter().map(stored).collect::<Result<_, _>>().map_err(strange)?)
    }

    /// A task mapping with its version.
    pub(super) async fn task_mapping_as_it_is(
        &self,
        system: &SystemId,
        name: MappingName,
    ) -> anyhow::Result<(TaskMapping, Option<String>)> {
        self.with_version(&["systems", system.as_str(), "mappings", &name.to_string()]).await
    }

    /// Sets a task mapping, or goes back to its default, as it was seen.
    pub(super) async fn set_task_mapping(
        &self,
        system: &SystemId,
        name: MappingName,
        new: Option<&TaskMapping>,
        (seen, reason): (Option<&str>, Option<&str>),
    ) -> Result<(), Refusal> {
        let name = name.to_string();
        let parts = ["systems", system.as_str(), "mappings", name.as_str()];
        let query: Vec<(&str, String)> =
            reason.map(|reason| ("reason", reason.to_owned())).into_iter().collect();
        let sent = match new {
            Some(new) => Sent { body: Some(written(&json!(new))), ..Sent::new(Verb::Put, &parts) },
            None => Sent::new(Verb::Delete, &parts),
        };
        self.sent(&Sent { version: seen, query: &query, ..sent }).await.map(|_| ())
    }

    /// What a task mapping, or the one that is given, makes of some attributes.
    pub(crate) async fn try_mapping(
        &self,
        system: &SystemId,
        name: MappingName,
        given: Option<&TaskMapping>,
        tried: &Tried,
    ) -> anyhow::Result<Outcome> {
        let Tried { attributes, name: account, task } = tried;
        let body = json!({"attributes": attributes, "name": account, "task": task, "mapping": given});
        let parts = ["systems", system.as_str(), "mappings", &name.to_string(), "try"];
        let came: TriedMapping = self.change(Verb::Post, &parts, Some(&body)).await?;
        Ok(Outcome { trial: came.trial, imported: came.imported, unknown: came.unknown_account })
    }

    /// Makes a token.
    pub(crate) async fn make_token(&self, asked: &Value) -> anyhow::Result<(Token, Secret)> {
        let MadeToken { token, text } = self.change(Verb::Post, &["tokens"], Some(asked)).await?;
        Ok((token, Secret::new(text)))
    }

    /// Takes a token back.
    pub(super) async fn revoke_token(&self, id: &TokenId, reason: Option<&str>) -> Result<Token, Refusal> {
        let body = json!({"reason": reason});
        self.change(Verb::Post, &["tokens", &id.to_string(), "revoke"], Some(&body)).await
    }

    /// A system, with its version.
    pub(crate) async fn system_as_it_is(&self, id: &SystemId) -> anyhow::Result<(System, Option<String>)> {
        self.with_version(&["systems", id.as_str()]).await
    }

    /// Registers a system, once.
    pub(crate) async fn register_system(&self, body: &Value) -> anyhow::Result<RegisteredSystem> {
        Ok(read(&self.once(&["systems"], body).await?)?)
    }

    /// An import profile with its version; `None` when there is none of that name.
    pub(super) async fn import_profile_as_it_is(
        &self,
        system: &SystemId,
        name: &ProfileName,
    ) -> anyhow::Result<Option<(ImportProfile, Option<String>)>> {
        if !self.import_profiles(system).await?.iter().any(|one| one.name == *name) {
            return Ok(None);
        }
        let parts = ["systems", system.as_str(), "import-profiles", name.as_str()];
        self.with_version(&parts).await.map(Some)
    }

    /// Sets an import profile, as it was seen; without that, one that is new.
    pub(super) async fn set_import_profile(
        &self,
        system: &SystemId,
        profile: &ImportProfile,
        seen: Option<Option<&str>>,
    ) -> Result<(), Refusal> {
        let parts = ["systems", system.as_str(), "import-profiles", profile.name.as_str()];
        let (version, is_new) = (seen.flatten(), seen.is_none());
        let body = Some(written(&json!(profile)));
        self.sent(&Sent { body, version, is_new, ..Sent::new(Verb::Put, &parts) }).await.map(|_| ())
    }

    /// Takes an import profile away, if this is its version.
    pub(super) async fn remove_import_profile(
        &self,
        system: &SystemId,
        (profile, version): (&ProfileName, Option<&str>),
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let parts = ["systems", system.as_str(), "import-profiles", profile.as_str()];
        let query: Vec<(&str, String)> =
            reason.map(|reason| ("reason", reason.to_owned())).into_iter().collect();
        self.sent(&Sent { query: &query, version, ..Sent::new(Verb::Delete, &parts) }).await.map(|_| ())
    }

    /// A thing with its version.
    async fn with_version<T: DeserializeOwned>(&self, parts: &[&str]) -> anyhow::Result<(T, Option<String>)> {
        let answered = self.sent(&Sent::new(Verb::Get, parts)).await?;
        Ok((read(&answered)?, answered.header("etag").map(str::to_owned)))
    }

    /// Has an organization looked through, once.
    pub(crate) async fn discover(&self, body: &Value) -> anyhow::Result<DiscoveryReport> {
        Ok(read(&self.once(&["organization", "discover"], body).await?)?)
    }

    /// What replacing the key of a system would do.
    pub(crate) async fn key_plan(&self, id: &SystemId) -> anyhow::Result<KeyPlan> {
        let parts = ["systems", id.as_str(), "rotate-key"];
        Ok(self.change(Verb::Post, &parts, Some(&json!({"preview": true}))).await?)
    }

    /// Replaces the key of a system, once.
    pub(crate) async fn rotate_key(&self, id: &SystemId, reason: Option<&str>) -> anyhow::Result<KeyPlan> {
        let body = json!({"reason": reason});
        Ok(read(&self.once(&["systems", id.as_str(), "rotate-key"], &body).await?)?)
    }

    /// Gives a system other credentials.
    pub(crate) async fn set_credential(
        &self,
        id: &SystemId,
        body: &Value,
    ) -> anyhow::Result<ReplacedCredential> {
        Ok(self.change(Verb::Put, &["systems", id.as_str(), "credential"], Some(body)).await?)
    }

    /// Removes a system, if it is still of this version.
    pub(crate) async fn remove_system(
        &self,
        id: &SystemId,
        version: Option<&str>,
        reason: Option<&str>,
    ) -> anyhow::Result<System> {
        self.remove(&["systems", id.as_str()], version, reason).await
    }

    /// Adds somebody who signs in with a password.
    pub(crate) async fn add_person(&self, body: &Value) -> anyhow::Result<Person> {
        Ok(self.change(Verb::Post, &["people"], Some(body)).await?)
    }

    /// Changes the password, the role or the access of somebody.
    pub(crate) async fn change_person(&self, name: &str, what: &str, body: &Value) -> anyhow::Result<Person> {
        Ok(self.change(Verb::Put, &["people", name, what], Some(body)).await?)
    }

    /// Removes somebody.
    pub(crate) async fn remove_person(&self, name: &str, reason: Option<&str>) -> anyhow::Result<Person> {
        self.remove(&["people", name], None, reason).await
    }

    async fn remove<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        version: Option<&str>,
        reason: Option<&str>,
    ) -> anyhow::Result<T> {
        let query: Vec<(&str, String)> =
            reason.map(|reason| ("reason", reason.to_owned())).into_iter().collect();
        Ok(read(&self.sent(&Sent { query: &query, version, ..Sent::new(Verb::Delete, parts) }).await?)?)
    }

    /// Looks whether a system can be reached, and what its credentials may do.
    pub(crate) async fn check_system(&self, id: &SystemId) -> anyhow::Result<Vec<Check>> {
        let parts = ["systems", id.as_str(), "check"];
        let Checked { items } = self.change(Verb::Post, &parts, Some(&json!({}))).await?;
        Ok(items)
    }

    /// Ends the quarantine of a system; why its AWS account could not be found out, if it could not.
    pub(crate) async fn release_system(
        &self,
        id: &SystemId,
        reason: Option<&str>,
    ) -> anyhow::Result<(System, Option<String>)> {
        let body = json!({"reason": reason});
        let parts = ["systems", id.as_str(), "release"];
        let ReleasedSystem { system, unidentified } = self.change(Verb::Post, &parts, Some(&body)).await?;
        Ok((system, unidentified))
    }

    /// Changes a system, as it was seen.
    pub(crate) async fn change_system(
        &self,
        id: &SystemId,
        version: Option<&str>,
        change: &Map<String, Value>,
    ) -> anyhow::Result<System> {
        let parts = ["systems", id.as_str()];
        let sent = Sent {
            body: Some(written(&Value::Object(change.clone()))),
            version,
            ..Sent::new(Verb::Patch, &parts)
        };
        Ok(read(&self.sent(&sent).await?)?)
    }

    /// The password of a task.
    pub(crate) async fn reveal(&self, task: TaskId) -> anyhow::Result<Revealed> {
        let task = task.to_string();
        let parts = ["tasks", task.as_str(), "password"];
        let found: RevealedPassword = self.change(Verb::Post, &parts, Some(&json!({}))).await?;
        match (found.password, found.encrypted_password) {
            (Some(password), None) => Ok(Revealed::Password(Secret::new(password))),
            (None, Some(text)) => Ok(Revealed::Encrypted(text)),
            _ => Err(refusal(ClientError::Strange("it gives no password".to_owned())).into()),
        }
    }

    /// Asks for a change, and reads what came of it.
    async fn change<T: DeserializeOwned>(
        &self,
        verb: Verb,
        parts: &[&str],
        body: Option<&Value>,
    ) -> Result<T, Refusal> {
        read(&self.sent(&Sent { body: body.map(written), ..Sent::new(verb, parts) }).await?)
    }

    async fn sent(&self, sent: &Sent<'_>) -> Result<Answered, Refusal> {
        self.client.send(sent).await.map_err(|error| match error {
            ClientError::NoAnswer(_) if sent.verb != Verb::Get => refusal(error)
                .hint("what became of it is not known: look whether it was done before you ask again"),
            error => refusal(error),
        })
    }

    /// Asks for something that is done once, and asks again while it is not known what became of it.
    async fn once(&self, parts: &[&str], body: &Value) -> Result<Answered, Refusal> {
        let key = uuid::Uuid::new_v4().to_string();
        let sent = Sent { body: Some(written(body)), key: Some(&key), ..Sent::new(Verb::Post, parts) };
        let begun = Instant::now();
        let mut lost = false;
        loop {
            let error = match self.client.send(&sent).await {
                Ok(answered) => return Ok(answered),
                Err(error) => error,
            };
            let patience = match &error {
                ClientError::NoAnswer(_) => LOST_FOR,
                // Before anything was sent, nothing can have been done.
                ClientError::Unreachable(_) if lost => LOST_FOR,
                ClientError::Refused(refused)
                    if refused.code == "in_progress" || refused.code == "took_too_long" =>
                {
                    UNDER_WAY_FOR
                }
                _ => return Err(refusal(error)),
            };
            lost = true;
            if begun.elapsed() > patience {
                return Err(refusal(error).hint("it may have been done: look before you ask again"));
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
    }
}

fn written(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

fn read<T: DeserializeOwned>(answered: &Answered) -> Result<T, Refusal> {
    serde_json::from_slice(&answered.body).map_err(|error| refusal(ClientError::Strange(error.to_string())))
}
