//! Exports to S3, or to a store that speaks as S3 does. Endpoint and credentials are those of this process and its
//! configuration, never those of a system.

use std::time::Duration;

use keyreeve_aws::{Bucket, ConnectOptions, Credential, ObjectError, ObjectOptions, Upload};

use crate::command::Context;
use crate::exit::Refusal;
use crate::output::note;

const ADDRESS: &str = "give s3://BUCKET/PREFIX/, or s3://BUCKET/NAME";

/// A bucket, and the beginning of names in it.
#[derive(Debug)]
pub(crate) struct Objects {
    bucket: Bucket,
    name: String,
    prefix: String,
    many: bool,
}

impl Objects {
    /// What stands behind `s3://`.
    pub(crate) async fn of(context: &Context, address: &str, many: bool) -> anyhow::Result<Self> {
        let (name, prefix) = address.split_once('/').unwrap_or((address, ""));
        let shown = format!("exporting to s3://{address}");
        let fits = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || "-.".contains(one);
        if !(3..=63).contains(&name.len())
            || !name.chars().all(fits)
            || !name.starts_with(char::is_alphanumeric)
        {
            let why = "that is no name of a bucket";
            return Err(Refusal::new(shown, why).hint(ADDRESS).into());
        }
        let aws = &context.config.aws;
        let mut options = ConnectOptions::new(Credential::Ambient);
        options.environment = aws.additions(&context.environment);
        if let Some(seconds) = aws.request_timeout_seconds {
            options.request_timeout = Duration::from_secs(seconds);
            options.connect_timeout = options.connect_timeout.min(options.request_timeout);
        }
        let wanted = ObjectOptions {
            encryption: aws.s3_encryption.clone(),
            kms_key: aws.s3_kms_key.clone(),
            allow_http: aws.s3_allow_http.unwrap_or(false),
        };
        let bucket = Bucket::of(&options, name, &wanted).await.map_err(|error| refused(shown, &error))?;
        let many = many || prefix.is_empty() || prefix.ends_with('/');
        Ok(Self {
            bucket,
            name: name.to_owned(),
            prefix: prefix.strip_suffix('/').unwrap_or(prefix).to_owned(),
            many,
        })
    }

    /// Whether each export has a name of its own there.
    pub(crate) fn are_many(&self) -> bool {
        self.many
    }

    /// Begins an object.
    pub(crate) fn begin(&self, name: &str) -> anyhow::Result<Sending> {
        let parts = [self.prefix.as_str(), name];
        let key = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let shown = format!("s3://{}/{key}", self.name);
        let upload =
            self.bucket.begin(&key).map_err(|error| refused(format!("exporting to {shown}"), &error))?;
        Ok(Sending { upload, shown })
    }
}

/// An object in the making.
pub(crate) struct Sending {
    upload: Upload,
    shown: String,
}

impl Sending {
    pub(crate) async fn write(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        let written = self.upload.write(piece).await;
        written.map_err(|error| refused(format!("writing {}", self.shown), &error))
    }

    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        match self.upload.end().await {
            Ok(()) => {
                note(&format!("Written to {}.", self.shown));
                Ok(())
            }
            Err(error) => {
                let failed = refused(format!("writing {}", self.shown), &error);
                self.abandon().await;
                Err(failed)
            }
        }
    }

    pub(crate) async fn abandon(mut self) {
        if let Err(error) = self.upload.abandon().await {
            note(&format!(
                "Parts of {} are left in the store, where they take up room ({error}). A rule of the bucket for unfinished \
                 uploads takes them away, and so does `aws s3api abort-multipart-upload`.",
                self.shown
            ));
        }
    }
}

fn refused(doing: String, error: &ObjectError) -> anyhow::Error {
    let why = error.to_string();
    let refusal = |hint: &str| Refusal::new(doing.clone(), why.clone()).hint(hint);
    match error {
        ObjectError::Connect(_) => Refusal::new(doing, why),
        ObjectError::Clear { .. } => refusal(
            "give it an https:// endpoint, or set s3_allow_http = true in [aws] of the configuration file",
        ),
        ObjectError::NoCredentials(_) => refusal(
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; those of systems are not used for this",
        ),
        ObjectError::Encryption(_) => refusal("set s3_encryption in [aws] to AES256, aws:kms or aws:kms:dsse"),
        ObjectError::Name(_) => refusal(ADDRESS),
        ObjectError::NoAnswer(_) => Refusal::failed(doing, why).hint(
            "see which endpoint AWS_ENDPOINT_URL_S3 and `keyreeve doctor` name, and export again: an object is there \
             whole or not at all",
        ),
        ObjectError::Refused(_) => Refusal::failed(doing, why).hint(
            "see that the bucket is there and that these credentials may write to it, and export again: an object is \
             there whole or not at all",
        ),
    }
    .into()
}
