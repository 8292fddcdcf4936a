//! Where on its way a task passes the points at which a test can end the process.

use std::pin::pin;
use std::time::Duration;

use keyreeve_store::{CrashPoint, JournalEvent};

/// After so long a call has been sent, if a test keeps its answer back.
const SENT_WITHIN: Duration = Duration::from_millis(400);

/// The points around a commit of these events.
pub(super) fn around(events: &[JournalEvent]) -> (CrashPoint, CrashPoint) {
    let any = |which: fn(&JournalEvent) -> bool| events.iter().any(which);
    if any(|event| matches!(event, JournalEvent::Finish { .. })) {
        (CrashPoint::BeforeEndCommit, CrashPoint::AfterEndCommit)
    } else if any(|event| matches!(event, JournalEvent::Postpone { .. })) {
        (CrashPoint::BeforePostponeCommit, CrashPoint::AfterPostponeCommit)
    } else if any(|event| matches!(event, JournalEvent::ReplaceSteps { .. })) {
        (CrashPoint::BeforeReplanCommit, CrashPoint::AfterReplanCommit)
    } else if any(|event| matches!(event, JournalEvent::Attempt { .. })) {
        (CrashPoint::BeforeAttemptCommit, CrashPoint::AfterAttemptCommit)
    } else {
        (CrashPoint::BeforeResultCommit, CrashPoint::AfterResultCommit)
    }
}

/// Waits for the answer to a call that has been made.
pub(super) async fn answered<T>(answer: impl Future<Output = T>) -> T {
    if !CrashPoint::AfterSend.is_wanted() {
        return answer.await;
    }
    let mut answer = pin!(answer);
    if let Ok(answer) = tokio::time::timeout(SENT_WITHIN, &mut answer).await {
        return answer;
    }
    CrashPoint::AfterSend.pass();
    answer.await
}
