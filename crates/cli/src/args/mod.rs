//! What can be asked for on the command line: one file per noun.

mod account;
mod assignment;
mod audit;
mod aws;
mod change;
mod consent;
mod drift;
mod export;
mod import;
mod init;
mod mapping;
mod moment;
mod organization;
mod password;
mod person;
mod policy;
mod profile;
mod protect;
mod reason;
mod resource;
mod sandbox;
mod secrets;
mod serve;
mod store;
mod system;
mod token;
mod worker;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use account::{AccountCommand, ListAccounts, ShowAccount};
pub(crate) use assignment::{AssignmentCommand, ListAssignments};
pub(crate) use audit::{AuditCommand, ListAudit, VerifyAudit};
pub(crate) use aws::{AwsCommand, Bootstrap, Template};
pub(crate) use change::{
    ApplyJob, ChangeAccount, ChangeArguments, ChangeAssignment, CreateAccount, DecideJob, DismissJob,
    JobCommand, ListJobs, NewPassword, PlanFile, RetryJob, ShowJob, UpdateAccount,
};
pub(crate) use consent::{Consent, Unasked};
pub(crate) use drift::DriftCommand;
pub(crate) use export::ExportSystem;
pub(crate) use import::{ChangeFilter, Decide, DiffRuns, ImportCommand, ListRuns, RunImport, ShowRun};
pub(crate) use init::MakeStore;
pub(crate) use mapping::{ListMappings, MappingCommand, SetMapping, ShowMapping, TryMapping};
pub(crate) use moment::Moment;
pub(crate) use organization::{DiscoverAccounts, OrganizationCommand};
pub(crate) use password::{PasswordCommand, RevealPassword};
pub(crate) use person::{AddPerson, PersonCommand, SetPassword, SetRole};
pub(crate) use policy::{GeneratePolicy, PolicyCommand, PolicyProfile};
pub(crate) use profile::{ListProfiles, ProfileCommand, RemoveProfile, SetProfile, ShowProfile};
pub(crate) use protect::{AddProtection, ProtectCommand, RemoveProtection};
pub(crate) use resource::{ListResources, ResourceCommand, ShowResource};
pub(crate) use sandbox::RunSandbox;
pub(crate) use secrets::{RekeyStore, SecretsCommand};
pub(crate) use serve::RunServer;
pub(crate) use store::{BackUp, Migrate, Restore, StoreCommand};
pub(crate) use system::{
    AddSystem, CredentialArguments, ListSystems, ReleaseSystem, RemoveSystem, RotateKey, SetSystem,
    SystemCommand, category, region,
};
pub(crate) use token::{CreateToken, RevokeToken, TokenCommand};
pub(crate) use worker::RunWorker;

use crate::output::Format;

/// What paths may begin with: all of them begin with a slash.
fn path_prefix(given: &str) -> Result<String, String> {
    match given.starts_with('/') {
        true => Ok(given.to_owned()),
        false => Err(format!("every path begins with a slash, as in /{given}")),
    }
}

const CONFIGURATION: &str = "\
Configuration: keyreeve.toml (--config, KEYREEVE_CONFIG, else the platform's configuration folder).
Every key is also an environment variable, which wins: data_dir is KEYREEVE_DATA_DIR, aws.region is
KEYREEVE_AWS_REGION. AWS's own variables (AWS_ENDPOINT_URL, AWS_REGION, …) win over both.

  data_dir              holds the key (keyreeve.key) and, by default, the database (keyreeve.db)
  key                   where the store's key is kept: file:/path (data_dir/keyreeve.key), env:NAME,
                        systemd:NAME or kms:ARN
  database              sqlite:///path/to/file or postgres://user:password@host/database
  output                table, json or csv
  log, log_format       what is logged to standard error, and how: text or json
  import_lease_seconds  how long an import owns its system without a sign of life (30)
  job_lease_seconds     how long a process has the AWS account that it changes without a sign of life (10)
  import_jobs           how many systems `import run --all` reads at once (4)
  history_days          how many days history is kept, by `serve` and workers (for ever)
  server, ca_file       the server that is asked instead of the store (--server), and the
                        certificates it is known by
  listen                where `serve` listens: an address of this machine and a port (127.0.0.1:8420)
  [aws]                 endpoint_url, endpoint_url_iam, endpoint_url_kms, endpoint_url_sts,
                        endpoint_url_organizations, endpoint_url_s3, s3_encryption, s3_kms_key,
                        s3_allow_http, request_timeout_seconds (30), region, profile

