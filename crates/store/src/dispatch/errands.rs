//! Errands: what is to be looked at, each by one process.

use jiff::Timestamp;
use keyreeve_model::{JobId, SystemId};

use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError};

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
        writing!(self, "having things looked at", |transaction| {
            for errand in errands {
                offer(transaction, errand).await?;
            }
            Ok(())
        })
        .await
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
        let due = "SELECT 1 FROM errands WHERE kind = $1 AND due_at <= $2 LIMIT 1";
        let due = statement!(due, kind.as_str(), to_millis(now));
        let any = reading!(self, "looking for errands", |transaction| {
            transaction.fetch_optional(due.clone(), |_| Ok(())).await
        });
        // Who only looks keeps nobody from writing.
        if any.await?.is_none() {
            return Ok(Vec::new());
        }
        writing!(self, "taking errands", |transaction| {
            let mut taken = Vec::new();
            while taken.len() < most {
                let Some(errand) = claim(transaction, kind, holder, now).await? else { break };
                taken.push(errand);
            }
            Ok(taken)
        })
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
            transaction.execute(Statement::building(&concat_text("DELETE ", IDLE, ""))).await.map(|_| ())
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
    transaction.execute(new).await.map(|_| ())
}

async fn claim(
    transaction: &mut Transaction,
    kind: ErrandKind,
    holder: &str,
    now: Timestamp,
) -> Result<Option<Errand>, StoreError> {
    let mut text = Statement::building(
        "SELECT e.system_key, s.system_id, e.subject, e.failures FROM errands e \
         JOIN systems s ON s.system_key = e.system_key WHERE s.state = 'active' AND e.kind = ",
    );
    text.bind(kind.as_str()).push(" AND e.due_at <= ").bind(to_millis(now));
    if kind == ErrandKind::Job {
        text.push(" AND e.subject IN ").push(open_jobs!());
        text.push(
            " AND NOT EXISTS (SELECT 1 FROM account_places p \
             WHERE p.place = COALESCE(s.aws_account_id, 'system ' || s.system_id) AND p.held_until > ",
        );
        text.bind(to_millis(now)).push(" AND p.holder <> ").bind(holder).push(")");
    }
    text.push(
        " ORDER BY e.urgency, COALESCE((SELECT t.served_at FROM errand_turns t \
         WHERE t.kind = e.kind AND t.system_key = e.system_key), 0), e.due_at, e.system_key, e.subject LIMIT 1",
    );
    text.push(transaction.dialect().lock_free_errands());
    let read = |row: &Row| {
        let failures = u32::try_from(row.int(3)?).unwrap_or(u32::MAX);
        Ok((row.int(0)?, Errand { system_id: row.word(1)?, subject: row.text(2)?, failures }))
    };
    let Some((system_key, errand)) = transaction.fetch_optional(text, read).await? else { return Ok(None) };
    let text = "DELETE FROM errands WHERE kind = $1 AND system_key = $2 AND subject = $3";
    transaction.execute(statement!(text, kind.as_str(), system_key, errand.subject.as_str())).await?;
    let text = "INSERT INTO errand_turns (kind, system_key, served_at) VALUES ($1, $2, $3) \
                ON CONFLICT (kind, system_key) DO UPDATE SET served_at = excluded.served_at";
    transaction.execute(statement!(text, kind.as_str(), system_key, to_millis(now))).await?;
    Ok(Some(errand))
}
