//! E-mail, through a server that the configuration names.

use std::time::Duration;

use futures::future::BoxFuture;
use keyreeve_model::Secret;
use keyreeve_store::Notification;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::Sink;
use super::sentence::sentence;

/// A whole conversation with the server has so long.
const WITHIN: Duration = Duration::from_secs(20);

/// How what is said to the server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailEncryption {
    /// TLS from the first byte on, usually at port 465.
    Tls,
    /// TLS after STARTTLS, usually at port 587. Without it nothing is sent.
    Starttls,
    /// Nothing: only to a server on this machine.
    None,
}

/// How mail is sent.
#[derive(Debug)]
pub struct MailSettings {
    /// The server's name and port: `smtp.example.org:587`.
    pub server: String,
    /// How what is said to it is protected.
    pub encryption: MailEncryption,
    /// Who sends: a user and a password.
    pub login: Option<(String, Secret)>,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// Mail cannot be sent as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address is none.
    #[error("{0} is no mail address")]
    Address(String),
    /// Nobody to send to.
    #[error("mail_to names nobody")]
    Nobody,
    /// No server and port.
    #[error("mail_server must be a name and a port, such as smtp.example.org:587")]
    Server,
    /// Without encryption, and not on this machine.
    #[error("mail_encryption is none, and mail_server is not 127.0.0.1 or [::1]")]
    NotEncrypted,
    /// TLS could not be set up.
    #[error("TLS to the mail server could not be set up: {0}")]
    Tls(String),
}

/// Where mail is sent.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// As it is set up. Nothing is sent yet.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn new(settings: MailSettings) -> Result<Self, MailError> {
        let address = |text: &String| text.parse::<Mailbox>().map_err(|_| MailError::Address(text.clone()));
        let from = address(&settings.from)?;
        let to = settings.to.iter().map(address).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(MailError::Nobody);
        }
        let (host, port) = settings.server.rsplit_once(':').ok_or(MailError::Server)?;
        let port: u16 = port.parse().map_err(|_| MailError::Server)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let of_tls = |error: lettre::transport::smtp::Error| MailError::Tls(error.to_string());
        let builder = match settings.encryption {
            MailEncryption::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(of_tls)?,
            MailEncryption::Starttls => {
                AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(of_tls)?
            }
            MailEncryption::None if host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback()) => {
                AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            }
            MailEncryption::None => return Err(MailError::NotEncrypted),
        };
        let mut builder = builder.port(port).timeout(Some(WITHIN));
        if let Some((user, password)) = settings.login {
            builder = builder.credentials(Credentials::new(user, password.expose().trim().to_owned()));
        }
        Ok(Self { transport: builder.build(), from, to })
    }

    fn message(&self, notification: &Notification) -> Result<Message, lettre::error::Error> {
        let said = sentence(notification);
        let system = notification.system_id.as_ref().map_or(String::new(), |id| format!(" in {id}"));
        let mut message = Message::builder()
            .from(self.from.clone())
            // The same for whatever is sent twice.
            .message_id(Some(format!("<notification-{}@keyreeve>", notification.id)))
            .subject(format!("Keyreeve: {}{system}", notification.kind.replace('_', " ")))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        message.body(format!(
            "{said}.\n\nAt {at}; notification {id}.\n",
            at = notification.at,
            id = notification.id
        ))
    }
}

impl Sink for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn tell<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let message = self.message(notification).map_err(|error| error.to_string())?;
            let sent = tokio::time::timeout(WITHIN, self.transport.send(message)).await;
            match sent {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("it took too long".to_owned()),
            }
        })
    }
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MailSettings {
        MailSettings {
            server: "127.0.0.1:25".to_owned(),
            encryption: MailEncryption::None,
            login: None,
            from: "Keyreeve <keyreeve@example.org>".to_owned(),
            to: vec!["ops@example.org".to_owned(), "sec@example.org".to_owned()],
        }
    }

    #[test]
    fn names_forge_no_header_and_no_line() {
        let subject = serde_json::json!({"job": 1, "account": "eve\r\nBcc: all@example.org"});
        let notification = Notification {
            id: 7,
            kind: "link_opened_again".to_owned(),
            system_id: "prod".parse().ok(),
            subject,
            at: jiff::Timestamp::UNIX_EPOCH,
            attempts: 1,
        };
        let written = Mail::new(settings()).unwrap().message(&notification).unwrap().formatted();
        let written = String::from_utf8(written).unwrap();
        assert!(written.contains("Subject: Keyreeve: link opened again in prod\r\n"), "{written}");
        assert!(written.contains("To: ops@example.org, sec@example.org\r\n"), "{written}");
        assert!(!written.lines().any(|line| line.starts_with("Bcc")), "{written}");
    }

    #[test]
    fn what_is_configured_wrongly_is_refused() {
        let with = |change: fn(&mut MailSettings)| {
            let mut settings = settings();
            change(&mut settings);
            Mail::new(settings).unwrap_err()
        };
        assert!(matches!(with(|s| s.server = "smtp.example.org:25".into()), MailError::NotEncrypted));
        assert!(matches!(with(|s| s.server = "localhost".into()), MailError::Server));
        assert!(matches!(with(|s| s.from = "nobody".into()), MailError::Address(_)));
        assert!(matches!(with(|s| s.to.clear()), MailError::Nobody));
    }
}
