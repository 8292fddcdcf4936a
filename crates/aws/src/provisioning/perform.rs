//! From a step's call to the one request it is.

use keyreeve_connector::{Error, Performed};
use keyreeve_model::{Secret, StepCall};

use super::write::Write;
use super::{
    account, assignments, credentials, inline_policies, login_profile, mfa, permissions, tags_and_boundary,
};
use crate::error::Call;

/// Makes the call, or refuses it before anything is sent.
pub(super) async fn perform(
    iam: &aws_sdk_iam::Client,
    step: &StepCall,
    password: Option<&Secret>,
) -> Result<Performed, Error> {
    let mut call = Call::write(permissions::operation(step), subject(step));
    if let Some(password) = password {
        call = call.withholding(password);
    }
    let write = Write::new(iam, call, step.account())?;
    match (step, password) {
        (StepCall::CreateLoginProfile { .. }, Some(password)) => {
            login_profile::create(&write, password).await
        }
        (StepCall::UpdateLoginProfile { .. }, Some(password)) => {
            login_profile::update(&write, password).await
        }
        (_, Some(_)) => Err(write.call.refused("a password was given to a call that takes none")),
        (step, None) => without_password(&write, step).await,
    }
}

async fn without_password(write: &Write<'_>, step: &StepCall) -> Result<Performed, Error> {
    match step {
        StepCall::CreateAccount { path, tags, permissions_boundary, .. } => {
            account::create(write, path, tags, permissions_boundary.as_deref()).await
        }
        StepCall::UpdateAccount { new_name, new_path, .. } => {
            account::update(write, new_name.as_deref(), new_path.as_deref()).await
        }
        StepCall::DeleteAccount { .. } => account::delete(write).await,
        StepCall::CreateLoginProfile { .. } | StepCall::UpdateLoginProfile { .. } => {
            Err(write.call.refused("no password was given"))
        }
        StepCall::DeleteLoginProfile { .. } => login_profile::delete(write).await,
        StepCall::AddToGroup { group, .. } => assignments::add_to_group(write, group).await,
        StepCall::RemoveFromGroup { group, .. } => assignments::remove_from_group(write, group).await,
        StepCall::AttachPolicy { policy_arn, .. } => assignments::attach(write, policy_arn).await,
        StepCall::DetachPolicy { policy_arn, .. } => assignments::detach(write, policy_arn).await,
        StepCall::SetCredential { credential, active, .. } => {
            credentials::set(write, credential, *active).await
        }
        StepCall::DeleteCredential { credential, .. } => credentials::delete(write, credential).await,
        StepCall::DeactivateMfaDevice { serial, .. } => mfa::deactivate(write, serial).await,
        StepCall::DeleteVirtualMfaDevice { serial, .. } => mfa::delete_virtual(write, serial).await,
        StepCall::DeleteInlinePolicy { name, .. } => inline_policies::delete(write, name).await,
        StepCall::TagAccount { tags, .. } => tags_and_boundary::tag(write, tags).await,
        StepCall::UntagAccount { keys, .. } => tags_and_boundary::untag(write, keys).await,
        StepCall::SetBoundary { policy_arn, .. } => tags_and_boundary::set_boundary(write, policy_arn).await,
        StepCall::RemoveBoundary { .. } => tags_and_boundary::remove_boundary(write).await,
    }
}

/// What an error names: the account, and what else the call is about.
fn subject(step: &StepCall) -> String {
    match step.object() {
        Some(object) => format!("{}, {object}", step.account()),
        None => step.account().to_owned(),
    }
}
