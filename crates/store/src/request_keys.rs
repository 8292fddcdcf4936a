//! What requests with an `Idempotency-Key` came to: a job, an import run or something that is found elsewhere, so that a
//! repeat does nothing once more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::{ImportRunId, JobId, SystemId};

use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, systems};

/// Keys are remembered so long.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// In the place of the number of a claim: the request was done, and came to neither a job nor a run. Numbers of claims
/// begin with 1, so nobody holds this one.
const DONE: i64 = 0;

/// A request that must be done once. A key of a caller is good for one request: what else comes with it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The system it is about.
    pub system_id: SystemId,
    /// The place that was asked.
    pub route: String,
    /// Who asks.
    pub caller: String,
    /// The key.
    pub key: String,
}

/// The right to do a request. It holds until somebody else took it, which only happens after its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyClaim {
    key: RequestKey,
    claim: i64,
}

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownRequest {
    /// Nothing yet: whoever asks has it now.
    New(KeyClaim),
    /// Somebody is doing it.
    UnderWay,
    /// It was done, and came to a job.
    Job(JobId),
    /// It was done, and came to an import run.
    Run(ImportRunId),
    /// It was asked for at this time and done; what it came to is written elsewhere.
    Done(Timestamp),
    /// The key was used for another request.
    Other,
}

/// What is known of a request that registers a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownRegistration {
    /// Nothing.
    New,
    /// It was done, and registered this system.
    Done(SystemId),
    /// The key was used for another request.
    Other,
}

