//! Which commands a server can be asked for.

use crate::args::{
    AccountCommand, AssignmentCommand, AuditCommand, Command, ImportCommand, JobCommand, ProtectCommand,
    SystemCommand, TokenCommand,
};
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
        Command::System(SystemCommand::List(_) | SystemCommand::Show(_))
        | Command::Import(ImportCommand::List(_) | ImportCommand::Show(_) | ImportCommand::Diff(_))
        | Command::Account(AccountCommand::List(_) | AccountCommand::Show(_))
        | Command::Resource(_)
        | Command::Assignment(AssignmentCommand::List(_))
        | Command::Job(JobCommand::List(_) | JobCommand::Show(_))
        | Command::Protect(ProtectCommand::List(_))
        | Command::Token(TokenCommand::List)
        | Command::Audit(AuditCommand::List(_)) => Ok(()),
        Command::Audit(AuditCommand::Verify(one)) if one.head.is_none() => Ok(()),
        Command::Init(_) => here("making a store", "a store is made on the machine that it is on"),
        Command::Store(_) => here("working on the store's file", "the store is on another machine"),
        Command::Secrets(_) => here("changing the store's key", "the key is on another machine"),
        Command::Sandbox(_) => {
            here("running a sandbox", "a sandbox runs on this machine and knows no server")
        }
        Command::Serve(_) => here("starting the server", "a server works on a store of its own"),
        Command::Doctor => here("checking the installation", "this checks the machine it runs on"),
        Command::System(_) | Command::Organization(_) | Command::Aws(_) => {
            here("working on a system's connection", "credentials are given to the machine that keeps them")
        }
        Command::Policy(_) => here("writing a policy", "this needs no server: it is worked out here"),
        Command::Password(_) => here("showing a password", "passwords are shown where they are kept"),
        Command::Account(_)
        | Command::Assignment(_)
        | Command::Job(_)
        | Command::Import(_)
        | Command::Protect(_)
        | Command::Mapping(_)
        | Command::Person(_)
        | Command::Export(_)
        | Command::Token(_)
        | Command::Audit(_) => {
            here("asking the server", "this command is not one that a server is asked for")
        }
    }
}

/// The refusal of a part of a command.
pub(crate) fn not_over_http(doing: &str) -> Refusal {
    Refusal::new(doing, "a server cannot be asked for that")
        .hint("give the command without --server on the machine where the store is")
}
