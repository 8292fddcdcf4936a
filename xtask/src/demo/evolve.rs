//! One request to the sandbox's admin port. It needs no HTTP library: the server is ours, and on this machine.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};

const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Posts an empty JSON object to `path` under `admin_url` (`http://host:port`); any answer but a 2xx is an error.
pub(super) fn post(admin_url: &str, path: &str) -> Result<()> {
    let address = admin_url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'))
        .ok_or_else(|| anyhow!("the sandbox's admin address {admin_url} is not http://…"))?;
    let answer = exchange(address, path).with_context(|| format!("asking the sandbox for {path}"))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1).is_some_and(|code| code.len() == 3 && code.starts_with('2')) {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    bail!("the sandbox refused {path}: {status} {body}")
}

fn exchange(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LONGEST_WAIT))?;
    let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// Answers one request with `answer`; gives back what was asked.
    fn asked(answer: &'static str) -> (Result<()>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"{}") {
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        let result = post(&url, "/accounts/1/evolve");
        (result, server.join().unwrap())
    }

    #[test]
    fn a_2xx_answer_is_success() {
        let (result, request) = asked("HTTP/1.1 204 No Content\r\n\r\n");
        result.unwrap();
        assert!(request.starts_with("POST /accounts/1/evolve HTTP/1.1\r\n"), "{request}");
    }

    #[test]
    fn any_other_answer_is_an_error_with_its_body() {
        let (result, _) = asked("HTTP/1.1 404 Not Found\r\n\r\nno such account");
        let text = result.unwrap_err().to_string();
        assert!(text.contains("404") && text.contains("no such account"), "{text}");
        assert!(asked("").0.is_err());
        assert!(post("ftp://x", "/").is_err());
    }
}
