//! The credentials of a user beside the console password: access keys, SSH public keys, signing certificates and
//! service-specific credentials. Listed, switched, deleted.

use aws_sdk_iam::operation::RequestId;
use aws_sdk_iam::types::StatusType;
use aws_smithy_types::DateTime;
use keyreeve_connector::{AccountCredentialEntry, Error, Marker, NewAccessKey, Page, Performed};
use keyreeve_model::AccountCredentialKind::{AccessKey, ServiceCredential, SigningCertificate, SshKey};
use keyreeve_model::{AccountCredential, AccountCredentialKind, Secret};

use super::permissions::credential_listing;
use super::write::Write;
use crate::error::Call;
use crate::name::{UserName, given};
use crate::page::{PAGE_SIZE, PageBuilder};
use crate::time::timestamp;

/// Switches a credential on or off; AWS answers the same whether it was so before or not. One that is not there is off.
pub(super) async fn set(
    write: &Write<'_>,
    credential: &AccountCredential,
    active: bool,
) -> Result<Performed, Error> {
    let (iam, user, id) = (write.iam, write.user(), id(write, credential)?);
    let status = if active { StatusType::Active } else { StatusType::Inactive };
    match credential.kind {
        AccessKey => write.switched(
            active,
            iam.update_access_key().user_name(user).access_key_id(id).status(status).send().await,
        ),
        SshKey => {
            let request = iam.update_ssh_public_key().user_name(user).ssh_public_key_id(id);
            write.switched(active, request.status(status).send().await)
        }
        SigningCertificate => {
            let request = iam.update_signing_certificate().user_name(user).certificate_id(id);
            write.switched(active, request.status(status).send().await)
        }
        ServiceCredential => {
            let request = iam.update_service_specific_credential().user_name(user);
            write.switched(active, request.service_specific_credential_id(id).status(status).send().await)
        }
    }
}

pub(super) async fn delete(write: &Write<'_>, credential: &AccountCredential) -> Result<Performed, Error> {
    let (iam, user, id) = (write.iam, write.user(), id(write, credential)?);
    match credential.kind {
        AccessKey => write.removed(iam.delete_access_key().user_name(user).access_key_id(id).send().await),
        SshKey => {
            write.removed(iam.delete_ssh_public_key().user_name(user).ssh_public_key_id(id).send().await)
        }
        SigningCertificate => {
            write.removed(iam.delete_signing_certificate().user_name(user).certificate_id(id).send().await)
        }
        ServiceCredential => {
            let request = iam.delete_service_specific_credential().user_name(user);
            write.removed(request.service_specific_credential_id(id).send().await)
        }
    }
}

/// Makes an access key. An answer without a key or its secret leaves open what happened.
pub(super) async fn create_access_key(
    iam: &aws_sdk_iam::Client,
    account: &str,
) -> Result<NewAccessKey, Error> {
    let call = Call::write("CreateAccessKey", account.to_owned());
    let user = UserName::new(account).map_err(|why| call.refused(why))?;
    let sent = iam.create_access_key().user_name(user.as_str()).send().await;
    let answer = sent.map_err(|error| call.failed(error))?;
    let request_id = answer.request_id().map(str::to_owned);
    let key = answer.access_key.ok_or_else(|| call.unusable("AccessKey"))?;
    call.owned_by(&user, Some(key.user_name()).filter(|name| !name.is_empty()))?;
    let id = call.required("AccessKeyId", Some(key.access_key_id()))?.to_owned();
    let secret = Secret::new(key.secret_access_key);
    if secret.expose().is_empty() {
        return Err(call.unusable("SecretAccessKey"));
    }
    Ok(NewAccessKey { id, secret, request_id })
}

pub(super) async fn list(
    iam: &aws_sdk_iam::Client,
    account: &str,
    kind: AccountCredentialKind,
    after: Option<&Marker>,
) -> Result<Page<AccountCredentialEntry>, Error> {
    let call = Call::read(credential_listing(kind), Some(account));
    let user = UserName::new(account).map_err(|why| call.refused(why))?;
    let listing = Listing { iam, call: &call, user: &user, kind, marker: after.map(|after| after.0.clone()) };
    match kind {
        AccessKey => listing.access_keys().await,
        SshKey => listing.ssh_keys().await,
        SigningCertificate => listing.signing_certificates().await,
        ServiceCredential => listing.service_credentials().await,
    }
}

