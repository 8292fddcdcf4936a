//! `keyreeve audit …`

use clap::{Args, Subcommand};
use keyreeve_model::SystemId;
use keyreeve_store::AuditHead;

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
}

fn head(text: &str) -> Result<AuditHead, String> {
    let noted = text.split_once(':').and_then(|(seq, hash)| {
        let seq = seq.parse().ok().filter(|seq: &i64| *seq >= 0)?;
        let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        whole.then(|| AuditHead { seq, hash: hash.to_ascii_lowercase() })
    });
    noted.ok_or_else(|| {
        "give the number of a row and its hash, as `audit verify` shows them: SEQ:HASH".to_owned()
    })
}

/// `audit list`
#[derive(Debug, Args)]
pub(crate) struct ListAudit {
    /// Only what was done about this system.
    #[arg(long = "system", value_name = "ID")]
    pub(crate) system_id: Option<SystemId>,
    /// Only what was done by tasks about this account, by the name it had then.
    #[arg(long, value_name = "NAME", requires = "system_id", allow_hyphen_values = true)]
    pub(crate) account: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}
