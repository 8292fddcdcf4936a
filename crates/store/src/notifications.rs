//! What people are to be told outside: an outbox, written in the transaction of the event.
//!
//! Nothing waits for the telling. What the audit log says is looked through for what somebody must know ([`of_note`]);
//! what leaves no row there is put in where it happens. The same thing is told once. At most [`MOST_UNTOLD`] wait to be told; the
//! oldest give way.

mod still;

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::SystemId;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, UnclaimedPassword};

/// So many wait to be told at most.
pub const MOST_UNTOLD: i64 = 1000;
/// What was told is remembered for so long, so that it is not told again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Something that people are to be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notification {
    /// Its number. What arrives twice has the same.
    pub id: i64,
    /// What happened: `import_suspended`, `job_awaits_approval`, `job_failed`, `system_quarantined`, `password_unclaimed`,
    /// `drift`, `link_opened_again`, `audit_sink_behind`.
    pub kind: String,
    /// The system it is about.
    pub system_id: Option<SystemId>,
    /// To what. No secret.
    pub subject: Json,
    /// When.
    pub at: Timestamp,
    /// How often it was tried to tell it, this time included.
    #[serde(skip)]
    pub attempts: u32,
}

/// Something that people are to be told, not yet written.
pub(crate) struct Event {
    kind: &'static str,
    /// What it is told once for.
    dedupe: String,
    subject: Json,
}

/// What of the audit log is to be told.
pub(crate) fn of_note(seq: i64, action: &str, subject: &str) -> Option<Event> {
    let read = || serde_json::from_str::<Json>(subject).ok();
    match action {
        "job_created" => {
            let subject = read()?;
            let waits = subject.get("to").is_some_and(|to| to == "awaiting_approval");
            let job = subject.get("job")?;
            waits.then(|| Event {
                kind: "job_awaits_approval",
                dedupe: format!("awaits_approval:{job}"),
                subject: json!({"job": job, "because": subject.get("approval_because")}),
            })
        }
        "job_ended" => {
            let subject = read()?;
            let to = subject.get("to")?.as_str()?;
            matches!(to, "failed" | "partially_failed").then(|| Event {
                kind: "job_failed",
                dedupe: format!("job_failed:{seq}"),
                subject: json!({"job": subject.get("job"), "state": to}),
            })
        }
        "system_quarantined" => Some(Event {
            kind: "system_quarantined",
            dedupe: format!("quarantined:{seq}"),
            subject: json!({}),
        }),
        "claims_settled" => {
            let subject = read()?;
            let claims = subject.get("claims")?.as_array()?;
            let gone =
                claims.iter().filter(|claim| claim.get("to").is_some_and(|to| to == "contradicted")).count();
            (gone > 0).then(|| Event {
                kind: "drift",
                dedupe: format!("drift:{seq}"),
                subject: json!({"import_run": subject.get("run"), "claims": gone}),
            })
        }
        "password_second_attempt" => {
            let subject = read()?;
            let (job, task, step) = (subject.get("job")?, subject.get("task")?, subject.get("step")?);
            Some(Event {
                kind: "link_opened_again",
                // However often it is tried.
                dedupe: format!("opened_again:{task}:{step}"),
                subject: json!({"job": job, "task": task, "account": subject.get("account")}),
            })
        }
        _ => None,
    }
}

impl Event {
    pub(crate) fn import_suspended(run: keyreeve_model::ImportRunId) -> Self {
        Self {
            kind: "import_suspended",
            dedupe: format!("suspended:{run}"),
            subject: json!({"import_run": run}),
        }
    }

    /// Nothing of the audit log has been taken by one of its sinks since then.
    pub(crate) fn audit_sink_behind(sink: &str, since: i64, rows: i64) -> Self {
        Self {
            kind: "audit_sink_behind",
            dedupe: format!("audit_sink_behind:{sink}:{since}"),
            subject: json!({"sink": sink, "rows": rows}),
        }
    }

    fn unclaimed(password: &UnclaimedPassword) -> Self {
        let UnclaimedPassword { account, job, task, created_at, .. } = password;
        Self {
            kind: "password_unclaimed",
            dedupe: format!("unclaimed:{task}"),
            subject: json!({"job": job, "task": task, "account": account, "created_at": created_at}),
        }
    }

