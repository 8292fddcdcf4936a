//! Errands: what is to be looked at, each by one process.

use std::collections::HashSet;

use jiff::Timestamp;
use keyreeve_model::{JobId, SystemId};

use crate::dialect::Dialect;
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError};

/// Of more than so many errands it is looked first which of them wait already.
const FEW: usize = 16;

/// The numbers of jobs that may be worked on, as texts.
macro_rules! open_jobs {
    () => {
        "(SELECT CAST(j.job_id AS TEXT) FROM provisioning_jobs j WHERE j.finished_at IS NULL \
         AND j.held_at IS NULL AND j.state IN ('queued', 'running'))"
    };
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrandKind {
    /// A job that may be begun or gone on with; the subject is its number.
    Job,
    /// A schedule whose time has come; the subject is its profile.
    Import,
}

impl ErrandKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Import => "import",
        }
    }
}

/// Something to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewErrand {
    /// What.
    pub kind: ErrandKind,
    /// Of which system.
    pub system_id: SystemId,
    /// Which one of the system.
    pub subject: String,
    /// Not before this moment.
    pub due_at: Timestamp,
    /// So often it came to nothing before.
    pub failures: u32,
}

impl NewErrand {
    /// To look at a job.
    #[must_use]
    pub fn job(job: JobId, system_id: SystemId, due_at: Timestamp) -> Self {
        Self { kind: ErrandKind::Job, system_id, subject: job.0.to_string(), due_at, failures: 0 }
    }
}

/// An errand that is ours, and nobody else's: it is there no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The system.
    pub system_id: SystemId,
    /// Which one of the system.
    pub subject: String,
    /// So often it came to nothing before.
    pub failures: u32,
}

impl Errand {
    /// The job that it is about, if it is about one.
    #[must_use]
    pub fn job(&self) -> Option<JobId> {
        self.subject.parse().ok().map(JobId)
    }
}

