//! Where on its way a task passes the points at which a test can end the process.

use std::pin::pin;
use std::time::Duration;

use keyreeve_store::{CrashPoint, JournalEvent};

/// After so long a call has been sent, if a test keeps its answer back.
const SENT_WITHIN: Duration = Duration::from_millis(400);

/// The points around a commit of these events: those of outcomes, if others are written with them, and then theirs.
pub(super) fn around(events: &[JournalEvent]) -> Vec<(CrashPoint, CrashPoint)> {
    let any = |which: fn(&JournalEvent) -> bool| events.iter().any(which);
    let of_others = if any(|event| matches!(event, JournalEvent::Finish { .. })) {
        Some((CrashPoint::BeforeEndCommit, CrashPoint::AfterEndCommit))
    } else if any(|event| matches!(event, JournalEvent::Postpone { .. })) {
        Some((CrashPoint::BeforePostponeCommit, CrashPoint::AfterPostponeCommit))
    } else if any(|event| matches!(event, JournalEvent::ReplaceSteps { .. })) {
        Some((CrashPoint::BeforeReplanCommit, CrashPoint::AfterReplanCommit))
    } else if any(|event| matches!(event, JournalEvent::Attempt { .. })) {
        Some((CrashPoint::BeforeAttemptCommit, CrashPoint::AfterAttemptCommit))
    } else {
        None
    };
    let outcome = any(|event| matches!(event, JournalEvent::Outcome { .. })) || of_others.is_none();
    let of_outcome = (CrashPoint::BeforeResultCommit, CrashPoint::AfterResultCommit);
    outcome.then_some(of_outcome).into_iter().chain(of_others).collect()
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
