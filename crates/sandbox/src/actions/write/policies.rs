//! Customer managed policies and their versions. AWS's own cannot be changed.

use super::documents::{self, size};
use super::{Done, Written, delete_conflict, tags};
use crate::actions::Call;
use crate::actions::policies::{Shown, no_such_version};
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, exceeded, room};
use crate::state::{Policy, State, no_such_policy};

fn document<'a>(call: &'a Call<'_>) -> Result<&'a str, ApiError> {
    let document = documents::permissions(call.params, "PolicyDocument")?;
    if size(document) > quotas::POLICY_SIZE {
        return Err(exceeded(format!("Cannot exceed quota for PolicySize: {}", quotas::POLICY_SIZE)));
    }
    Ok(document)
}

pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let name = call.params.required("PolicyName", Kind::Name)?;
    let path = call.params.optional("Path", Kind::PolicyPath)?.unwrap_or("/");
    let description = call.params.optional("Description", Kind::Description)?;
    let tags = tags::read(call.params)?;
    let document = document(call)?;
    room(state.policies.len(), quotas::CUSTOMER_POLICIES, "PoliciesPerAccount")?;
    let arn = state.create_policy(name, path, document, call.now)?;
    let policy = state.customer_policy_mut(&arn)?;
    policy.description = description.map(str::to_owned);
    policy.tags = tags;
    let policy = policy.clone();
    Ok(Done::made(&arn, |xml| xml.element("Policy", |xml| Shown::own(state, &policy).write(xml))))
}

/// The account's own policy that is named; nobody may change another.
fn own<'a>(call: &'a Call<'_>) -> Result<(&'a str, &'a Policy), ApiError> {
    let arn = call.params.required("PolicyArn", Kind::Arn)?;
    if call.state.aws_policy(arn).is_some() {
        let action = format!("iam:{}", call.action);
        return Err(ApiError::access_denied(&call.caller.arn, &action, &format!("policy {arn}")));
    }
    let policy = call.state.customer_policy(arn).ok_or_else(|| no_such_policy(arn))?;
    Ok((arn, policy))
}

/// The own policy and the number of its version that is named.
fn version<'a>(call: &'a Call<'_>) -> Result<(&'a str, &'a Policy, u32), ApiError> {
    let wanted = call.params.required("VersionId", Kind::VersionId)?;
    let (arn, policy) = own(call)?;
    let mut numbers = policy.versions.iter().map(|version| version.number);
    let found = numbers.find(|number| format!("v{number}") == wanted);
    Ok((arn, policy, found.ok_or_else(|| no_such_version(arn, wanted))?))
}

pub(in crate::actions) fn create_version(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, policy) = own(call)?;
    let document = document(call)?;
    let default = call.params.flag("SetAsDefault")?;
    if policy.versions.len() >= quotas::VERSIONS_PER_POLICY {
        return Err(exceeded(format!(
            "A managed policy can have up to {} versions. Before you create a new version, you must delete an \
             existing version.",
            quotas::VERSIONS_PER_POLICY
        )));
    }
    let number = state.customer_policy_mut(arn)?.add_version(document, default, call.now);
    Ok(Done::made(&format!("v{number}"), |xml| {
        xml.element("PolicyVersion", |xml| {
            xml.text("VersionId", &format!("v{number}"));
            xml.flag("IsDefaultVersion", default);
            xml.time("CreateDate", call.now);
        });
    }))
}

pub(in crate::actions) fn set_default_version(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, policy, number) = version(call)?;
    let changed = policy.default_version != number;
    let policy = state.customer_policy_mut(arn)?;
    policy.default_version = number;
    if changed {
        policy.updated = call.now;
    }
    Ok(Done::silent(changed))
}

/// The default version goes with the policy only.
pub(in crate::actions) fn delete_version(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, policy, number) = version(call)?;
    if policy.default_version == number {
        return Err(delete_conflict("Cannot delete the default version of a policy."));
    }
    state.customer_policy_mut(arn)?.versions.retain(|version| version.number != number);
    Ok(Done::silent(true))
}

/// Not while it is attached to anybody, is anybody's boundary, or has other versions than the default.
pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let (arn, policy) = own(call)?;
    let usage = call.state.usage_of(arn);
    if usage.attachments > 0 || usage.boundaries > 0 {
        return Err(delete_conflict("Cannot delete a policy attached to entities."));
    }
    if policy.versions.len() > 1 {
        return Err(delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's \
             versions. The default version is deleted with the policy.",
        ));
    }
    state.remove_policy(arn)?;
    Ok(Done::silent(true))
}
