//! The first connection to a PostgreSQL: why there is none, said at once and so that it can be mended.
//!
//! A pool would try again for a long time and then only say that no connection became free.

use std::io::ErrorKind;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::StoreError;

/// How long the server may take to let us in.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Connects once, and lets go.
///
/// # Errors
/// [`StoreError::Unreachable`].
pub(crate) async fn reach(options: &PgConnectOptions, patience: Duration) -> Result<(), StoreError> {
    let (why, advice) = match tokio::time::timeout(patience, options.connect()).await {
        Ok(Ok(connection)) => {
            // It was only to be seen that there is one.
            let _ = connection.close().await;
            return Ok(());
        }
        Ok(Err(error)) => reason(&error, options),
        Err(_) => (
            format!("it did not answer within {} seconds", patience.as_secs_f32()),
            "check host and port of `database`, and what stands between here and there".to_owned(),
        ),
    };
    Err(StoreError::Unreachable { place: place(options), why, advice })
}

/// Where the server is: never the password.
fn place(options: &PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

/// Why there is no connection, and what to do. The codes are SQLSTATE, see
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn reason(error: &sqlx::Error, options: &PgConnectOptions) -> (String, String) {
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    let (why, advice) = match error {
        sqlx::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            ("nothing listens there".to_owned(), "start PostgreSQL, or mend host and port of `database`")
        }
        sqlx::Error::Io(error) => {
            (error.to_string(), "check host and port of `database`, and what stands between here and there")
        }
        sqlx::Error::Tls(_) => {
            ("the TLS handshake failed".to_owned(), "check sslmode and the server's certificate")
        }
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28P01" | "28000") => (
                format!("the server does not let user {user} in with what was given"),
                "mend user and password of `database` (percent-encode special characters), or the server's \
                 pg_hba.conf",
            ),
            Some("3D000") => (
                format!("the server has no database {database}"),
                "make it with `createdb`, or mend the database's name",
            ),
            Some("42501") => (
                format!("user {user} may not connect to database {database}"),
                "grant it with `GRANT CONNECT ON DATABASE`",
            ),
            Some("53300") => {
                ("all its connections are in use".to_owned(), "raise its max_connections, or wait")
            }
            Some("57P03") => ("it is starting up or shutting down".to_owned(), "try again in a moment"),
            code => (
                format!("the server refused (code {})", code.unwrap_or("unknown")),
                "look into the server's log",
            ),
        },
        _ => (
            "what answers there is no PostgreSQL that we understand".to_owned(),
            "mend host and port of `database`",
        ),
    };
    (why, advice.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn options(address: SocketAddr) -> PgConnectOptions {
        format!("postgres://me:canary@{address}/governance").parse().unwrap()
    }

    /// Something that speaks as much PostgreSQL as it takes to refuse with a code.
    async fn refusing_with(code: &'static str) -> PgConnectOptions {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // A request for TLS (declined), then the message that begins a session.
            for answer in [b"N".to_vec(), refusal(code)] {
                let length = stream.read_u32().await.unwrap();
                let mut message = vec![0; usize::try_from(length).unwrap() - 4];
                stream.read_exact(&mut message).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        options(address)
    }

    fn refusal(code: &str) -> Vec<u8> {
        let fields = format!("SFATAL\0VFATAL\0C{code}\0Mthe server's own words\0\0");
        let length = u32::try_from(fields.len()).unwrap() + 4;
        [b"E", length.to_be_bytes().as_slice(), fields.as_bytes()].concat()
    }

    async fn said(options: &PgConnectOptions, patience: Duration) -> String {
        let error = reach(options, patience).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&place(options)), "{text}");
        assert!(!format!("{text}{error:?}").contains("canary"), "{text}");
        text
    }

    #[tokio::test]
    async fn a_wrong_password_a_missing_database_and_a_busy_server_are_told_apart() {
        for (code, expected) in [
            ("28P01", "does not let user me in"),
            ("28000", "does not let user me in"),
            ("3D000", "has no database governance"),
            ("42501", "may not connect to database governance"),
            ("53300", "all its connections are in use"),
            ("57P03", "starting up"),
            ("XX000", "code XX000"),
        ] {
            let text = said(&refusing_with(code).await, PATIENCE).await;
            assert!(text.contains(expected), "{code}: {text}");
        }
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_said_at_once() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let text = said(&options(free), PATIENCE).await;
        assert!(text.contains("nothing listens there"), "{text}");
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let text = said(&options(listener.local_addr().unwrap()), Duration::from_millis(50)).await;
        assert!(text.contains("did not answer within 0.05 seconds"), "{text}");
    }
}
