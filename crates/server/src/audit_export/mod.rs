//! The audit log, sent elsewhere while it is written: to files, to syslog, over HTTP; never in the way of anything else.
//!
//! Rows are read out of the log behind the position that the store keeps of each sink, and it moves when the sink took
//! them. So each row arrives at least once, in order; what arrives twice has the same number and the same hash.

mod file;
mod http;
mod line;
mod syslog;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::clock::Clock;
use keyreeve_store::{AuditBatch, AuditFrom, Store, StoreError};
use tokio::sync::watch;

pub use file::{FileSink, may_be_written};
pub use http::HttpSink;
pub use line::{Line, line_of};
pub use syslog::{SyslogPlace, SyslogSink};

/// So many rows are sent at once, and of these no more than so many bytes.
const MOST_ROWS: u32 = 500;
const MOST_BYTES: usize = 256 * 1024;
/// A sink has so long to take them.
pub(crate) const WITHIN: Duration = Duration::from_secs(20);
/// What is under way when a stop is asked for has so long to end; what has not is sent again.
const STOPS_WITHIN: Duration = Duration::from_secs(3);
/// What was not taken is sent again after so long, then after twice as long, and so on.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(2);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// A sink may ask to be left alone for so long at most.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(24);
/// So much is kept of why.
const LONGEST_WHY: usize = 300;

/// A place outside that takes the audit log.
pub trait AuditSink: Send + Sync {
    /// Takes these rows, all of them: when this is done they are safe there.
    fn take<'a>(&'a self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), NotTaken>>;
}

/// A sink took nothing, or it is not known what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// Why. No secret.
    pub why: String,
    /// It asked not to be tried before so much time has passed.
    pub again_after: Option<SignedDuration>,
}

impl From<String> for NotTaken {
    fn from(why: String) -> Self {
        Self { why, again_after: None }
    }
}

/// A sink cannot be used as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub(crate) String);

/// Sends the audit log to one sink.
pub struct Exporter {
    /// Where the log is.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// What the sink is called: its position is kept under this name.
    pub name: String,
    /// Where it begins, if it has no position yet.
    pub from: AuditFrom,
    /// Where to send.
    pub sink: Box<dyn AuditSink>,
    /// So often it is looked whether there is something to send.
    pub every: Duration,
    /// So long this process has the sink to itself without a sign of life.
    pub lease: Duration,
}

/// What sends at this moment, and how much at once.
struct Sending {
    holder: String,
    rows: u32,
}

impl Exporter {
    /// Runs until `stop` becomes true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut sending = Sending { holder: uuid::Uuid::new_v4().to_string(), rows: MOST_ROWS };
        let (holder, mut asked) = (sending.holder.clone(), stop.clone());
        let late = async {
            if asked.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(STOPS_WITHIN).await;
        };
        let work = async {
            while !*stop.borrow() {
                if let Err(error) = self.round(&mut sending, &stop).await {
                    tracing::warn!(sink = self.name, %error, "the audit log could not be looked at for a sink");
                }
                tokio::select! {
                    () = self.clock.wait(self.every) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = late => {}
        }
        if let Err(error) = self.store.leave_audit_sink(&self.name, &holder).await {
            tracing::debug!(sink = self.name, %error, "an audit sink is left when its time is over");
        }
    }

    /// Sends all there is, as long as it is taken.
    async fn round(&self, sending: &mut Sending, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
        self.store.begin_audit_sink(&self.name, self.from).await?;
        while !*stop.borrow() {
            let now = self.clock.now();
            let until = now.checked_add(self.lease).unwrap_or(Timestamp::MAX);
            let (name, holder) = (&self.name, &sending.holder);
            let batch = self.store.take_audit_rows(name, holder, sending.rows, now, until).await?;
            let Some(batch) = batch else { return Ok(()) };
            let outcome = self.send(&batch).await;
            let now = self.clock.now();
            match outcome {
                Ok(sent) => {
                    let Some(last) = batch.rows.get(sent.saturating_sub(1)) else { return Ok(()) };
                    if !self.store.audit_rows_taken(&batch, last, now).await? {
                        tracing::debug!(sink = name, "another process sends to this audit sink");
                        return Ok(());
                    }
                    sending.rows = sending.rows.saturating_mul(2).min(MOST_ROWS);
                    if batch.failures > 0 {
                        tracing::info!(sink = name, row = last.seq, "an audit sink takes rows again");
                    }
                }
                Err(NotTaken { why, again_after }) => {
                    // What is too much for it, or takes too long, is sent in smaller parts.
                    sending.rows = (sending.rows / 2).max(1);
                    let why = told(&why);
                    let wait = again_after.map_or_else(
                        || wait_after(batch.failures),
                        |asked| asked.clamp(FIRST_WAIT, LONGEST_ASKED),
                    );
                    let next_at = now.checked_add(wait).unwrap_or(Timestamp::MAX);
                    self.store.audit_rows_not_taken(&batch, &why, next_at, now).await?;
                    if batch.failures == 0 {
                        tracing::warn!(
                            sink = name,
                            why,
                            "an audit sink falls behind; it is tried again, and nothing waits for it"
                        );
                    } else {
                        tracing::debug!(sink = name, why, "an audit sink still takes nothing");
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends as much of a batch as goes at once, and gives how many rows that was.
    async fn send(&self, batch: &AuditBatch) -> Result<usize, NotTaken> {
        if batch.rows.is_empty() {
            return Err(NotTaken::from(format!(
                "the log does not go on from row {}, which was sent last: rows were altered or taken away since",
                batch.after.seq
            )));
        }
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for row in &batch.rows {
            let line = line_of(row).map_err(|error| NotTaken::from(format!("row {}: {error}", row.seq)))?;
            bytes += line.text.len();
            // A row that is larger than that goes alone.
            if bytes > MOST_BYTES && !lines.is_empty() {
                break;
            }
            lines.push(line);
        }
        let late = |_| NotTaken::from("it took too long".to_owned());
        tokio::time::timeout(WITHIN, self.sink.take(&lines)).await.map_err(late)??;
        Ok(lines.len())
    }
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is said of a failure, in one line that is not too long: some of it is the other end's.
fn told(why: &str) -> String {
    let safe = keyreeve_engine::escape::line(why);
    let mut told: String = safe.chars().take(LONGEST_WHY).collect();
    if told.len() < safe.len() {
        told.push('…');
    }
    told
}

fn wait_after(failures: u32) -> SignedDuration {
    FIRST_WAIT.checked_mul(1 << failures.min(16)).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_up_to_five_minutes() {
        let waits: Vec<i64> = [0, 1, 2, 7, 8, u32::MAX].map(|before| wait_after(before).as_secs()).into();
        assert_eq!(waits, [2, 4, 8, 256, 300, 300]);
    }

    #[test]
    fn what_the_other_end_says_is_one_short_line() {
        assert_eq!(told("a\nb\u{202e}"), "a\\u{a}b\\u{202e}");
        assert_eq!(told(&"x".repeat(1_000)).chars().count(), LONGEST_WHY + 1);
    }
}
