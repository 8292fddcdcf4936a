//! `keyreeve password …`

use anyhow::Context as _;
use keyreeve_engine::provisioning::{OpenError, Revealed, open_once, reveal};
use keyreeve_model::Secret;
use serde::Serialize;

use super::Context;
use crate::args::{PasswordCommand, RevealPassword};
use crate::exit::{Ended, Refusal};
use crate::output::{Column, Format, lost, note, require_open, write};
use crate::source::Source;
use crate::terminal;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &PasswordCommand) -> anyhow::Result<Ended> {
    match command {
        PasswordCommand::Open => open(context).await,
        PasswordCommand::Reveal(arguments) => show_task(context, arguments).await,
    }
}

/// A password on its way to its owner.
#[derive(Serialize)]
struct Shown {
    password: String,
}

/// A password that only the holder of a private key can read.
#[derive(Serialize)]
struct Encrypted {
    encrypted_password: String,
}

const SHOWN: &[Column<Shown>] = &[("password", |shown| shown.password.clone())];
const ENCRYPTED: &[Column<Encrypted>] =
    &[("encrypted_password", |encrypted| encrypted.encrypted_password.clone())];

async fn open(context: &Context) -> anyhow::Result<Ended> {
    require_open("opening the password")?;
    let store = context.store().await?;
    let secret = terminal::one_time_secret()?;
    let opened = open_once(&store, &secret, context.clock.now()).await;
    show(context, &opened.map_err(|error| refusal("opening the password", error))?)
}

async fn show_task(context: &Context, arguments: &RevealPassword) -> anyhow::Result<Ended> {
    let (task, actor) = (arguments.task, context.actor.name());
    let doing = format!("showing the password of task {task}");
    require_open(&doing)?;
    let revealed = match Source::server(context)? {
        Some(server) => server.reveal(task).await.context(doing)?,
        None => {
            let store = context.store().await?;
            let revealed = reveal(&store, task, actor, context.clock.now()).await;
            revealed.map_err(|error| refusal(&doing, error))?
        }
    };
    match revealed {
        Revealed::Password(password) => show(context, &password),
        Revealed::Encrypted(text) if context.output.format() == Format::Table => {
            write(&text)?;
            Ok(Ended::Done)
        }
        Revealed::Encrypted(text) => {
            let encrypted = Encrypted { encrypted_password: text };
            context.output.exact().one(&encrypted, ENCRYPTED, |_| {})?;
            Ok(Ended::Done)
        }
    }
}

/// To eyes it is the password and nothing else, so that it can be piped.
fn show(context: &Context, password: &Secret) -> anyhow::Result<Ended> {
    let way_out = "have it reset: `keyreeve account reset-password`";
    print(context, password)
        .map_err(|error| lost(error, "showing the password", "nobody has it any more", way_out))?;
    note("This password was shown once and is gone from the store; it must be changed at the first sign-in.");
    Ok(Ended::Done)
}

fn print(context: &Context, password: &Secret) -> anyhow::Result<()> {
    if context.output.format() == Format::Table {
        let line = Secret::new(format!("{}\n", password.expose()));
        write(line.expose())
    } else {
        let shown = Shown { password: password.expose().to_owned() };
        context.output.exact().one(&shown, SHOWN, |_| {})
    }
}

fn refusal(doing: &str, error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Store(error) => anyhow::Error::from(error).context(doing.to_owned()),
        OpenError::Secret(error) => Refusal::failed(doing, format!("{error}; nothing was used up"))
            .hint("copy the whole text that begins with krs_, and try again")
            .into(),
        OpenError::NotYet => Refusal::failed(doing, error.to_string())
            .hint("keep the secret, and try again when the job is done; nothing was used up")
            .into(),
        OpenError::OperatorOff { .. } => Refusal::failed(doing, error.to_string())
            .hint("reset the password, and have it delivered as the system does now")
            .into(),
        OpenError::BehindSecret { .. } => Refusal::failed(doing, error.to_string())
            .hint("`keyreeve password open` takes the secret; if it was lost, reset the password")
            .into(),
    }
}
