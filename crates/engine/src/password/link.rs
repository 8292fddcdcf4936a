//! The link that a one-time secret is sent as.

use std::fmt;
use std::str::FromStr;

use keyreeve_model::Secret;
use url::{Host, Url};

/// Where this installation is reached by people, as it is configured: the only base of a link. What a request says of
/// where it was sent is never used for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// A text is no base of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// It is no URL.
    #[error("it is no URL, such as https://keyreeve.example.org")]
    NoUrl,
    /// It is no `https` URL, and does not stay on this machine either.
    #[error("passwords are sent there, so it must begin with https://; http:// is for this machine alone")]
    NotEncrypted,
    /// It has more than a place.
    #[error("it must have neither a user nor a query nor a fragment")]
    MoreThanAPlace,
}

impl PublicUrl {
    /// The name or address that people call.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        Url::parse(&self.0).ok()?.host_str().map(str::to_owned)
    }

    /// The link of a one-time secret. The secret is the fragment: browsers keep that part for themselves, so that it is
    /// in no request, no log of a proxy and no referrer.
    #[must_use]
    pub fn link(&self, secret: &Secret) -> Secret {
        Secret::new(format!("{}/one-time#{}", self.0, secret.expose().trim_ascii()))
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let url = Url::parse(text).map_err(|_| PublicUrlError::NoUrl)?;
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(PublicUrlError::NoUrl),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err(PublicUrlError::NotEncrypted);
        }
        let is_place = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_place {
            return Err(PublicUrlError::MoreThanAPlace);
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_the_configured_place_and_the_secret_behind_it() {
        for (base, place) in [
            ("https://keys.example.org", "https://keys.example.org"),
            ("https://keys.example.org/", "https://keys.example.org"),
            ("https://example.org:8443/keyreeve/", "https://example.org:8443/keyreeve"),
            ("http://127.0.0.1:8420", "http://127.0.0.1:8420"),
            ("http://localhost:8420/", "http://localhost:8420"),
        ] {
            let base: PublicUrl = base.parse().unwrap();
            let link = base.link(&Secret::new("krs_a_b\n".to_owned()));
            assert_eq!(link.expose(), format!("{place}/one-time#krs_a_b"));
        }
    }

    #[test]
    fn what_is_no_place_or_not_encrypted_is_refused() {
        use PublicUrlError::{MoreThanAPlace, NoUrl, NotEncrypted};
        for (text, why) in [
            ("", NoUrl),
            ("keys.example.org", NoUrl),
            ("http://keys.example.org", NotEncrypted),
            ("http://localhost.example.org", NotEncrypted),
            ("ftp://localhost", NotEncrypted),
            ("https://me@keys.example.org", MoreThanAPlace),
            ("https://keys.example.org/?a=b", MoreThanAPlace),
            ("https://keys.example.org/#a", MoreThanAPlace),
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(why), "{text}");
        }
    }
}
