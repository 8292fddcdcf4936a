//! Telling people what they must know while a server runs.

use std::sync::Arc;
use std::time::Duration;

use keyreeve_model::Secret;
use keyreeve_server::notify::{Notifier, Sink, Webhook};
use keyreeve_store::Store;

use super::DOING;
use crate::command::Context;
use crate::exit::Refusal;

/// So often it is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What tells, set up as it is configured.
pub(super) fn notifier(context: &Context, store: &Arc<Store>) -> Result<Notifier, Refusal> {
    let sinks = webhook(context)?.map(|sink| Box::new(sink) as Box<dyn Sink>).into_iter().collect();
    Ok(Notifier { store: Arc::clone(store), clock: context.clock, sinks, every: LOOK_EVERY })
}

fn webhook(context: &Context) -> Result<Option<Webhook>, Refusal> {
    let said = &context.config.notifications;
    let Some(url) = &said.webhook_url else { return Ok(None) };
    let Some(path) = &said.webhook_secret_file else {
        return Err(Refusal::new(DOING, "webhook_url is set, and webhook_secret_file is not")
            .hint("make a secret: `openssl rand -hex 32`, in a file for this user alone"));
    };
    let secret = std::fs::read_to_string(path).map(Secret::new).map_err(|error| {
        Refusal::new(DOING, format!("webhook_secret_file {}: {error}", path.display()))
            .hint("mend the path, or let the user that runs keyreeve read the file")
    })?;
    let authorities = said.webhook_authorities.as_deref();
    Webhook::new(url, secret, said.webhook_networks.clone(), authorities, context.clock)
        .map(Some)
        .map_err(|error| Refusal::new(DOING, error.to_string()).hint("mend [notifications] of keyreeve.toml"))
}