impl Store {
    /// Has things looked at. What waits already stays as it is: neither sooner nor later. Whoever is to lose access comes
    /// before who is to get it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn offer_errands(&self, errands: &[NewErrand]) -> Result<(), StoreError> {
        if errands.is_empty() {
            return Ok(());
        }
        // In one order, so that no two who offer wait for each other.
        let mut errands: Vec<&NewErrand> = errands.iter().collect();
        if errands.len() > FEW {
            let waiting = self.waiting_errands().await?;
            errands.retain(|errand| {
                let known =
                    (errand.kind.as_str().to_owned(), errand.system_id.clone(), errand.subject.clone());
                !waiting.contains(&known)
            });
        }
        errands.sort_by_key(|errand| (errand.kind.as_str(), &errand.system_id, &errand.subject));
        writing!(self, "having things looked at", |transaction| {
            for errand in &errands {
                offer(transaction, errand).await?;
            }
            Ok(())
        })
        .await
    }

    /// Everything that waits to be taken: kind, system and subject.
    async fn waiting_errands(&self) -> Result<HashSet<(String, SystemId, String)>, StoreError> {
        let text = "SELECT e.kind, s.system_id, e.subject FROM errands e \
                    JOIN systems s ON s.system_key = e.system_key JOIN errand_heads h \
                    ON h.kind = e.kind AND h.urgency = e.urgency AND h.system_key = e.system_key";
        let found = reading!(self, "looking what is to be looked at already", |transaction| {
            let read = |row: &Row| Ok((row.text(0)?, row.word(1)?, row.text(2)?));
            transaction.fetch_together(statement!(text), 3, read).await
        });
        Ok(found.await?.into_iter().collect())
    }

    /// Takes up to so many errands whose time has come, of systems that are in use: the most urgent first, of these one of
    /// each system in turn. A job is left alone while another process changes its AWS account; `holder` is what this one
    /// takes places as.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn claim_errands(
        &self,
        kind: ErrandKind,
        holder: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Errand>, StoreError> {
        let mut taken = Vec::new();
        while taken.len() < most {
            // Each by itself: who takes several keeps nobody waiting.
            let claimed = self.claim_errand(kind, holder, now, &[]);
            match claimed.await {
                Ok(Some(errand)) => taken.push(errand),
                Ok(None) => break,
                // What was taken is ours already.
                Err(error) if !taken.is_empty() => {
                    tracing::warn!(%error, "no more errands were taken");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Takes one errand, as [`Self::claim_errands`] does, of any system but these.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn claim_errand(
        &self,
        kind: ErrandKind,
        holder: &str,
        now: Timestamp,
        except: &[SystemId],
    ) -> Result<Option<Errand>, StoreError> {
        let due = "SELECT 1 FROM errands WHERE kind = $1 AND due_at <= $2 LIMIT 1";
        let due = statement!(due, kind.as_str(), to_millis(now));
        let any = reading!(self, "looking for errands", |transaction| {
            transaction.fetch_optional(due.clone(), |_| Ok(())).await
        });
        // Who only looks keeps nobody from writing.
        if any.await?.is_none() {
            return Ok(None);
        }
        writing!(self, "taking errands", |transaction| claim(transaction, kind, (holder, except), now).await)
            .await
    }

    /// Forgets errands about jobs of which nothing is left to do, or that wait for a person.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn drop_idle_errands(&self) -> Result<(), StoreError> {
        const IDLE: &str = concat!("FROM errands WHERE kind = 'job' AND subject NOT IN ", open_jobs!());
        let found = reading!(self, "looking for errands about nothing", |transaction| {
            let text = concat_text("SELECT 1 ", IDLE, " LIMIT 1");
            transaction.fetch_optional(Statement::building(&text), |_| Ok(())).await
        });
        if found.await?.is_none() {
            return Ok(());
        }
        writing!(self, "forgetting errands about nothing", |transaction| {
            transaction.execute(Statement::building(&concat_text("DELETE ", IDLE, ""))).await?;
            let heads = "DELETE FROM errand_heads WHERE kind = 'job' AND NOT EXISTS (SELECT 1 FROM errands e \
                         WHERE e.kind = errand_heads.kind AND e.system_key = errand_heads.system_key \
                         AND e.urgency = errand_heads.urgency)";
            transaction.execute(statement!(heads)).await.map(|_| ())
        })
        .await
    }
}

fn concat_text(before: &str, text: &str, after: &str) -> String {
    [before, text, after].concat()
}

async fn offer(transaction: &mut Transaction, errand: &NewErrand) -> Result<(), StoreError> {
    let urgency = match (errand.kind, errand.subject.parse().ok().map(JobId)) {
        (ErrandKind::Job, Some(job)) => {
            let text = "SELECT COUNT(*) FROM tasks WHERE job_id = $1 \
                        AND kind IN ('delete_account', 'deactivate_account')";
            let leaves = transaction.fetch_one(statement!(text, job.0), |row| row.int(0)).await? > 0;
            if leaves { 0 } else { 1 }
        }
        _ => 2_i64,
    };
    let text = "INSERT INTO errands (kind, system_key, subject, urgency, due_at, failures) \
                SELECT $1, s.system_key, $2, $3, $4, $5 FROM systems s WHERE s.system_id = $6 \
                ON CONFLICT (kind, system_key, subject) DO NOTHING";
    let new = statement!(
        text,
        errand.kind.as_str(),
        errand.subject.as_str(),
        urgency,
        to_millis(errand.due_at),
        i64::from(errand.failures),
        errand.system_id.as_str(),
    );
    transaction.execute(new).await?;
    // What waits already has an urgency of its own. Should somebody take the last errand of the system, and its head with it, at
    // this very moment, the next offer brings the head back.
    let text = "INSERT INTO errand_heads (kind, urgency, system_key, served_at) \
                SELECT e.kind, e.urgency, e.system_key, COALESCE((SELECT t.served_at FROM errand_turns t \
                WHERE t.kind = e.kind AND t.system_key = e.system_key), 0) \
                FROM errands e JOIN systems s ON s.system_key = e.system_key \
                WHERE e.kind = $1 AND s.system_id = $2 AND e.subject = $3 \
                ON CONFLICT (kind, urgency, system_key) DO NOTHING";
    let head = statement!(text, errand.kind.as_str(), errand.system_id.as_str(), errand.subject.as_str());
    transaction.execute(head).await.map(|_| ())
}

/// What of the errands `e` of a system may be taken now.
fn push_due(text: &mut Statement, kind: ErrandKind, now: Timestamp) {
    text.push(" e.due_at <= ").bind(to_millis(now));
    if kind == ErrandKind::Job {
        text.push(
            " AND EXISTS (SELECT 1 FROM provisioning_jobs j WHERE j.job_id = CAST(e.subject AS BIGINT) \
             AND j.finished_at IS NULL AND j.held_at IS NULL AND j.state IN ('queued', 'running'))",
        );
    }
}

/// Takes one errand: finds the system whose turn it is, and of it what is due longest.
async fn claim(
    transaction: &mut Transaction,
    kind: ErrandKind,
    (holder, except): (&str, &[SystemId]),
    now: Timestamp,
) -> Result<Option<Errand>, StoreError> {
    let text = head_in_turn(kind, (holder, except), now, transaction.dialect());
    let head =
        transaction.fetch_optional(text, |row| Ok((row.int(0)?, row.int(1)?, row.word::<SystemId>(2)?)));
    let Some((urgency, system_key, system_id)) = head.await? else { return Ok(None) };
    let mut text = Statement::building("SELECT e.subject, e.failures FROM errands e WHERE e.kind = ");
    text.bind(kind.as_str()).push(" AND e.system_key = ").bind(system_key);
    text.push(" AND e.urgency = ").bind(urgency).push(" AND");
    push_due(&mut text, kind, now);
    text.push(" ORDER BY e.due_at, e.subject LIMIT 1");
    let read = |row: &Row| Ok((row.text(0)?, u32::try_from(row.int(1)?).unwrap_or(u32::MAX)));
    // It may have been found to be about nothing meanwhile.
    let Some((subject, failures)) = transaction.fetch_optional(text, read).await? else { return Ok(None) };
    let text = "DELETE FROM errands WHERE kind = $1 AND system_key = $2 AND subject = $3";
    transaction.execute(statement!(text, kind.as_str(), system_key, subject.as_str())).await?;
    let text = "INSERT INTO errand_turns (kind, system_key, served_at) VALUES ($1, $2, $3) \
                ON CONFLICT (kind, system_key) DO UPDATE SET served_at = excluded.served_at";
    transaction.execute(statement!(text, kind.as_str(), system_key, to_millis(now))).await?;
    let text = "UPDATE errand_heads SET served_at = $1 WHERE kind = $2 AND urgency = $3 AND system_key = $4";
    transaction.execute(statement!(text, to_millis(now), kind.as_str(), urgency, system_key)).await?;
    let text = "DELETE FROM errand_heads WHERE kind = $1 AND urgency = $2 AND system_key = $3 AND NOT EXISTS \
                (SELECT 1 FROM errands e WHERE e.kind = $1 AND e.system_key = $3 AND e.urgency = $2)";
    transaction.execute(statement!(text, kind.as_str(), urgency, system_key)).await?;
    Ok(Some(Errand { system_id, subject, failures }))
}

/// The system whose turn it is, with its urgency; nobody else takes of these until the transaction ends.
fn head_in_turn(
    kind: ErrandKind,
    (holder, except): (&str, &[SystemId]),
    now: Timestamp,
    dialect: Dialect,
) -> Statement {
    let mut text = Statement::building(
        "SELECT h.urgency, h.system_key, s.system_id FROM errand_heads h \
         JOIN systems s ON s.system_key = h.system_key WHERE s.state = 'active' AND h.kind = ",
    );
    text.bind(kind.as_str());
    for system in except {
        text.push(" AND s.system_id <> ").bind(system.as_str());
    }
    if kind == ErrandKind::Job {
        text.push(
            " AND NOT EXISTS (SELECT 1 FROM account_places p \
             WHERE p.place = COALESCE(s.aws_account_id, 'system ' || s.system_id) AND p.held_until > ",
        );
        text.bind(to_millis(now)).push(" AND p.holder <> ").bind(holder).push(")");
    }
    text.push(
        " AND EXISTS (SELECT 1 FROM errands e WHERE e.kind = h.kind AND e.system_key = h.system_key \
         AND e.urgency = h.urgency AND",
    );
    push_due(&mut text, kind, now);
    text.push(") ORDER BY h.urgency, h.served_at, h.system_key LIMIT 1").push(dialect.lock_free_heads());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provisioning::query_plans::plan;
    use crate::{DatabaseUrl, StoreKey};

    /// However much waits, nothing of it is sorted: the next one is found in order.
    #[tokio::test]
    async fn the_next_errand_is_found_without_looking_at_all_that_waits() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let now = Timestamp::from_millisecond(1).unwrap();
        let store = Store::create(&url, StoreKey::generate().unwrap(), now).await.unwrap();
        for kind in [ErrandKind::Job, ErrandKind::Import] {
            let lines = plan(&store, head_in_turn(kind, ("p", &[]), now, Dialect::Sqlite)).await.join("\n");
            assert!(lines.contains("INDEX errand_heads_in_turn (kind=?)"), "{lines}");
            assert!(lines.contains("INDEX errands_of_system"), "{lines}");
            assert!(!lines.contains("TEMP B-TREE") && !lines.contains("SCAN"), "{lines}");
        }
        store.close().await;
    }
}
