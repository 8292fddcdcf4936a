//! `keyreeve audit …`

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use keyreeve_engine::moment::beginning;
use keyreeve_model::SystemId;
use keyreeve_store::{AuditFilter, AuditHead};

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what was done, the latest first.
    List(ListAudit),
    /// Prove that no row was altered, taken away, put in or moved, and show the log's end.
    Verify(VerifyAudit),
}

/// `audit verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyAudit {
    /// An end of the log that was noted earlier: the log must still hold it.
    #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
    pub(crate) head: Option<AuditHead>,
    /// Let the signed checkpoint outside the database begin anew where the log ends now, and write down why. First look
    /// into what it misses.
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "head")]
    pub(crate) renew_checkpoint: Option<String>,
}

fn head(text: &str) -> Result<AuditHead, String> {
    text.parse().map_err(|why| format!("the head {why}"))
}

/// `audit list`
#[derive(Debug, Args)]
pub(crate) struct ListAudit {
    /// Only what was done about this system.
    #[arg(long = "system", value_name = "ID")]
    pub(crate) system_id: Option<SystemId>,
    /// Only what was done by tasks about this account, and with jobs that have such a task, by the name it had then.
    #[arg(long, value_name = "NAME", requires = "system_id", allow_hyphen_values = true)]
    account: Option<String>,
    /// Only what this actor did, ignoring case: the owner of a token, or local:USER; `*` stands for any text.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    actor: Option<String>,
    /// Only this action, as job_created or step_settled; the guide (provision.md) lists them, and so does the refusal of
    /// one that there is not.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only from this time on: 2026-05-01T12:00:00Z, or a date (its beginning, UTC).
    #[arg(long, value_name = "TIME", value_parser = beginning)]
    since: Option<Timestamp>,
    /// Only before this time.
    #[arg(long, value_name = "TIME", value_parser = beginning)]
    until: Option<Timestamp>,
    /// Only rows after this one: what has come since.
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Only rows before this one: the next page.
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    before: Option<i64>,
    /// At most so many; left out, 100 in a table, and all of them as json and csv.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
}

impl ListAudit {
    /// Which rows are asked for.
    pub(crate) fn filter(&self) -> AuditFilter {
        AuditFilter {
            system_id: self.system_id.clone(),
            account: self.account.clone(),
            actor: self.actor.clone(),
            action: self.action.clone(),
            since: self.since,
            until: self.until,
            before: self.before,
            after: self.after,
        }
    }
}
