//! An identity provider that vouches for people: OpenID Connect, with a code, PKCE (S256), state and nonce.
//!
//! `attempt` binds what comes back to the browser that set out, `claims` says what of a provider's words is believed, and
//! who somebody is and may be by them. What is asked over there goes through [`Egress`], as what a provider says of its
//! own addresses is no more to be trusted than any other address.

mod attempt;
mod claims;
mod talk;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::clock::Clock;
use keyreeve_engine::password::PublicUrl;
use keyreeve_model::{Role, Secret, SystemId};
use keyreeve_store::Vouched;
use openidconnect::core::{CoreAuthenticationFlow, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use tokio::sync::Mutex;
use url::Url;

use crate::egress::{Egress, is_well};
use crate::notify::Network;
use attempt::Attempts;
use claims::Client;

pub(crate) use attempt::LASTS;
pub(crate) use claims::Refused;

/// Where people come back to.
pub(crate) const CALLBACK: &str = "/signin/oidc/callback";
/// What a provider says of itself is asked for anew after so long.
const KNOWN_FOR: SignedDuration = SignedDuration::from_mins(5);
/// And no more often than that, when it signs with a key that is not known.
const ASKED_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// A provider, as it is configured.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Its issuer, exactly as it names itself.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What only it and we know.
    pub client_secret: Secret,
    /// The claim that says what somebody may be, with dots from one object into the next.
    pub roles_claim: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// What the values of the claim come to; the first that somebody has counts.
    pub roles: Vec<GrantedRole>,
    /// Networks that may be called besides the internet.
    pub networks: Vec<Network>,
    /// A PEM file of certificates to know it by, instead of the machine's own.
    pub authorities: Option<PathBuf>,
    /// Where people reach us.
    pub public_url: PublicUrl,
}

/// What a value of the claim comes to.
#[derive(Debug, Clone)]
pub struct GrantedRole {
    /// The value.
    pub value: String,
    /// What somebody who has it may do.
    pub role: Role,
    /// The systems they are limited to; empty for all.
    pub systems: Vec<SystemId>,
}

/// A provider cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The issuer is no address that may be called.
    #[error("oidc_issuer must be an https:// URL without a user; http:// is for this machine alone")]
    Issuer,
    /// Nobody would have a role.
    #[error("there is no entry in oidc_roles, so nobody would have a role")]
    NoRoles,
    /// Something is empty that must not be.
    #[error("oidc_client_id and the secret in oidc_client_secret_file must not be empty")]
    Empty,
    /// The operating system gave no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// There are no certificates to know the other end by.
    #[error("there are no certificates of authorities to know the provider by: {0}")]
    Authorities(String),
}

/// A provider. Copies share everything.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: ProviderSettings,
    issuer: IssuerUrl,
    callback: RedirectUrl,
    egress: Egress,
    attempts: Attempts,
    clock: Clock,
    known: Mutex<Option<(Timestamp, Arc<CoreProviderMetadata>)>>,
}

/// What a browser brings back.
pub(crate) struct Back {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) error: bool,
    pub(crate) issuer: Option<String>,
}

