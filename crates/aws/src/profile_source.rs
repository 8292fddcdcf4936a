//! Whose credentials a profile assumes its role with: the SDK follows that by itself and does not tell.

use std::borrow::Cow;

use aws_config::profile::{self, Profile, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use keyreeve_model::Secret;

use crate::options::{ConnectOptions, Credential};

/// The credentials that stand behind the role of a profile; `None` where no profile is used, where it has no role, and
/// where no user stands behind it.
pub(crate) async fn of(options: &ConnectOptions, credential: &Credential) -> Option<Credential> {
    let env = Env::real();
    let name = match credential {
        Credential::Profile { name } => Some(name.clone()),
        // Keys of the environment come before every profile.
        Credential::Ambient if env.get("AWS_ACCESS_KEY_ID").is_ok() => return None,
        Credential::Ambient => options.variable("AWS_PROFILE").map(str::to_owned),
        Credential::AccessKey { .. } | Credential::Role { .. } => return None,
    };
    let loaded = profile::load(&Fs::real(), &env, &EnvConfigFiles::default(), name.map(Cow::Owned)).await;
    source(&loaded.ok()?)
}

/// Follows the chain as the SDK does ("Assume role with AWS credentials", AWS SDKs and Tools): a profile that another
/// one names as its source is used for its keys where it has any, whatever role it names besides.
fn source(profiles: &ProfileSet) -> Option<Credential> {
    let mut name = profiles.selected_profile();
    let mut visited = Vec::new();
    loop {
        let profile = profiles.get_profile(name)?;
        if !visited.is_empty() {
            if let Some(keys) = keys(profile) {
                return Some(keys);
            }
            if profile.get("role_arn").is_none() {
                return Some(Credential::Profile { name: name.to_owned() });
            }
        }
        profile.get("role_arn")?;
        if visited.contains(&name) {
            return None;
        }
        visited.push(name);
        name = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(source), _) if source == name => return keys(profile),
            (Some(source), _) => source,
            // Those of instances and containers are no user's.
            (None, Some("Environment")) => return from_environment(),
            (None, _) => return None,
        };
    }
}

fn keys(profile: &Profile) -> Option<Credential> {
    let id = profile.get("aws_access_key_id")?;
    let secret = profile.get("aws_secret_access_key")?;
    Some(Credential::AccessKey {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret.to_owned()),
    })
}

fn from_environment() -> Option<Credential> {
    let env = Env::real();
    let (id, secret) = (env.get("AWS_ACCESS_KEY_ID").ok()?, env.get("AWS_SECRET_ACCESS_KEY").ok()?);
    Some(Credential::AccessKey { access_key_id: id, secret_access_key: Secret::new(secret) })
}

#[cfg(test)]
mod tests {
    use aws_runtime::env_config::file::EnvConfigFileKind;

    use super::*;

    async fn source_of(profile: &'static str, text: &str) -> Option<Credential> {
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, text).build();
        let env = Env::from_slice(&[]);
        let profiles = profile::load(&Fs::from_slice(&[]), &env, &files, Some(profile.into())).await;
        source(&profiles.unwrap())
    }

    const TEXT: &str = "\
[profile plain]\naws_access_key_id = AKIAPLAIN\naws_secret_access_key = s\n\
[profile role]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = plain\n\
[profile chain]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = role\n\
[profile own]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = own\naws_access_key_id = AKIAOWN\naws_secret_access_key = s\n\
[profile sso]\nsso_session = x\n\
[profile signed-in]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = sso\n\
[profile machine]\nrole_arn = arn:aws:iam::1:role/a\ncredential_source = Ec2InstanceMetadata\n\
[profile loop]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = pool\n\
[profile pool]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = loop\n\
[profile lost]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = nobody\n";

    #[tokio::test]
    async fn the_chain_of_profiles_is_followed_to_its_end() {
        for (profile, id) in [("role", "AKIAPLAIN"), ("chain", "AKIAPLAIN"), ("own", "AKIAOWN")] {
            let Some(Credential::AccessKey { access_key_id, .. }) = source_of(profile, TEXT).await else {
                panic!("{profile}: no keys");
            };
            assert_eq!(access_key_id, id, "{profile}");
        }
        let signed_in = source_of("signed-in", TEXT).await;
        assert!(matches!(signed_in, Some(Credential::Profile { name }) if name == "sso"));
        for profile in ["plain", "sso", "machine", "loop", "lost"] {
            assert!(source_of(profile, TEXT).await.is_none(), "{profile}");
        }
    }
}
