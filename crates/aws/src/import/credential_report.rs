//! The credential report: asking for it, fetching it, and reading its CSV.

mod row;

use aws_sdk_iam::types::ReportStateType;
use keyreeve_connector::{CredentialReport, CredentialReportState, Error};

use crate::error::Call;
use crate::time::timestamp;

pub(crate) async fn generate(iam: &aws_sdk_iam::Client) -> Result<CredentialReportState, Error> {
    let call = Call::read("GenerateCredentialReport", None);
    let answer = iam.generate_credential_report().send().await.map_err(|error| call.failed(error))?;
    match answer.state() {
        Some(ReportStateType::Complete) => Ok(CredentialReportState::Complete),
        Some(ReportStateType::Started | ReportStateType::Inprogress) => Ok(CredentialReportState::InProgress),
        _ => Err(call.unusable("State")),
    }
}

pub(crate) async fn get(iam: &aws_sdk_iam::Client) -> Result<CredentialReport, Error> {
    let call = Call::read("GetCredentialReport", None);
    let answer = iam.get_credential_report().send().await.map_err(|error| call.failed(error))?;
    let generated_at = answer.generated_time().and_then(timestamp);
    let generated_at = generated_at.ok_or_else(|| call.unusable("GeneratedTime"))?;
    let content = answer.content().ok_or_else(|| call.unusable("Content"))?;
    let parsed = row::parse(content.as_ref()).map_err(|column| call.unusable(column))?;
    Ok(CredentialReport {
        generated_at,
        rows: parsed.rows,
        unusable_rows: parsed.unusable,
        account_ids: parsed.account_ids,
    })
}

/// How many rows of a report can be used; `None` where it is no report.
pub(super) fn usable_rows(csv: &[u8]) -> Option<usize> {
    row::parse(csv).ok().map(|parsed| parsed.rows.len())
}
