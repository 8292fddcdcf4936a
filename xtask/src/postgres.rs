//! A private PostgreSQL: found or installed, on a free loopback port; for one test run, or with data that are kept.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};

use crate::{companion::Companion, scratch::Scratch};

/// The variable that hands its address to the tests.
pub(crate) const ADDRESS_VARIABLE: &str = "KEYREEVE_TEST_POSTGRES";
/// What a person without it is told to run.
pub(crate) const INSTALL: &str = "apt-get install -y --no-install-recommends postgresql";
const ROLE: &str = "keyreeve";
const LONGEST_START: Duration = Duration::from_secs(60);
/// Another process may take the free port before the server does.
const ATTEMPTS: usize = 3;

/// A running server; it stops when this is dropped, or when we end in any other way.
pub(crate) struct Postgres {
    url: String,
    port: u16,
    password: String,
    programs: PathBuf,
    version: String,
    // Dropped in this order: the server first, then what goes with it.
    _server: Companion,
    _given_up: Scratch,
}

/// The folder of the server's programs, or `None` where it is not installed and cannot be.
pub(crate) fn find_or_install() -> Result<Option<PathBuf>> {
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    if !(is_root()? && Path::new("/usr/bin/apt-get").exists()) {
        return Ok(None);
    }
    println!("PostgreSQL is not installed; running {INSTALL}");
    apt_get(&["update", "-q"])?;
    apt_get(&["install", "-y", "-q", "--no-install-recommends", "postgresql"])?;
    Ok(find())
}

impl Postgres {
    /// Makes a new cluster with the programs in `programs` and starts it.
    pub(crate) fn start(programs: &Path) -> Result<Self> {
        let mut last = anyhow!("it was not tried");
        for _ in 0..ATTEMPTS {
            match Self::start_once(programs) {
                Ok(running) => return Ok(running),
                Err(error) => last = error,
            }
        }
        Err(last.context("starting a private PostgreSQL"))
    }

