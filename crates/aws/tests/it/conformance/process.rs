//! Peers that are programs of their own: started on a free port of 127.0.0.1, ended with the test.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A child process, killed when dropped.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(name: &str) -> PathBuf {
    let folder = std::env::var("KEYREEVE_TEST_PEERS").unwrap_or_else(|_| {
        panic!(
            "KEYREEVE_TEST_PEERS is not set: it names the virtual environment that holds moto and ministack. \
             Run the tests with `cargo xtask test`, which makes it."
        )
    });
    let path = PathBuf::from(folder).join("bin").join(name);
    assert!(path.is_file(), "{} is missing: run the tests with `cargo xtask test`", path.display());
    path
}

/// Starts a program and waits until its port answers. Gives its endpoint.
pub(crate) async fn start(name: &str, prepare: impl FnOnce(&mut Command, u16)) -> (Process, String) {
    let port = keyreeve_sandbox::free_port().unwrap();
    let mut command = Command::new(program(name));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    prepare(&mut command, port);
    let mut process = Process(command.spawn().unwrap());
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(process.0.try_wait().unwrap().is_none(), "{name} ended at once");
        assert!(started.elapsed() < Duration::from_secs(60), "{name} does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (process, format!("http://127.0.0.1:{port}"))
}
