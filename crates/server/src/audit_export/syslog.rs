//! Syslog (RFC 5424) over TCP with the length of each message before it (RFC 6587 section 3.4.1), over TLS (RFC 5425), or
//! to a socket of this machine.
//!
//! Syslog has no answers. What was written into a connection may still be lost with it, so each batch has a connection of
//! its own, which this end ends: when the other end then ends it too, it has read everything. UDP loses messages without a
//! word, and is not offered.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use futures::future::BoxFuture;
use keyreeve_store::AuditRow;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use url::Url;

use super::{AuditSink, Line, NotTaken, SinkError};
use crate::egress::Egress;
use crate::notify::Network;

/// Facility 13 (log audit), severity 5 (notice): RFC 5424 section 6.2.1.
const PRIORITY: u8 = 13 * 8 + 5;
/// The number of RFC 5612, for who has none of their own.
const ELEMENT: &str = "keyreeve@32473";
const LONGEST_HOST: usize = 255;
const LONGEST_MESSAGE_ID: usize = 32;
/// A server that has something to say is no syslog server; so much is heard of it.
const MOST_HEARD: usize = 64 * 1024;

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogPlace {
    /// Over TCP, which everybody on the way can read.
    Tcp(Url),
    /// Over TLS.
    Tls(Url),
    /// A socket of this machine.
    Unix(PathBuf),
}

impl FromStr for SyslogPlace {
    type Err = SinkError;

    /// Reads `tls://host:port`, `tcp://host:port` or `unix:///path`.
    fn from_str(text: &str) -> Result<Self, SinkError> {
        let forms =
            || SinkError("`address` must be tls://HOST:PORT, tcp://HOST:PORT or unix:///PATH".to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(forms)?;
        let url = || {
            let port = rest.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            let plain = !rest.contains(['/', '@', '?', '#', '\\']) && port.is_some_and(|port| port > 0);
            // Read as an address of the web is, so that one place has one form.
            let url = plain.then(|| Url::parse(&format!("https://{rest}/")).ok()).flatten();
            url.ok_or_else(forms)
        };
        match scheme {
            "tls" => Ok(Self::Tls(url()?)),
            "tcp" => Ok(Self::Tcp(url()?)),
            "unix" if Path::new(rest).is_absolute() => Ok(Self::Unix(PathBuf::from(rest))),
            "udp" => Err(SinkError(
                "udp:// loses messages without a word, so it is not offered: use tls://, tcp:// or unix://"
                    .to_owned(),
            )),
            _ => Err(forms()),
        }
    }
}

/// Where rows are sent.
pub struct SyslogSink {
    place: SyslogPlace,
    host: String,
    egress: Egress,
}

impl SyslogSink {
    /// To a place. `host` is what this machine is called there. `networks` may be reached besides the internet over TLS, and
    /// alone over TCP; `authorities` is a PEM file of certificates to trust instead of the machine's own.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub fn new(
        place: SyslogPlace,
        host: &str,
        networks: Vec<Network>,
        authorities: Option<&Path>,
    ) -> Result<Self, SinkError> {
        let egress = Egress::new(networks, "networks", authorities)
            .map_err(|why| SinkError(format!("there are no certificates to know it by: {why}")))?;
        let egress = match place {
            SyslogPlace::Tcp(_) => egress.without_internet(),
            SyslogPlace::Tls(_) | SyslogPlace::Unix(_) => egress,
        };
        Ok(Self { place, host: word(host, LONGEST_HOST), egress })
    }

    /// Why the address is not called, as far as that can be told without asking a name server.
    #[must_use]
    pub fn forbidden(&self) -> Option<String> {
        match &self.place {
            SyslogPlace::Tcp(url) | SyslogPlace::Tls(url) => self.egress.forbids(url),
            SyslogPlace::Unix(_) => None,
        }
    }

    async fn send(&self, lines: &[Line]) -> Result<(), String> {
        match &self.place {
            SyslogPlace::Tcp(url) => over(self.egress.connect(url).await?, &self.counted(lines)).await,
            SyslogPlace::Tls(url) => {
                let stream = self.egress.connect(url).await?;
                over(self.egress.secure(url, stream).await?, &self.counted(lines)).await
            }
            SyslogPlace::Unix(path) => self.local(path, lines).await,
        }
    }

    /// Messages, each with its length before it.
    fn counted(&self, lines: &[Line]) -> Vec<u8> {
        let mut text = String::new();
        for line in lines {
            let message = message(&self.host, line);
            // Writing to a text cannot fail.
            let _ = write!(text, "{} {message}", message.len());
        }
        text.into_bytes()
    }

    /// Sockets of this machine take messages one by one, or a stream of them.
    #[cfg(unix)]
    async fn local(&self, path: &Path, lines: &[Line]) -> Result<(), String> {
        let said = |error: std::io::Error| error.to_string();
        let socket = tokio::net::UnixDatagram::unbound().map_err(said)?;
        if socket.connect(path).is_ok() {
            for line in lines {
                socket.send(message(&self.host, line).as_bytes()).await.map_err(said)?;
            }
            return Ok(());
        }
        let stream = tokio::net::UnixStream::connect(path).await;
        over(stream.map_err(|error| format!("no connection: {error}"))?, &self.counted(lines)).await
    }

    #[cfg(not(unix))]
    async fn local(&self, _path: &Path, _lines: &[Line]) -> Result<(), String> {
        Err("this system has no such sockets".to_owned())
    }
}

impl AuditSink for SyslogSink {
    fn take<'a>(&'a self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), NotTaken>> {
        Box::pin(async move { self.send(lines).await.map_err(NotTaken::from) })
    }
}