/// One page to be listed.
struct Listing<'a> {
    iam: &'a aws_sdk_iam::Client,
    call: &'a Call,
    user: &'a UserName,
    kind: AccountCredentialKind,
    marker: Option<String>,
}

/// A credential as a listing has it.
struct Listed<'a> {
    owner: Option<&'a str>,
    id: Option<&'a str>,
    status: Option<&'a StatusType>,
    created_at: Option<&'a DateTime>,
}

impl Listing<'_> {
    async fn access_keys(self) -> Result<Page<AccountCredentialEntry>, Error> {
        let request = self.iam.list_access_keys().user_name(self.user.as_str()).max_items(PAGE_SIZE);
        let sent = request.set_marker(self.marker.clone()).send().await;
        let answer = sent.map_err(|error| self.call.failed(error))?;
        let keys = answer.access_key_metadata().iter().map(|key| Listed {
            owner: key.user_name(),
            id: key.access_key_id(),
            status: key.status(),
            created_at: key.create_date(),
        });
        self.page(keys, answer.is_truncated(), answer.marker())
    }

    async fn ssh_keys(self) -> Result<Page<AccountCredentialEntry>, Error> {
        let request = self.iam.list_ssh_public_keys().user_name(self.user.as_str()).max_items(PAGE_SIZE);
        let sent = request.set_marker(self.marker.clone()).send().await;
        let answer = sent.map_err(|error| self.call.failed(error))?;
        let keys = answer.ssh_public_keys().iter().map(|key| Listed {
            owner: Some(key.user_name()),
            id: Some(key.ssh_public_key_id()),
            status: Some(key.status()),
            created_at: Some(key.upload_date()),
        });
        self.page(keys, answer.is_truncated(), answer.marker())
    }

    async fn signing_certificates(self) -> Result<Page<AccountCredentialEntry>, Error> {
        let request = self.iam.list_signing_certificates().user_name(self.user.as_str()).max_items(PAGE_SIZE);
        let sent = request.set_marker(self.marker.clone()).send().await;
        let answer = sent.map_err(|error| self.call.failed(error))?;
        let certificates = answer.certificates().iter().map(|certificate| Listed {
            owner: Some(certificate.user_name()),
            id: Some(certificate.certificate_id()),
            status: Some(certificate.status()),
            created_at: certificate.upload_date(),
        });
        self.page(certificates, answer.is_truncated(), answer.marker())
    }

    async fn service_credentials(self) -> Result<Page<AccountCredentialEntry>, Error> {
        let request = self.iam.list_service_specific_credentials().user_name(self.user.as_str());
        let sent = request.max_items(PAGE_SIZE).set_marker(self.marker.clone()).send().await;
        let answer = sent.map_err(|error| self.call.failed(error))?;
        let credentials = answer.service_specific_credentials().iter().map(|credential| Listed {
            owner: Some(credential.user_name()),
            id: Some(credential.service_specific_credential_id()),
            status: Some(credential.status()),
            created_at: Some(credential.create_date()),
        });
        self.page(credentials, answer.is_truncated(), answer.marker())
    }

    fn page<'b>(
        &self,
        listed: impl Iterator<Item = Listed<'b>>,
        is_truncated: bool,
        marker: Option<&str>,
    ) -> Result<Page<AccountCredentialEntry>, Error> {
        let mut page = PageBuilder::new(self.call, 2);
        for listed in listed {
            page.add(self.entry(&listed)?);
        }
        Ok(page.finish(is_truncated, marker))
    }

    /// A status that is not known is refused: whether such a credential works cannot be told.
    fn entry(&self, listed: &Listed<'_>) -> Result<AccountCredentialEntry, Error> {
        self.call.owned_by(self.user, listed.owner)?;
        let active = match listed.status {
            Some(StatusType::Active) => true,
            Some(StatusType::Inactive | StatusType::Expired) => false,
            _ => return Err(self.call.unusable("Status")),
        };
        let id = self.call.required("the credential's id", listed.id)?.to_owned();
        let credential = AccountCredential { kind: self.kind, id };
        Ok(AccountCredentialEntry { credential, active, created_at: listed.created_at.and_then(timestamp) })
    }
}

fn id<'a>(write: &Write<'_>, credential: &'a AccountCredential) -> Result<&'a str, Error> {
    given("credential's id", &credential.id).map_err(|why| write.call.refused(&why))
}
