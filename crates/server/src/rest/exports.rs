//! `/systems/{system_id}/exports/{what}` and `/exports/audit`: all of something as a file, streamed.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream::{Stream, unfold};
use jiff::Timestamp;
use keyreeve_engine::export::{Export, ExportAsked, ExportError, Format, What, disposition};
use keyreeve_engine::rights::Right;
use keyreeve_model::SystemId;
use keyreeve_store::{AsOf, AuditFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::{numbered, spanned};
use super::moment::{beginning, one_of};
use crate::auth::Caller;
use crate::body::{InPath, InQuery};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// How it is written, and of which moment it speaks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// CSV, JSON lines or Parquet; CSV if it is left out.
    #[param(inline)]
    #[serde(default)]
    format: Option<Format>,
    /// Leaves cells of CSV as they are, also those that a spreadsheet takes for formulas.
    #[serde(default)]
    raw: bool,
    /// What was published at that time, or by the end of that day (UTC): of accounts, resources, assignments and changes.
    #[param(value_type = Option<jiff::Timestamp>)]
    as_of: Option<String>,
    /// What that import run said.
    run: Option<i64>,
    /// Of the audit log: only from this time, or the beginning of this day (UTC), on.
    #[param(value_type = Option<String>, max_length = 64, example = "2026-05-01")]
    #[serde(default, deserialize_with = "beginning")]
    since: Option<Timestamp>,
    /// Of the audit log: only before this time, or the beginning of this day (UTC).
    #[param(value_type = Option<String>, max_length = 64, example = "2026-05-01T12:00:00Z")]
    #[serde(default, deserialize_with = "beginning")]
    until: Option<Timestamp>,
    /// Of the audit log: only rows after this one.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// How all of the audit log is written, and which rows of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rows {
    /// CSV, JSON lines or Parquet; CSV if it is left out.
    #[param(inline)]
    #[serde(default)]
    format: Option<Format>,
    /// Leaves cells of CSV as they are, also those that a spreadsheet takes for formulas.
    #[serde(default)]
    raw: bool,
    /// Only from this time, or the beginning of this day (UTC), on.
    #[param(value_type = Option<String>, max_length = 64, example = "2026-05-01")]
    #[serde(default, deserialize_with = "beginning")]
    since: Option<Timestamp>,
    /// Only before this time, or the beginning of this day (UTC).
    #[param(value_type = Option<String>, max_length = 64, example = "2026-05-01T12:00:00Z")]
    #[serde(default, deserialize_with = "beginning")]
    until: Option<Timestamp>,
    /// Only rows after this one.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// Gives all of something that is known of a system, as a file. Accounts, resources, assignments and changes are what one
/// import run said, whatever is published meanwhile. When something fails on the way, the transfer breaks off.
#[utoipa::path(
    get, path = "/systems/{system_id}/exports/{what}", tag = "exports",
    params(("system_id" = SystemId, Path), ("what" = What, Path), Asked),
    responses(
        (status = 200, description = "The file.", content((String = "text/csv"),
            (String = "application/jsonl"), (Vec<u8> = "application/vnd.apache.parquet")),
            headers(("Content-Disposition" = String))),
        Refused
    )
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, what)): InPath<(SystemId, What)>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Response, Problem> {
    caller.require(Right::Read, &system_id)?;
    let as_of = one_of(asked.as_of.as_deref(), asked.run, parts.clock.now())?;
    let format = asked.format.unwrap_or_default();
    let Asked { raw, since, until, after, .. } = asked;
    numbered(after, None)?;
    spanned(since, until)?;
    let export = match what {
        What::Audit if as_of == AsOf::Now => {
            let rows =
                AuditFilter { system_id: Some(system_id), since, until, after, ..AuditFilter::default() };
            Export::of_audit(parts.store.clone(), rows, format, raw).await?
        }
        _ if since.is_some() || until.is_some() || after.is_some() => {
            return Err(Problem::bad_request("since, until and after choose rows of the audit log alone"));
        }
        what => {
            let asked = ExportAsked { system_id, what, as_of, format, raw };
            Export::begin(parts.store.clone(), asked).await?
        }
    };
    Ok(streamed(export.made_at(parts.clock.now()), format))
}

