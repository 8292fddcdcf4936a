//! Signature Version 4, checked as AWS checks it ("Create a signed AWS API request" in the IAM user guide).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::http::request::Parts;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;

/// A signature's time may differ from ours by this much.
const TOLERANCE_SECONDS: i64 = 15 * 60;

/// What the `Authorization` header says.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) access_key_id: String,
    pub(crate) region: String,
    pub(crate) service: String,
    /// `X-Amz-Security-Token`, sent with temporary credentials.
    pub(crate) token: Option<String>,
    date: String,
    signed_headers: Vec<String>,
    signature: String,
    time: String,
}

impl Claim {
    /// Reads who claims to have signed the request.
    pub(crate) fn read(parts: &Parts) -> Result<Self, ApiError> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let missing =
            || ApiError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
        let authorization = header("authorization").ok_or_else(missing)?;
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(incomplete)?;
        let field = |name: &str| {
            fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let credential = field("Credential").ok_or_else(incomplete)?;
        let mut scope = credential.split('/');
        let mut part = || scope.next().map(str::to_owned).ok_or_else(incomplete);
        let (access_key_id, date, region, service, end) = (part()?, part()?, part()?, part()?, part()?);
        if end != "aws4_request" {
            return Err(mismatch("Credential should be scoped with a valid terminator: 'aws4_request'."));
        }
        let signed_headers = field("SignedHeaders").ok_or_else(incomplete)?;
        Ok(Self {
            access_key_id,
            date,
            region,
            service,
            token: header("x-amz-security-token").map(str::to_owned),
            signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
            signature: field("Signature").ok_or_else(incomplete)?.to_owned(),
            time: header("x-amz-date").ok_or_else(incomplete)?.to_owned(),
        })
    }

    /// Whether the request was signed with this secret, lately.
    pub(crate) fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        secret: &str,
        now: Timestamp,
        keys: &SigningKeys,
    ) -> Result<(), ApiError> {
        self.check_time(now)?;
        if !self.signed_headers.iter().any(|name| name == "host") {
            return Err(mismatch("'Host' must be a 'SignedHeader' in the AWS Authorization."));
        }
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let request = hex(&Sha256::digest(self.canonical_request(parts, body).as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{request}", self.time);
        let key = keys.get(secret, &self.date, &self.region, &self.service);
        if same(&hex(&sign(&key, to_sign.as_bytes())), &self.signature) {
            return Ok(());
        }
        Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS \
             Secret Access Key and signing method. Consult the service documentation for details.",
        ))
    }

    fn check_time(&self, now: Timestamp) -> Result<(), ApiError> {
        let signed = read_time(&self.time).ok_or_else(|| {
            mismatch(&format!("Date must be in ISO-8601 'basic format'. Got '{}'.", self.time))
        })?;
        if !self.time.starts_with(&self.date) {
            return Err(mismatch(&format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}'.",
                self.date, self.time
            )));
        }
        let (earliest, latest) = (now.as_second() - TOLERANCE_SECONDS, now.as_second() + TOLERANCE_SECONDS);
        let signed = signed.as_second();
        if signed < earliest {
            return Err(mismatch(&format!(
                "Signature expired: {} is now earlier than {} ({} - 15 min.)",
                self.time,
                write_time(earliest),
                write_time(now.as_second())
            )));
        }
        if signed > latest {
            return Err(mismatch(&format!(
                "Signature not yet current: {} is still later than {} ({} + 15 min.)",
                self.time,
                write_time(latest),
                write_time(now.as_second())
            )));
        }
        Ok(())
    }

    fn canonical_request(&self, parts: &Parts, body: &[u8]) -> String {
        let mut query: Vec<&str> = parts.uri.query().unwrap_or_default().split('&').collect();
        query.sort_unstable();
        let mut text = format!("{}\n{}\n{}\n", parts.method, parts.uri.path(), query.join("&"));
        for name in &self.signed_headers {
            let values: Vec<String> = parts
                .headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            let _ = writeln!(text, "{name}:{}", values.join(","));
        }
        let _ = write!(text, "\n{}\n{}", self.signed_headers.join(";"), hex(&Sha256::digest(body)));
        text
    }
}

/// Signing keys, which are the same all day for a secret, region and service.
#[derive(Debug, Default)]
pub(crate) struct SigningKeys(Mutex<HashMap<String, [u8; 32]>>);

impl SigningKeys {
    fn get(&self, secret: &str, date: &str, region: &str, service: &str) -> [u8; 32] {
        let name = format!("{secret}/{date}/{region}/{service}");
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *keys.entry(name).or_insert_with(|| {
            let key = sign(format!("AWS4{secret}").as_bytes(), date.as_bytes());
            let key = sign(&sign(&key, region.as_bytes()), service.as_bytes());
            sign(&key, b"aws4_request")
        })
    }
}

fn sign(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key of any length is accepted, so the error never happens; it would make every signature wrong.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

fn read_time(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, to: usize| text.get(from..to);
    if text.len() != 16 || digits(8, 9) != Some("T") || digits(15, 16) != Some("Z") {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
    let (hour, minute, second) = (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()
}

fn write_time(second: i64) -> String {
    let at = Timestamp::from_second(second).unwrap_or_default();
    at.to_string().replace(['-', ':'], "")
}

fn incomplete() -> ApiError {
    ApiError::new(
        400,
        "IncompleteSignature",
        "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters and a date.",
    )
}

pub(crate) fn mismatch(message: &str) -> ApiError {
    ApiError::new(403, "SignatureDoesNotMatch", message)
}
