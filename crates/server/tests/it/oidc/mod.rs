//! Signing in by way of an identity provider: one that nobody here wrote, and one that lies (S42).

mod browser;
mod hostile;
mod liar;
mod real;

use keyreeve_engine::people::SignIn;
use keyreeve_model::{Role, Secret};
use keyreeve_server::{Door, GrantedRole, Provider, ProviderSettings, Site};

use crate::place::Place;

pub(crate) const CLIENT: &str = "keyreeve";
pub(crate) const CLIENT_SECRET: &str = "what only the provider and we know";

/// A place whose people come from this issuer, which may be called if it is in one of these networks.
pub(crate) async fn place_of(issuer: &str, networks: &[&str]) -> Place {
    let issuer = issuer.to_owned();
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    Place::with_door(move |url: &str, sign_in: SignIn, clock| {
        let grant = |value: &str, role| GrantedRole {
            value: value.to_owned(),
            role,
            systems: if role == Role::Viewer { vec!["prod".parse().unwrap()] } else { Vec::new() },
        };
        let settings = ProviderSettings {
            issuer,
            client_id: CLIENT.to_owned(),
            client_secret: Secret::new(format!("{CLIENT_SECRET}\n")),
            roles_claim: "groups".to_owned(),
            scopes: vec!["profile".to_owned(), "groups".to_owned()],
            roles: vec![grant("iam-admins", Role::Admin), grant("iam-readers", Role::Viewer)],
            networks,
            authorities: None,
            public_url: url.parse().unwrap(),
        };
        let site = Site::new(Some(&url.parse().unwrap()), false, true);
        Door { sign_in, site, provider: Some(Provider::new(settings, clock).unwrap()) }
    })
    .await
}
