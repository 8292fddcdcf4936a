//! What a step that was applied lets us claim.

use keyreeve_model::{ClaimFact, StepCall};

/// The facts an import should confirm.
pub(super) fn claims(call: &StepCall) -> Vec<ClaimFact> {
    match call {
        StepCall::CreateAccount { .. } => vec![ClaimFact::AccountExists],
        StepCall::UpdateAccount { new_name, new_path, .. } => {
            let name = new_name.clone().map(|name| ClaimFact::Named { name });
            let path = new_path.clone().map(|path| ClaimFact::Path { path });
            name.into_iter().chain(path).collect()
        }
        StepCall::DeleteAccount { .. } => vec![ClaimFact::AccountGone],
        StepCall::CreateLoginProfile { .. } | StepCall::UpdateLoginProfile { .. } => {
            vec![ClaimFact::LoginProfilePresent]
        }
        StepCall::DeleteLoginProfile { .. } => vec![ClaimFact::LoginProfileAbsent],
        StepCall::AddToGroup { group, .. } => vec![ClaimFact::InGroup { group: group.clone() }],
        StepCall::RemoveFromGroup { group, .. } => vec![ClaimFact::NotInGroup { group: group.clone() }],
        StepCall::AttachPolicy { policy_arn, .. } => {
            vec![ClaimFact::HasPolicy { policy_arn: policy_arn.clone() }]
        }
        StepCall::DetachPolicy { policy_arn, .. } => {
            vec![ClaimFact::LacksPolicy { policy_arn: policy_arn.clone() }]
        }
        _ => Vec::new(),
    }
}
