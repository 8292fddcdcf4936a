//! A new console password, to be changed at the next sign-in.

use keyreeve_model::{ObstacleKind, StepCall, StepReason};

use crate::plan::draft::TaskDraft;
use crate::plan::facts::AccountFact;
use crate::plan::first_sign_in;

/// Replaces the password, or makes one where there is none.
pub(in crate::plan) fn plan(draft: &mut TaskDraft<'_>, account: &AccountFact) {
    let name = account.name.clone();
    let Some(present) = account.login_profile.read().copied() else {
        draft.refuse(
            ObstacleKind::NotVisible,
            format!("whether {name} has a console password could not be read"),
        );
        return;
    };
    let before = first_sign_in::steps(draft, account, &[], &[], &[]);
    let call = if present {
        StepCall::UpdateLoginProfile { account: name.clone() }
    } else {
        let why = format!("{name} has no console password: it gets one, and with it console access");
        draft.notice(ObstacleKind::NotFound, why);
        StepCall::CreateLoginProfile { account: name.clone() }
    };
    draft.step(call, StepReason::TaskMapping, &before);
}
