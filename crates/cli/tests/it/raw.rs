//! Calls to the sandbox that no part of Keyreeve makes or sees. It must not verify signatures.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Somebody with an access key.
pub(crate) struct Raw {
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
}

/// The status and the body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The error's code; empty when there is none.
    pub(crate) fn code(&self) -> &str {
        let after = self.body.split("<Code>").nth(1).unwrap_or_default();
        after.split("</Code>").next().unwrap_or_default()
    }
}

impl Raw {
    pub(crate) fn iam(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.call("iam", "2010-05-08", action, params)
    }

    pub(crate) fn sts(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.call("sts", "2011-06-15", action, params)
    }

    fn call(&self, service: &str, version: &str, action: &str, params: &[(&str, &str)]) -> Answer {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in params {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            form += &format!("&{name}={value}");
        }
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let credential = format!("{}/20260101/us-east-1/{service}/aws4_request", self.access_key_id);
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nX-Amz-Date: 20260101T000000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0\r\n\r\n{form}",
            form.len()
        );
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, body: body.to_owned() }
    }
}
