//! Where a fleet is kept, and how it is asked.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::Database;
use crate::bench::serve::{account::Shape, place};
use crate::{
    postgres::{self, Postgres},
    scratch::Scratch,
};

const FILE: &str = "keyreeve.db";
/// What a person without it is told to run.
const INSTALL: &str = "apt-get install -y --no-install-recommends sqlite3";

/// What the databases of the fleets are in.
pub(super) enum Databases {
    Sqlite,
    Postgres(Postgres),
}

/// The store of one fleet.
pub(super) struct Store<'a> {
    pub(super) binary: &'a Path,
    /// The key is here, and SQLite's file.
    data: PathBuf,
    at: At<'a>,
    _copy: Option<Scratch>,
}

enum At<'a> {
    File,
    Server(&'a Postgres, String),
}

/// Whether the program is there that counts rows in a database of this kind; known before anything is filled.
pub(super) fn can_be_asked(database: Database) -> Result<()> {
    if database == Database::Sqlite {
        let asked = Command::new("sqlite3").arg("--version").stdin(Stdio::null()).output();
        asked.with_context(|| format!("looking for sqlite3; `{INSTALL}` installs it"))?;
    }
    Ok(())
}

impl Databases {
    /// With these settings of PostgreSQL.
    pub(super) fn start(place: &Path, database: Database, settings: &[&str]) -> Result<Self> {
        if database == Database::Sqlite {
            return Ok(Self::Sqlite);
        }
        let Some(programs) = postgres::find_or_install()? else {
            bail!("PostgreSQL is not installed; `{}` installs it", postgres::INSTALL);
        };
        Ok(Self::Postgres(Postgres::start_kept(&programs, &place.join("server"), settings)?))
    }

    /// What they are, for whoever reads the figures.
    pub(super) fn called(&self, settings: &[&str]) -> String {
        match self {
            Self::Sqlite => "SQLite".to_owned(),
            Self::Postgres(server) => {
                format!("PostgreSQL {} (`{}`)", server.version(), settings.join("`, `"))
            }
        }
    }
}

impl<'a> Store<'a> {
    pub(super) fn new(binary: &'a Path, databases: &'a Databases, (folder, shape): (&Path, Shape)) -> Self {
        let at = match databases {
            Databases::Sqlite => At::File,
            Databases::Postgres(server) => At::Server(server, format!("fleet_{shape}")),
        };
        Self { binary, data: folder.join("data"), at, _copy: None }
    }

    /// Made anew, with its key.
    pub(super) fn make(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        if self.data.exists() {
            fs::remove_dir_all(&self.data).context("removing a store")?;
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data)?;
        if let At::Server(server, name) = &self.at {
            server.query("postgres", &format!("DROP DATABASE IF EXISTS \"{name}\""))?;
            server.make_database(name)?;
        }
        self.ask("http://127.0.0.1:9", &["init"], "").map(drop)
    }

    /// One that may be changed: of a file a copy. A PostgreSQL that is kept is changed a little by each measure.
    pub(super) fn changeable(self) -> Result<Self> {
        match self.at {
            At::Server(..) => Ok(self),
            At::File => {
                let copy = Scratch::new("bench-fleet")?;
                for entry in fs::read_dir(&self.data)? {
                    let entry = entry?;
                    fs::copy(entry.path(), copy.path().join(entry.file_name()))
                        .context("copying a fleet's store")?;
                }
                Ok(Self { data: copy.path().to_owned(), _copy: Some(copy), ..self })
            }
        }
    }

    /// Where its key is, and its file if it has one.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// The address of its database, unless it is a file.
    pub(super) fn address(&self) -> Option<String> {
        match &self.at {
            At::File => None,
            At::Server(server, name) => Some(server.address(name)),
        }
    }

    /// SQLite's file.
    pub(super) fn file(&self) -> Option<PathBuf> {
        matches!(self.at, At::File).then(|| self.data.join(FILE))
    }

    /// What our binary prints, with AWS at this endpoint.
    pub(super) fn ask(&self, endpoint: &str, arguments: &[&str], input: &str) -> Result<Vec<u8>> {
        let mut command = place::command(self.binary, &self.data);
        command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "us-east-1").args(arguments);
        command.env("HOME", &self.data).current_dir(&self.data);
        if let Some(address) = self.address() {
            command.env("KEYREEVE_DATABASE", address);
        }
        place::answer(command, arguments, input)
    }

    /// As [`Store::ask`], of what prints JSON.
    pub(super) fn json(&self, endpoint: &str, arguments: &[&str]) -> Result<Value> {
        let printed = self.ask(endpoint, &[&["--output", "json"], arguments].concat(), "")?;
        serde_json::from_slice(&printed).context("reading what was printed")
    }

    /// The rows that a statement gives, as texts: asked past our binary, to see what it has done.
    pub(super) fn query(&self, statement: &str) -> Result<Vec<Vec<String>>> {
        let At::Server(server, name) = &self.at else {
            return sqlite(&self.data.join(FILE), statement);
        };
        server.query(name, statement)
    }

    /// The one number that a statement gives.
    pub(super) fn number(&self, statement: &str) -> Result<u64> {
        let rows = self.query(statement)?;
        let cell = rows.first().and_then(|row| row.first()).and_then(|cell| cell.parse().ok());
        cell.ok_or_else(|| anyhow!("a count was to be one number: {rows:?}"))
    }

    /// The bytes of all tables with their indexes, and of those of accounts and of assignments.
    pub(super) fn bytes(&self) -> Result<[u64; 3]> {
        let rows = match &self.at {
            At::File => self.query(
                "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name \
                 WHERE s.aggregate = TRUE GROUP BY 1",
            )?,
            At::Server(..) => self.query(
                "SELECT coalesce(pg_partition_root(c.oid), c.oid)::regclass::text, sum(pg_total_relation_size(c.oid)) \
                 FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace \
                 GROUP BY 1",
            )?,
        };
        let bytes = |row: &[String]| row.get(1).and_then(|cell| cell.parse::<u64>().ok()).unwrap_or(0);
        let of = |table: &str| {
            rows.iter()
                .filter(|row| row.first().is_some_and(|name| name == table))
                .map(|row| bytes(row))
                .sum()
        };
        Ok([rows.iter().map(|row| bytes(row)).sum(), of("account_versions"), of("assignment_versions")])
    }

    /// Gives a database the order that its own upkeep would give it in time.
    pub(super) fn settle(&self) -> Result<()> {
        match self.at {
            At::File => Ok(()),
            At::Server(..) => self.query("VACUUM ANALYZE").map(drop),
        }
    }
}

/// The rows of a statement on a file, as texts.
pub(super) fn sqlite(file: &Path, statement: &str) -> Result<Vec<Vec<String>>> {
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-bail", "-list", "-noheader", "-separator", "\t"]).arg(file);
    let done = command.arg(statement).stdin(Stdio::null()).output().context("running sqlite3")?;
    if !done.status.success() {
        bail!("sqlite3 failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    Ok(printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}
