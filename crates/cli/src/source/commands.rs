//! Which commands a server can be asked for.

use crate::args::{
    AuditCommand, Command, ImportCommand, MappingCommand, PasswordCommand, PolicyCommand, SystemCommand,
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
        Command::System(
            SystemCommand::Add(_)
            | SystemCommand::Check(_)
            | SystemCommand::List(_)
            | SystemCommand::Show(_)
            | SystemCommand::Set(_)
            | SystemCommand::Release(_)
            | SystemCommand::Remove(_),
        )
        | Command::Account(_)
        | Command::Resource(_)
        | Command::Assignment(_)
        | Command::Job(_)
        | Command::Protect(_)
        | Command::Token(_)
        | Command::Person(_)
        | Command::Mapping(MappingCommand::List(_) | MappingCommand::Show(_) | MappingCommand::Set(_))
        | Command::Password(PasswordCommand::Reveal(_))
        | Command::Audit(AuditCommand::List(_)) => Ok(()),
        Command::Import(ImportCommand::Profile(_)) => {
            here("import profiles", "when their schedules were carried out is known where the store is")
        }
        Command::Import(_) => Ok(()),
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
        // It is worked out here.
        Command::Policy(PolicyCommand::Generate(one)) if one.system.is_none() => Ok(()),
        Command::Policy(_) => {
            here("writing a policy", "what it takes from a system is known where the store is")
        }
        Command::Password(_) => here("showing a password", "passwords are shown where they are kept"),
        Command::Mapping(_) | Command::Export(_) | Command::Audit(_) => {
            here("asking the server", "this command is not one that a server is asked for")
        }
    }
}

/// The refusal of a part of a command.
pub(crate) fn not_over_http(doing: &str) -> Refusal {
    Refusal::new(doing, "a server cannot be asked for that")
        .hint("give the command without --server on the machine where the store is")
}