KEYREEVE_TOKEN, a variable only, says who acts: the owner of that token, within its role and its
systems. Without it the user of the operating system acts, and may do everything.

Exit codes: 0 done, 1 something failed or a person must look, 2 it could not run.";

/// Governs who can sign in to AWS with IAM users: reads accounts whole, and shows who holds what.
#[derive(Debug, Parser)]
#[command(name = "keyreeve", version, propagate_version = true, max_term_width = 100)]
#[command(after_long_help = CONFIGURATION)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// How data is written to standard output (default: table; also KEYREEVE_OUTPUT).
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        help_heading = "Everywhere",
        hide_short_help = true
    )]
    pub(crate) output: Option<Format>,
    /// Write CSV cells as they are, also those that a spreadsheet would take for a formula or that steer a terminal.
    #[arg(long, global = true, help_heading = "Everywhere", hide_short_help = true)]
    pub(crate) raw: bool,
    /// The configuration file (also KEYREEVE_CONFIG).
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere", hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    /// Ask this server instead of the store of this machine: `https://HOST` with its port (also KEYREEVE_SERVER). Without the
    /// flag, an empty variable is none.
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere", hide_short_help = true)]
    pub(crate) server: Option<String>,
    /// With --server, a file that holds the token (else KEYREEVE_TOKEN).
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere", hide_short_help = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// With --server, a PEM file of the certificates that it is known by, instead of the machine's own (also
    /// KEYREEVE_CA_FILE).
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere", hide_short_help = true)]
    pub(crate) ca_file: Option<PathBuf>,
    /// What is logged to standard error: error, warn, info, debug, trace, or a filter such as
    /// `keyreeve_engine=debug` (default: warn; also KEYREEVE_LOG).
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Everywhere", hide_short_help = true)]
    pub(crate) log: Option<String>,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the store and its key, and print the first admin token.
    Init(MakeStore),
    /// Connected AWS accounts.
    #[command(subcommand)]
    System(SystemCommand),
    /// Many AWS accounts at once.
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Read a system whole, and see what changed.
    #[command(subcommand)]
    Import(ImportCommand),
    /// IAM users.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Groups and policies.
    #[command(subcommand)]
    Resource(ResourceCommand),
    /// Who holds what.
    #[command(subcommand)]
    Assignment(AssignmentCommand),
    /// Changes: what they take, how far they got, who approves them.
    #[command(subcommand)]
    Job(JobCommand),
    /// Passwords that wait for their owners.
    #[command(subcommand)]
    Password(PasswordCommand),
    /// What nobody may change.
    #[command(subcommand)]
    Protect(ProtectCommand),
    /// What was changed here and is not so in AWS any more.
    #[command(subcommand)]
    Drift(DriftCommand),
    /// Which values and extra calls tasks have.
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// The connector's own access, made by an administrator of AWS.
    #[command(subcommand)]
    Aws(AwsCommand),
    /// Policies for the connector's own access.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Who may act through a program, and as what.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Who may sign in, and as what.
    #[command(subcommand)]
    Person(PersonCommand),
    /// Who did what.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write all of something that is known of a system to a file: as CSV, JSON lines or Parquet.
    Export(ExportSystem),
    /// The key that secrets are sealed under.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// The database as a file.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Answer other programs over HTTP.
    Serve(RunServer),
    /// Do what is to be done, and answer nobody: as many of these as you like, on PostgreSQL.
    Worker(RunWorker),
    /// Run a strict look-alike of AWS IAM on this machine, to try things on.
    Sandbox(RunSandbox),
    /// Check the installation, and say what to mend.
    Doctor,
}
