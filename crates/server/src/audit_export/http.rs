//! An address to which the audit log is sent, some rows at a time: JSON lines, signed as webhooks are. Where it may reach,
//! [`Egress`] says.

use std::path::Path;

use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use futures::future::BoxFuture;
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::clock::Clock;
use keyreeve_model::Secret;
use url::Url;

use super::{AuditSink, Line, NotTaken, SinkError};
use crate::egress::{Egress, is_well, parts_of};
use crate::notify::{Network, SHORTEST_SECRET, signature};

/// Where rows are sent.
pub struct HttpSink {
    url: Url,
    secret: Secret,
    authorization: Option<HeaderValue>,
    egress: Egress,
    clock: Clock,
}

impl HttpSink {
    /// To an address, signed with a secret that both ends have, and with a bearer token if there is one. `networks` may be
    /// called besides the internet, and `authorities` is a PEM file of certificates to trust instead of the machine's own.
    /// Nothing is called yet.
    ///
    /// # Errors
    /// [`SinkError`] says what is wrong, without any of it.
    pub fn new(
        url: &str,
        secret: &Secret,
        token: Option<&Secret>,
        (networks, authorities): (Vec<Network>, Option<&Path>),
        clock: Clock,
    ) -> Result<Self, SinkError> {
        let refuse = |why: &str| SinkError(why.to_owned());
        let url = Url::parse(url).ok().filter(is_well).ok_or_else(|| {
            refuse("`url` must be an https:// URL without a user; http:// is for this machine alone")
        })?;
        let secret = Secret::new(secret.expose().trim().to_owned());
        if secret.expose().len() < SHORTEST_SECRET {
            return Err(SinkError(format!("its secret is shorter than {SHORTEST_SECRET} characters")));
        }
        let authorization = token.map(|token| {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose().trim()));
            value.ok().filter(|_| !token.expose().trim().is_empty()).map(|mut value| {
                value.set_sensitive(true);
                value
            })
        });
        let authorization = match authorization {
            Some(None) => return Err(refuse("its token is empty, or holds what no token may hold")),
            Some(value) => value,
            None => None,
        };
        let egress = Egress::new(networks, "networks", authorities)
            .map_err(|why| SinkError(format!("there are no certificates to know it by: {why}")))?;
        Ok(Self { url, secret, authorization, egress, clock })
    }

    /// Why the address is not called, as far as that can be told without asking a name server.
    #[must_use]
    pub fn forbidden(&self) -> Option<String> {
        self.egress.forbids(&self.url)
    }

    async fn send(&self, lines: &[Line]) -> Result<(), NotTaken> {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(()) };
        let body: String = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
        let sent_at = self.clock.now().as_second();
        let (place, host) = parts_of(&self.url);
        let mut request = hyper::Request::post(place)
            .header("host", host)
            .header("content-type", "application/x-ndjson")
            .header("user-agent", concat!("keyreeve/", env!("CARGO_PKG_VERSION")))
            .header("keyreeve-rows", format!("{}-{}", first.row.seq, last.row.seq))
            .header("keyreeve-signature", signature(&self.secret, sent_at, &body))
            .header("connection", "close");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| NotTaken::from("the request could not be put together".to_owned()))?;
        let answer = self.egress.send(&self.url, request).await?;
        // Any success is one; a redirect is none, and what else is answered is not read.
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let again_after = asked.and_then(|text| patience(text, self.clock.now()));
        Err(NotTaken { why: format!("it answered {}", status.as_u16()), again_after })
    }
}

impl AuditSink for HttpSink {
    fn take<'a>(&'a self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), NotTaken>> {
        Box::pin(self.send(lines))
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a moment.
fn patience(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(SignedDuration::from_secs(seconds.into()));
    }
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(moment.duration_since(now))
}

impl std::fmt::Debug for HttpSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(url: &str, secret: &str, token: Option<&str>) -> Result<HttpSink, SinkError> {
        let token = token.map(|token| Secret::new(token.to_owned()));
        let secret = Secret::new(secret.to_owned());
        HttpSink::new(url, &secret, token.as_ref(), (Vec::new(), None), Clock::system())
    }

    #[test]
    fn what_is_wrong_is_refused_and_not_repeated() {
        let secret = "s".repeat(32);
        assert!(sink("https://example.org/?key=canary", &secret, Some("t\n")).is_ok());
        for (url, secret, token) in [
            ("http://canary.example.org/", secret.as_str(), None),
            ("https://canary:canary@example.org/", &secret, None),
            ("canary", &secret, None),
            ("https://example.org/", "canary", None),
            ("https://example.org/", &secret, Some("canary\ncanary")),
            ("https://example.org/", &secret, Some(" \n")),
        ] {
            let refused = sink(url, secret, token).unwrap_err().to_string();
            assert!(!refused.contains("canary"), "{refused}");
        }
        assert_eq!(
            format!("{:?}", sink("https://example.org/?canary", &secret, None).unwrap()),
            "HttpSink { .. }"
        );
    }

    #[test]
    fn a_sink_says_when_it_wants_to_be_asked_again() {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        let asked = |text: &str| patience(text, now).map(|wait| wait.as_secs());
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked(" 0 "), Some(0));
        assert_eq!(asked("Sun, 06 Nov 1994 08:51:37 GMT"), Some(120));
        assert_eq!(asked("Sun, 06 Nov 1994 08:47:37 GMT"), Some(-120));
        for wrong in ["", "soon", "-1", "1.5", "99999999999999", "Sun, 06 Nov"] {
            assert_eq!(asked(wrong), None, "{wrong}");
        }
    }
}
