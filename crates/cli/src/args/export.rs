//! `keyreeve export`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keyreeve_engine::export::{Format, What};
use keyreeve_model::SystemId;

use super::Moment;

/// `export`
#[derive(Debug, Args)]
pub(crate) struct ExportSystem {
    /// What: accounts, resources, assignments, jobs, audit or import-runs.
    #[arg(value_name = "WHAT", value_parser = what)]
    pub(crate) what: What,
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// How it is written.
    #[arg(long, value_enum, default_value = "csv")]
    format: Kind,
    /// Where to; standard output if it is left out. A file that is there is replaced once the export is whole.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
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

impl ExportSystem {
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
