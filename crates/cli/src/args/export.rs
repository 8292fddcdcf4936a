//! `keyreeve export`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use keyreeve_engine::export::{Format, What};
use keyreeve_engine::moment::beginning;
use keyreeve_model::SystemId;
use keyreeve_store::AuditFilter;

use super::Moment;

/// `export`
#[derive(Debug, Args)]
pub(crate) struct ExportSystem {
    /// What: accounts, resources, assignments, jobs, audit or import-runs.
    #[arg(value_name = "WHAT", value_parser = what)]
    pub(crate) what: What,
    /// The System ID. Of the audit log it may be left out: all of it, also what is about no system.
    #[arg(value_name = "ID", required_if_eq_any(OF_SYSTEMS))]
    pub(crate) system_id: Option<SystemId>,
    /// How it is written.
    #[arg(long, value_enum, default_value = "csv")]
    format: Kind,
    /// Where to; standard output if it is left out, or `-`. A file that is there is replaced once the export is whole.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Of the audit log: only from this time on: 2026-05-01T12:00:00Z, or a date (its beginning, UTC).
    #[arg(long, value_name = "TIME", value_parser = beginning)]
    since: Option<Timestamp>,
    /// Of the audit log: only before this time.
    #[arg(long, value_name = "TIME", value_parser = beginning)]
    until: Option<Timestamp>,
    /// Of the audit log: only rows after this one.
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    #[command(flatten)]
    pub(crate) moment: Moment,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// RFC 4180, safe to open in a spreadsheet unless --raw is given.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// What is of one system always.
const OF_SYSTEMS: [(&str, &str); 5] = [
    ("what", "accounts"),
    ("what", "resources"),
    ("what", "assignments"),
    ("what", "jobs"),
    ("what", "import-runs"),
];

impl ExportSystem {
    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref().filter(|path| path.as_os_str() != "-")
    }

    /// Which rows of the audit log are asked for.
    pub(crate) fn rows(&self) -> AuditFilter {
        AuditFilter {
            system_id: self.system_id.clone(),
            since: self.since,
            until: self.until,
            after: self.after,
            ..AuditFilter::default()
        }
    }

    /// Whether rows of the audit log are chosen by time or number.
    pub(crate) fn has_range(&self) -> bool {
        self.since.is_some() || self.until.is_some() || self.after.is_some()
    }

    /// The form in the engine's terms.
    pub(crate) fn format(&self) -> Format {
        match self.format {
            Kind::Csv => Format::Csv,
            Kind::Jsonl => Format::Jsonl,
        }
    }
}

fn what(text: &str) -> Result<What, String> {
    What::ALL.into_iter().find(|what| what.as_str() == text).ok_or_else(|| {
        let known = What::ALL.map(What::as_str).join(", ");
        format!("give one of {known}")
    })
}
