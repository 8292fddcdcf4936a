//! `keyreeve export`

use std::path::PathBuf;

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
    /// What: accounts, resources, assignments, changes (of an import run), jobs, tasks, audit or import-runs; several with
    /// commas between them, or all.
    #[arg(value_name = "WHAT", value_parser = tables)]
    pub(crate) what: Tables,
    /// The System ID. Of the audit log it may be left out: all of it, also what is about no system.
    #[arg(value_name = "ID", conflicts_with = "all_systems")]
    pub(crate) system_id: Option<SystemId>,
    /// Of all systems, each with its own newest run or, with --as-of, the one that was the newest then.
    #[arg(long)]
    pub(crate) all_systems: bool,
    /// How it is written.
    #[arg(long, value_enum, default_value = "csv")]
    format: Kind,
    /// Where to; standard output if it is left out, or `-`. A file that is there is replaced once the export is whole.
    ///
    /// What ends in `/` is a folder, and so is where more than one file goes: each is
    /// `TABLE/system=ID/date=DATE/run=N/all.FORMAT` there. `s3://BUCKET/PREFIX/` and `s3://BUCKET/NAME` are in S3, or in the
    /// store that AWS_ENDPOINT_URL_S3 names.
    #[arg(long, value_name = "PLACE", visible_alias = "file")]
    pub(crate) to: Option<PathBuf>,
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

/// One kind of rows, or several.
#[derive(Debug, Clone)]
pub(crate) struct Tables(pub(crate) Vec<What>);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// RFC 4180, safe to open in a spreadsheet unless --raw is given.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet: typed columns, for a warehouse.
    Parquet,
}

impl ExportSystem {
    /// Which rows of the audit log are asked for.
    pub(crate) fn rows(&self, system_id: Option<&SystemId>) -> AuditFilter {
        AuditFilter {
            system_id: system_id.cloned(),
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
            Kind::Parquet => Format::Parquet,
        }
    }
}

fn tables(text: &str) -> Result<Tables, String> {
    if text == "all" {
        return Ok(Tables(What::ALL.to_vec()));
    }
    let mut found = Vec::new();
    for word in text.split(',') {
        let what = What::ALL.into_iter().find(|what| what.as_str() == word).ok_or_else(|| {
            let known = What::ALL.map(What::as_str).join(", ");
            format!("give one of {known}, several with commas between them, or all")
        })?;
        if !found.contains(&what) {
            found.push(what);
        }
    }
    Ok(Tables(found))
}
