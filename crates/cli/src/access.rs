//! What each command takes of whoever gives it. This is asked once, before a command begins.

use keyreeve_engine::rights::{Actor, Right};
use keyreeve_engine::tokens::{TokenError, authenticate};
use keyreeve_model::{ImportRunId, JobId, SystemId, TaskId};
use keyreeve_store::Store;

use crate::actor;
use crate::args::DriftCommand;
use crate::args::{
    AccountCommand, AssignmentCommand, AuditCommand, Command, ImportCommand, JobCommand, MappingCommand,
    PasswordCommand, PolicyCommand, ProfileCommand, ProtectCommand, ResourceCommand, SystemCommand,
};
use crate::command::Context;
use crate::exit::Refusal;

const DOING: &str = "signing in with KEYREEVE_TOKEN";

/// What a command is about.
enum About<'a> {
    /// Everything.
    All,
    /// All rows of the audit log; those of one system can be asked for.
    AllRows,
    /// Those systems that the actor reaches; the command leaves the others out.
    Reached,
    /// The system that a file names; asked for when it was read.
    InFile,
    System(&'a SystemId),
    Run(ImportRunId),
    Job(JobId),
    Task(TaskId),
}

/// Who gives the command, if they may: the owner of the token in `KEYREEVE_TOKEN`, else the user of the operating
/// system.
///
/// # Errors
/// A refusal when the token lets nobody in, or does not allow this.
pub(crate) async fn admit(context: &Context, command: &Command) -> anyhow::Result<Actor> {
    // A server finds out by itself who asks, and what they may.
    if context.config.server.is_some() {
        return Ok(actor::local());
    }
    let (Some(token), Some((right, about))) = (context.environment.token(), needed(command)) else {
        return Ok(actor::local());
    };
    if token.expose().trim().is_empty() {
        let why = "the variable is set, but empty, so it does not say who acts";
        return Err(Refusal::new(DOING, why)
            .hint("give it the token, or unset it to act as the user of the operating system")
            .into());
    }
    let store = context.store().await?;
    let now = context.clock.now();
    let token = authenticate(&store, token, now).await.map_err(refusal)?;
    store.touch_token(&token.id, now).await.map_err(|error| refusal(error.into()))?;
    let actor = Actor::of(token);
    actor.require(right).map_err(Refusal::from)?;
    require_about(&actor, &store, about).await?;
    store.close().await;
    Ok(actor)
}

fn refusal(error: TokenError) -> anyhow::Error {
    match error {
        TokenError::Store(error) => anyhow::Error::from(error).context(DOING),
        other => Refusal::new(DOING, other.to_string())
            .hint("give the whole text that `keyreeve token create` printed, or ask an admin for another one")
            .into(),
    }
}

async fn require_about(actor: &Actor, store: &Store, about: About<'_>) -> anyhow::Result<()> {
    let system = match about {
        About::Reached | About::InFile => return Ok(()),
        About::All => return Ok(actor.require_all_systems().map_err(Refusal::from)?),
        About::AllRows => {
            let refused = actor.require_all_systems().map_err(Refusal::from);
            return Ok(refused.map_err(|refused| {
                refused.hint("name one of its systems: `keyreeve audit list --system ID`")
            })?);
        }
        About::System(id) => id.clone(),
        About::Run(run) => store.get_import_run(run).await?.system_id,
        About::Job(job) => store.job(job).await?.system_id,
        About::Task(task) => store.job(store.job_of_task(task).await?).await?.system_id,
    };
    Ok(actor.require_system(&system).map_err(Refusal::from)?)
}

