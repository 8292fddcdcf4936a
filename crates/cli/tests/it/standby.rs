//! A PostgreSQL of a test's own, with a standby that acknowledges what the primary does, and a way to either that can be cut.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::psql;

/// A server of PostgreSQL that is this test's own.
struct Cluster {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
}

/// Where the server's programs are.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = installed.map(|version| version.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    let found = folders
        .into_iter()
        .find(|folder| folder.join("pg_basebackup").is_file() && folder.join("initdb").is_file());
    found.expect("PostgreSQL's server programs are installed, as `cargo xtask test` has them")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0"
}

/// PostgreSQL refuses to run as root: then it runs as nobody, to whom the folder belongs.
fn as_nobody(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(program);
    command.env("HOME", "/");
    command
}

#[track_caller]
fn done(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = || [output.stdout.clone(), output.stderr.clone()].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said()));
}

impl Cluster {
    fn of(folder: &Path, name: &str) -> Self {
        Self { programs: programs(), data: folder.join(name), port: keyreeve_sandbox::free_port().unwrap() }
    }

    fn address(&self, port: u16) -> String {
        format!("postgres://keyreeve@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    fn control(&self, arguments: &[&str]) -> Command {
        let mut command = as_nobody(&self.programs.join("pg_ctl"));
        command.arg("-D").arg(&self.data).args(arguments).current_dir("/");
        command
    }

    fn start(&self) {
        let folder = self.data.parent().unwrap().display();
        let options = format!(
            "-p {} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -c wal_level=replica",
            self.port
        );
        let log = self.data.with_extension("log");
        // Not through a pipe: the server would keep it open.
        let mut command = self.control(&["-w", "-o", &options, "-l"]);
        command.arg(log).arg("start").stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        assert!(command.status().unwrap().success());
    }

    /// A primary, and a standby without which it acknowledges nothing.
    fn pair(folder: &Path) -> (Self, Self) {
        let (primary, standby) = (Self::of(folder, "primary"), Self::of(folder, "standby"));
        let mut initdb = as_nobody(&primary.programs.join("initdb"));
        initdb.args(["-A", "trust", "-U", "keyreeve", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
        done(initdb.arg(&primary.data).current_dir("/"));
        primary.start();
        let mut copy = as_nobody(&primary.programs.join("pg_basebackup"));
        copy.args([
            "-h",
            "127.0.0.1",
            "-U",
            "keyreeve",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
            "-p",
        ]);
        done(copy.arg(primary.port.to_string()).arg("-D").arg(&standby.data).current_dir("/"));
        standby.start();
        let ask = |text: &str| psql(&primary.address(primary.port), text);
        ask("ALTER SYSTEM SET synchronous_standby_names = '*'");
        ask("SELECT pg_reload_conf()");
        let give_up = Instant::now() + Duration::from_secs(30);
        while ask("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'").trim() != "1" {
            assert!(Instant::now() < give_up, "there is no synchronous standby");
            std::thread::sleep(Duration::from_millis(50));
        }
        (primary, standby)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ =
            self.control(&["-m", "immediate", "stop"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Leads to the primary, then to the standby; connections can be cut.
pub(crate) struct Way {
    port: u16,
    /// 0 leads nowhere.
    to: Arc<AtomicU16>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Way {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Self { port, to: Arc::new(AtomicU16::new(server)), open: Arc::default() };
        let (to, open) = (Arc::clone(&way.to), Arc::clone(&way.open));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let port = to.load(Ordering::SeqCst);
                if port == 0 {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let other = (server.try_clone().unwrap(), client.try_clone().unwrap());
                open.lock().unwrap().push(client.try_clone().unwrap());
                for (mut from, mut into) in [(client, server), other] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut into);
                        let _ = (from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        way
    }

    /// Cuts every connection, whatever is under way in it; new ones can be made at once.
    pub(crate) fn cut(&self) {
        for connection in self.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// A primary and its standby, and the way to whichever serves.
pub(crate) struct Pair {
    primary: Cluster,
    standby: Cluster,
    pub(crate) way: Way,
    /// Last: it is removed when the servers are gone.
    _folder: TempDir,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            let nobody = Command::new("id").args(["-u", "nobody"]).output().unwrap().stdout;
            let nobody = String::from_utf8(nobody).unwrap().trim().parse().unwrap();
            chown(folder.path(), Some(nobody), None).unwrap();
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let (primary, standby) = Cluster::pair(folder.path());
        let way = Way::to(primary.port);
        Self { primary, standby, way, _folder: folder }
    }

    /// An address that leads to whichever serves.
    pub(crate) fn address(&self) -> String {
        self.primary.address(self.way.port)
    }

    /// The primary goes as if it had been killed; for a while there is nobody; then the standby is there.
    pub(crate) fn fail_over(&self) {
        done(&mut self.primary.control(&["-m", "immediate", "stop"]));
        self.way.to.store(0, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(1_500));
        done(&mut self.standby.control(&["-w", "promote"]));
        self.way.to.store(self.standby.port, Ordering::SeqCst);
    }
}
