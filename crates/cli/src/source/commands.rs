//! Which commands a server can be asked for.

use crate::args::{Command, PasswordCommand};
use crate::exit::Refusal;

/// Refuses a command that does not work with `--server`, and says why.
///
/// # Errors
/// A refusal.
pub(crate) fn require_remote(command: &Command) -> Result<(), Refusal> {
    let here = |what: &str, why: &str| {
        Err(Refusal::new(what, format!("--server (KEYREEVE_SERVER) is set, and {why}"))
            .hint("give the command without --server on the machine where the store is"))
    };
    match command {
        Command::System(_)
        | Command::Organization(_)
        | Command::Account(_)
        | Command::Resource(_)
        | Command::Assignment(_)
        | Command::Job(_)
        | Command::Protect(_)
        | Command::Drift(_)
        | Command::Token(_)
        | Command::Person(_)
        | Command::Policy(_)
        | Command::Mapping(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Audit(_)
        | Command::Password(PasswordCommand::Reveal(_)) => Ok(()),
        Command::Init(_) => here("making a store", "a store is made on the machine that it is on"),
        Command::Store(_) => here("working on the store's file", "the store is on another machine"),
        Command::Secrets(_) => here("changing the store's key", "the key is on another machine"),
        Command::Sandbox(_) => {
            here("running a sandbox", "a sandbox runs on this machine and knows no server")
        }
        Command::Serve(_) => here("starting the server", "a server works on a store of its own"),
        Command::Worker(_) => here("starting a worker", "a worker works on the store itself"),
        Command::Doctor => here("checking the installation", "this checks the machine it runs on"),
        Command::Aws(_) => here(
            "making the connector's access",
            "the credentials of an administrator are given to a command on the machine that has them, and sent nowhere",
        ),
        Command::Password(_) => here("showing a password", "passwords are shown where they are kept"),
    }
}
