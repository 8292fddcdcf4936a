//! Stands between the program and an emulator that lets everybody in and never hangs: refuses to let one role be assumed,
//! and never answers for another.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Whose roles are refused, and whose are never answered for: account ids.
#[derive(Clone)]
pub(crate) struct Moods {
    pub(crate) refuses: String,
    pub(crate) silent: String,
}

/// Listens on 127.0.0.1 as long as the test runs; gives the endpoint.
pub(crate) fn before(endpoint: &str, moods: Moods) -> String {
    let behind = endpoint.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, behind, moods) = (client.unwrap(), behind.clone(), moods.clone());
            // A client that goes away in the middle is its own affair.
            std::thread::spawn(move || drop(pass(client, &behind, &moods)));
        }
    });
    format!("http://{address}")
}

/// One request on one connection, which is closed after the answer.
fn pass(mut client: TcpStream, behind: &str, moods: &Moods) -> std::io::Result<()> {
    let (head, body) = request(&mut client)?;
    let form = String::from_utf8_lossy(&body);
    let assumes = |account: &str| form.contains("Action=AssumeRole&") && form.contains(account);
    if assumes(&moods.silent) {
        std::thread::park();
    }
    if assumes(&moods.refuses) {
        let error = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                     <Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole</Message>\
                     </Error><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>";
        let length = error.len();
        let head = format!(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        return client.write_all(format!("{head}{error}").as_bytes());
    }
    let mut emulator = TcpStream::connect(behind)?;
    emulator.write_all(head.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes())?;
    emulator.write_all(&body)?;
    std::io::copy(&mut emulator, &mut client).map(drop)
}

/// The head without a `Connection` of its own, and the body as long as the head says.
fn request(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match client.read(&mut chunk)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    };
    let body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let field = |line: &str, name: &str| line.to_ascii_lowercase().starts_with(name);
    let length = head.lines().find(|line| field(line, "content-length:"));
    let length: usize = length.map_or(0, |line| line[15..].trim().parse().unwrap());
    let mut body = body;
    while body.len() < length {
        match client.read(&mut chunk)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => body.extend_from_slice(&chunk[..read]),
        }
    }
    let kept = head.split_inclusive("\r\n").filter(|line| !field(line, "connection:"));
    Ok((kept.collect(), body))
}
