//! A small signing client of the tests' own, so that the sandbox is not checked against itself.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use keyreeve_sandbox::{AccountSeed, Options, PageStyle, Population, Running, Sandbox};
use sha2::{Digest as _, Sha256};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";

/// Two accounts; the first one with this many users, both with whole pages.
pub(crate) async fn sandbox(users: u32) -> Running {
    sandbox_with(Options { details_pages: PageStyle::default(), ..options(users) }).await
}

pub(crate) fn options(users: u32) -> Options {
    let population = Population { users, ..Population::default() };
    let accounts =
        vec![AccountSeed { account_id: ACCOUNT.to_owned(), population }, AccountSeed::empty(OTHER)];
    Options { accounts, ..Options::default() }
}

pub(crate) async fn sandbox_with(options: Options) -> Running {
    Sandbox::start(options).await.unwrap()
}

#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    /// Seconds by which this client's clock is wrong.
    pub(crate) skew: i64,
    pub(crate) region: String,
    pub(crate) http: reqwest::Client,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) date: String,
}

impl Answer {
    /// The texts of all elements of this name, in their order.
    pub(crate) fn all(&self, tag: &str) -> Vec<String> {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        self.body.split(&open).skip(1).map(|rest| unescape(rest.split(&close).next().unwrap())).collect()
    }

    pub(crate) fn one(&self, tag: &str) -> Option<String> {
        self.all(tag).into_iter().next()
    }

    pub(crate) fn code(&self) -> String {
        self.one("Code").unwrap_or_default()
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn fails(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.body);
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

impl Client {
    /// The connector of an account.
    pub(crate) fn of(sandbox: &Running, account: &str) -> Self {
        let key = sandbox.connector_key(account).unwrap();
        Self {
            url: sandbox.endpoint_url(),
            key: key.access_key_id,
            secret: key.secret_access_key,
            token: None,
            skew: 0,
            region: "us-east-1".to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) async fn iam(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.try_iam(action, params).await.unwrap()
    }

    pub(crate) async fn try_iam(&self, action: &str, params: &[(&str, &str)]) -> reqwest::Result<Answer> {
        self.send("iam", "2010-05-08", action, params).await
    }

    pub(crate) async fn sts(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.send("sts", "2011-06-15", action, params).await.unwrap()
    }

    async fn send(
        &self,
        service: &str,
        version: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in params {
            body += &format!("&{name}={}", encode(value));
        }
        let response = self.signed(service, body).send().await?;
        let date = response.headers()["date"].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned(), date })
    }

    pub(crate) fn signed(&self, service: &str, body: String) -> reqwest::RequestBuilder {
        let now = Timestamp::now().as_second() + self.skew;
        let time = Timestamp::from_second(now).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = &time[..8];
        let host = self.url.strip_prefix("http://").unwrap();
        let hash = hex(&Sha256::digest(body.as_bytes()));
        let canonical = format!("POST\n/\n\nhost:{host}\nx-amz-date:{time}\n\nhost;x-amz-date\n{hash}");
        let scope = format!("{date}/{}/{service}/aws4_request", self.region);
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let key = [date, &self.region, service, "aws4_request"]
            .iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| hmac(&key, part));
        let signature = hex(&hmac(&key, &to_sign));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}",
            self.key
        );
        let mut request = self
            .http
            .post(&self.url)
            .header("authorization", authorization)
            .header("x-amz-date", time)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        if let Some(token) = &self.token {
            request = request.header("x-amz-security-token", token);
        }
        request.body(body)
    }

    /// The texts of all elements of this name over all pages, and the number of entries of each page. Ends
    /// with an error text where a listing goes wrong.
    pub(crate) async fn listing(
        &self,
        action: &str,
        params: &[(&str, &str)],
        tag: &str,
    ) -> Result<(Vec<String>, Vec<usize>), String> {
        let (mut found, mut sizes, mut marker) = (Vec::new(), Vec::new(), None::<String>);
        let mut seen = std::collections::HashSet::new();
        loop {
            let mut params = params.to_vec();
            if let Some(marker) = &marker {
                params.push(("Marker", marker));
            }
            let page = self.iam(action, &params).await;
            if page.status != 200 {
                return Err(page.code());
            }
            let entries = page.all(tag);
            sizes.push(entries.len());
            found.extend(entries);
            if page.one("IsTruncated").unwrap() == "false" {
                return Ok((found, sizes));
            }
            let next = page.one("Marker").ok_or("truncated without a marker")?;
            if !seen.insert(next.clone()) {
                return Err("marker repeated".to_owned());
            }
            if sizes.len() > 500 {
                return Err("endless".to_owned());
            }
            marker = Some(next);
        }
    }
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
