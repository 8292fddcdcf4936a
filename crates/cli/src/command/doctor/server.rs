//! Whether `keyreeve serve` would start with the settings there are, and how one that runs is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use keyreeve_engine::password::PublicUrl;
use keyreeve_server::{Readiness, Standing, readiness};
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

/// How the server that runs here with these settings is, if there is one: it may hold a key of before, which nobody else
/// sees.
pub(super) async fn running(context: &Context, store: Option<&Store>) -> Option<Check> {
    const NAME: &str = "serve_ready";
    let http = &context.config.http;
    let address = SocketAddr::new(own(http.listen.ip()), http.listen.port());
    let host = context.public_url().and_then(PublicUrl::host);
    let tls = match (&http.tls, &host) {
        (None, _) => None,
        (Some(files), Some(host)) => Some((files.certificate.as_path(), host.as_str())),
        // Its certificate is for a name that is not known here.
        (Some(_), None) => return None,
    };
    // Another program may have that port, and speak otherwise.
    let Standing { readiness, store: theirs } = readiness(address, tls).await.ok()??;
    let ours = store.and_then(Store::mark);
    if let (Some(ours), Some(theirs)) = (&ours, &theirs)
        && ours != theirs
    {
        return Some(Check::new(
            NAME,
            CheckState::Warning,
            format!("the one at {address} serves another store, and says nothing of this one"),
            "set another `listen` for this store, or end that server",
        ));
    }
    match readiness {
        Readiness::Untrusted(why) => Some(Check::new(
            NAME,
            CheckState::Warning,
            format!("how the one at {address} is is not known: its certificate is not trusted here ({why})"),
            "see that the file `tls.certificate` is the one that it uses, and restart it if that was replaced",
        )),
        Readiness::Ready => Some(Check::ok(NAME, format!("the one at {address} is ready"))),
        Readiness::NotReady(why) => Some(Check::new(
            NAME,
            CheckState::Error,
            format!("the one at {address} is not ready: {why}"),
            "its log says more; when it holds a key that opens the store no more, restart it with the one that does",
        )),
    }
}

/// Who listens at all addresses is called at this machine's own.
fn own(listens: IpAddr) -> IpAddr {
    match listens {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        listens => listens,
    }
}

fn refused(theme: &str, refusal: Refusal) -> Check {
    let advice = refusal.advice().unwrap_or("mend it in keyreeve.toml").to_owned();
    let message = format!("`keyreeve serve` does not start ({theme}): {refusal}");
    Check::new("serve", CheckState::Error, message, advice)
}
