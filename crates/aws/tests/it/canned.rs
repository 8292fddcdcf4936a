//! A server that answers every request with the same bytes, and keeps what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyreeve_aws::{AwsConnector, ConnectOptions, Credential};
use keyreeve_model::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The namespace of IAM's answers.
pub(crate) const NAMESPACE: &str = r#" xmlns="https://iam.amazonaws.com/doc/2010-05-08/""#;

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A whole HTTP answer.
    Answer { status: u16, headers: String, body: Vec<u8> },
    /// The head of an answer that promises more body than comes, then the end of the connection.
    BreakOff { promised: usize, body: Vec<u8> },
    /// The connection is closed without a byte.
    Close,
    /// No byte, and the connection stays.
    Hang,
}

impl Reply {
    pub(crate) fn xml(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: String::new(), body: body.into() }
    }

    /// AWS's form of a refusal.
    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self::status(
            status,
            format!(
                "<ErrorResponse{NAMESPACE}><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"
            ),
        )
    }
}

pub(crate) struct Canned {
    pub(crate) url: String,
    forms: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Canned {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let forms = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&forms);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, reply.clone(), Arc::clone(&kept)));
            }
        });
        Self { url, forms, task }
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> usize {
        self.forms.lock().unwrap().len()
    }

    /// The bodies of the requests that have come.
    pub(crate) fn forms(&self) -> Vec<String> {
        self.forms.lock().unwrap().clone()
    }

    pub(crate) async fn connector(&self) -> AwsConnector {
        connector(&self.url).await
    }
}

pub(crate) fn access_key() -> Credential {
    Credential::AccessKey {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: Secret::new("CANARY-SECRET".into()),
    }
}

pub(crate) fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(access_key());
    options.environment.insert("AWS_ENDPOINT_URL".into(), url.into());
    options.region = Some("us-east-1".into());
    options.request_timeout = Duration::from_secs(10);
    options
}

pub(crate) async fn connector(url: &str) -> AwsConnector {
    AwsConnector::connect(options(url)).await.unwrap()
}

async fn serve(mut stream: TcpStream, reply: Reply, forms: Arc<Mutex<Vec<String>>>) {
    while let Some(form) = read_request(&mut stream).await {
        forms.lock().unwrap().push(form);
        let (head, body, goes_on) = match &reply {
            Reply::Answer { status, headers, body } => {
                let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
                (head, body.as_slice(), true)
            }
            Reply::BreakOff { promised, body } => {
                (format!("HTTP/1.1 200 OK\r\ncontent-length: {promised}\r\n\r\n"), body.as_slice(), false)
            }
            Reply::Close => return,
            Reply::Hang => std::future::pending().await,
        };
        let written = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
            stream.flush().await
        };
        if written.await.is_err() || !goes_on {
            return;
        }
    }
}

/// Reads one request and gives its body.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(body.to_owned());
            }
        }
        let mut buffer = [0; 8192];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
