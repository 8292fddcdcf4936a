//! What is configured, read once at the start: flags win over the environment, the environment over the file.
//!
//! The file is `keyreeve.toml`: the one named by `--config` or `KEYREEVE_CONFIG`, else the one in the platform's
//! configuration folder, if there is one. Every key of it is also an environment variable `KEYREEVE_…`
//! (`data_dir` is `KEYREEVE_DATA_DIR`, `aws.region` is `KEYREEVE_AWS_REGION`). A key that does not exist is
//! refused by its name.

mod audit;
mod aws;
mod environment;
mod file;
mod http;
mod key_place;
mod notifications;
mod own_files;
mod places;
mod sign_in;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keyreeve_store::{DatabaseUrl, folder_of};

pub(crate) use audit::{AuditPlace, AuditSettings, AuditSinkSettings};
pub(crate) use aws::AwsEnvironment;
pub(crate) use environment::{Environment, unknown_names};
pub(crate) use file::LogFormat;
pub(crate) use http::{HttpSettings, TlsFiles};
pub(crate) use key_place::KeyPlace;
pub(crate) use notifications::Notifications;
pub(crate) use sign_in::SignInSettings;

use crate::args::Global;
use crate::exit::Refusal;
use crate::output::Format;
use file::File;

/// Everything that is configured.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    /// Where data are.
    pub(crate) places: Places,
    /// How data are written.
    pub(crate) output: Format,
    /// What is logged.
    pub(crate) logging: Logging,
    /// How imports behave.
    pub(crate) import: ImportSettings,
    /// How long a process has the AWS account that it changes, and tasks there, without a sign of life.
    pub(crate) job_lease: Duration,
    /// So many days history is kept; `None`: for ever.
    pub(crate) history_days: Option<u32>,
    /// How `serve` is reached.
    pub(crate) http: HttpSettings,
    /// The server that is asked instead of the store of this machine.
    pub(crate) server: Option<RemoteServer>,
    /// Where people are told what they must know.
    pub(crate) notifications: Notifications,
    /// Where the audit log is sent.
    pub(crate) audit: AuditSettings,
    /// How people sign in.
    pub(crate) sign_in: SignInSettings,
    /// What is said about AWS endpoints and region.
    pub(crate) aws: AwsEnvironment,
}

/// Where the key and the database are.
#[derive(Debug)]
pub(crate) struct Places {
    /// Holds the key and, by default, the database.
    pub(crate) data_dir: PathBuf,
    /// The database.
    pub(crate) database: DatabaseUrl,
    /// Where the key is kept.
    pub(crate) key: KeyPlace,
}

/// What the file of the store's key is called unless `key` says otherwise.
pub(crate) const KEY_FILE: &str = "keyreeve.key";

impl Places {
    /// Where the checkpoint of the audit log is: beside the key, if that is a file.
    pub(crate) fn checkpoint_folder(&self) -> &Path {
        self.key.file().map_or(self.data_dir.as_path(), folder_of)
    }

    /// Key files of before where the store, its key or other data are: those that a change put aside, and one that lies
    /// where keys are by default, while another is in use.
    pub(crate) fn key_files_of_before(&self) -> Vec<PathBuf> {
        let in_use = self.key.file().and_then(|path| path.canonicalize().ok());
        let own = self.key.file().and_then(|path| path.file_name()?.to_str()).unwrap_or(KEY_FILE);
        let of_before = |name: &str| {
            name == KEY_FILE || [KEY_FILE, own].iter().any(|key| name.starts_with(&format!("{key}.old-")))
        };
        let folders = [self.key.file(), self.database.sqlite_path()].into_iter().flatten().map(folder_of);
        let folders: BTreeSet<PathBuf> = folders
            .chain([self.data_dir.as_path()])
            .filter_map(|folder| folder.canonicalize().ok())
            .collect();
        let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut found: Vec<PathBuf> = files
            .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(of_before))
            .filter(|path| path.is_file() && in_use.as_ref() != Some(path))
            .collect();
        found.sort();
        found
    }
}

/// A server that is asked, and how it is known.
#[derive(Debug)]
pub(crate) struct RemoteServer {
    /// Where it is.
    pub(crate) url: String,
    /// A file that holds the token, instead of `KEYREEVE_TOKEN`.
    pub(crate) token_file: Option<PathBuf>,
    /// A PEM file of the certificates it is known by, instead of the machine's own.
    pub(crate) ca_file: Option<PathBuf>,
}

/// What is logged, and how.
#[derive(Debug)]
pub(crate) struct Logging {
    /// A level, or directives as `tracing` knows them.
    pub(crate) filter: String,
    /// The form of a line.
    pub(crate) format: LogFormat,
}

