//! The key as a credential that systemd hands to its service.

use std::path::PathBuf;

use async_trait::async_trait;

use super::{KeyCustody, KeyRecord, MadeKey};
use crate::{KeyError, StoreKey};

/// The variable in which systemd names the folder of a service's credentials (`systemd.exec(5)`, `LoadCredential=`).
const FOLDER: &str = "CREDENTIALS_DIRECTORY";

/// The key as a credential of systemd: a file of this name in the folder that only the service can see.
#[derive(Debug, Clone)]
pub struct SystemdCustody(pub String);

impl SystemdCustody {
    fn read(&self) -> Result<StoreKey, KeyError> {
        let folder = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty());
        let folder = folder.ok_or_else(|| KeyError::NoCredentials { credential: self.0.clone() })?;
        let path = PathBuf::from(folder).join(&self.0);
        match StoreKey::read_credential(&path) {
            Err(KeyError::Missing { .. }) => Err(KeyError::NoCredentials { credential: self.0.clone() }),
            read => read,
        }
    }
}

#[async_trait]
impl KeyCustody for SystemdCustody {
    fn place(&self) -> String {
        format!("systemd:{}", self.0)
    }

    async fn open(&self, _: &KeyRecord) -> Result<StoreKey, KeyError> {
        self.read()
    }

    async fn make(&self, _: &str, _: i64) -> Result<MadeKey, KeyError> {
        Ok(MadeKey { key: self.read()?, sealed: None })
    }
}