impl Provider {
    /// Ready to ask; nothing is asked yet.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn new(settings: ProviderSettings, clock: Clock) -> Result<Self, ProviderError> {
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| ProviderError::Issuer)?;
        if !is_well(issuer.url()) || settings.issuer.contains('@') {
            return Err(ProviderError::Issuer);
        }
        if settings.roles.is_empty() {
            return Err(ProviderError::NoRoles);
        }
        if settings.client_id.is_empty() || settings.client_secret.expose().trim().is_empty() {
            return Err(ProviderError::Empty);
        }
        let callback = RedirectUrl::new(format!("{}{CALLBACK}", settings.public_url))
            .map_err(|_| ProviderError::Issuer)?;
        let egress = Egress::new(settings.networks.clone(), "oidc_networks", settings.authorities.as_deref())
            .map_err(ProviderError::Authorities)?;
        let attempts = Attempts::new().map_err(|_| ProviderError::NoRandomness)?;
        let known = Mutex::new(None);
        Ok(Self(Arc::new(Inner { settings, issuer, callback, egress, attempts, clock, known })))
    }

    /// Why it would not be asked, as far as that can be told without asking a name server.
    #[must_use]
    pub fn forbidden(&self) -> Option<String> {
        self.0.egress.forbids(self.0.issuer.url())
    }

    /// Where a browser is sent, and what it keeps meanwhile.
    pub(crate) async fn set_out(&self) -> Result<(Url, Secret), Refused> {
        let Inner { settings, attempts, clock, .. } = &*self.0;
        let now = clock.now();
        let metadata = self.metadata(now, KNOWN_FOR).await?;
        if !is_well(metadata.authorization_endpoint().url()) {
            return Err(Refused::Unreachable("its authorization endpoint is no https:// URL".to_owned()));
        }
        let attempt = attempts.begin(now)?;
        let (state, nonce) = (attempt.state.clone(), attempt.nonce.clone());
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(attempt.verifier));
        let client = self.client(&metadata);
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(challenge);
        for scope in &settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        Ok((request.url().0, attempt.cookie))
    }

    /// Who comes back, if the provider vouches for them to this very browser.
    pub(crate) async fn come_back(&self, back: Back, cookie: Option<&Secret>) -> Result<Vouched, Refused> {
        let Inner { settings, issuer, attempts, clock, egress, .. } = &*self.0;
        let now = clock.now();
        let attempt = attempts.take_up(cookie, back.state.as_deref(), now)?;
        if back.issuer.is_some_and(|named| named != **issuer) {
            return Err(Refused::OtherIssuer);
        }
        if back.error {
            return Err(Refused::Denied);
        }
        let code = back.code.ok_or(Refused::NoCode)?;
        let metadata = self.metadata(now, KNOWN_FOR).await?;
        let client = self.client(&metadata);
        let ask = talk::asking(egress);
        let exchanged = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| Refused::Unreachable("it names no token endpoint".to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier))
            .request_async(&ask)
            .await
            .map_err(|error| talk::refused(&error))?;
        // What the access token is for is not wanted: all is in the other one.
        let _ = exchanged.access_token();
        let token = exchanged.id_token().ok_or(Refused::NoIdToken)?;
        let nonce = Nonce::new(attempt.nonce);
        let id = &settings.client_id;
        let believed = match claims::believed(token, &metadata, id, &nonce, now) {
            // It may sign with a new key.
            Err(Refused::Signature) => {
                let metadata = self.metadata(now, ASKED_EVERY).await?;
                claims::believed(token, &metadata, id, &nonce, now)?
            }
            believed => believed?,
        };
        claims::vouched(believed, settings)
    }

    /// The issuer.
    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// What the provider says of itself, and its keys, no older than this.
    async fn metadata(
        &self,
        now: Timestamp,
        no_older: SignedDuration,
    ) -> Result<Arc<CoreProviderMetadata>, Refused> {
        let mut known = self.0.known.lock().await;
        if let Some((since, metadata)) = &*known
            && now.duration_since(*since).abs() < no_older
        {
            return Ok(Arc::clone(metadata));
        }
        let ask = talk::asking(&self.0.egress);
        let found = CoreProviderMetadata::discover_async(self.0.issuer.clone(), &ask)
            .await
            .map_err(|error| Refused::Unreachable(talk::chain(&error)))?;
        let found = Arc::new(found);
        *known = Some((now, Arc::clone(&found)));
        Ok(found)
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Client {
        let Inner { settings, callback, .. } = &*self.0;
        let secret = ClientSecret::new(settings.client_secret.expose().trim().to_owned());
        let id = ClientId::new(settings.client_id.clone());
        Client::from_provider_metadata(metadata.clone(), id, Some(secret)).set_redirect_uri(callback.clone())
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}
