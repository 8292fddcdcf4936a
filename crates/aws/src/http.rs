//! The HTTP client: connections kept alive, TLS set up only when it is needed, answers bounded and whole.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use aws_sdk_sts::config::SharedAsyncSleep;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::error::request_id_in;
use crate::well_formed::{self, Flaw};

/// The largest answer that is read. A page of 1,000 users with all their inline policies is smaller.
pub(crate) const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// The longest answer about a single object: its policy documents and tags are some ten thousand characters.
const MAX_SINGLE_BODY_BYTES: usize = 1024 * 1024;

const REQUEST_ID: &str = "x-amzn-requestid";

/// Idle connections are given up after this long, before the other side is likely to close them.
const IDLE: Duration = Duration::from_secs(20);

type Timeouts = (Option<Duration>, Option<Duration>);

/// One pool of connections for each set of time-outs in use.
#[derive(Debug)]
pub(crate) struct Client {
    tls: TlsContext,
    connectors: RwLock<Vec<(Timeouts, SharedHttpConnector)>>,
}

impl Client {
    /// `ca_bundle` is a PEM file of certificate authorities to trust instead of the machine's own.
    pub(crate) fn new(ca_bundle: Option<&Path>) -> Result<Self, std::io::Error> {
        let mut tls = TlsContext::builder();
        if let Some(path) = ca_bundle {
            let pem = std::fs::read(path)?;
            tls = tls.with_trust_store(TrustStore::empty().with_pem_certificate(pem));
        }
        let tls = tls.build().map_err(std::io::Error::other)?;
        Ok(Self { tls, connectors: RwLock::new(Vec::new()) })
    }

    fn find(&self, timeouts: Timeouts) -> Option<SharedHttpConnector> {
        let connectors = self.connectors.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        connectors.iter().find(|(known, _)| *known == timeouts).map(|(_, connector)| connector.clone())
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        parts: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.connector(settings, parts.sleep_impl())
    }
}

impl Client {
    /// The connections for such time-outs.
    pub(crate) fn connector(
        &self,
        settings: &HttpConnectorSettings,
        sleep: Option<SharedAsyncSleep>,
    ) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        if let Some(connector) = self.find(timeouts) {
            return connector;
        }
        let builder = || {
            let mut builder = Connector::builder()
                .pool_idle_timeout(IDLE)
                .connector_settings(settings.clone())
                .proxy_config(ProxyConfig::from_env());
            builder.set_sleep_impl(sleep.clone());
            builder
        };
        let made = SharedHttpConnector::new(Checked {
            plain: SharedHttpConnector::new(builder().build_http()),
            secure: Arc::new(LazyTls { builder: builder(), tls: self.tls.clone(), made: RwLock::new(None) }),
        });
        let mut connectors = self.connectors.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        connectors.push((timeouts, made.clone()));
        made
    }
}

/// TLS needs the machine's certificates, which take a while to read; so not before the first `https://` request.
#[derive(Debug)]
struct LazyTls {
    builder: ConnectorBuilder,
    tls: TlsContext,
    made: RwLock<Option<SharedHttpConnector>>,
}

impl LazyTls {
    fn get(&self) -> SharedHttpConnector {
        if let Some(made) = &*self.made.read().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return made.clone();
        }
        let mut slot = self.made.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        slot.get_or_insert_with(|| {
            let builder = self.builder.clone().tls_provider(Provider::Rustls(CryptoMode::Ring));
            SharedHttpConnector::new(builder.tls_context(self.tls.clone()).build())
        })
        .clone()
    }
}

/// Sends a request, reads the whole answer, and checks it.
#[derive(Debug)]
struct Checked {
    plain: SharedHttpConnector,
    secure: Arc<LazyTls>,
}