/// Gives the audit log as a file: of all systems, and what is about none.
#[utoipa::path(
    get, path = "/exports/audit", tag = "exports", params(Rows),
    responses(
        (status = 200, description = "The file.", content((String = "text/csv"),
            (String = "application/jsonl"), (Vec<u8> = "application/vnd.apache.parquet")),
            headers(("Content-Disposition" = String))),
        Refused
    )
)]
pub(crate) async fn audit(
    caller: Caller,
    State(parts): State<Parts>,
    InQuery(Rows { format, raw, since, until, after }): InQuery<Rows>,
) -> Result<Response, Problem> {
    caller.require_everywhere(Right::Read)?;
    let format = format.unwrap_or_default();
    numbered(after, None)?;
    spanned(since, until)?;
    let rows = AuditFilter { since, until, after, ..AuditFilter::default() };
    let export = Export::of_audit(parts.store.clone(), rows, format, raw).await?;
    Ok(streamed(export.made_at(parts.clock.now()), format))
}

fn streamed(export: Export, format: Format) -> Response {
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Jsonl => "application/jsonl",
        Format::Parquet => "application/vnd.apache.parquet",
    };
    let name = disposition(&export.file_name());
    let mut answer = Body::from_stream(pieces(export)).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    answer
}

/// The pieces as they are asked for: nothing is read ahead, and nobody reads on when the other end has gone.
fn pieces(export: Export) -> impl Stream<Item = Result<Bytes, ExportError>> {
    unfold(Some(export), |export| async move {
        let mut export = export?;
        match export.next().await {
            Ok(Some(piece)) => Some((Ok(Bytes::from(piece)), Some(export))),
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "an export breaks off");
                // An error ends the connection in the middle of the body, so that nobody takes it for the whole.
                Some((Err(error), None))
            }
        }
    })
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        use axum::http::StatusCode;
        let detail = error.to_string();
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::NoMoment(_) | ExportError::OneRun | ExportError::NoSystem(_) => {
                Self::bad_request(detail)
            }
            ExportError::Unwritable(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "not_written_down", detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt;
    use keyreeve_model::{CredentialKind, SystemName, SystemSettings};
    use keyreeve_store::{DatabaseUrl, NewSystem, Store, StoreKey, SystemPatch};

    use super::*;

    #[tokio::test]
    async fn a_transfer_breaks_off_where_the_store_fails() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let at = Timestamp::UNIX_EPOCH;
        let store = Arc::new(Store::create(&url, StoreKey::generate().unwrap(), at).await.unwrap());
        let system_id = SystemId::new("prod").unwrap();
        let new = NewSystem {
            system_id: system_id.clone(),
            name: SystemName::new("Prod").unwrap(),
            category: "AWS".to_owned(),
            region: None,
            credential: CredentialKind::Ambient,
            secret: None,
            aws_account_id: None,
            partition: None,
            settings: SystemSettings::default(),
        };
        store.create_system(new, "local:test", at).await.unwrap();
        for category in ["a", "b"] {
            let patch = SystemPatch { category: Some(category.to_owned()), ..SystemPatch::default() };
            store.update_system(&system_id, patch, "local:test", at).await.unwrap();
        }
        let asked =
            ExportAsked { system_id, what: What::Audit, as_of: AsOf::Now, format: Format::Csv, raw: false };
        let export = Export::begin(store.clone(), asked).await.unwrap().at_once(1);
        let mut body = Body::from_stream(pieces(export));
        for _ in 0..2 {
            assert!(body.frame().await.unwrap().unwrap().is_data());
        }
        store.close().await;
        // An error, and not the end: HTTP then closes the connection before the last chunk.
        assert!(body.frame().await.unwrap().is_err());
    }
}
