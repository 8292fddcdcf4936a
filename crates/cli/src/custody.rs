//! The custodies of the store's key by their places, and the one that AWS KMS is.

use std::collections::BTreeMap;

use async_trait::async_trait;
use keyreeve_aws::{ConnectOptions, Credential, KmsKey};
use keyreeve_connector::{Cause, Error};
use keyreeve_store::{
    EnvironmentCustody, FileCustody, KeyCustody, KeyError, KeyRecord, MadeKey, StoreKey, SystemdCustody,
};

use crate::config::KeyPlace;

/// The custody that a place stands for. `environment` says what the configuration says about AWS.
pub(crate) fn of(place: &KeyPlace, environment: BTreeMap<String, String>) -> Box<dyn KeyCustody> {
    match place {
        KeyPlace::File(path) => Box::new(FileCustody(path.clone())),
        KeyPlace::Environment(name) => Box::new(EnvironmentCustody(name.clone())),
        KeyPlace::Systemd(name) => Box::new(SystemdCustody(name.clone())),
        KeyPlace::Kms(arn) => Box::new(KmsCustody { arn: arn.clone(), environment }),
    }
}

/// The key as AWS KMS seals it. The store keeps the sealed form, bound to the store and to the key's version.
struct KmsCustody {
    arn: String,
    environment: BTreeMap<String, String>,
}

impl KmsCustody {
    async fn connect(&self) -> Result<KmsKey, KeyError> {
        let mut options = ConnectOptions::new(Credential::Ambient);
        options.environment = self.environment.clone();
        KmsKey::connect(&self.arn, options).await.map_err(|error| KeyError::Custody {
            place: self.place(),
            why: error.to_string(),
            advice: "mend the configuration",
        })
    }

    fn refused(&self, error: &Error) -> KeyError {
        let advice = match error.cause {
            Cause::Denied => {
                "whoever Keyreeve signs in as must be allowed kms:Encrypt and kms:Decrypt on this key"
            }
            Cause::CredentialBad | Cause::NoCredentials => {
                "Keyreeve signs in to KMS with the credentials of its environment, or of the profile in AWS_PROFILE: give \
                 it good ones"
            }
            Cause::NotSent | Cause::Unknown | Cause::Throttled(_) => {
                "check the network and AWS_ENDPOINT_URL_KMS, then try again"
            }
            _ => {
                "see in AWS KMS that the key is there and enabled, and is the one that this store's key was sealed by"
            }
        };
        KeyError::Custody { place: self.place(), why: error.to_string(), advice }
    }
}

/// What KMS is told a key is for.
fn sealed_for(store_id: &str, version: i64) -> [(&'static str, String); 2] {
    [("keyreeve:store", store_id.to_owned()), ("keyreeve:key", version.to_string())]
}

#[async_trait]
impl KeyCustody for KmsCustody {
    fn place(&self) -> String {
        format!("kms:{}", self.arn)
    }

    async fn open(&self, record: &KeyRecord) -> Result<StoreKey, KeyError> {
        let sealed = record.sealed.as_deref().ok_or_else(|| KeyError::Custody {
            place: self.place(),
            why: "this store has no key that KMS has sealed".to_owned(),
            advice: "set `key` to where its key is kept; `keyreeve secrets rekey --to` moves it",
        })?;
        let sealed_for = sealed_for(&record.store_id, record.version);
        let opened = self.connect().await?.open(sealed, &sealed_for).await;
        let text = opened.map_err(|error| self.refused(&error))?;
        StoreKey::from_text(text.expose(), &self.place())
    }

    async fn make(&self, store_id: &str, version: i64) -> Result<MadeKey, KeyError> {
        let key = StoreKey::generate()?;
        let sealed_for = sealed_for(store_id, version);
        let sealed = self.connect().await?.seal(&key.to_text(), &sealed_for).await;
        Ok(MadeKey { key, sealed: Some(sealed.map_err(|error| self.refused(&error))?) })
    }
}