    /// Puts it in, unless it is there already.
    pub(crate) async fn put(
        self,
        transaction: &mut Transaction,
        system_id: Option<&str>,
        now: i64,
    ) -> Result<(), StoreError> {
        let text = "INSERT INTO notifications (dedupe, kind, system_id, subject, at, attempts, next_at) \
                    VALUES ($1, $2, $3, $4, $5, 0, $5) ON CONFLICT (dedupe) DO NOTHING";
        let system_id = system_id.map(str::to_owned);
        let put = statement!(text, self.dedupe, self.kind, system_id, self.subject.to_string(), now);
        if transaction.execute(put).await? == 0 {
            return Ok(());
        }
        let text = "DELETE FROM notifications WHERE told_at IS NULL AND notification_id <= \
                    (SELECT notification_id FROM notifications WHERE told_at IS NULL \
                     ORDER BY notification_id DESC LIMIT 1 OFFSET $1)";
        transaction.execute(statement!(text, MOST_UNTOLD)).await.map(|_| ())
    }
}

impl Store {
    /// Takes what is to be told by now, the oldest first, and leaves it to whoever takes it until `until`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn take_notifications(
        &self,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Notification>, StoreError> {
        let look = "SELECT notification_id FROM notifications WHERE told_at IS NULL AND next_at <= $1 \
                    ORDER BY notification_id LIMIT $2";
        let take = "UPDATE notifications SET next_at = $1, attempts = attempts + 1 \
                    WHERE notification_id = $2 AND told_at IS NULL AND next_at <= $3 \
                    RETURNING notification_id, kind, system_id, subject, at, attempts";
        // Most of the time there is nothing, and then nothing is locked.
        let due = reading!(self, "looking for what is to be told", |transaction| {
            transaction.fetch(statement!(look, to_millis(now), i64::from(limit)), |row| row.int(0)).await
        })
        .await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        writing!(self, "taking what is to be told", |transaction| {
            let mut taken = Vec::new();
            for id in &due {
                let read = |row: &crate::row::Row| {
                    Ok(Notification {
                        id: row.int(0)?,
                        kind: row.text(1)?,
                        system_id: row.opt_text(2)?.and_then(|id| id.parse().ok()),
                        subject: row.json(3)?,
                        at: row.time(4)?,
                        attempts: u32::try_from(row.int(5)?).unwrap_or(u32::MAX),
                    })
                };
                let one = statement!(take, to_millis(until), *id, to_millis(now));
                taken.extend(transaction.fetch_optional(one, read).await?);
            }
            Ok(taken)
        })
        .await
    }

    /// Keeps that something was told, and forgets what was told long ago.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn notification_told(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        let long_ago = now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        writing!(self, "keeping what was told", |transaction| {
            let text = "UPDATE notifications SET told_at = $1 WHERE notification_id = $2";
            transaction.execute(statement!(text, to_millis(now), id)).await?;
            let text = "DELETE FROM notifications WHERE told_at IS NOT NULL AND told_at < $1";
            transaction.execute(statement!(text, to_millis(long_ago))).await.map(|_| ())
        })
        .await
    }

    /// Puts something back that could not be told, until `next_at`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn notification_untold(&self, id: i64, next_at: Timestamp) -> Result<(), StoreError> {
        let text = "UPDATE notifications SET next_at = $1 WHERE notification_id = $2 AND told_at IS NULL";
        writing!(self, "putting back what was not told", |transaction| {
            transaction.execute(statement!(text, to_millis(next_at), id)).await.map(|_| ())
        })
        .await
    }

    /// Has people told of passwords that nobody has taken, once of each.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_of_unclaimed_passwords(&self, now: Timestamp) -> Result<(), StoreError> {
        let found = self.unclaimed_passwords(now, None).await?;
        if found.is_empty() {
            return Ok(());
        }
        writing!(self, "noting passwords that nobody has taken", |transaction| {
            for password in &found {
                let system_id = Some(password.system_id.as_str());
                Event::unclaimed(password).put(transaction, system_id, to_millis(now)).await?;
            }
            Ok(())
        })
        .await
    }
}
