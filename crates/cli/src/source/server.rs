//! A server that is asked for what is shown.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use keyreeve_engine::desk::Standing;
use keyreeve_engine::export::{Format, What};
use keyreeve_engine::own_policy::{PolicyAsked, PolicyFacts};
use keyreeve_engine::unseen::KnownAccount;
use keyreeve_model::{
    Account, Assignment, Change, ChangeSet, ImportProfile, ImportRun, ImportRunId, JobId, PolicyDocuments,
    ProvisioningJob, Resource, Secret, System, SystemId,
};
use keyreeve_server::{Client, ClientError, Pieces, Refused};
use keyreeve_store::{
    AccountFilter, AsOf, AssignmentFilter, AuditFilter, AuditHead, AuditRow, HeldFilter, ResourceFilter,
    open_regular_file,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pages::{
    Query, moment, of_accounts, of_assignments, of_audit, of_held, of_policy, of_resources, of_rows,
};
use crate::command::init::exposed_mode;
use crate::config::{Environment, RemoteServer};
use crate::exit::Refusal;
use crate::output::note;

/// So many entries are asked for at once.
const PAGE: u32 = 1_000;
const DOING: &str = "asking the server";

/// A server.
pub(crate) struct Server {
    pub(super) client: Client,
    /// The row of the audit log before which the last page ended, and the cursor of the next.
    read_to: Mutex<Option<(i64, String)>>,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Different {
    Account(Change<Account>),
    Resource(Change<Resource>),
    Assignment(Change<Assignment>),
}

#[derive(Deserialize)]
struct Stands {
    standing: Option<Standing>,
}

#[derive(Deserialize)]
struct OwnPolicy {
    facts: PolicyFacts,
}

#[derive(Deserialize)]
struct ShownJob {
    #[serde(flatten)]
    job: ProvisioningJob,
    standing: Option<Standing>,
}

#[derive(Deserialize)]
struct Verified {
    intact: bool,
    seq: i64,
    hash: Option<String>,
    why: Option<String>,
    holds_head: Option<bool>,
}

impl Server {
    /// The server that is configured, with the token of the environment or of a file.
    pub(super) fn of(server: &RemoteServer, environment: &Environment) -> Result<Self, Refusal> {
        let token = token(server.token_file.as_ref(), environment)?;
        let client = Client::new(&server.url, token, server.ca_file.as_deref())
            .map_err(|error| Refusal::new(DOING, error.to_string()))?;
        Ok(Self { client, read_to: Mutex::new(None) })
    }

    /// What is at an address.
    pub(super) async fn one<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<T> {
        let body = self.client.get(parts, query).await.map_err(refusal)?;
        let strange = |error: serde_json::Error| ClientError::Strange(error.to_string());
        Ok(serde_json::from_slice(&body).map_err(strange).map_err(refusal)?)
    }

    /// A whole list.
    async fn all<T: DeserializeOwned>(&self, parts: &[&str], query: Query) -> anyhow::Result<Vec<T>> {
        let mut found = Vec::new();
        let mut query = query;
        query.push(("limit", PAGE.to_string()));
        let first = query.len();
        loop {
            let page: Page<T> = self.one(parts, &query).await?;
            found.extend(page.items);
            let Some(next) = page.next else { return Ok(found) };
            query.truncate(first);
            query.push(("cursor", next));
        }
    }

    /// What is different between two published runs of one system.
    pub(super) async fn difference(
        &self,
        earlier: ImportRunId,
        later: ImportRunId,
    ) -> anyhow::Result<ChangeSet> {
        let system = self.import_run(earlier).await?.system_id;
        let query = vec![("from", format!("run:{earlier}")), ("to", format!("run:{later}"))];
        let mut changes = ChangeSet::default();
        for different in self.all(&["systems", system.as_str(), "differences"], query).await? {
            match different {
                Different::Account(change) => changes.accounts.push(change),
                Different::Resource(change) => changes.resources.push(change),
                Different::Assignment(change) => changes.assignments.push(change),
            }
        }
        Ok(changes)
    }

    /// The beginning of a list that has no filter.
    pub(super) async fn some<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        limit: u32,
    ) -> anyhow::Result<Vec<T>> {
        let mut found: Vec<T> = Vec::new();
        let mut cursor = None;
        loop {
            let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            let mut query: Query = Vec::new();
            // A list that comes whole takes neither.
            if limit != u32::MAX {
                query.push(("limit", left.min(PAGE).to_string()));
            }
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.one(parts, &query).await?;
            found.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || found.len() >= limit as usize {
                return Ok(found);
            }
        }
    }

    /// What the policy of a system's connector follows from, when so much is wanted besides.
    pub(crate) async fn policy_facts(
        &self,
        system: &SystemId,
        asked: &PolicyAsked,
    ) -> anyhow::Result<PolicyFacts> {
        let OwnPolicy { facts } =
            self.one(&["systems", system.as_str(), "policy"], &of_policy(asked)).await?;
        Ok(facts)
    }

    pub(crate) async fn systems(&self, removed: bool) -> anyhow::Result<Vec<System>> {
        self.all(&["systems"], vec![("removed", removed.to_string())]).await
    }

    pub(super) async fn accounts(
        &self,
        system: &SystemId,
        as_of: AsOf,
        filter: &AccountFilter,
    ) -> anyhow::Result<Vec<KnownAccount>> {
        let query = [moment(as_of), of_accounts(filter)].concat();
        self.all(&["systems", system.as_str(), "accounts"], query).await
    }

    pub(super) async fn account(
        &self,
        system: &SystemId,
        as_of: AsOf,
        name: &str,
    ) -> anyhow::Result<KnownAccount> {
        self.one(&["systems", system.as_str(), "accounts", name], &moment(as_of)).await
    }

    pub(super) async fn resources(
        &self,
        system: &SystemId,
        as_of: AsOf,
        filter: &ResourceFilter,
    ) -> anyhow::Result<Vec<Resource>> {
        let query = [moment(as_of), of_resources(filter)].concat();
        self.all(&["systems", system.as_str(), "resources"], query).await
    }

    pub(super) async fn resource_documents(
        &self,
        resource: &Resource,
        as_of: AsOf,
    ) -> anyhow::Result<PolicyDocuments> {
        let (system, id) = (resource.system_id.as_str(), resource.external_id.as_str());
        self.one(&["systems", system, "resources", id, "documents"], &moment(as_of)).await
    }

    pub(super) async fn assignments(
        &self,
        system: &SystemId,
        as_of: AsOf,
        filter: &AssignmentFilter,
    ) -> anyhow::Result<Vec<Assignment>> {
        let query = [moment(as_of), of_assignments(filter)].concat();
        self.all(&["systems", system.as_str(), "assignments"], query).await
    }

    pub(super) async fn held(&self, filter: &HeldFilter) -> anyhow::Result<Vec<Assignment>> {
        self.all(&["assignments"], of_held(filter)).await
    }

    pub(super) async fn import_profiles(&self, system: &SystemId) -> anyhow::Result<Vec<ImportProfile>> {
        self.some(&["systems", system.as_str(), "import-profiles"], u32::MAX).await
    }

    pub(crate) async fn job(&self, id: JobId) -> anyhow::Result<ProvisioningJob> {
        self.one(&["jobs", &id.to_string()], &[]).await
    }

    /// A job, and what keeps it from its end.
    pub(crate) async fn job_as_it_stands(
        &self,
        id: JobId,
    ) -> anyhow::Result<(ProvisioningJob, Option<Standing>)> {
        let shown: ShownJob = self.one(&["jobs", &id.to_string()], &[]).await?;
        Ok((shown.job, shown.standing))
    }

    pub(crate) async fn import_run(&self, id: ImportRunId) -> anyhow::Result<ImportRun> {
        self.one(&["import-runs", &id.to_string()], &[]).await
    }

    pub(super) async fn standing(&self, job: JobId) -> anyhow::Result<Option<Standing>> {
        let shown: Stands = self.one(&["jobs", &job.to_string()], &[]).await?;
        Ok(shown.standing)
    }

    /// The server gives the log in pages from its end; one that goes on where the last ended is asked for alone.
    pub(super) async fn audit(&self, filter: &AuditFilter, limit: u32) -> anyhow::Result<Vec<AuditRow>> {
        let (before, after) = (filter.before.unwrap_or(i64::MAX), filter.after.unwrap_or(0));
        let mut found: Vec<AuditRow> = Vec::new();
        let mut cursor = self.read_to.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut cursor = cursor.take_if(|(row, _)| *row == before).map(|(_, cursor)| cursor);
        loop {
            let mut query = of_audit(filter);
            query.push(("limit", limit.min(PAGE).to_string()));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: Page<AuditRow> = self.one(&["audit"], &query).await?;
            let last = page.items.last().map(|row| row.seq);
            let wanted = |row: &AuditRow| row.seq < before && row.seq > after;
            found.extend(page.items.into_iter().filter(wanted));
            let over = page.next.is_none() || last.is_none_or(|last| last <= after);
            if found.len() >= limit as usize || over {
                let whole = found.len() <= limit as usize;
                found.truncate(limit as usize);
                let at = found.last().map(|row| row.seq).zip(page.next).filter(|_| whole);
                *self.read_to.lock().unwrap_or_else(PoisonError::into_inner) = at;
                return Ok(found);
            }
            cursor = page.next;
        }
    }

    /// All of something, piece by piece; `None` where it is to pass over what nothing is known of, and says so.
    pub(crate) async fn export(
        &self,
        (what, system, as_of, format, raw): (What, Option<&SystemId>, AsOf, Format, bool),
        rows: &AuditFilter,
        passes_over: bool,
    ) -> anyhow::Result<Option<ExportedPieces>> {
        const NOTHING: [&str; 3] = ["not_imported", "nothing_then", "system_removed"];
        let is_nothing =
            |code: &str| NOTHING.contains(&code) || (what == What::Changes && code == "history_not_kept");
        let form = vec![("format", format.as_str().to_owned()), ("raw", raw.to_string())];
        let query = [form, moment(as_of), of_rows(rows)].concat();
        let of_system = system.map(|system| ["systems", system.as_str(), "exports", what.as_str()]);
        let of_all = ["exports", what.as_str()];
        let parts = of_system.as_ref().map_or(&of_all[..], |parts| &parts[..]);
        match self.client.pieces(parts, &query).await {
            Ok(pieces) => Ok(Some(ExportedPieces(pieces))),
            Err(ClientError::Refused(refused)) if passes_over && is_nothing(&refused.code) => {
                note(&format!("Passed over: {}.", refused.detail.trim_end_matches('.')));
                Ok(None)
            }
            Err(error) => Err(refusal(error).into()),
        }
    }

    pub(super) async fn verify_audit(&self, noted: Option<&AuditHead>) -> anyhow::Result<(AuditHead, bool)> {
        let head = noted.map(|AuditHead { seq, hash }| ("head", format!("{seq}:{hash}")));
        let query: Query = head.into_iter().collect();
        let found: Verified = self.one(&["audit", "verification"], &query).await?;
        match (found.intact, found.hash) {
            (true, Some(hash)) => {
                Ok((AuditHead { seq: found.seq, hash }, found.holds_head.unwrap_or(noted.is_none())))
            }
            _ => {
                let why = found.why.unwrap_or_else(|| "the log is not as it was written".to_owned());
                Err(Refusal::failed("verifying the audit log", why).into())
            }
        }
    }
}

/// An export as it comes from a server.
pub(crate) struct ExportedPieces(Pieces);

impl ExportedPieces {
    /// The run that it is about: the server names the file after it.
    pub(crate) fn run(&self) -> Option<ImportRunId> {
        let (_, after) = self.0.disposition()?.rsplit_once("-run-")?;
        after.split('.').next()?.parse().ok()
    }

    /// The next piece; `None` when all has come.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.0.next().await.map_err(refusal)?.map(|piece| piece.to_vec()))
    }
}

