//! Whether `keyreeve serve` would start with the settings there are.

use keyreeve_store::Store;

use crate::command::Context;
use crate::command::serve::{looked_at, not_the_only_way_in};
use crate::exit::Refusal;
use crate::output::shape::{Check, CheckState};

/// What `serve` looks at before it begins. What is wrong with the files of TLS has a check of its own.
pub(super) fn settings(context: &Context) -> Vec<Check> {
    let http = &context.config.http;
    let looked_at = looked_at(context, http.listen, http.allow_plain_http);
    let refused: Vec<Check> = looked_at
        .into_iter()
        .filter(|(theme, _)| *theme != "tls")
        .filter_map(|(theme, looked_at)| Some(refused(theme, looked_at.err()?)))
        .collect();
    match refused.is_empty() {
        true => vec![Check::ok("serve", "`keyreeve serve` takes its settings")],
        false => refused,
    }
}

/// That somebody can sign in when the identity provider does not answer.
pub(super) async fn way_in(context: &Context, store: &Store) -> Option<Check> {
    match store.admins_left(context.clock.now()).await {
        Ok(left) => Some(refused("sign_in", not_the_only_way_in(context, left).err()?)),
        Err(error) => Some(Check::new("serve", CheckState::Error, error.to_string(), "mend the database")),
    }
}

fn refused(theme: &str, refusal: Refusal) -> Check {
    let advice = refusal.advice().unwrap_or("mend it in keyreeve.toml").to_owned();
    let message = format!("`keyreeve serve` does not start ({theme}): {refusal}");
    Check::new("serve", CheckState::Error, message, advice)
}
