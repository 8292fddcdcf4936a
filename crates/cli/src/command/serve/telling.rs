//! Telling people what they must know while a server runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keyreeve_model::Secret;
use keyreeve_server::notify::{Destination, Mail, MailEncryption, MailSettings, Notifier, Sink, Webhook};
use keyreeve_store::{Store, open_regular_file};

use super::DOING;
use crate::command::Context;
use crate::exit::Refusal;

/// So often it is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What tells, set up as it is configured.
pub(super) fn notifier(context: &Context, store: &Arc<Store>) -> Result<Notifier, Refusal> {
    let webhook = webhook(context)?.map(|sink| Box::new(sink) as Box<dyn Sink>);
    let mail = mail(context)?.map(|sink| Box::new(sink) as Box<dyn Sink>);
    let sinks = webhook.into_iter().chain(mail).collect();
    let (clock, since) = (context.clock, context.clock.now());
    Ok(Notifier { store: Arc::clone(store), clock, sinks, every: LOOK_EVERY, since })
}

/// Where people are told, for the settings of the console.
pub(super) fn destinations(context: &Context) -> Vec<Destination> {
    let said = &context.config.notifications;
    let from = said.mail_from.as_deref().unwrap_or_default();
    let webhook = said.webhook_url.as_deref().map(Destination::webhook);
    let mail = said.mail_server.as_deref().map(|server| Destination::mail(server, from, &said.mail_to));
    webhook.into_iter().chain(mail).collect()
}

pub(super) fn webhook(context: &Context) -> Result<Option<Webhook>, Refusal> {
    let said = &context.config.notifications;
    let Some(url) = &said.webhook_url else { return Ok(None) };
    let Some(path) = &said.webhook_secret_file else {
        return Err(Refusal::new(DOING, "webhook_url is set, and webhook_secret_file is not")
            .hint("make a secret: `openssl rand -hex 32`, in a file for this user alone"));
    };
    let secret = read_secret("webhook_secret_file", path)?;
    let authorities = said.webhook_authorities.as_deref();
    let made = Webhook::new(url, secret, said.webhook_networks.clone(), authorities, context.clock);
    let made = made.map_err(|error| Refusal::new(DOING, error.to_string()).hint(MEND))?;
    match made.forbidden() {
        // What is in the address may be a secret of its own.
        Some(why) => Err(Refusal::new(DOING, format!("the webhook of webhook_url is not called: {why}"))
            .hint("name its network in webhook_networks, such as `webhook_networks = [\"10.1.0.0/16\"]`")),
        None => Ok(Some(made)),
    }
}

pub(super) fn mail(context: &Context) -> Result<Option<Mail>, Refusal> {
    let said = &context.config.notifications;
    let Some(server) = &said.mail_server else { return Ok(None) };
    let Some(from) = &said.mail_from else {
        return Err(Refusal::new(DOING, "mail_server is set, and mail_from is not").hint(MEND));
    };
    let login = match (&said.mail_user, &said.mail_password_file) {
        (Some(user), Some(path)) => Some((user.clone(), read_secret("mail_password_file", path)?)),
        (None, None) => None,
        _ => {
            let why = "of mail_user and mail_password_file only one is set";
            return Err(Refusal::new(DOING, why).hint(MEND));
        }
    };
    let settings = MailSettings {
        server: server.clone(),
        encryption: said.mail_encryption.unwrap_or(MailEncryption::Tls),
        login,
        from: from.clone(),
        to: said.mail_to.clone(),
    };
    Mail::new(settings).map(Some).map_err(|error| Refusal::new(DOING, error.to_string()).hint(MEND))
}

const MEND: &str = "mend [notifications] of keyreeve.toml";

pub(super) fn read_secret(setting: &str, path: &Path) -> Result<Secret, Refusal> {
    open_regular_file(path).and_then(std::io::read_to_string).map(Secret::new).map_err(|error| {
        Refusal::new(DOING, format!("{setting} {}: {error}", path.display()))
            .hint("mend the path, or let the user that runs keyreeve read the file")
    })
}