impl HttpConnector for Checked {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let queries = request.headers().get("content-type").is_some_and(is_form);
        // Other bodies may be long, and say nothing here.
        let form = request.body().bytes().filter(|_| queries).unwrap_or_default();
        let most = most_bytes(form);
        let root = action(form).map(|action| format!("{action}Response"));
        let asked = action(form).map(str::to_owned).or_else(|| target(&request));
        let sent = match request.uri().starts_with("https:") {
            true => self.secure.get().call(request),
            false => self.plain.call(request),
        };
        HttpConnectorFuture::new(async move {
            let answer = async { receive(sent.await?, queries, root, most).await }.await;
            count(asked.unwrap_or_else(|| "other".to_owned()), &answer);
            answer
        })
    }
}

/// One request more, by what it asked for and how it ended: as often as AWS counts it.
fn count(action: String, answer: &Result<HttpResponse, ConnectorError>) {
    let outcome = match answer {
        Ok(answer) if answer.status().is_success() => "done",
        Ok(_) => "refused",
        Err(_) => "no_answer",
    };
    metrics::counter!("keyreeve_aws_requests_total", "action" => action, "outcome" => outcome).increment(1);
}

/// What a request asks for whose service speaks JSON: `AWSOrganizationsV20161128.ListAccounts`.
fn target(request: &HttpRequest) -> Option<String> {
    let (_, action) = request.headers().get("x-amz-target")?.rsplit_once('.')?;
    Some(action.to_owned())
}

/// IAM and STS are the services that are asked with forms and answer in XML.
fn is_form(content_type: &str) -> bool {
    content_type.starts_with("application/x-www-form-urlencoded")
}

/// How long an answer may be. Many single answers are read at once, so only what lists many objects may be long.
fn most_bytes(form: &[u8]) -> usize {
    match action(form) {
        Some("GetAccountAuthorizationDetails" | "GetCredentialReport") => MAX_BODY_BYTES,
        Some(action) if action.starts_with("List") => MAX_BODY_BYTES,
        _ => MAX_SINGLE_BODY_BYTES,
    }
}

/// What a form asks for.
fn action(form: &[u8]) -> Option<&str> {
    let action = form.split(|byte| *byte == b'&').find_map(|field| field.strip_prefix(b"Action="))?;
    std::str::from_utf8(action).ok()
}

async fn receive(
    mut response: HttpResponse,
    queries: bool,
    root: Option<String>,
    most: usize,
) -> Result<HttpResponse, ConnectorError> {
    let body = match Limited::new(response.take_body(), most).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(flawed(Flaw::TooLarge(most))),
        Err(error) => return Err(ConnectorError::io(error)),
    };
    if queries && response.status().is_success() {
        well_formed::check(&body, root.as_deref()).map_err(flawed)?;
    } else if queries && claims_to_be_an_error(&body) {
        well_formed::check(&body, None).map_err(flawed)?;
    }
    name_request(&mut response, &body);
    *response.body_mut() = SdkBody::from(body);
    Ok(response)
}

/// Refusals may come from something between us and AWS, in HTML or without any text, and are told apart by their
/// status alone. One that begins like AWS's own must be whole.
fn claims_to_be_an_error(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.starts_with(b"<ErrorResponse") || start.starts_with(b"<?xml")
}

/// The SDK looks for the request's id in this header only; AWS writes it into the body in any case.
fn name_request(response: &mut HttpResponse, body: &[u8]) {
    if response.headers().get(REQUEST_ID).is_none()
        && let Some(id) = request_id_in(body)
    {
        // An id that is no text for a header is left out.
        let _ = response.headers_mut().try_insert(REQUEST_ID, id);
    }
}

fn flawed(flaw: Flaw) -> ConnectorError {
    ConnectorError::other(Box::new(flaw), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listings_may_be_long() {
        assert_eq!(most_bytes(b"Action=ListUsers&Version=2010-05-08"), MAX_BODY_BYTES);
        assert_eq!(most_bytes(b"Version=2010-05-08&Action=GetAccountAuthorizationDetails"), MAX_BODY_BYTES);
        assert_eq!(most_bytes(b"Action=GetLoginProfile&UserName=ListUsers"), MAX_SINGLE_BODY_BYTES);
        assert_eq!(most_bytes(b""), MAX_SINGLE_BODY_BYTES);
    }
}
