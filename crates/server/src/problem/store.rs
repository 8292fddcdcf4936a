//! What refusals of the store mean to who asked over HTTP.

use axum::http::StatusCode;
use keyreeve_store::StoreError;

use super::Problem;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (status, code) = status_of(&error);
        if status.is_server_error() {
            // What is wrong with the store is for whoever runs it: places and causes stay in the log.
            tracing::error!(error = %chain(&error), "the store failed");
            let detail =
                "the store could not do this; what went wrong stands in the log under the request's id";
            return Self::new(status, code, detail);
        }
        let problem = Self::new(status, code, error.to_string());
        match error {
            StoreError::NotImported { system_id } => problem.advice(import_first(&system_id)),
            _ => problem,
        }
    }
}

/// What to do about a system that was never imported.
pub(crate) fn import_first(system_id: &dyn std::fmt::Display) -> String {
    format!(
        "import it first: `keyreeve import run {system_id}`, or `POST /api/v1/systems/{system_id}/import-runs`"
    )
}

fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn status_of(error: &StoreError) -> (StatusCode, &'static str) {
    use StoreError as E;
    match error {
        E::SystemNotFound { .. } => (StatusCode::NOT_FOUND, "system_not_found"),
        E::ProfileNotFound { .. } => (StatusCode::NOT_FOUND, "import_profile_not_found"),
        E::RunNotFound { .. } => (StatusCode::NOT_FOUND, "import_run_not_found"),
        E::AccountNotFound { .. } => (StatusCode::NOT_FOUND, "account_not_found"),
        E::JobNotFound { .. } => (StatusCode::NOT_FOUND, "job_not_found"),
        E::TaskNotFound { .. } => (StatusCode::NOT_FOUND, "task_not_found"),
        E::ProtectionNotFound { .. } => (StatusCode::NOT_FOUND, "protection_not_found"),
        E::SessionNotFound { .. } => (StatusCode::NOT_FOUND, "session_not_found"),
        E::PersonNotFound { .. } => (StatusCode::NOT_FOUND, "person_not_found"),
        E::TokenNotFound { .. } => (StatusCode::NOT_FOUND, "token_not_found"),
        E::NothingThen { .. } => (StatusCode::NOT_FOUND, "nothing_then"),
        E::NotImported { .. } => (StatusCode::CONFLICT, "not_imported"),
        E::DeliveryUsed | E::DeliverySuperseded | E::DeliveryGone => (StatusCode::GONE, "gone"),
        E::NameTaken { .. }
        | E::SystemIdTaken { .. }
        | E::TokenTaken { .. }
        | E::PersonTaken { .. }
        | E::ScimExternalIdTaken { .. } => (StatusCode::CONFLICT, "already_there"),
        E::SystemRemoved { .. } => (StatusCode::CONFLICT, "system_removed"),
        E::SystemQuarantined { .. } => (StatusCode::CONFLICT, "system_quarantined"),
        E::SystemSuspended { .. } => (StatusCode::CONFLICT, "system_suspended"),
        E::SystemChanged { .. } => (StatusCode::PRECONDITION_FAILED, "changed_since"),
        E::ProfileStays { .. } => (StatusCode::CONFLICT, "import_profile_stays"),
        E::SystemBusy { .. } | E::ImportRunning { .. } => (StatusCode::CONFLICT, "system_busy"),
        E::PinnedElsewhere { .. } => (StatusCode::CONFLICT, "other_aws_account"),
        E::RunNotPublished { .. } => (StatusCode::CONFLICT, "import_run_not_published"),
        E::DifferentSystems { .. } => (StatusCode::CONFLICT, "different_systems"),
        E::IllegalMove { .. } | E::JobState { .. } => (StatusCode::CONFLICT, "wrong_state"),
        E::NothingToRetry { .. } => (StatusCode::CONFLICT, "nothing_to_retry"),
        E::OwnApproval { .. } => (StatusCode::FORBIDDEN, "own_approval"),
        E::OwnAccount { .. } => (StatusCode::FORBIDDEN, "own_account"),
        E::LastAdmin { .. } => (StatusCode::CONFLICT, "last_admin"),
        E::PersonOfProvider { .. } => (StatusCode::CONFLICT, "person_of_provider"),
        E::OverCap { .. } => (StatusCode::CONFLICT, "over_cap"),
        E::Superseded { .. }
        | E::BaselineMoved { .. }
        | E::LeaseLost { .. }
        | E::TaskLeaseLost { .. }
        | E::CredentialsReplaced { .. }
        | E::RequestTaken
        | E::RotationLost { .. } => (StatusCode::CONFLICT, "changed_meanwhile"),
        E::EvidenceAltered { .. } | E::AuditBroken { .. } | E::AuditAltered { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "store_altered")
        }
        E::DiskFull { .. } | E::Unwritable { .. } | E::Unreachable { .. } | E::Database { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable")
        }
        E::CommitUnknown { .. } => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "store_failed"),
    }
}
