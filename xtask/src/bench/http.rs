//! One request to a control port on this machine: no HTTP library is needed for that.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the server at `url` (`http://host:port`) answers; anything but a 2xx is an error.
pub(super) fn ask(url: &str, method: &str, path: &str, body: &str) -> Result<String> {
    let address = url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'))
        .ok_or_else(|| anyhow!("{url} is not http://…"))?;
    let answer = exchange(address, method, path, body).with_context(|| format!("asking {url}{path}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if !status.split(' ').nth(1).is_some_and(|code| code.len() == 3 && code.starts_with('2')) {
        bail!("{url}{path} answered {status} {body}");
    }
    Ok(body.to_owned())
}

/// The JSON at a path.
pub(super) fn get(url: &str, path: &str) -> Result<Value> {
    let body = ask(url, "GET", path, "")?;
    serde_json::from_str(&body).with_context(|| format!("reading the JSON of {url}{path}"))
}

fn exchange(address: &str, method: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LONGEST_WAIT))?;
    // HTTP/1.0: the answer ends with the connection, and is not sent in chunks.
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n");
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead, io::BufReader, net::TcpListener, thread};

    use super::*;

    fn answered(answer: &'static str) -> (Result<Value>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut first = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            reader.read_line(&mut first).unwrap();
            while !matches!(reader.read_line(&mut String::new()), Ok(0 | 2) | Err(_)) {}
            stream.write_all(answer.as_bytes()).unwrap();
            first
        });
        let result = get(&url, "/_stats");
        (result, server.join().unwrap())
    }

    #[test]
    fn the_body_is_read_and_a_refusal_is_an_error() {
        let (result, asked) = answered("HTTP/1.0 200 OK\r\n\r\n{\"calls\": 3}");
        assert_eq!(asked.trim_end(), "GET /_stats HTTP/1.0");
        assert_eq!(result.unwrap()["calls"], 3);
        let (result, _) = answered("HTTP/1.0 404 Not Found\r\n\r\n{}");
        assert!(result.unwrap_err().to_string().contains("404"));
    }
}
