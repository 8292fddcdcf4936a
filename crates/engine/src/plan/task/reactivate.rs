//! Giving back what a deactivation of ours took, and nothing else.

use keyreeve_model::{Hint, JobId, ObstacleKind, StepCall, StepReason, TaskState};

use crate::plan::draft::TaskDraft;
use crate::plan::facts::{AccountFact, Seen};
use crate::plan::first_sign_in;

/// The deny-all policy goes first, because under it the new password could not be changed; then the credentials that
/// were on are switched on, then a new console password is made where there was one.
pub(in crate::plan) fn plan(draft: &mut TaskDraft<'_>, account: &AccountFact) {
    let name = account.name.clone();
    let Some(manifest) = account.manifest.clone() else {
        if let Some((job, state)) = account.unfinished_deactivation {
            draft.refuse(ObstacleKind::NotFound, unfinished(&name, job, state));
            return;
        }
        draft.refuse(
            ObstacleKind::NotFound,
            format!(
                "Keyreeve has not deactivated {name}, so it does not know what to give back; {} gives it a console \
                 password",
                Hint::ResetPassword
            ),
        );
        return;
    };
    let mut before = Vec::new();
    if let Some(arn) = manifest.deny_all_policy.as_ref().filter(|arn| account.policies.contains(*arn)) {
        let call = StepCall::DetachPolicy { account: name.clone(), policy_arn: arn.clone() };
        before.push(draft.step(call, StepReason::Reactivation, &[]));
    }
    for credential in &manifest.credentials {
        match &account.credentials {
            Seen::Read(credentials) if !credentials.contains_key(credential) => {
                let what = credential.kind.as_str();
                let why = format!("the {what} {} of {name} is gone and cannot be given back", credential.id);
                draft.notice(ObstacleKind::NotFound, why);
            }
            Seen::Read(credentials) if credentials.get(credential) == Some(&true) => {}
            _ => {
                let call = StepCall::SetCredential {
                    account: name.clone(),
                    credential: credential.clone(),
                    active: true,
                };
                draft.step(call, StepReason::Reactivation, &before);
            }
        }
    }
    match (manifest.login_profile, account.login_profile.read()) {
        (true, Some(false)) => {
            let before = first_sign_in::steps(draft, account, &[], &[], &before);
            draft.step(StepCall::CreateLoginProfile { account: name }, StepReason::TaskMapping, &before);
        }
        (true, Some(true)) => {
            let why = format!("{name} has been given a console password since; it stays");
            draft.notice(ObstacleKind::NothingToDo, why);
        }
        (true, None) => {
            draft.refuse(
                ObstacleKind::NotVisible,
                format!("whether {name} has a console password could not be read"),
            );
        }
        (false, _) => {}
    }
}

/// What to do about a deactivation that is not over.
fn unfinished(name: &str, job: JobId, state: TaskState) -> String {
    let finish = match state {
        TaskState::AwaitingApproval => Hint::ApproveJob(job),
        TaskState::Failed | TaskState::NeedsPerson => Hint::RetryJob(job),
        _ => Hint::ApplyJob(job),
    };
    let show = Hint::ShowJob(job);
    format!(
        "the deactivation of {name} in job {job} is not finished ({}), so what to give back is not settled; \
         {show} says how far it got: finish it with {finish}, then ask for the reactivation again",
        state.as_str()
    )
}
