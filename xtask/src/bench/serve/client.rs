//! A caller that keeps its connection: HTTP/1.1, one request after the other.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One connection, made when it is needed.
pub(in crate::bench) struct Client<'a> {
    address: &'a str,
    /// The lines of a head that say who asks, and for what.
    who: String,
    /// The cookie that was given last.
    cookie: Option<String>,
    open: Option<BufReader<TcpStream>>,
}

impl<'a> Client<'a> {
    pub(in crate::bench) fn new(address: &'a str, token: &str) -> Self {
        Self { address, who: format!("Authorization: Bearer {token}\r\n"), cookie: None, open: None }
    }

    /// Asks for pages from now on, as somebody who signs in with a password.
    pub(in crate::bench) fn sign_in(&mut self, name: &str, password: &str) -> Result<()> {
        self.who.clear();
        let body = json!({"name": name, "password": password}).to_string();
        self.json("POST", "/api/v1/session", Some(&body))?;
        let cookie = self.cookie.take().ok_or_else(|| anyhow!("no session was begun"))?;
        self.who = format!("Cookie: {cookie}\r\nAccept: text/html\r\nAccept-Encoding: gzip, br, zstd\r\n");
        Ok(())
    }

    /// Status and body of an answer. A connection that the server has closed meanwhile is made anew, once.
    pub(in crate::bench) fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<(u16, Vec<u8>)> {
        let kept = self.open.is_some();
        let asked = self.exchange(method, path, body);
        let asked = if asked.is_err() && kept && method == "GET" {
            self.open = None;
            self.exchange(method, path, body)
        } else {
            asked
        };
        asked.inspect_err(|_| self.open = None).with_context(|| format!("asking {method} {path}"))
    }

    /// The JSON of a success.
    pub(in crate::bench) fn json(&mut self, method: &str, path: &str, body: Option<&str>) -> Result<Value> {
        let (status, answer) = self.ask(method, path, body)?;
        if !(200..300).contains(&status) {
            bail!("{method} {path} was answered with {status}: {}", String::from_utf8_lossy(&answer));
        }
        serde_json::from_slice(&answer).with_context(|| format!("reading the JSON of {path}"))
    }

    fn exchange(&mut self, method: &str, path: &str, body: Option<&str>) -> Result<(u16, Vec<u8>)> {
        let mut stream = match self.open.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_read_timeout(Some(LONGEST_WAIT))?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        let (address, who) = (self.address, &self.who);
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{who}");
        if let Some(body) = body {
            head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        head += body.unwrap_or_default();
        stream.get_mut().write_all(head.as_bytes())?;
        let (mut status, mut length, mut closing) = (0, None, false);
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                bail!("the connection was closed before the answer");
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
            }
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "set-cookie" => self.cookie = value.split(';').next().map(|pair| pair.trim().to_owned()),
                "connection" => closing = value.trim().eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let length = length.ok_or_else(|| anyhow!("the answer does not say how long it is"))?;
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        if !closing {
            self.open = Some(stream);
        }
        Ok((status, answer))
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn a_connection_is_kept_and_one_that_was_closed_is_made_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let mut heads = Vec::new();
            for answers in [2, 1] {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream);
                for _ in 0..answers {
                    let mut first = String::new();
                    reader.read_line(&mut first).unwrap();
                    heads.push(first.trim_end().to_owned());
                    while reader.read_line(&mut String::new()).unwrap() > 2 {}
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
                    reader.get_mut().write_all(answer).unwrap();
                }
            }
            heads
        });
        let mut client = Client::new(&address, "t");
        for path in ["/1", "/2", "/3"] {
            assert_eq!(client.json("GET", path, None).unwrap()["a"], 1);
        }
        assert_eq!(server.join().unwrap(), ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1"]);
    }
}