impl Store {
    /// What a request that registers a system came to. Its key is written down together with the system, so nobody is at it
    /// where there is one; keys of more than a day ago are forgotten.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn registered_by(
        &self,
        key: &RequestKey,
        body_sha256: &str,
        now: Timestamp,
    ) -> Result<KnownRegistration, StoreError> {
        let forgotten = to_millis(now.checked_sub(REMEMBERED_FOR).unwrap_or(Timestamp::MIN));
        let RequestKey { route, caller, key, .. } = key;
        let known: Option<(SystemId, String, String)> =
            reading!(self, "looking whether the request was done before", |transaction| {
                let text = "SELECT s.system_id, r.route, r.body_sha256 FROM request_keys r \
                            JOIN systems s ON s.system_key = r.system_key \
                            WHERE r.caller = $1 AND r.request_key = $2 AND r.created_at > $3";
                let statement = statement!(text, caller.as_str(), key.as_str(), forgotten);
                transaction
                    .fetch_optional(statement, |row| Ok((row.word(0)?, row.text(1)?, row.text(2)?)))
                    .await
            })
            .await?;
        Ok(match known {
            None => KnownRegistration::New,
            Some((system_id, of, body)) if of == *route && body == body_sha256 => {
                KnownRegistration::Done(system_id)
            }
            Some(_) => KnownRegistration::Other,
        })
    }

    /// Takes a request for so long, unless somebody did it or is doing it. Keys of more than a day ago are forgotten.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn claim_request(
        &self,
        key: &RequestKey,
        body_sha256: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<KnownRequest, StoreError> {
        let until = to_millis(now.checked_add(lease).unwrap_or(Timestamp::MAX));
        let forgotten = to_millis(now.checked_sub(REMEMBERED_FOR).unwrap_or(Timestamp::MIN));
        writing!(self, "looking whether the request was done before", |transaction| {
            let system = systems::find(transaction, &key.system_id, false).await?.key;
            let text = "DELETE FROM request_keys WHERE created_at <= $1";
            transaction.execute(statement!(text, forgotten)).await?;
            let (route, caller, name) = (key.route.as_str(), key.caller.as_str(), key.key.as_str());
            let text = "INSERT INTO request_keys (system_key, route, caller, request_key, body_sha256, claim, \
                        claimed_until, created_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $7) ON CONFLICT DO NOTHING";
            let insert = statement!(text, system, route, caller, name, body_sha256, until, to_millis(now));
            if transaction.execute(insert).await? > 0 {
                return Ok(KnownRequest::New(KeyClaim { key: key.clone(), claim: 1 }));
            }
            let text = "SELECT body_sha256, claim, claimed_until, job_id, run_id, created_at, system_key, route \
                        FROM request_keys WHERE caller = $1 AND request_key = $2";
            let (is_same, claim, claimed_until, job, run, asked_at) = transaction
                .fetch_one(statement!(text, caller, name), |row| {
                    let is_same =
                        row.text(0)? == body_sha256 && row.int(6)? == system && row.text(7)? == route;
                    let came_to = (row.opt_int(3)?, row.opt_int(4)?);
                    Ok((is_same, row.int(1)?, row.int(2)?, came_to.0, came_to.1, row.time(5)?))
                })
                .await?;
            match (job, run) {
                _ if !is_same => return Ok(KnownRequest::Other),
                (Some(job), _) => return Ok(KnownRequest::Job(JobId(job))),
                (None, Some(run)) => return Ok(KnownRequest::Run(ImportRunId(run))),
                (None, None) if claim == DONE => return Ok(KnownRequest::Done(asked_at)),
                (None, None) if claimed_until > to_millis(now) => return Ok(KnownRequest::UnderWay),
                (None, None) => {}
            }
            // Whoever had it ended without a word.
            let text = "UPDATE request_keys SET claim = claim + 1, claimed_until = $1 WHERE system_key = $2 \
                        AND route = $3 AND caller = $4 AND request_key = $5 AND claim = $6 AND job_id IS NULL \
                        AND run_id IS NULL";
            let taken = transaction.execute(statement!(text, until, system, route, caller, name, claim)).await?;
            Ok(match taken {
                0 => KnownRequest::UnderWay,
                _ => KnownRequest::New(KeyClaim { key: key.clone(), claim: claim + 1 }),
            })
        })
        .await
    }

    /// Keeps a request that is being done for another while.
    ///
    /// # Errors
    /// [`StoreError::RequestTaken`] when somebody else has it, or it was done.
    pub async fn keep_request(
        &self,
        claim: &KeyClaim,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let until = to_millis(now.checked_add(lease).unwrap_or(Timestamp::MAX));
        let RequestKey { system_id, route, caller, key } = &claim.key;
        writing!(self, "keeping the request", |transaction| {
            let system = systems::find(transaction, system_id, false).await?.key;
            let text = "UPDATE request_keys SET claimed_until = $1 WHERE system_key = $2 AND route = $3 \
                        AND caller = $4 AND request_key = $5 AND claim = $6 AND job_id IS NULL AND run_id IS NULL";
            let (route, caller, key) = (route.as_str(), caller.as_str(), key.as_str());
            match transaction.execute(statement!(text, until, system, route, caller, key, claim.claim)).await? {
                0 => Err(StoreError::RequestTaken),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Gives a request back that came to nothing: a repeat does it anew.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn give_up_request(&self, claim: &KeyClaim) -> Result<(), StoreError> {
        let RequestKey { system_id, route, caller, key } = &claim.key;
        writing!(self, "giving the request back", |transaction| {
            let system = systems::find(transaction, system_id, false).await?.key;
            let text = "DELETE FROM request_keys WHERE system_key = $1 AND route = $2 AND caller = $3 \
                        AND request_key = $4 AND claim = $5 AND job_id IS NULL AND run_id IS NULL";
            let (route, caller, key) = (route.as_str(), caller.as_str(), key.as_str());
            transaction.execute(statement!(text, system, route, caller, key, claim.claim)).await.map(|_| ())
        })
        .await
    }

    /// Notes the job that a request came to, of one that was there before.
    ///
    /// # Errors
    /// [`StoreError::RequestTaken`].
    pub async fn request_came_to_job(&self, claim: &KeyClaim, job: JobId) -> Result<(), StoreError> {
        writing!(self, "noting what the request came to", |transaction| {
            came_to(transaction, claim, Some(job), None).await
        })
        .await
    }

    /// Notes the import run that a request came to.
    ///
    /// # Errors
    /// [`StoreError::RequestTaken`].
    pub async fn request_came_to_run(&self, claim: &KeyClaim, run: ImportRunId) -> Result<(), StoreError> {
        writing!(self, "noting what the request came to", |transaction| {
            came_to(transaction, claim, None, Some(run)).await
        })
        .await
    }
}

/// Notes by which request a system is registered, in the transaction that does it.
pub(crate) async fn registers(
    transaction: &mut Transaction,
    system: i64,
    (key, body_sha256): (&RequestKey, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let (route, caller, name) = (key.route.as_str(), key.caller.as_str(), key.key.as_str());
    let forgotten = to_millis(now.checked_sub(REMEMBERED_FOR).unwrap_or(Timestamp::MIN));
    let text = "DELETE FROM request_keys WHERE caller = $1 AND request_key = $2 AND created_at <= $3";
    transaction.execute(statement!(text, caller, name, forgotten)).await?;
    let text = "INSERT INTO request_keys (system_key, route, caller, request_key, body_sha256, claim, claimed_until, \
                created_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $6)";
    let insert = statement!(text, system, route, caller, name, body_sha256, to_millis(now));
    transaction.execute(insert).await.map(|_| ())
}

/// Notes what a request came to, in the transaction that makes it.
pub(crate) async fn came_to(
    transaction: &mut Transaction,
    claim: &KeyClaim,
    job: Option<JobId>,
    run: Option<ImportRunId>,
) -> Result<(), StoreError> {
    let RequestKey { system_id, route, caller, key } = &claim.key;
    let system = systems::find(transaction, system_id, false).await?.key;
    let text = "UPDATE request_keys SET job_id = $1, run_id = $2 WHERE system_key = $3 AND route = $4 \
                AND caller = $5 AND request_key = $6 AND claim = $7 AND job_id IS NULL AND run_id IS NULL";
    let (job, run) = (job.map(|job| job.0), run.map(|run| run.0));
    let (route, caller, key) = (route.as_str(), caller.as_str(), key.as_str());
    match transaction.execute(statement!(text, job, run, system, route, caller, key, claim.claim)).await? {
        0 => Err(StoreError::RequestTaken),
        _ => Ok(()),
    }
}

/// Notes that a request was done, in the transaction that ends what it asked for. One that somebody else has taken meanwhile
/// is left to them.
pub(crate) async fn is_done(transaction: &mut Transaction, claim: &KeyClaim) -> Result<(), StoreError> {
    let RequestKey { system_id, route, caller, key } = &claim.key;
    let system = systems::find(transaction, system_id, false).await?.key;
    let text = "UPDATE request_keys SET claim = $1 WHERE system_key = $2 AND route = $3 AND caller = $4 \
                AND request_key = $5 AND claim = $6 AND job_id IS NULL AND run_id IS NULL";
    let (route, caller, key) = (route.as_str(), caller.as_str(), key.as_str());
    transaction.execute(statement!(text, DONE, system, route, caller, key, claim.claim)).await.map(|_| ())
}
