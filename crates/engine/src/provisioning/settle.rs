//! How a call whose answer was lost is settled.

use keyreeve_model::StepCall;

/// The way to certainty about a lost answer (`reliability` table of read-backs; IAM's idempotency as recorded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settle {
    /// The call may simply be made again: a second time it changes nothing.
    Repeat,
    /// Nobody can read a password: make another one, and let the lost one be forgotten.
    NewPassword,
    /// Look, and until the write would have to be visible do not conclude that it did not happen.
    LookPatiently,
    /// Look; if it is not so, make the call again, which is harmless.
    LookOnce,
}

/// How a call is settled.
pub(super) fn settle(call: &StepCall) -> Settle {
    match call {
        StepCall::CreateAccount { .. }
        | StepCall::UpdateAccount { .. }
        | StepCall::CreateLoginProfile { .. } => Settle::LookPatiently,
        StepCall::DeleteAccount { .. }
        | StepCall::DeleteLoginProfile { .. }
        | StepCall::AddToGroup { .. }
        | StepCall::RemoveFromGroup { .. }
        | StepCall::AttachPolicy { .. }
        | StepCall::DetachPolicy { .. } => Settle::LookOnce,
        StepCall::UpdateLoginProfile { .. } => Settle::NewPassword,
        StepCall::SetCredential { .. }
        | StepCall::DeleteCredential { .. }
        | StepCall::DeactivateMfaDevice { .. }
        | StepCall::DeleteVirtualMfaDevice { .. }
        | StepCall::DeleteInlinePolicy { .. }
        | StepCall::TagAccount { .. }
        | StepCall::UntagAccount { .. }
        | StepCall::SetBoundary { .. }
        | StepCall::RemoveBoundary { .. } => Settle::Repeat,
    }
}
