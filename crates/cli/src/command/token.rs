//! `keyreeve token …`

use anyhow::Context as _;
use jiff::SignedDuration;
use keyreeve_engine::tokens::MadeToken;
use keyreeve_store::NewToken;

use super::Context;
use crate::args::{CreateToken, RevokeToken, TokenCommand};
use crate::exit::Ended;
use crate::output::shape::{MADE_TOKENS, ShownToken, TOKENS, token_facts};
use crate::output::{lost, note};
use crate::source::Source;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &TokenCommand) -> anyhow::Result<Ended> {
    match command {
        TokenCommand::Create(arguments) => create(context, arguments).await,
        TokenCommand::List => list(context).await,
        TokenCommand::Revoke(arguments) => revoke(context, arguments).await,
    }
}

async fn create(context: &Context, arguments: &CreateToken) -> anyhow::Result<Ended> {
    let doing = "making a token";
    let store = context.store().await?;
    for system in &arguments.systems {
        store.get_system(system).await.context(doing)?;
    }
    let now = context.clock.now();
    let days = |days: u32| now.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
    let expires_at = arguments.expires_in_days.map(days).transpose().context(doing)?;
    let made = MadeToken::generate()?;
    let new = NewToken {
        id: made.id.clone(),
        secret_sha256: made.secret_sha256,
        owner: arguments.owner.clone(),
        role: arguments.role,
        systems: arguments.systems.clone(),
        expires_at,
    };
    let token = store.create_token(&new, context.actor.name(), now).await.context(doing)?;
    let shown = ShownToken::new(token, &made.text);
    let written = context.output.one(&shown, MADE_TOKENS, |tables| tables.facts(token_facts(&shown)));
    let way_out = format!("`keyreeve token revoke {}`, then make another", made.id);
    written.map_err(|error| lost(error, doing, "nobody has the token", &way_out))?;
    note("The token is shown this once and kept nowhere. Its owner sets KEYREEVE_TOKEN to it.");
    Ok(Ended::Done)
}

async fn list(context: &Context) -> anyhow::Result<Ended> {
    let tokens = Source::of(context).await?.tokens().await?;
    context.output.list(&tokens, &TOKENS, "There is no token; `keyreeve token create` makes one.")?;
    Ok(Ended::Done)
}

async fn revoke(context: &Context, arguments: &RevokeToken) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let (actor, reason) = (context.actor.name(), arguments.reason.as_deref());
    let revoked = store.revoke_token(&arguments.token, actor, reason, context.clock.now()).await?;
    context.output.list(&[revoked], &TOKENS, "")?;
    Ok(Ended::Done)
}
