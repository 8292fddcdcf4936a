//! A server that is told to stop finishes what it is answering and takes nothing new.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::place::Place;

#[tokio::test]
async fn what_is_being_asked_when_a_stop_comes_is_answered() {
    let place = Place::start().await;
    let address = place.url.strip_prefix("http://").unwrap().to_owned();
    let head = format!(
        "GET /api/v1/systems HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n",
        place.admin()
    );
    let mut asking = TcpStream::connect(&address).await.unwrap();
    asking.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stopped = tokio::spawn(place.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    asking.write_all(b"\r\n").await.unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"prod\""), "{answer}");
    stopped.await.unwrap();
    assert!(TcpStream::connect(&address).await.is_err());
}
