//! What a browser keeps. Over HTTPS its name begins with `__Host-`: browsers then take it only from this very host, over
//! HTTPS and for all of it, so no other host of the domain can put one there (RFC 6265bis section 4.1.3.2).

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use keyreeve_model::Secret;

use super::Site;
use super::provider::LASTS;

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The value of a session.
    Session,
    /// An attempt to sign in by way of a provider.
    Attempt,
    /// The page that was asked for before that.
    Wanted,
    /// The digest of an address that says what was done.
    Told,
}

impl Kept {
    fn name(self, site: &Site) -> &'static str {
        match (self, site.is_https()) {
            (Self::Session, true) => "__Host-keyreeve",
            (Self::Session, false) => "keyreeve",
            (Self::Attempt, true) => "__Host-keyreeve-attempt",
            (Self::Attempt, false) => "keyreeve-attempt",
            (Self::Wanted, true) => "__Host-keyreeve-wanted",
            (Self::Wanted, false) => "keyreeve-wanted",
            (Self::Told, true) => "__Host-keyreeve-told",
            (Self::Told, false) => "keyreeve-told",
        }
    }

    /// Has the browser keep a value, of a session until it is closed. Pages of elsewhere lead here with it by links alone.
    pub(crate) fn set(self, site: &Site, value: &Secret) -> Option<HeaderValue> {
        match self {
            Self::Session | Self::Told => self.header(site, value.expose(), ""),
            Self::Attempt | Self::Wanted => {
                self.header(site, value.expose(), &format!("; Max-Age={}", LASTS.as_secs()))
            }
        }
    }

    /// Has the browser keep what is no secret, for so long.
    pub(crate) fn keep(self, site: &Site, value: &str, seconds: u32) -> Option<HeaderValue> {
        self.header(site, value, &format!("; Max-Age={seconds}"))
    }

    /// Has the browser forget it.
    pub(crate) fn forget(self, site: &Site) -> Option<HeaderValue> {
        self.header(site, "", "; Max-Age=0")
    }

    fn header(self, site: &Site, value: &str, more: &str) -> Option<HeaderValue> {
        let secure = if site.is_https() { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", self.name(site));
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// The value of a cookie of ours; `Err` when there are several, of which only one can be ours.
pub(crate) fn kept(headers: &HeaderMap, site: &Site, which: Kept) -> Result<Option<Secret>, ()> {
    let name = which.name(site);
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(()),
        (one, None) => Ok(one.map(|value| Secret::new(value.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
        let value = Secret::new("0f".to_owned());
        let (over_tls, plain) = (Site::new(None, true, false), Site::new(None, false, true));
        let set = |site| Kept::Session.set(site, &value).unwrap().to_str().unwrap().to_owned();
        assert_eq!(set(&over_tls), "__Host-keyreeve=0f; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(set(&plain), "keyreeve=0f; Path=/; HttpOnly; SameSite=Lax");
        assert!(format!("{:?}", Kept::Session.set(&plain, &value)).contains("Sensitive"));
        let read = |text: &str, site| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, text.parse().unwrap());
            kept(&headers, site, Kept::Session).map(|value| value.map(|value| value.expose().to_owned()))
        };
        assert_eq!(read("a=b; __Host-keyreeve=0f; c", &over_tls), Ok(Some("0f".to_owned())));
        assert_eq!(read("keyreeve=0f", &over_tls), Ok(None), "another host could have set it");
        assert_eq!(read("keyreeve=1; keyreeve=2", &plain), Err(()));
    }
}
