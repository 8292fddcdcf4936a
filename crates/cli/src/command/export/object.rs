//! Exports to S3, or to a store that speaks as S3 does. Endpoint and credentials are those of this process and its
//! configuration, never those of a system.

use std::time::Duration;

use keyreeve_aws::{Bucket, ConnectOptions, Credential, ObjectError, ObjectOptions, Upload};

use crate::command::Context;
use crate::exit::Refusal;
use crate::output::note;

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
            return Err(Refusal::new(shown, why)
                .hint("give s3://BUCKET/PREFIX/, or s3://BUCKET/NAME")
                .into());
        }
        let aws = &context.config.aws;
        let mut options = ConnectOptions::new(Credential::Ambient);
        options.environment = aws.additions_of_s3(&context.environment);
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
        Ok(Self { bucket, name: name.to_owned(), prefix: prefix.trim_end_matches('/').to_owned(), many })
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

    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let Self { upload, shown } = self;
        upload.end().await.map_err(|error| refused(format!("writing {shown}"), &error))?;
        note(&format!("Written to {shown}."));
        Ok(())
    }

    pub(crate) async fn abandon(self) {
        self.upload.abandon().await;
    }
}

fn refused(doing: String, error: &ObjectError) -> anyhow::Error {
    let why = error.to_string();
    match error {
        ObjectError::Connect(_) | ObjectError::Impossible(_) => Refusal::new(doing, why).into(),
        ObjectError::Clear { .. } => Refusal::new(doing, why)
            .hint("give it an https:// endpoint, or set s3_allow_http in [aws] of the configuration file")
            .into(),
        ObjectError::Refused(_) => Refusal::failed(doing, why)
            .hint("nothing of it was left there, and what was there before is as it was")
            .into(),
    }
}
