//! `keyreeve import …`

use clap::{Args, Subcommand, ValueEnum};
use keyreeve_model::{ChangeKind, ImportRunId, ObjectType, ProfileName, SystemId};

use super::reason::reason;
use super::{Consent, ProfileCommand};

/// What can be done with imports.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Read a system whole, compare, and publish.
    Run(RunImport),
    /// List the runs of a system, the newest first.
    List(ListRuns),
    /// Show one run.
    Show(ShowRun),
    /// Show what a run changed (or would), or what is different between two published runs.
    Diff(DiffRuns),
    /// Publish a suspended run: exactly what it found.
    Accept(Decide),
    /// Discard a suspended run.
    Reject(Decide),
    /// The filters that imports run through.
    #[command(subcommand)]
    Profile(ProfileCommand),
}

/// `import run`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["system_id", "all"]))]
pub(crate) struct RunImport {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: Option<SystemId>,
    /// Every system that is neither quarantined nor suspended, some of them at once.
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all, only the systems filed under this; may be given several times.
    #[arg(long = "category", value_name = "CATEGORY", conflicts_with = "system_id")]
    pub(crate) categories: Vec<String>,
    /// With --all, how many systems are read at once [default: 4; also KEYREEVE_IMPORT_JOBS]. Each takes the memory of
    /// one import.
    #[arg(long, value_name = "N", conflicts_with = "system_id", value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) jobs: Option<u64>,
    /// The import profile to run through.
    #[arg(long, default_value = "default")]
    pub(crate) profile: ProfileName,
    /// Import and compare, but publish nothing.
    #[arg(long)]
    pub(crate) preview: bool,
}

/// `import list`
#[derive(Debug, Args)]
pub(crate) struct ListRuns {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// At most this many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// `import show`
#[derive(Debug, Args)]
pub(crate) struct ShowRun {
    /// The run's number.
    pub(crate) run: ImportRunId,
    /// Show its changes instead, as `import diff RUN` does.
    #[arg(long)]
    pub(crate) changes: bool,
}

/// `import diff`
#[derive(Debug, Args)]
pub(crate) struct DiffRuns {
    /// A run: alone, it is compared with the run before it.
    pub(crate) run: ImportRunId,
    /// Another published run, in either order.
    #[arg(value_name = "RUN")]
    pub(crate) other: Option<ImportRunId>,
    #[command(flatten)]
    pub(crate) filter: ChangeFilter,
}

/// Which changes are shown.
#[derive(Debug, Default, Args)]
pub(crate) struct ChangeFilter {
    /// Only this type of object.
    #[arg(long = "type", value_name = "TYPE", value_parser = object_types)]
    pub(crate) types: Option<ObjectTypes>,
    /// Only this kind of change.
    #[arg(long, value_enum)]
    pub(crate) change: Option<Kind>,
    /// Only objects (for assignments: holders or resources) with this in their name; * and ? stand for any text
    /// and any letter.
    #[arg(long)]
    pub(crate) name: Option<String>,
}

/// The types one word stands for.
#[derive(Debug, Clone)]
pub(crate) struct ObjectTypes(pub(crate) Vec<ObjectType>);

fn object_types(text: &str) -> Result<ObjectTypes, String> {
    use ObjectType::{AccountGroup, AccountPolicy, AwsManagedPolicy, Group, GroupPolicy, Policy};
    let found = match text {
        "resource" => vec![Group, Policy, AwsManagedPolicy],
        "policy" => vec![Policy, AwsManagedPolicy],
        "assignment" => vec![AccountGroup, AccountPolicy, GroupPolicy],
        _ => ObjectType::ALL.into_iter().filter(|object_type| object_type.as_str() == text).collect(),
    };
    if found.is_empty() {
        let known = ObjectType::ALL.map(ObjectType::as_str).join(", ");
        return Err(format!("give one of {known}, resource, assignment"));
    }
    Ok(ObjectTypes(found))
}

/// The three kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Appeared.
    Created,
    /// Is different.
    Changed,
    /// Went.
    Deleted,
}

impl Kind {
    /// The same in the model's terms.
    pub(crate) fn of_model(self) -> ChangeKind {
        match self {
            Self::Created => ChangeKind::Created,
            Self::Changed => ChangeKind::Changed,
            Self::Deleted => ChangeKind::Deleted,
        }
    }
}

/// `import accept` and `import reject`
#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The run's number.
    pub(crate) run: ImportRunId,
    /// Why; kept with the run. Needed to accept one.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}
