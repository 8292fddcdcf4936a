//! `keyreeve person …`

use anyhow::Context as _;
use keyreeve_engine::desk::{DeskError, PersonAsked, hash_of};
use keyreeve_model::{Person, PersonName, Secret};
use serde_json::json;

use super::Context;
use crate::args::{AddPerson, PersonCommand, SetPassword, SetRole};
use crate::exit::{Ended, Refusal};
use crate::output::shape::PEOPLE;
use crate::source::Source;
use crate::terminal;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &PersonCommand) -> anyhow::Result<Ended> {
    let (actor, now) = (context.actor.name(), context.clock.now());
    let person = match command {
        PersonCommand::Add(arguments) => add(context, arguments).await?,
        PersonCommand::List => return list(context).await,
        PersonCommand::SetPassword(arguments) => set_password(context, arguments).await?,
        PersonCommand::SetRole(arguments) => set_role(context, arguments).await?,
        PersonCommand::Disable(one) => let_in(context, &one.name, false).await?,
        PersonCommand::Enable(one) => let_in(context, &one.name, true).await?,
        PersonCommand::Remove(one) => match Source::of(context).await? {
            Source::Server(server) => server.remove_person(&one.name, one.reason.as_deref()).await?,
            Source::Store(store) => store.remove_person(&one.name, actor, one.reason.as_deref(), now).await?,
        },
    };
    context.output.list(&[person], &PEOPLE, "")?;
    Ok(Ended::Done)
}

async fn add(context: &Context, arguments: &AddPerson) -> anyhow::Result<Person> {
    let doing = "adding a person";
    if let Some(server) = Source::server(context)? {
        let password = password(&arguments.name, arguments.password_stdin)?;
        let body = json!({
            "name": arguments.name.as_str(), "role": arguments.granted.role, "systems": arguments.granted.systems,
            "password": password.expose(),
        });
        return server.add_person(&body).await.context(doing);
    }
    let store = context.store().await?;
    for system in &arguments.granted.systems {
        store.get_system(system).await.context(doing)?;
    }
    let asked = PersonAsked {
        name: arguments.name.clone(),
        role: arguments.granted.role,
        systems: arguments.granted.systems.clone(),
        password: password(&arguments.name, arguments.password_stdin)?,
    };
    let new = asked.kept(&store).await.map_err(|error| refused(doing, error))?;
    store.add_person(&new, context.actor.name(), context.clock.now()).await.context(doing)
}

async fn set_password(context: &Context, arguments: &SetPassword) -> anyhow::Result<Person> {
    let doing = "setting a password";
    let source = Source::of(context).await?;
    let password = password(&arguments.name, arguments.password_stdin)?;
    let store = match source {
        Source::Server(server) => {
            let body = json!({"password": password.expose()});
            return server.change_person(arguments.name.as_str(), "password", &body).await.context(doing);
        }
        Source::Store(store) => store,
    };
    let hash = hash_of(&arguments.name, password).await.map_err(|error| refused(doing, error))?;
    let (name, actor) = (arguments.name.as_str(), context.actor.name());
    store.set_password(name, &hash, actor, context.clock.now()).await.context(doing)
}

async fn set_role(context: &Context, arguments: &SetRole) -> anyhow::Result<Person> {
    let doing = "setting a role";
    let granted = &arguments.granted;
    let store = match Source::of(context).await? {
        Source::Server(server) => {
            let body = json!({"role": granted.role, "systems": granted.systems});
            return server.change_person(arguments.name.as_str(), "role", &body).await.context(doing);
        }
        Source::Store(store) => store,
    };
    for system in &granted.systems {
        store.get_system(system).await.context(doing)?;
    }
    let what = (granted.role, granted.systems.as_slice());
    let (name, actor) = (arguments.name.as_str(), context.actor.name());
    store.set_role(name, what, actor, context.clock.now()).await.context(doing)
}

async fn let_in(context: &Context, name: &str, may_sign_in: bool) -> anyhow::Result<Person> {
    match Source::of(context).await? {
        Source::Server(server) => {
            server.change_person(name, "access", &json!({"may_sign_in": may_sign_in})).await
        }
        Source::Store(store) => {
            Ok(store.let_in(name, may_sign_in, context.actor.name(), context.clock.now()).await?)
        }
    }
}

async fn list(context: &Context) -> anyhow::Result<Ended> {
    let people = Source::of(context).await?.people().await?;
    let empty = "Nobody signs in; `keyreeve person add NAME --role admin` adds somebody.";
    context.output.list(&people, &PEOPLE, empty)?;
    Ok(Ended::Done)
}

fn password(name: &PersonName, from_stdin: bool) -> Result<Secret, Refusal> {
    terminal::new_password(name.as_str(), from_stdin)
}

fn refused(doing: &'static str, error: DeskError) -> anyhow::Error {
    match error {
        DeskError::Store(error) => anyhow::Error::from(error).context(doing),
        other => Refusal::new(doing, other.to_string())
            .hint("a password has 12 characters at least; a few words of a sentence are good, whatever they hold")
            .into(),
    }
}