/// Sends everything, ends this direction, and waits until the other end has read it all and ends the other one.
async fn over<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, bytes: &[u8]) -> Result<(), String> {
    let said = |error: std::io::Error| format!("the connection broke off: {error}");
    stream.write_all(bytes).await.map_err(said)?;
    stream.flush().await.map_err(said)?;
    stream.shutdown().await.map_err(said)?;
    let (mut heard, mut piece) = (0, [0; 1024]);
    loop {
        match stream.read(&mut piece).await {
            Ok(0) => return Ok(()),
            Ok(length) => heard += length,
            Err(error) => return Err(said(error)),
        }
        if heard > MOST_HEARD {
            return Err("it answers, and a syslog server never does".to_owned());
        }
    }
}

/// One message: RFC 5424 section 6.
fn message(host: &str, line: &Line) -> String {
    let AuditRow { seq, at, actor, system_id, action, hash, prev_hash, .. } = &line.row;
    let system = system_id.as_ref().map_or("", |id| id.as_str());
    let mut data = String::new();
    let seq = seq.to_string();
    for (name, value) in [
        ("seq", seq.as_str()),
        ("actor", actor),
        ("system", system),
        ("prev_hash", prev_hash),
        ("hash", hash),
    ] {
        // Writing to a text cannot fail.
        let _ = write!(data, " {name}=\"{}\"", parameter(value));
    }
    let (action, text) = (word(action, LONGEST_MESSAGE_ID), &line.text);
    // The text is ASCII, so it needs no byte order mark before it.
    format!("<{PRIORITY}>1 {at} {host} keyreeve - {action} [{ELEMENT}{data}] {text}")
}

/// A value of structured data: RFC 5424 section 6.3.3. What could end a line, or steer whoever looks at it, is shown as
/// text; the whole of it is in the message.
fn parameter(value: &str) -> String {
    let mut safe = String::with_capacity(value.len());
    for sign in keyreeve_engine::escape::line(value).chars() {
        if matches!(sign, '"' | '\\' | ']') {
            safe.push('\\');
        }
        safe.push(sign);
    }
    safe
}

/// A word of a message's head: visible ASCII, or a hyphen for none.
fn word(text: &str, longest: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

impl std::fmt::Debug for SyslogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyslogSink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::line_of;
    use super::*;

    /// A row in which everything that others may name is hostile.
    fn hostile() -> AuditRow {
        let text = "a\nb\r\u{0}\u{1b}[2J\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\"]\\ 12 <1>1 ü 🔑";
        AuditRow {
            seq: 17,
            at: "2026-05-01T12:00:00.5Z".parse().unwrap(),
            actor: text.to_owned(),
            system_id: Some("prod".parse().unwrap()),
            action: "job_created".to_owned(),
            subject: json!({ text: text }),
            prev_hash: "0".repeat(64),
            hash: "f".repeat(64),
        }
    }

    #[test]
    fn places_are_read_and_others_refused() {
        for (text, port) in
            [("tls://logs.example.org:6514", 6514), ("tcp://[::1]:514", 514), ("tls://10.1:443", 443)]
        {
            let (SyslogPlace::Tls(url) | SyslogPlace::Tcp(url)) = text.parse().unwrap() else {
                panic!("{text}")
            };
            assert_eq!(url.port_or_known_default(), Some(port), "{text}");
        }
        assert_eq!("unix:///dev/log".parse(), Ok(SyslogPlace::Unix("/dev/log".into())));
        assert!(
            "udp://logs.example.org:514".parse::<SyslogPlace>().unwrap_err().to_string().contains("loses")
        );
        for wrong in [
            "",
            "logs.example.org:514",
            "tcp://logs.example.org",
            "tcp://logs.example.org:0",
            "tcp://logs.example.org:99999",
            "tcp://me@logs.example.org:514",
            "tcp://logs.example.org:514/path",
            "tcp://:514",
            "unix://dev/log",
            "http://example.org:80",
        ] {
            assert!(wrong.parse::<SyslogPlace>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn s25_whatever_a_row_holds_is_one_message_with_its_fields() {
        let line = line_of(&hostile()).unwrap();
        let message = message("host", &line);
        assert!(
            !message.chars().any(|sign| sign.is_control() || matches!(sign, '\u{2028}'..='\u{2029}')),
            "{message}"
        );
        let (head, rest) = message.split_once(" [").unwrap();
        assert_eq!(head, "<109>1 2026-05-01T12:00:00.5Z host keyreeve - job_created");
        // Read as the RFC says: a value ends at a quote that no backslash stands before.
        let (mut values, mut signs) = (Vec::new(), rest.chars());
        while let Some(sign) = signs.next() {
            match sign {
                '"' => {
                    let mut value = String::new();
                    while let Some(sign) = signs.next().filter(|sign| *sign != '"') {
                        value.push(if sign == '\\' { signs.next().unwrap() } else { sign });
                    }
                    values.push(value);
                }
                ']' => break,
                _ => {}
            }
        }
        assert_eq!(values.len(), 5, "{values:?}");
        assert_eq!((values[0].as_str(), values[2].as_str()), ("17", "prod"));
        assert_eq!(values[1], keyreeve_engine::escape::line(&line.row.actor));
        assert_eq!(signs.as_str().strip_prefix(' '), Some(line.text.as_str()));
    }

    #[test]
    fn heads_have_words_of_visible_ascii() {
        assert_eq!(word("a b\nc\u{fc}", 255), "abc");
        assert_eq!(word(" \u{2028}", 255), "-");
        assert_eq!(word(&"x".repeat(300), 255).len(), 255);
    }
}