fn token(file: Option<&PathBuf>, environment: &Environment) -> Result<Secret, Refusal> {
    let (token, place) = match (file, environment.token()) {
        (Some(path), _) => {
            let text = text_of_its_owner(path)?;
            (Secret::new(text.expose().trim().to_owned()), format!("the file {}", path.display()))
        }
        (None, token) => {
            let token = token.map(|token| token.expose().trim().to_owned()).unwrap_or_default();
            (Secret::new(token), "KEYREEVE_TOKEN".to_owned())
        }
    };
    if token.expose().is_empty() {
        return Err(Refusal::new(DOING, "there is no token, so it would not know who asks")
            .hint("set KEYREEVE_TOKEN, or name a file that holds the token with --token-file"));
    }
    if !token.expose().chars().all(|one| one.is_ascii_graphic()) {
        return Err(Refusal::new(DOING, format!("{place} holds more than a token")).hint(
            "it must hold the text that begins with keyreeve_pat_ alone: no name before it, no line after it",
        ));
    }
    Ok(token)
}

/// The text of a file that nobody but its owner can read.
fn text_of_its_owner(path: &Path) -> Result<Secret, Refusal> {
    let why = |error| format!("the token in {} cannot be read: {error}", path.display());
    let unread = |error| Refusal::new(DOING, why(error));
    let mut file = open_regular_file(path).map_err(unread)?;
    if let Some(mode) = exposed_mode(&file.metadata().map_err(unread)?) {
        let why = format!("the token file {} can be used by others (mode {mode:04o})", path.display());
        return Err(Refusal::new(DOING, why).hint(format!(
            "run `chmod 600 {}`, and revoke the token if others may have read it",
            path.display()
        )));
    }
    let mut text = String::new();
    let read = file.read_to_string(&mut text);
    // Wrapped at once, so that it is wiped whatever happens next.
    let text = Secret::new(text);
    read.map(|_| text).map_err(unread)
}