/// How imports behave.
#[derive(Debug)]
pub(crate) struct ImportSettings {
    /// How long a run owns its system without a sign of life.
    pub(crate) lease: Duration,
    /// How many systems are read at once.
    pub(crate) jobs: u64,
}

/// So many seconds at most, unless something else is set, others wait with an AWS account whose process was killed.
const JOB_LEASE: u64 = 10;

fn lease_of(name: &str, set: Option<u64>, default: u64) -> Result<u64, Refusal> {
    let lease = set.unwrap_or(default);
    if (1..=3600).contains(&lease) {
        return Ok(lease);
    }
    let why = format!("{name} is {lease}, but must be from 1 to 3600");
    Err(Refusal::new("reading the configuration", why))
}

/// The longest that history can be kept for, short of for ever, in days: a century.
const MOST_DAYS: u32 = 36_500;

fn history_days(days: u64) -> Result<u32, Refusal> {
    u32::try_from(days).ok().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
        let why = format!("history_days is {days}, but must be from 1 to {MOST_DAYS}");
        Refusal::new("reading the configuration", why).hint("leave it out to keep history for ever")
    })
}

impl Config {
    /// Reads the configuration.
    pub(crate) fn read(flags: &Global, environment: &Environment) -> Result<Self, Refusal> {
        let (path, in_file) = read_file(flags, environment)?;
        let settings = File::from_environment(environment)?.over(in_file);
        let http = HttpSettings::of(&settings)?;
        settings.sign_in.check()?;
        settings.audit.check()?;
        let data_dir = match settings.data_dir {
            Some(folder) => folder,
            None => places::default_data_dir()?,
        };
        let database = match settings.database {
            Some(url) => url.parse().map_err(|error: keyreeve_store::UrlError| {
                Refusal::new("reading the configuration", error.to_string())
            })?,
            None => DatabaseUrl::sqlite(data_dir.join("keyreeve.db")),
        };
        let key = match settings.key {
            Some(place) => place.parse().map_err(|why: &str| {
                Refusal::new(
                    "reading the configuration",
                    format!("`key` (KEYREEVE_KEY) is no place of a key: {why}"),
                )
            })?,
            None => KeyPlace::File(
                std::path::absolute(&data_dir).unwrap_or_else(|_| data_dir.clone()).join(KEY_FILE),
            ),
        };
        let lease = lease_of("import_lease_seconds", settings.import_lease_seconds, 30)?;
        let job_lease = lease_of("job_lease_seconds", settings.job_lease_seconds, lease.min(JOB_LEASE))?;
        let jobs = settings.import_jobs.unwrap_or(4);
        if !(1..=64).contains(&jobs) {
            return Err(Refusal::new(
                "reading the configuration",
                format!("import_jobs is {jobs}, but must be from 1 to 64"),
            ));
        }
        let history_days = match settings.history_days {
            Some(days) => Some(history_days(days)?),
            None => None,
        };
        if let Some(seconds) = settings.aws.request_timeout_seconds
            && !(1..=600).contains(&seconds)
        {
            return Err(Refusal::new(
                "reading the configuration",
                format!("request_timeout_seconds is {seconds}, but must be from 1 to 600"),
            ));
        }
        Ok(Self {
            file: path,
            places: Places { data_dir, database, key },
            output: flags.output.or(settings.output).unwrap_or(Format::Table),
            logging: Logging {
                filter: flags.log.clone().or(settings.log).unwrap_or_else(|| "warn".to_owned()),
                format: settings.log_format.unwrap_or(LogFormat::Text),
            },
            import: ImportSettings { lease: Duration::from_secs(lease), jobs },
            job_lease: Duration::from_secs(job_lease),
            history_days,
            http,
            server: flags.server.clone().or(settings.server).map(|url| RemoteServer {
                url,
                token_file: flags.token_file.clone(),
                ca_file: flags.ca_file.clone().or(settings.ca_file),
            }),
            notifications: settings.notifications,
            audit: settings.audit,
            sign_in: settings.sign_in,
            aws: settings.aws,
        })
    }
}

/// The file, if there is one: a file that was named must be there.
fn read_file(flags: &Global, environment: &Environment) -> Result<(Option<PathBuf>, File), Refusal> {
    let named = flags.config.clone().or_else(|| environment.get("KEYREEVE_CONFIG").map(PathBuf::from));
    match named {
        Some(path) => File::read(&path).map(|file| (Some(path), file)),
        None => match places::default_config_file().filter(|path| path.is_file()) {
            Some(path) => File::read(&path).map(|file| (Some(path), file)),
            None => Ok((None, File::default())),
        },
    }
}

#[cfg(test)]
mod tests;
