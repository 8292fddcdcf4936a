//! What of a provider's words is believed, and who somebody is and may be by them.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use keyreeve_store::Vouched;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, ClaimsVerificationError, ClientId, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IdToken, IdTokenClaims, IdTokenFields, IdTokenVerifier, Nonce,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ProviderSettings;

/// Clocks may differ by so much.
const LEEWAY: i64 = 60;
/// The longest name that a provider may have for somebody (OpenID Connect Core section 2).
const LONGEST_SUBJECT: usize = 255;
/// What somebody is called is shown so far.
const SHOWN: usize = 100;

/// What a provider may sign with: signatures that only it can make. Neither `none` nor what is made with a secret that we
/// have too is among them, whatever it says of itself.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What a provider says besides what is the same of all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct More {
    /// From when on its word holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<Value>,
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for More {}

type Token = IdToken<More, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<More, CoreGenderClaim>;
type Fields = IdTokenFields<
    More,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
pub(super) type Client = openidconnect::Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why somebody is not signed in whom a provider should vouch for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("this browser did not set out from here to sign in, or what it kept is gone")]
    NoAttempt,
    #[error("it took longer than ten minutes")]
    Late,
    #[error("this attempt to sign in has come back already")]
    Twice,
    #[error("the answer is that of another provider")]
    OtherIssuer,
    #[error("the provider says that it did not let you in")]
    Denied,
    #[error("the provider sent no code")]
    NoCode,
    #[error("the provider does not take the code that it sent")]
    Code,
    #[error("the provider does not answer as it should")]
    Unreachable(String),
    #[error("the provider's answer cannot be read")]
    Malformed,
    #[error("the provider says nothing of who you are")]
    NoIdToken,
    #[error("what the provider says is signed in a way that is not believed")]
    Algorithm,
    #[error("what the provider says is not signed with a key of its own")]
    Signature,
    #[error("what is said comes from another provider")]
    Issuer,
    #[error("what the provider says is for somebody else")]
    Audience,
    #[error("what the provider says belongs to another attempt")]
    Nonce,
    #[error("what the provider says holds no more")]
    Expired,
    #[error("what the provider says does not hold yet")]
    NotYet,
    #[error("the provider gives you no role here, by its claim {0}")]
    NoRole(String, Box<str>),
}

impl Refused {
    /// The word of the audit log.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::NoAttempt => "no_attempt",
            Self::Late => "late",
            Self::Twice => "twice",
            Self::OtherIssuer => "other_issuer",
            Self::Denied => "denied",
            Self::NoCode => "no_code",
            Self::Code => "code",
            Self::Unreachable(_) => "unreachable",
            Self::Malformed => "malformed",
            Self::NoIdToken => "no_id_token",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::NoRole(..) => "no_role",
        }
    }
}

/// The claims of a token, if it is the provider's, for us, of this attempt, and holds now.
pub(super) fn believed<'a>(
    token: &'a Token,
    metadata: &CoreProviderMetadata,
    client_id: &str,
    nonce: &Nonce,
    now: Timestamp,
) -> Result<&'a Claims, Refused> {
    let issuer = metadata.issuer().clone();
    let since = Duration::from_secs(now.as_second().unsigned_abs());
    // Without a secret in it, the verifier has nothing to check a signature with that we could have made.
    let verifier = IdTokenVerifier::new_public_client(
        ClientId::new(client_id.to_owned()),
        issuer,
        metadata.jwks().clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH).into())
    .set_issue_time_verifier_fn(move |issued| {
        let early = issued.timestamp() > now.as_second() + LEEWAY;
        if early { Err(EARLY.to_owned()) } else { Ok(()) }
    });
    let claims = token.claims(&verifier, nonce).map_err(|error| why(&error))?;
    // At these the library does not look (OpenID Connect Core section 3.1.3.7, RFC 7519 section 4.1.5).
    if claims.authorized_party().is_some_and(|party| party.as_str() != client_id) {
        return Err(Refused::Audience);
    }
    let holds = match &claims.additional_claims().nbf {
        Some(from) => from.as_i64().is_some_and(|from| from <= now.as_second() + LEEWAY),
        None => true,
    };
    if holds { Ok(claims) } else { Err(Refused::NotYet) }
}

const EARLY: &str = "not yet";

fn why(error: &ClaimsVerificationError) -> Refused {
    use ClaimsVerificationError as E;
    match error {
        E::Expired(text) if text == EARLY => Refused::NotYet,
        E::Expired(_) => Refused::Expired,
        E::InvalidAudience(_) => Refused::Audience,
        E::InvalidIssuer(_) => Refused::Issuer,
        E::InvalidNonce(_) => Refused::Nonce,
        E::SignatureVerification(
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_)
            | SignatureVerificationError::NoSignature,
        )
        | E::Unsupported(_) => Refused::Algorithm,
        E::SignatureVerification(_) => Refused::Signature,
        _ => Refused::Malformed,
    }
}

/// Who somebody is, and what they may do.
pub(super) fn vouched(claims: &Claims, settings: &ProviderSettings) -> Result<Vouched, Refused> {
    let subject = claims.subject().as_str();
    let fits = (1..=LONGEST_SUBJECT).contains(&subject.len()) && !subject.chars().any(char::is_control);
    if !fits {
        return Err(Refused::Malformed);
    }
    let said = values(&claims.additional_claims().all, &settings.roles_claim);
    // The first in the configuration's order counts, not the first that the provider names.
    let granted = settings.roles.iter().find(|granted| said.contains(&granted.value.as_str()));
    let Some(granted) = granted else {
        return Err(Refused::NoRole(settings.roles_claim.clone(), subject.into()));
    };
    let name = claims.preferred_username().map(|name| name.as_str());
    let shown = name.or_else(|| claims.email().map(|email| email.as_str()));
    let shown = shown.map(|text| text.chars().filter(|c| !c.is_control()).take(SHOWN).collect());
    Ok(Vouched {
        issuer: settings.issuer.clone(),
        subject: subject.to_owned(),
        shown_as: shown,
        role: granted.role,
        systems: granted.systems.clone(),
    })
}

/// The texts of a claim: one, or those of a list.
fn values<'a>(all: &'a Map<String, Value>, path: &str) -> Vec<&'a str> {
    let found = all.get(path).or_else(|| {
        let mut names = path.split('.');
        let first = all.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    });
    match found {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_a_text_or_a_list_of_them_also_within_another() {
        let all = json!({
            "groups": ["a", 1, "b"], "one": "a", "realm_access": {"roles": ["c"]}, "a.b": ["d"], "no": {"x": 1}
        });
        let all = all.as_object().unwrap();
        for (path, expected) in [
            ("groups", vec!["a", "b"]),
            ("one", vec!["a"]),
            ("realm_access.roles", vec!["c"]),
            ("a.b", vec!["d"]),
            ("no", vec![]),
            ("no.y", vec![]),
            ("nothing", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(values(all, path), expected, "{path}");
        }
    }
}
