//! What can be done: one file for each command.

mod account;
mod assignment;
mod audit;
mod aws;
mod change;
mod connection;
mod context;
mod doctor;
mod drift;
mod export;
mod import;
pub(crate) mod init;
mod job;
mod known;
mod mapping;
mod organization;
mod password;
mod person;
mod policy;
mod protect;
mod reading;
mod remote;
mod resource;
mod sandbox;
mod secrets;
mod serve;
mod store;
mod system;
mod token;
mod worker;

use anyhow::Context as _;

use crate::access;
use crate::args::{Arguments, Command, SecretsCommand};
use crate::config::{Config, Environment, unknown_names};
use crate::exit::Ended;
use crate::logging;
use crate::output::{Output, note};
use crate::source::require_remote;

pub(crate) use context::Context;

/// What stands in a plan in the place of an external id that is not made yet.
const MADE_LATER: &str = "<made when this is carried out>";

/// Reads the configuration, begins to log, and does what was asked for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<Ended> {
    let environment = Environment::of_process();
    if !matches!(arguments.command, Command::Doctor) {
        warn_of_unknown(&environment);
    }
    let config = Config::read(&arguments.global, &environment)?;
    logging::start(&config.logging)?;
    let output = Output::new(config.output, arguments.global.raw);
    if config.server.is_some() {
        require_remote(&arguments.command)?;
    }
    let mut context = Context::new(config, environment, output);
    let mut runtime = match arguments.command {
        // These answer many callers; everything else mostly waits.
        Command::Serve(_) | Command::Worker(_) | Command::Sandbox(_) => {
            tokio::runtime::Builder::new_multi_thread()
        }
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().context("starting the runtime")?;
    let ended = runtime.block_on(async {
        let ended = match access::admit(&context, &arguments.command).await {
            Ok(actor) => {
                context.actor = actor;
                dispatch(&context, arguments.command).await
            }
            Err(refused) => Err(refused),
        };
        context.close_stores().await;
        ended
    });
    // A server that has stopped waits for nobody who has not.
    runtime.shutdown_background();
    ended
}

/// Says which variables look like settings and are none: a misspelt one would be passed over. `doctor` has a check.
fn warn_of_unknown(environment: &Environment) {
    let names = unknown_names(environment);
    if !names.is_empty() {
        note(&format!(
            "warning: these variables mean nothing to keyreeve: {}; `keyreeve --help` says which do",
            names.join(", ")
        ));
    }
}

async fn dispatch(context: &Context, command: Command) -> anyhow::Result<Ended> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments).await,
        Command::System(command) => system::run(context, command).await,
        Command::Organization(command) => organization::run(context, command).await,
        Command::Import(command) => import::run(context, command).await,
        Command::Account(command) => account::run(context, command).await,
        Command::Resource(command) => resource::run(context, command).await,
        Command::Assignment(command) => assignment::run(context, command).await,
        Command::Job(command) => job::run(context, command).await,
        Command::Password(command) => password::run(context, &command).await,
        Command::Protect(command) => protect::run(context, &command).await,
        Command::Drift(command) => drift::run(context, &command).await,
        Command::Mapping(command) => mapping::run(context, command).await,
        Command::Aws(command) => aws::run(context, &command).await,
        Command::Policy(command) => policy::run(context, &command).await,
        Command::Person(command) => person::run(context, &command).await,
        Command::Token(command) => token::run(context, &command).await,
        Command::Audit(command) => audit::run(context, &command).await,
        Command::Export(arguments) => export::run(context, &arguments).await,
        Command::Secrets(SecretsCommand::Rekey(arguments)) => secrets::rekey(context, &arguments).await,
        Command::Store(command) => store::run(context, command).await,
        Command::Serve(arguments) => serve::run(context, &arguments).await,
        Command::Worker(arguments) => worker::run(context, &arguments).await,
        Command::Sandbox(arguments) => sandbox::run(context, &arguments).await,
        Command::Doctor => doctor::run(context).await,
    }
}