/// What the server refuses could not run; what it began and could not do has failed.
pub(super) fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused(Refused { status, code, detail, advice }) => {
            // Some of what the store says ends with what to do.
            let (detail, advice) = match (detail.rsplit_once("; `"), advice) {
                (Some((what, then)), None) => (what.to_owned(), Some(format!("`{then}"))),
                (_, advice) => (detail, advice),
            };
            let refusal = match (status, code.as_str()) {
                // It was begun, or what it rested on is no more; a system that cannot be reached could not be begun with.
                (410, _)
                | (
                    _,
                    "plan_stale"
                    | "plan_changed"
                    | "not_shown"
                    | "not_released"
                    | "rotation_failed"
                    | "organization_not_whole",
                ) => Refusal::failed(DOING, detail),
                (502, _) => Refusal::new(DOING, detail),
                (500.., _) => Refusal::failed(DOING, detail),
                _ => Refusal::new(DOING, detail),
            };
            match advice {
                _ if status == 401 => refusal.hint(
                    "set KEYREEVE_TOKEN, or the file that --token-file names, to a valid token; an admin makes one with \
                     `keyreeve token create`",
                ),
                Some(advice) => refusal.hint(advice),
                None => refusal,
            }
        }
        ClientError::NoAnswer(_) => Refusal::failed(DOING, error.to_string()),
        ClientError::Url
        | ClientError::Authorities(_)
        | ClientError::Unreachable(_)
        | ClientError::Strange(_) => Refusal::new(DOING, error.to_string()),
    }
}