/// The right that a command takes, and what it is about; `None` where it does not matter who acts.
fn needed(command: &Command) -> Option<(Right, About<'_>)> {
    use Right::{Administer, Read};
    Some(match command {
        // They work without a store, or say nothing of what is in it.
        Command::Init(_) | Command::Sandbox(_) | Command::Doctor => return None,
        Command::Policy(PolicyCommand::Generate(one)) => (Read, About::System(one.system.as_ref()?)),
        // Who has a one-time secret is its bearer, and nothing else is asked.
        Command::Password(PasswordCommand::Open) => return None,
        Command::Password(PasswordCommand::Reveal(one)) => (Right::Operate, About::Task(one.task)),
        Command::System(command) => of_system(command),
        Command::Organization(_) => (Administer, About::All),
        Command::Import(command) => of_import(command),
        Command::Account(command) => of_account(command),
        Command::Resource(ResourceCommand::List(one)) => (Read, About::System(&one.system_id)),
        Command::Resource(ResourceCommand::Show(one)) => (Read, About::System(&one.system_id)),
        Command::Assignment(AssignmentCommand::List(one)) => {
            (Read, one.system_id.as_ref().map_or(About::Reached, About::System))
        }
        Command::Assignment(AssignmentCommand::Add(one) | AssignmentCommand::Remove(one)) => {
            (Right::Operate, About::System(&one.system_id))
        }
        Command::Job(command) => of_job(command),
        Command::Mapping(MappingCommand::List(one)) => (Read, About::System(&one.system_id)),
        Command::Mapping(MappingCommand::Show(one)) => (Read, About::System(&one.system_id)),
        Command::Mapping(MappingCommand::Try(one)) => (Read, About::System(&one.system_id)),
        Command::Mapping(MappingCommand::Set(one)) => (Administer, About::System(&one.system_id)),
        Command::Protect(ProtectCommand::List(one)) => (Read, About::System(&one.system_id)),
        Command::Drift(DriftCommand::List(one)) => (Read, About::System(&one.system_id)),
        Command::Drift(DriftCommand::Accept(one)) => (Right::Approve, About::System(&one.system_id)),
        Command::Protect(ProtectCommand::Add(one)) => (Administer, About::System(&one.on.system_id)),
        Command::Protect(ProtectCommand::Remove(one)) => (Administer, About::System(&one.on.system_id)),
        Command::Export(one) => (Read, one.system_id.as_ref().map_or(About::All, About::System)),
        Command::Audit(AuditCommand::List(one)) => {
            (Read, one.system_id.as_ref().map_or(About::AllRows, About::System))
        }
        Command::Audit(AuditCommand::Verify(_)) => (Read, About::All),
        Command::Aws(_)
        | Command::Person(_)
        | Command::Token(_)
        | Command::Secrets(_)
        | Command::Serve(_)
        | Command::Worker(_)
        | Command::Store(_) => (Administer, About::All),
    })
}

fn of_system(command: &SystemCommand) -> (Right, About<'_>) {
    match command {
        SystemCommand::Add(_) => (Right::Administer, About::All),
        SystemCommand::List(_) => (Right::Read, About::Reached),
        SystemCommand::Show(one) => (Right::Read, About::System(&one.system_id)),
        SystemCommand::Check(one) => (Right::Operate, About::System(&one.system_id)),
        SystemCommand::Set(one) => (Right::Administer, About::System(&one.system_id)),
        SystemCommand::Release(one) => (Right::Administer, About::System(&one.system_id)),
        SystemCommand::RotateKey(one) => (Right::Administer, About::System(&one.system_id)),
        SystemCommand::Remove(one) => (Right::Administer, About::System(&one.system_id)),
    }
}

fn of_import(command: &ImportCommand) -> (Right, About<'_>) {
    match command {
        ImportCommand::Run(one) => {
            (Right::Operate, one.system_id.as_ref().map_or(About::Reached, About::System))
        }
        ImportCommand::List(one) => (Right::Read, About::System(&one.system_id)),
        ImportCommand::Show(one) => (Right::Read, About::Run(one.run)),
        // Two runs of different systems are not compared.
        ImportCommand::Diff(one) => (Right::Read, About::Run(one.run)),
        ImportCommand::Accept(one) | ImportCommand::Reject(one) => (Right::Approve, About::Run(one.run)),
        ImportCommand::Profile(ProfileCommand::List(one)) => (Right::Read, About::System(&one.system_id)),
        ImportCommand::Profile(ProfileCommand::Show(one)) => (Right::Read, About::System(&one.system_id)),
        ImportCommand::Profile(ProfileCommand::Set(one)) => {
            (Right::Administer, About::System(&one.system_id))
        }
        ImportCommand::Profile(ProfileCommand::Remove(one)) => {
            (Right::Administer, About::System(&one.system_id))
        }
    }
}

fn of_account(command: &AccountCommand) -> (Right, About<'_>) {
    match command {
        AccountCommand::List(one) => (Right::Read, About::System(&one.system_id)),
        AccountCommand::Show(one) => (Right::Read, About::System(&one.system_id)),
        AccountCommand::Create(one) => (Right::Operate, About::System(&one.system_id)),
        AccountCommand::Update(one) => (Right::Operate, About::System(&one.system_id)),
        AccountCommand::Deactivate(one) | AccountCommand::Delete(one) => {
            (Right::Operate, About::System(&one.system_id))
        }
        AccountCommand::Reactivate(one) | AccountCommand::ResetPassword(one) => {
            (Right::Operate, About::System(&one.on.system_id))
        }
    }
}

fn of_job(command: &JobCommand) -> (Right, About<'_>) {
    match command {
        JobCommand::List(one) => (Right::Read, About::System(&one.system_id)),
        JobCommand::Show(one) => (Right::Read, About::Job(one.job)),
        JobCommand::Plan(_) => (Right::Operate, About::InFile),
        JobCommand::Apply(one) => (Right::Operate, one.job().map_or(About::InFile, About::Job)),
        JobCommand::Approve(one) | JobCommand::Reject(one) => (Right::Approve, About::Job(one.job)),
        JobCommand::Cancel(one) => (Right::Operate, About::Job(one.job)),
        JobCommand::Dismiss(one) => (Right::Operate, About::Job(one.job)),
        JobCommand::Retry(one) => (Right::Operate, About::Job(one.job)),
    }
}
