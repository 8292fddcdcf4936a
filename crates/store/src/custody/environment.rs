//! The key in an environment variable.

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{KeyCustody, KeyRecord, MadeKey};
use crate::{KeyError, StoreKey};

/// The key in an environment variable, in the text form of the file.
#[derive(Debug, Clone)]
pub struct EnvironmentCustody(pub String);

impl EnvironmentCustody {
    fn read(&self) -> Result<StoreKey, KeyError> {
        let text =
            Zeroizing::new(std::env::var(&self.0).map_err(|_| KeyError::NotSet { name: self.0.clone() })?);
        StoreKey::from_text(&text, &format!("the environment variable {}", self.0))
    }
}

#[async_trait]
impl KeyCustody for EnvironmentCustody {
    fn place(&self) -> String {
        format!("env:{}", self.0)
    }

    async fn open(&self, _: &KeyRecord) -> Result<StoreKey, KeyError> {
        self.read()
    }

    async fn make(&self, _: &str, _: i64) -> Result<MadeKey, KeyError> {
        Ok(MadeKey { key: self.read()?, sealed: None })
    }
}
