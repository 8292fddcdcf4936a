//! Where a store is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// The address of a store: `sqlite://PATH` (`sqlite:///srv/keyreeve/store.db` for an absolute path) or
/// `postgres://user:password@host:port/database`, with the parameters PostgreSQL's own URLs know. With
/// `?statement-cache-capacity=0` no statement is kept prepared from one transaction to the next: for a pooler in
/// transaction mode, which gives each transaction another connection.
///
/// Neither `Display` nor `Debug` shows a password.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Place, pub(crate) Kept);

/// Whether a connection keeps statements prepared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Yes,
    No,
}

/// The two databases, with what is needed to reach each.
#[derive(Clone)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// An address was refused. It never repeats what was given, because that may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither of the two databases.
    #[error("the database address begins with neither sqlite:// nor postgres://; give one of these")]
    Scheme,
    /// No file named.
    #[error("the database address sqlite:// names no file; give sqlite:///path/to/store.db")]
    NoPath,
    /// SQLite parameters are not supported.
    #[error("the database address sqlite://… must not have parameters after '?'; give the path only")]
    Parameters,
    /// Not a PostgreSQL URL.
    #[error(
        "the database address postgres://… cannot be understood; give postgres://user:password@host:port/database \
         (percent-encode special characters of the password)"
    )]
    Postgres,
}

impl DatabaseUrl {
    /// The store in an SQLite file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Place::Sqlite(path.into()), Kept::Yes)
    }

    /// Whether an address names a password: whoever lists processes sees arguments. Parameters whose names are not plainly
    /// written are taken for one.
    #[must_use]
    pub fn names_password(text: &str) -> bool {
        let Some((_, rest)) = text.split_once("://") else { return false };
        let (before, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let in_user = before.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
        let mut names = parameters.split('&').filter_map(|parameter| parameter.split('=').next());
        in_user || names.any(|name| name == "password" || name.contains('%'))
    }

    /// The file, for SQLite.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Sqlite(path) => Some(path),
            Place::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" => Err(UrlError::NoPath),
                _ if path.contains('?') => Err(UrlError::Parameters),
                _ => Ok(Self::sqlite(path)),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // Poolers refuse what they do not know, and nothing of ours is a float.
            let options = text.parse::<PgConnectOptions>().map_err(|_| UrlError::Postgres)?;
            let mut parameters =
                text.split_once('?').map(|(_, given)| given.split('&')).into_iter().flatten();
            let none_kept = parameters.any(|parameter| parameter == "statement-cache-capacity=0");
            let kept = if none_kept { Kept::No } else { Kept::Yes };
            return Ok(Self(Place::Postgres(Box::new(options.extra_float_digits(None))), kept));
        }
        Err(UrlError::Scheme)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Place::Postgres(options) => write!(
                f,
                "postgres://{}@{}:{}/{}",
                options.get_username(),
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url: DatabaseUrl = "postgres://me:canary@db.example:6000/governance".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://me@db.example:6000/governance");
        assert!(!format!("{url:?}").contains("canary"));
        let url: DatabaseUrl = "postgres://me@db.example/x?password=canary".parse().unwrap();
        assert!(!format!("{url:?} {url}").contains("canary"));
        let error = "postgres://me:canary@db:port/x".parse::<DatabaseUrl>().unwrap_err();
        assert!(!format!("{error:?} {error}").contains("canary"));
    }

    #[test]
    fn a_password_in_an_address_is_seen_wherever_it_stands() {
        for with in [
            "postgres://me:canary@db/x",
            "postgresql://me:can%40ary@db:5432/x?sslmode=require",
            "postgres://db/x?user=me&password=canary",
            "postgres://db/x?pass%77ord=canary",
            "postgres://me:a@b@db/x",
            "postgres://me:a/b@db/x",
        ] {
            assert!(DatabaseUrl::names_password(with), "{with}");
        }
        for without in ["postgres://me@db:5432/x?sslmode=require", "postgres:///x?host=/run/a:b", "x", ""] {
            assert!(!DatabaseUrl::names_password(without), "{without}");
        }
    }

    #[test]
    fn only_the_two_databases_are_accepted() {
        let path = |text: &str| text.parse::<DatabaseUrl>().unwrap().sqlite_path().unwrap().to_owned();
        assert_eq!(path("sqlite:///a/b.db"), Path::new("/a/b.db"));
        assert_eq!(path("sqlite://b.db"), Path::new("b.db"));
        for (bad, error) in [
            ("sqlite://", UrlError::NoPath),
            ("sqlite://a?mode=ro", UrlError::Parameters),
            ("mysql://x", UrlError::Scheme),
            ("", UrlError::Scheme),
        ] {
            assert_eq!(bad.parse::<DatabaseUrl>().unwrap_err(), error, "{bad}");
        }
    }
}
