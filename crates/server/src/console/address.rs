//! Addresses of our own pages. Links of pages lead nowhere else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a segment as it is (RFC 3986 section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest address that somebody is led back to.
const LONGEST: usize = 2_048;

/// The address of a page, by its segments: whatever stands in one of them stays in it.
pub(crate) fn of(segments: &[&str]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// An address with a query.
pub(crate) fn asking<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    written.extend_pairs(query);
    let written = written.finish();
    if written.is_empty() { path.to_owned() } else { format!("{path}?{written}") }
}

/// Where somebody wanted to go, if that is a page of ours; else the first one. A browser takes `//` and `/\` for the
/// beginning of another host.
pub(crate) fn own(next: Option<&str>) -> &str {
    let fits = |next: &&str| {
        next.len() <= LONGEST
            && next.starts_with('/')
            && !next.starts_with("//")
            && next.chars().all(|character| character.is_ascii_graphic() && character != '\\')
            && !["/sign-in", "/sign-out", "/api/", "/scim/", "/signin/"]
                .iter()
                .any(|way| next.starts_with(way))
    };
    next.filter(fits).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_one() {
        assert_eq!(
            of(&["systems", "prod", "accounts", "a/../b?c#d é"]),
            "/systems/prod/accounts/a%2F..%2Fb%3Fc%23d%20%C3%A9"
        );
        assert_eq!(of(&[]), "/");
        assert_eq!(
            asking("/systems", [("q", "a&b=c"), ("sort", "-name")]),
            "/systems?q=a%26b%3Dc&sort=-name"
        );
        assert_eq!(asking("/", []), "/");
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        for own_page in ["/", "/systems?q=%2F%2Fevil.example", "/systems/prod#x"] {
            assert_eq!(own(Some(own_page)), own_page);
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for foreign in [
            "",
            "systems",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a b",
            "/a\r\nSet-Cookie: x=y",
            "/sign-in?next=/sign-in",
            "/sign-out",
            "/api/v1/systems",
            &long,
        ] {
            assert_eq!(own(Some(foreign)), "/", "{foreign:?}");
        }
        assert_eq!(own(None), "/");
    }
}
