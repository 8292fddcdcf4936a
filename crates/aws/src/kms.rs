//! AWS KMS: a key that never leaves AWS opens the key of a store.

use aws_sdk_kms::primitives::Blob;
use keyreeve_connector::Error;
use keyreeve_model::Secret;

use crate::arn::Arn;
use crate::config::configure_kms;
use crate::error::Call;
use crate::options::{ConnectError, ConnectOptions};

/// A key of AWS KMS, and a connection to it. Its credentials are those of the environment or of a profile, never
/// those of a connected system.
#[derive(Debug, Clone)]
pub struct KmsKey {
    kms: aws_sdk_kms::Client,
    arn: String,
}

/// What a text is sealed for: KMS opens it for the same names and values only (AWS KMS Developer Guide, "Encryption
/// context"). It is no secret, and stands in AWS's own logs.
pub type SealedFor<'a> = [(&'a str, String)];

impl KmsKey {
    /// Prepares a connection to the key's region. Nothing is sent yet.
    ///
    /// # Errors
    /// When the options cannot be right, or the ARN is none of a key.
    pub async fn connect(arn: &str, mut options: ConnectOptions) -> Result<Self, ConnectError> {
        let region = kms_region(arn).ok_or(ConnectError::Credential(
            "the key's ARN is not of the form arn:aws:kms:REGION:123456789012:key/ID or …:alias/NAME",
        ))?;
        options.region = Some(region.to_owned());
        let configured = configure_kms(&options).await?;
        Ok(Self { kms: aws_sdk_kms::Client::from_conf(configured.build()), arn: arn.to_owned() })
    }

    /// Has KMS seal a text (`Encrypt`).
    ///
    /// # Errors
    /// When KMS refuses or cannot be reached; the text is in no error.
    pub async fn seal(&self, text: &Secret, sealed_for: &SealedFor<'_>) -> Result<Vec<u8>, Error> {
        let call = Call::kms("Encrypt", &self.arn).withholding(text);
        let mut request =
            self.kms.encrypt().key_id(&self.arn).plaintext(Blob::new(text.expose().as_bytes().to_vec()));
        for (name, value) in sealed_for {
            request = request.encryption_context(*name, value);
        }
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let sealed = answer.ciphertext_blob.map(Blob::into_inner).filter(|sealed| !sealed.is_empty());
        sealed.ok_or_else(|| call.unusable("CiphertextBlob"))
    }

    /// Has KMS open what it sealed for the same purpose (`Decrypt`).
    ///
    /// # Errors
    /// As [`Self::seal`], and when it was altered, or sealed for something else.
    pub async fn open(&self, sealed: &[u8], sealed_for: &SealedFor<'_>) -> Result<Secret, Error> {
        let call = Call::kms("Decrypt", &self.arn);
        let mut request = self.kms.decrypt().key_id(&self.arn).ciphertext_blob(Blob::new(sealed.to_vec()));
        for (name, value) in sealed_for {
            request = request.encryption_context(*name, value);
        }
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let plain = answer.plaintext.map(Blob::into_inner).unwrap_or_default();
        // Taken over, not copied, so that it is wiped whatever comes next.
        match String::from_utf8(plain).map(Secret::new) {
            Ok(text) if !text.expose().is_empty() => Ok(text),
            _ => Err(call.unusable("Plaintext")),
        }
    }
}

/// The region of a key or of a key's alias; `None` for what is neither.
#[must_use]
pub fn kms_region(arn: &str) -> Option<&str> {
    let parsed = Arn::parse(arn)?;
    let mut parts = arn.split(':').skip(2);
    let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
    let resource = parts.next()?;
    let named = ["key/", "alias/"]
        .iter()
        .any(|kind| resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
    let fits = service == "kms"
        && named
        && keyreeve_model::AwsAccountId::new(account).is_ok()
        && arn.bytes().all(|byte| byte.is_ascii_graphic())
        && crate::region::partition_of_region(region) == Some(parsed.partition);
    fits.then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arns_of_kms_keys_have_a_region() {
        let key = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(kms_region(key), Some("us-gov-west-1"));
        assert_eq!(kms_region("arn:aws:kms:eu-west-1:123456789012:alias/keyreeve"), Some("eu-west-1"));
        for bad in [
            "",
            "alias/keyreeve",
            "arn:aws:kms:eu-west-1:123456789012:key/",
            "arn:aws:kms:eu-west-1:1:key/x",
            "arn:aws:kms::123456789012:key/x",
            "arn:aws:kms:us-gov-west-1:123456789012:key/x",
            "arn:aws:iam:eu-west-1:123456789012:key/x",
            "arn:aws:kms:eu-west-1:123456789012:key/x\u{1b}[2J",
        ] {
            assert_eq!(kms_region(bad), None, "{bad}");
        }
    }
}
