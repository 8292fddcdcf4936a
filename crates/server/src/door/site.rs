//! How the server is reached, and whether a request comes from a page of it.

use std::net::IpAddr;

use axum::http::header::{HOST, HeaderName, ORIGIN, REFERER};
use axum::http::{HeaderMap, StatusCode};
use keyreeve_engine::password::PublicUrl;
use url::Url;

use crate::problem::Problem;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How the server is reached.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its one origin, where that is configured.
    origin: Option<String>,
    https: bool,
    /// Only this machine reaches it, and by no other name.
    local: bool,
}

impl Site {
    /// By `public_url`, if that is configured; else by any name that leads here, over TLS or not, or, if it is `local`,
    /// by the names of this machine for itself.
    #[must_use]
    pub fn new(public_url: Option<&PublicUrl>, tls: bool, local: bool) -> Self {
        let url = public_url.and_then(|url| Url::parse(&url.to_string()).ok());
        let https = url.as_ref().map_or(tls, |url| url.scheme() == "https");
        let origin = url.map(|url| url.origin().ascii_serialization());
        Self { origin, https, local }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    /// Refuses what may come from a page of elsewhere: there must be an `Origin` of exactly our own, or the browser's
    /// word that the page is (Fetch Metadata).
    pub(crate) fn own_page(&self, headers: &HeaderMap) -> Result<(), Problem> {
        self.page(headers, false)
    }

    /// The page of ours that a request comes from: its path and its query.
    pub(crate) fn came_from(&self, headers: &HeaderMap) -> Option<String> {
        let page = Url::parse(only(headers, &REFERER).ok()??).ok()?;
        if page.origin().ascii_serialization() != self.own(headers)? {
            return None;
        }
        Some(page.query().map_or_else(|| page.path().to_owned(), |query| format!("{}?{query}", page.path())))
    }

    /// The same for what a program may send that is no browser, and says neither.
    pub(crate) fn own_page_or_program(&self, headers: &HeaderMap) -> Result<(), Problem> {
        self.page(headers, true)
    }

    fn page(&self, headers: &HeaderMap, or_program: bool) -> Result<(), Problem> {
        let own = self.own(headers).ok_or_else(|| self.refuse())?;
        let origin = only(headers, &ORIGIN).map_err(|()| self.refuse())?;
        let site = only(headers, &SEC_FETCH_SITE).map_err(|()| self.refuse())?;
        let fits = match (origin, site) {
            (Some(origin), None | Some("same-origin")) => origin == own,
            (None, Some(site)) => site == "same-origin",
            (None, None) => or_program,
            (Some(_), Some(_)) => false,
        };
        if fits { Ok(()) } else { Err(self.refuse()) }
    }

    /// The origin that a page of ours has.
    pub(crate) fn own(&self, headers: &HeaderMap) -> Option<String> {
        if let Some(origin) = &self.origin {
            return Some(origin.clone());
        }
        let host = only(headers, &HOST).ok().flatten()?.to_ascii_lowercase();
        // A name of elsewhere that was made to lead here is none of this machine's for itself.
        let scheme = if self.https { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{host}/")).ok()?;
        let here = url.host_str().is_some_and(|host| {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        });
        (here || !self.local).then(|| url.origin().ascii_serialization())
    }

    fn refuse(&self) -> Problem {
        let detail = "the request does not come from a page of this server, or its browser does not say so";
        let problem = Problem::new(StatusCode::FORBIDDEN, "foreign_page", detail);
        match &self.origin {
            Some(origin) => problem.advice(format!("nothing was done; open {origin}, or use a token")),
            None => problem.advice("nothing was done; send `Origin`, or use a token"),
        }
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut given = headers.get_all(name).iter();
    match (given.next(), given.next()) {
        (_, Some(_)) => Err(()),
        (one, None) => one.map(|value| value.to_str()).transpose().map_err(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn s19_only_a_page_of_exactly_our_own_origin_is_ours() {
        let url = "https://keyreeve.example.org".parse().unwrap();
        let site = Site::new(Some(&url), false, true);
        let own = |given: &[(&'static str, &str)]| {
            let host = ("host", "evil.example");
            site.own_page(&headers(&[given, &[host]].concat())).is_ok()
        };
        assert!(own(&[("origin", "https://keyreeve.example.org")]));
        assert!(own(&[("origin", "https://keyreeve.example.org"), ("sec-fetch-site", "same-origin")]));
        assert!(own(&[("sec-fetch-site", "same-origin")]));
        for foreign in [
            "null",
            "",
            "https://evil.example",
            "https://example.org",
            "https://a.keyreeve.example.org",
            "https://keyreeve.example.org.evil.example",
            "https://keyreeve.example.org:8443",
            "https://keyreeve.example.org/",
            "http://keyreeve.example.org",
            "HTTPS://keyreeve.example.org",
        ] {
            assert!(!own(&[("origin", foreign)]), "{foreign}");
        }
        assert!(!own(&[]));
        for foreign in ["same-site", "cross-site", "none", ""] {
            assert!(!own(&[("sec-fetch-site", foreign)]), "{foreign}");
            assert!(
                !own(&[("origin", "https://keyreeve.example.org"), ("sec-fetch-site", foreign)]),
                "{foreign}"
            );
        }
        let twice = [("origin", "https://keyreeve.example.org"), ("host", "keyreeve.example.org")];
        let mut twice = headers(&twice);
        twice.append(ORIGIN, "https://evil.example".parse().unwrap());
        assert!(site.own_page(&twice).is_err());
    }

    #[test]
    fn s19_without_a_public_url_our_own_origin_is_what_the_request_was_sent_to() {
        let (tls, local) = (Site::new(None, true, false), Site::new(None, false, true));
        let own = |site: &Site, host: &str, origin: &str| {
            site.own_page(&headers(&[("host", host), ("origin", origin)])).is_ok()
        };
        assert!(own(&tls, "Keyreeve.corp:8443", "https://keyreeve.corp:8443"));
        assert!(own(&tls, "keyreeve.corp:443", "https://keyreeve.corp"));
        assert!(!own(&tls, "keyreeve.corp:8443", "http://keyreeve.corp:8443"));
        assert!(!own(&tls, "keyreeve.corp:8443", "https://keyreeve.corp"));
        for (host, origin) in [
            ("127.0.0.1:8420", "http://127.0.0.1:8420"),
            ("[::1]:1", "http://[::1]:1"),
            ("localhost:1", "http://localhost:1"),
        ] {
            assert!(own(&local, host, origin), "{host}");
        }
        // A name that was made to lead here, and the page that it came from.
        assert!(!own(&local, "evil.example:8420", "http://evil.example:8420"));
        assert!(local.own_page_or_program(&headers(&[("host", "127.0.0.1:1")])).is_ok());
        assert!(local.own_page_or_program(&headers(&[("host", "127.0.0.1:1"), ("origin", "null")])).is_err());
        assert!(local.own_page_or_program(&headers(&[("host", "evil.example")])).is_err());
    }
}