    /// `postgres://…`, with rights to create databases.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes a database of that name; gives its address.
    pub(crate) fn make_database(&self, name: &str) -> Result<String> {
        let mut createdb = self.client("createdb");
        createdb.args(["--template", "template0", "--encoding", "UTF8", "--no-password", name]);
        let done = createdb.output().context("running createdb")?;
        if !done.status.success() {
            bail!("createdb failed: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(self.address(name))
    }

    /// As the server's programs call it, such as `15.18`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// A cluster that stays in this folder, made if there is none there yet, with these settings besides those of every
    /// PostgreSQL.
    pub(crate) fn start_kept(programs: &Path, folder: &Path, settings: &[&str]) -> Result<Self> {
        let started = fs::create_dir_all(folder).context("making its folder");
        let started = started
            .and_then(|()| Self::start_in(programs, folder, settings, Scratch::new("postgres-keeper")?));
        started.with_context(|| format!("starting the PostgreSQL that is kept in {}", folder.display()))
    }

    /// The rows that a statement gives in a database, as texts.
    pub(crate) fn query(&self, database: &str, statement: &str) -> Result<Vec<Vec<String>>> {
        let mut psql = self.client("psql");
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-F",
            "\t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
            "-c",
            statement,
        ]);
        let done = psql.output().context("running psql")?;
        if !done.status.success() {
            bail!("psql failed: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        Ok(printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// The address of a database.
    pub(crate) fn address(&self, name: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap_or((&self.url, ""));
        format!("{server}/{name}")
    }

    /// One of the server's programs that asks it something.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", ROLE).env("PGPASSWORD", &self.password).stdin(Stdio::null());
        command
    }

    fn start_once(programs: &Path) -> Result<Self> {
        let scratch = Scratch::new("postgres")?;
        let settings = ["max_connections=200", "fsync=off", "full_page_writes=off"];
        let folder = scratch.path().to_owned();
        Self::start_in(programs, &folder, &settings, scratch)
    }

    /// With its data in this folder; what is given up goes with the server.
    fn start_in(programs: &Path, folder: &Path, settings: &[&str], given_up: Scratch) -> Result<Self> {
        let owner = if is_root()? { Some(Owner::find()?) } else { None };
        let (data, password_file, log) = (folder.join("data"), folder.join("password"), folder.join("log"));
        if !data.join("PG_VERSION").is_file() {
            make_cluster(programs, owner.as_ref(), (folder, &data, &password_file))?;
        }
        let password = fs::read_to_string(&password_file).context("reading its password")?;
        not_in_use(&data)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = command_as(owner.as_ref(), &programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        // Only over TCP: the name of a socket may be 107 bytes long at most, and that of a folder longer.
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories="].iter().chain(settings) {
            server.args(["-c", setting]);
        }
        server.current_dir(folder);
        let said = fs::File::create(&log)?;
        let mut running = Companion::start(&server, "INT", given_up.path(), Stdio::null(), said.into())?;
        wait_until_ready(&mut running, &data, &log)?;
        let url = format!("postgres://{ROLE}:{password}@127.0.0.1:{port}/postgres");
        let (programs, version) = (programs.to_owned(), version(programs)?);
        Ok(Self { url, port, password, programs, version, _server: running, _given_up: given_up })
    }
}

fn make_cluster(
    programs: &Path,
    owner: Option<&Owner>,
    (folder, data, password_file): (&Path, &Path, &Path),
) -> Result<()> {
    fs::write(password_file, random_hex()?)?;
    fs::set_permissions(password_file, fs::Permissions::from_mode(0o600))?;
    if let Some(owner) = owner {
        for path in [folder, password_file] {
            chown(path, Some(owner.user), Some(owner.group))
                .with_context(|| format!("handing over {path:?}"))?;
        }
    }
    let mut initdb = command_as(owner, &programs.join("initdb"));
    initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", ROLE]);
    initdb.arg("--pwfile").arg(password_file).arg("-D").arg(data).current_dir(folder);
    let output = initdb.output().context("running initdb")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let hint = match owner {
            Some(_) if said.contains("Permission denied") => {
                "; PostgreSQL does not run as root, and the user that it runs as may not go to that folder: set \
                 CARGO_TARGET_DIR to one where everybody may go"
            }
            _ => "",
        };
        bail!("initdb failed: {}{hint}", said.trim());
    }
    Ok(())
}

/// Takes away what a server has left that was killed; one that runs ends this.
fn not_in_use(data: &Path) -> Result<()> {
    let left = data.join("postmaster.pid");
    let Ok(said) = fs::read_to_string(&left) else { return Ok(()) };
    let id = said.lines().next().unwrap_or_default().trim();
    let called = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    if called.starts_with("postgres") {
        bail!("another PostgreSQL (process {id}) works on it; end that first");
    }
    fs::remove_file(&left).context("removing what a killed server has left")
}

/// The server writes its state into the last line of `postmaster.pid`, and `ready` once it takes connections.
fn wait_until_ready(server: &mut Companion, data: &Path, log: &Path) -> Result<()> {
    let began = Instant::now();
    loop {
        let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if state.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        let said = || fs::read_to_string(log).unwrap_or_default();
        if let Some(status) = server.ended()? {
            bail!("the server ended with {status}: {}", said().trim());
        }
        if began.elapsed() > LONGEST_START {
            bail!("the server was not ready within {} s: {}", LONGEST_START.as_secs(), said().trim());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Who the server runs as when we are root, since it refuses to be root itself.
struct Owner {
    name: String,
    user: u32,
    group: u32,
}

impl Owner {
    fn find() -> Result<Self> {
        let accounts =
            fs::read_to_string("/etc/passwd").context("looking for a user to run PostgreSQL as")?;
        let named = |wanted: &str| {
            let mut fields =
                accounts.lines().find(|line| line.split(':').next() == Some(wanted))?.split(':').skip(2);
            let user = fields.next()?.parse().ok()?;
            Some(Self { name: wanted.to_owned(), user, group: fields.next()?.parse().ok()? })
        };
        named("postgres").or_else(|| named("nobody")).ok_or_else(|| {
            anyhow!("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody")
        })
    }
}

fn command_as(owner: Option<&Owner>, program: &Path) -> Command {
    let Some(owner) = owner else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={}", owner.name)).arg(format!("--regid={}", owner.group));
    command.args(["--clear-groups", "--"]).arg(program).env("HOME", "/").env_remove("XDG_RUNTIME_DIR");
    command
}

/// The folder that holds `initdb` and `postgres`: on the path, or where Debian keeps them (newest first).
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push(PathBuf::from("/usr/local/bin"));
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
    folders.into_iter().find_map(|folder| {
        // A link on the path leads to the folder where the server lies beside it.
        let folder = fs::canonicalize(folder.join("initdb")).ok()?.parent()?.to_owned();
        folder.join("postgres").is_file().then_some(folder)
    })
}

fn version(programs: &Path) -> Result<String> {
    let output = Command::new(programs.join("postgres")).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().nth(2).unwrap_or("of unknown version").to_owned())
}

/// Whether we run as the superuser.
pub(crate) fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("asking who we are")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Runs `apt-get` without questions.
pub(crate) fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let status = command.status().context("running apt-get")?;
    if !status.success() {
        bail!("apt-get {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes).context("drawing a password")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
