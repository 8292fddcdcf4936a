//! What refusals of the store mean to who asked over HTTP.

use axum::http::StatusCode;
use keyreeve_model::SystemId;
use keyreeve_store::StoreError;

use super::Problem;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (status, code) = status_of(&error);
        if status.is_server_error() {
            // What is wrong with the store is for whoever runs it: places and causes stay in the log.
            tracing::error!(error = %chain(&error), "the store failed");
            if matches!(error, StoreError::KeyChanged | StoreError::KeyNotFetched { .. }) {
                let detail = "this server holds a key that opens the store no more; nothing was done";
                return Self::new(status, code, detail)
                    .advice("restart `keyreeve serve` with the key that opens the store".to_owned());
            }
            let detail =
                "the store could not do this; what went wrong stands in the log under the request's id";
            return Self::new(status, code, detail);
        }
        let text = error.to_string();
        if let StoreError::NotImported { system_id, removed: false } = error {
            return Self::new(status, code, text).advice(import_first(&system_id));
        }
        // Some of what the store says ends with a command.
        let (what, command) = match text.rsplit_once("; `") {
            Some((what, command)) => (what, Some(format!("`{command}"))),
            None => (text.as_str(), None),
        };
        let problem = Self::new(status, code, what);
        match (command, over_rest(&error)) {
            (Some(command), Some(rest)) => problem.advice(format!("{command}; over REST, {rest}")),
            (Some(command), None) => problem.advice(command),
            (None, _) => problem,
        }
    }
}

/// What to do about a refusal for who has no command line.
fn over_rest(error: &StoreError) -> Option<String> {
    use StoreError as E;
    let of_system = |id: &SystemId, list: &str| format!("`GET /api/v1/systems/{id}/{list}` does");
    Some(match error {
        E::SystemNotFound { .. } => "`GET /api/v1/systems` does".to_owned(),
        E::ProfileNotFound { system_id, .. } => of_system(system_id, "import-profiles"),
        E::AccountNotFound { system_id, .. } => of_system(system_id, "accounts"),
        E::ProtectionNotFound { system_id, .. } => of_system(system_id, "protections"),
        E::RunNotFound { .. } | E::RunNotPublished { .. } => {
            "`GET /api/v1/systems/ID/import-runs` does".to_owned()
        }
        E::JobNotFound { .. } => "`GET /api/v1/systems/ID/jobs` does".to_owned(),
        E::IllegalMove { run, .. } => format!("`GET /api/v1/import-runs/{run}` does"),
        E::JobState { job, .. }
        | E::JobNotFailed { job, .. }
        | E::JobDismissed { job, .. }
        | E::JobDecided { job, .. } => {
            format!("`GET /api/v1/jobs/{job}` does")
        }
        E::OwnRejection { job, .. } => format!("`POST /api/v1/jobs/{job}/cancel`"),
        E::TokenNotFound { .. } => "`GET /api/v1/tokens` does".to_owned(),
        _ => return None,
    })
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
        E::AmbiguousAccount { .. } => (StatusCode::CONFLICT, "ambiguous"),
        E::JobNotFound { .. } => (StatusCode::NOT_FOUND, "job_not_found"),
        E::TaskNotFound { .. } => (StatusCode::NOT_FOUND, "task_not_found"),
        E::ProtectionNotFound { .. } => (StatusCode::NOT_FOUND, "protection_not_found"),
        E::SessionNotFound { .. } => (StatusCode::NOT_FOUND, "session_not_found"),
        E::PersonNotFound { .. } => (StatusCode::NOT_FOUND, "person_not_found"),
        E::TokenNotFound { .. } => (StatusCode::NOT_FOUND, "token_not_found"),
        E::NothingThen { .. } => (StatusCode::NOT_FOUND, "nothing_then"),
        E::HistoryNotKept { .. } => (StatusCode::NOT_FOUND, "history_not_kept"),
        E::NotImported { removed: true, .. } => (StatusCode::CONFLICT, "system_removed"),
        E::NotImported { removed: false, .. } => (StatusCode::CONFLICT, "not_imported"),
        E::DeliveryUsed | E::DeliverySuperseded | E::DeliveryGone => (StatusCode::GONE, "gone"),
        E::NameTaken { .. }
        | E::SystemIdTaken { .. }
        | E::TokenTaken { .. }
        | E::TokenMadeBefore { .. }
        | E::PersonTaken { .. }
        | E::ScimExternalIdTaken { .. } => (StatusCode::CONFLICT, "already_there"),
        E::SystemRemoved { .. } => (StatusCode::CONFLICT, "system_removed"),
        E::SystemQuarantined { .. } => (StatusCode::CONFLICT, "system_quarantined"),
        E::SystemSuspended { .. } => (StatusCode::CONFLICT, "system_suspended"),
        E::SystemChanged { .. } | E::ChangedSince { .. } => {
            (StatusCode::PRECONDITION_FAILED, "changed_since")
        }
        E::ProfileStays { .. } => (StatusCode::CONFLICT, "import_profile_stays"),
        E::SystemBusy { .. } | E::ImportRunning { .. } => (StatusCode::CONFLICT, "system_busy"),
        E::PinnedElsewhere { .. } => (StatusCode::CONFLICT, "other_aws_account"),
        E::RunNotPublished { .. } => (StatusCode::CONFLICT, "import_run_not_published"),
        E::DifferentSystems { .. } => (StatusCode::CONFLICT, "different_systems"),
        E::IllegalMove { .. }
        | E::JobState { .. }
        | E::JobNotFailed { .. }
        | E::JobDismissed { .. }
        | E::JobDecided { .. } => (StatusCode::CONFLICT, "wrong_state"),
        E::NothingToRetry { .. } => (StatusCode::CONFLICT, "nothing_to_retry"),
        E::OwnApproval { .. } | E::OwnRejection { .. } => (StatusCode::FORBIDDEN, "own_approval"),
        E::OwnAccount { .. } => (StatusCode::FORBIDDEN, "own_account"),
        E::LastAdmin { .. } => (StatusCode::CONFLICT, "last_admin"),
        E::PersonOfProvider { .. } => (StatusCode::CONFLICT, "person_of_provider"),
        E::DeletionUnderWay { .. } => (StatusCode::CONFLICT, "under_way"),
        E::OverCap { .. } => (StatusCode::CONFLICT, "over_cap"),
        E::Superseded { .. }
        | E::BaselineMoved { .. }
        | E::LeaseLost { .. }
        | E::TaskLeaseLost { .. }
        | E::PlaceLost { .. }
        | E::CredentialsReplaced { .. }
        | E::RequestTaken
        | E::RotationLost { .. } => (StatusCode::CONFLICT, "changed_meanwhile"),
        E::EvidenceAltered { .. }
        | E::AuditBroken { .. }
        | E::AuditAltered { .. }
        | E::CheckpointAltered { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "store_altered"),
        E::DiskFull { .. }
        | E::Unwritable { .. }
        | E::Unreachable { .. }
        | E::Database { .. }
        | E::KeyChanged
        | E::KeyNotFetched { .. } => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
        E::CommitUnknown { .. } => (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "store_failed"),
    }
}
