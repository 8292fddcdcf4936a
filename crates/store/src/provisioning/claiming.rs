//! Handing tasks to workers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{JobId, JobState, SystemId, TaskId, TaskState};
use serde_json::json;

use super::candidates::{Candidate, Within, candidates, places};
use super::moves::{JobPlace, find_job, require};
use super::rows::{self, Of};
use super::{ClaimedTask, JobTry, TaskLease};
use crate::audit::{Trail, recording};
use crate::secrets::random_id;
use crate::statement::{Statement, Value, statement};
use crate::systems::same_account;
use crate::time::{to_millis, truncated};
use crate::transaction::{Transaction, reading};
use crate::{CrashPoint, PlaceLease, Store, StoreError, dispatch};

/// A task that ended so many workers lets others go first, so that it neither keeps them waiting nor is cut off until it counts
/// as unknown.
const MANY_CRASHES: i64 = 3;

impl Store {
    /// Takes the oldest task that can be worked on; see [`Self::claim_tasks`].
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::JobNotFound`].
    pub async fn claim_task(
        &self,
        system: Option<&SystemId>,
        job: Option<JobId>,
        worker: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<ClaimedTask>, StoreError> {
        Ok(self.claim_tasks(system, job, worker, now, lease, 1).await?.pop())
    }

    /// Takes tasks that can be worked on, the oldest first, and a lease on each. A task can be worked on when
    ///
    /// - it is queued and its time has come, or a worker had it and its lease ran out (a crash, which is counted);
    /// - every task it waits for has succeeded;
    /// - no other task of the same account, by id or by name, has a live lease, in this system or in another one of the
    ///   same AWS account;
    /// - its system is neither quarantined nor removed.
    ///
    /// A task whose lease ran out is taken alone: if it is what ends workers, the others shall not count its crashes. One that
    /// ended three of them lets the others of its job go first.
    ///
    /// Without a system or job, each system gets its share, those first that have the fewest tasks running.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::JobNotFound`].
    pub async fn claim_tasks(
        &self,
        system: Option<&SystemId>,
        job: Option<JobId>,
        worker: &str,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<ClaimedTask>, StoreError> {
        Ok(self.claim((system, job), None, worker, now, lease, limit).await?.unwrap_or_default())
    }

    /// The same of one try of a job, in the place of its AWS account if one is given; `None` when the job has been tried
    /// again since.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`], [`StoreError::PlaceLost`].
    pub async fn claim_tasks_of_try(
        &self,
        of: JobTry,
        place: Option<&PlaceLease>,
        worker: &str,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Option<Vec<ClaimedTask>>, StoreError> {
        self.claim((None, Some(of.job)), Some((of, place)), worker, now, lease, limit).await
    }

    /// Which try of a job is under way, or was the last.
    ///
    /// # Errors
    /// [`StoreError::JobNotFound`].
    pub async fn job_try(&self, job: JobId) -> Result<JobTry, StoreError> {
        reading!(self, "looking how often the job was tried", |transaction| job_try(transaction, job).await)
            .await
    }

    async fn claim(
        &self,
        (system, job): (Option<&SystemId>, Option<JobId>),
        of: Option<(JobTry, Option<&PlaceLease>)>,
        worker: &str,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> Result<Option<Vec<ClaimedTask>>, StoreError> {
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let token = random_id()?;
        recording!(self, "claiming tasks", now, |transaction, trail| {
            if let Some((of, place)) = of {
                if job_try(transaction, of.job).await? != of {
                    return Ok(None);
                }
                if let Some(place) = place {
                    dispatch::require(transaction, place).await?;
                }
            }
            let in_place = of.and_then(|(_, place)| place).map(|place| place.token.as_str());
            let mut claims =
                Claims { now, until, worker, token: &token, in_place, limit, ..Claims::default() };
            for (within, share) in places(transaction, &self.keys, now, system, job, limit).await? {
                claims.take(transaction, trail, within, share).await?;
            }
            let claimed = claims.load(transaction).await?;
            if !claimed.is_empty() {
                CrashPoint::BeforeClaimCommit.pass();
            }
            Ok(Some(claimed))
        })
        .await
        .inspect(|claimed: &Option<Vec<_>>| {
            if claimed.as_ref().is_some_and(|claimed| !claimed.is_empty()) {
                CrashPoint::AfterClaimCommit.pass();
            }
        })
    }
}

async fn job_try(transaction: &mut Transaction, job: JobId) -> Result<JobTry, StoreError> {
    let text = "SELECT tries FROM provisioning_jobs WHERE job_id = $1";
    let number = transaction.fetch_optional(statement!(text, job.0), |row| row.int(0)).await?;
    number.map(|number| JobTry { job, number }).ok_or(StoreError::JobNotFound { job })
}

/// What has been claimed so far in one transaction.
#[derive(Default)]
struct Claims<'a> {
    now: Timestamp,
    until: Timestamp,
    worker: &'a str,
    /// Of the leases of this claim.
    token: &'a str,
    /// The place that they are taken in.
    in_place: Option<&'a str>,
    limit: usize,
    /// Accounts that are busy since this transaction began, by AWS account.
    busy: HashSet<(String, String)>,
    jobs: BTreeMap<JobId, JobPlace>,
    taken: Vec<TaskId>,
    /// Some task has a lease that ran out.
    any_lapsed: bool,
}

impl Claims<'_> {
    /// Takes up to `share` tasks. Those that ended workers again and again are looked at when there is nothing else.
    async fn take(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        within: Within,
        share: usize,
    ) -> Result<(), StoreError> {
        self.take_of(transaction, trail, within, share, |crashes| crashes < MANY_CRASHES).await?;
        if self.taken.is_empty() {
            self.take_of(transaction, trail, within, share, |crashes| crashes >= MANY_CRASHES).await?;
        }
        Ok(())
    }

    /// Takes up to `share` tasks of those that ended so many workers, looking at each open task once.
    async fn take_of(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        within: Within,
        share: usize,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<(), StoreError> {
        let (mut last, mut left) = (0, share.min(self.limit - self.taken.len()));
        if left > 0 {
            self.any_lapsed = any_lapsed(transaction, self.now).await?;
        }
        while left > 0 {
            // Some of those that are found may be of the same account.
            let most = i64::try_from(left).unwrap_or(i64::MAX).saturating_add(8);
            let found = candidates(transaction, within, last, self.now, most).await?;
            let more = i64::try_from(found.len()).is_ok_and(|found| found == most);
            let mut chosen = Vec::new();
            for candidate in found {
                last = candidate.task.0;
                if !wanted(candidate.crashes) {
                    continue;
                }
                let suspect = candidate.state == TaskState::Running;
                let alone = self.taken.is_empty() && chosen.is_empty();
                if left == 0 || (suspect && !alone) || !self.is_free(&candidate) {
                    continue;
                }
                chosen.push(candidate);
                left -= 1;
                if suspect {
                    self.limit = chosen.len();
                    left = 0;
                }
            }
            self.claim(transaction, trail, chosen).await?;
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Whether nothing of this transaction is at the account; from now on the candidate is.
    fn is_free(&mut self, candidate: &Candidate) -> bool {
        let keys: Vec<(String, String)> = std::iter::once(&candidate.name)
            .chain(&candidate.external_id)
            .map(|key| (candidate.place.clone(), key.clone()))
            .collect();
        let free = keys.iter().all(|key| !self.busy.contains(key));
        if free {
            self.busy.extend(keys);
        }
        free
    }

    /// Takes these tasks. No two of them are of the same account.
    async fn claim(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        chosen: Vec<Candidate>,
    ) -> Result<(), StoreError> {
        let chosen =
            if self.any_lapsed { self.left_behind(transaction, trail, chosen).await? } else { chosen };
        let epochs = next_epochs(transaction, &chosen).await?;
        let epoch_of = |candidate: &Candidate| {
            let what = || format!("the lease of task {} has no number", candidate.task);
            let key = (candidate.system_key, candidate.account_key().to_owned());
            epochs.get(&key).copied().ok_or_else(|| StoreError::Data { what: what() })
        };
        let mut leased = Vec::with_capacity(chosen.len());
        for candidate in chosen {
            let epoch = epoch_of(&candidate)?;
            self.note(transaction, trail, &candidate, epoch).await?;
            leased.push((candidate.task, epoch, candidate.state == TaskState::Running));
        }
        let most = transaction.dialect().values_per_statement() / LEASE_COLUMNS - 1;
        for some in leased.chunks(most) {
            transaction.execute(leases(some, self)).await?;
        }
        self.taken.extend(leased.into_iter().map(|(task, ..)| task));
        Ok(())
    }

    /// Notes that a task is begun, and its job if nothing of it was.
    async fn note(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        candidate: &Candidate,
        epoch: i64,
    ) -> Result<(), StoreError> {
        let (now, worker) = (self.now, self.worker);
        let job = self.job(transaction, candidate.job).await?;
        if job.state == JobState::Queued {
            let actor = job.actor.clone();
            let said = (actor.as_str(), "job_started", json!({}));
            job.become_state(transaction, trail, JobState::Running, said, now).await?;
        }
        require(job.state == JobState::Running, &format!("job {}", job.id), job.state.as_str(), "running")?;
        let subject = json!({
            "job": candidate.job,
            "task": candidate.task,
            "from": candidate.state,
            "to": TaskState::Running,
            "worker": worker,
            "epoch": epoch,
        });
        let crashed = candidate.state == TaskState::Running;
        let action = if crashed { "task_taken_over" } else { "task_started" };
        trail.note(&job.actor, Some(&job.system_id), action, &subject);
        Ok(())
    }

    /// Those of the chosen whose leases, and those of whose accounts, still have run out: a lease is renewed without
    /// the lock that claims are made under.
    async fn left_behind(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        chosen: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut left = Vec::with_capacity(chosen.len());
        for candidate in chosen {
            if candidate.state == TaskState::Running && !is_lapsed(transaction, &candidate, self.now).await? {
                continue;
            }
            self.take_away_from_others(transaction, trail, &candidate).await?;
            if !is_held_elsewhere(transaction, &candidate).await? {
                left.push(candidate);
            }
        }
        Ok(left)
    }

    /// Puts tasks of the same account whose lease ran out back into the queue: their workers write nothing any more.
    async fn take_away_from_others(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        candidate: &Candidate,
    ) -> Result<(), StoreError> {
        let text = concat!(
            "UPDATE tasks SET state = 'queued', crashes = crashes + 1, crashed_token = lease_token, \
             lease_until = NULL, lease_worker = NULL WHERE state = 'running' AND system_key IN ",
            same_account!("$1"),
            " AND task_id <> $2 AND (account_folded = $3 OR account_external_id = $4) AND lease_until <= $5 \
             RETURNING task_id, job_id"
        );
        let (name, external_id) = (candidate.name.as_str(), candidate.external_id.clone());
        let lost =
            statement!(text, candidate.system_key, candidate.task.0, name, external_id, to_millis(self.now));
        let lost = transaction.fetch(lost, |row| Ok((TaskId(row.int(0)?), JobId(row.int(1)?)))).await?;
        for (task, id) in lost {
            let job = self.job(transaction, id).await?;
            let subject =
                json!({"job": id, "task": task, "from": TaskState::Running, "to": TaskState::Queued});
            trail.note(&job.actor, Some(&job.system_id), "task_lease_lost", &subject);
        }
        Ok(())
    }

    async fn job(&mut self, transaction: &mut Transaction, id: JobId) -> Result<&mut JobPlace, StoreError> {
        Ok(match self.jobs.entry(id) {
            std::collections::btree_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(find_job(transaction, id).await?)
            }
        })
    }

    /// What was claimed, as it is now.
    async fn load(self, transaction: &mut Transaction) -> Result<Vec<ClaimedTask>, StoreError> {
        if self.taken.is_empty() {
            return Ok(Vec::new());
        }
        let numbers: Vec<i64> = self.taken.iter().map(|task| task.0).collect();
        let stored = rows::tasks(transaction, Of::Tasks, &numbers, true).await?;
        let claimed = stored.into_iter().map(|stored| {
            let task = stored.task;
            let lease = TaskLease {
                task: task.id,
                job: task.job,
                system_id: task.system_id.clone(),
                account_key: account_key(&task.account, task.account_external_id.as_ref()),
                epoch: stored.epoch,
                token: self.token.to_owned(),
                until: truncated(self.until),
            };
            ClaimedTask { task, delivery: stored.delivery, lease }
        });
        Ok(claimed.collect())
    }
}

fn account_key(name: &str, external_id: Option<&keyreeve_model::ExternalId>) -> String {
    external_id.map_or_else(|| super::folded(name), ToString::to_string)
}

/// Whether a running task's lease has run out still; it is not renewed before the transaction ends then.
async fn is_lapsed(
    transaction: &mut Transaction,
    candidate: &Candidate,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut text =
        Statement::building("SELECT lease_until FROM tasks WHERE state = 'running' AND task_id = ");
    text.bind(candidate.task.0).push(transaction.dialect().lock_row());
    let until = transaction.fetch_optional(text, |row| row.opt_int(0)).await?;
    Ok(until.flatten().is_some_and(|until| until <= to_millis(now)))
}

/// Whether another task of the account is in the hands of a worker.
async fn is_held_elsewhere(transaction: &mut Transaction, candidate: &Candidate) -> Result<bool, StoreError> {
    let text = concat!(
        "SELECT COUNT(*) FROM tasks WHERE state = 'running' AND system_key IN ",
        same_account!("$1"),
        " AND task_id <> $2 AND (account_folded = $3 OR account_external_id = $4)"
    );
    let (name, external_id) = (candidate.name.as_str(), candidate.external_id.clone());
    let others = statement!(text, candidate.system_key, candidate.task.0, name, external_id);
    transaction.fetch_one(others, |row| Ok(row.int(0)? > 0)).await
}

async fn any_lapsed(transaction: &mut Transaction, now: Timestamp) -> Result<bool, StoreError> {
    let text = "SELECT MIN(lease_until) FROM tasks WHERE state = 'running'";
    let first = transaction.fetch_one(statement!(text), |row| row.opt_int(0)).await?;
    Ok(first.is_some_and(|first| first <= to_millis(now)))
}

/// The numbers of new leases, by system and account: each greater than every earlier one of the account, and of the
/// task.
async fn next_epochs(
    transaction: &mut Transaction,
    chosen: &[Candidate],
) -> Result<HashMap<(i64, String), i64>, StoreError> {
    const COLUMNS: usize = 3;
    let mut epochs = HashMap::with_capacity(chosen.len());
    let most = transaction.dialect().values_per_statement() / COLUMNS;
    for some in chosen.chunks(most) {
        let mut text =
            Statement::building("INSERT INTO account_epochs (system_key, account_key, epoch) VALUES ");
        text.bind_rows(some.iter().map(|candidate| {
            vec![candidate.system_key.into(), candidate.account_key().into(), (candidate.epoch + 1).into()]
        }));
        text.push(
            " ON CONFLICT (system_key, account_key) DO UPDATE SET epoch = \
             CASE WHEN account_epochs.epoch >= excluded.epoch THEN account_epochs.epoch + 1 \
             ELSE excluded.epoch END RETURNING system_key, account_key, epoch",
        );
        let raised = transaction.fetch(text, |row| Ok(((row.int(0)?, row.text(1)?), row.int(2)?))).await?;
        epochs.extend(raised);
    }
    Ok(epochs)
}

const LEASE_COLUMNS: usize = 3;

/// Writes leases down: tasks, their numbers, and whether a worker ended during the task.
fn leases(tasks: &[(TaskId, i64, bool)], claims: &Claims<'_>) -> Statement {
    let mut text = Statement::building("WITH made (task_id, epoch, crashed) AS (VALUES ");
    text.bind_rows(tasks.iter().map(|(task, epoch, crashed)| {
        let row: [Value; LEASE_COLUMNS] = [task.0.into(), (*epoch).into(), i64::from(*crashed).into()];
        row.into()
    }));
    text.push(") UPDATE tasks SET state = 'running', lease_epoch = m.epoch, lease_until = ");
    text.bind(to_millis(claims.until)).push(", lease_worker = ").bind(claims.worker);
    text.push(
        ", crashed_token = CASE WHEN m.crashed = 1 THEN tasks.lease_token ELSE tasks.crashed_token END",
    );
    text.push(", lease_token = ").bind(claims.token).push(", lease_place = ").bind(claims.in_place);
    text.push(", started_at = COALESCE(tasks.started_at, ").bind(to_millis(claims.now));
    text.push("), crashes = tasks.crashes + m.crashed, not_before = NULL FROM made m WHERE tasks.task_id = m.task_id");
    text
}
