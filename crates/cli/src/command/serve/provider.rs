//! The identity provider, set up as it is configured.

use keyreeve_server::{GrantedRole, Provider, ProviderSettings};

use super::DOING;
use super::telling::read_secret;
use crate::command::Context;
use crate::exit::Refusal;

const MEND: &str = "mend [sign_in] of keyreeve.toml";

/// The provider, if there is one.
pub(super) fn configured(context: &Context) -> Result<Option<Provider>, Refusal> {
    let said = &context.config.sign_in;
    let Some(issuer) = &said.oidc_issuer else { return Ok(None) };
    let missing =
        |name: &str| Refusal::new(DOING, format!("oidc_issuer is set, and {name} is not")).hint(MEND);
    let client_id = said.oidc_client_id.clone().ok_or_else(|| missing("oidc_client_id"))?;
    let secret = said.oidc_client_secret_file.as_ref().ok_or_else(|| missing("oidc_client_secret_file"))?;
    let public_url = context.config.http.public_url.clone().ok_or_else(|| missing("public_url"))?;
    let settings = ProviderSettings {
        issuer: issuer.clone(),
        client_id,
        client_secret: read_secret("oidc_client_secret_file", secret)?,
        roles_claim: said.oidc_roles_claim.clone().unwrap_or_else(|| "groups".to_owned()),
        scopes: said.oidc_scopes.clone().unwrap_or_else(|| vec!["profile".to_owned()]),
        roles: said
            .oidc_roles
            .iter()
            .map(|one| GrantedRole { value: one.value.clone(), role: one.role, systems: one.systems.clone() })
            .collect(),
        networks: said.oidc_networks.clone(),
        authorities: said.oidc_authorities.clone(),
        public_url,
    };
    let made = Provider::new(settings, context.clock);
    let made = made.map_err(|error| Refusal::new(DOING, error.to_string()).hint(MEND))?;
    match made.forbidden() {
        Some(why) => Err(Refusal::new(DOING, format!("the provider at {issuer} is not asked: {why}"))
            .hint("name its network in oidc_networks, such as `oidc_networks = [\"127.0.0.1/32\"]`")),
        None => Ok(Some(made)),
    }
}
