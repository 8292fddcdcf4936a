//! `keyreeve token …`

use anyhow::Context as _;
use jiff::SignedDuration;
use keyreeve_engine::tokens::MadeToken;
use keyreeve_model::{Secret, Token};
use keyreeve_store::NewToken;
use serde_json::json;

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
    let (token, text) = match Source::server(context)? {
        Some(server) => {
            let CreateToken { owner, role, systems, expires_in_days } = arguments;
            let asked = json!({
                "owner": owner, "role": role, "systems": systems, "expires_in_days": expires_in_days,
            });
            server.make_token(&asked).await.context(doing)?
        }
        None => make(context, arguments, doing).await?,
    };
    let way_out = format!("`keyreeve token revoke {}`, then make another", token.id);
    let shown = ShownToken::new(token, &text);
    let written = context.output.one(&shown, MADE_TOKENS, |tables| tables.facts(token_facts(&shown)));
    written.map_err(|error| lost(error, doing, "nobody has the token", &way_out))?;
    note("The token is shown this once and kept nowhere. Its owner sets KEYREEVE_TOKEN to it.");
    Ok(Ended::Done)
}

/// Makes one in the store of this machine.
async fn make(
    context: &Context,
    arguments: &CreateToken,
    doing: &'static str,
) -> anyhow::Result<(Token, Secret)> {
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
    Ok((token, made.text))
}

async fn list(context: &Context) -> anyhow::Result<Ended> {
    let tokens = Source::of(context).await?.tokens().await?;
    context.output.list(&tokens, &TOKENS, "There is no token; `keyreeve token create` makes one.")?;
    Ok(Ended::Done)
}

async fn revoke(context: &Context, arguments: &RevokeToken) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let revoked = source.revoke_token(context, &arguments.token, arguments.reason.as_deref()).await?;
    context.output.list(&[revoked], &TOKENS, "")?;
    Ok(Ended::Done)
}
