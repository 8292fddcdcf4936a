//! The listing of managed policies.

use aws_sdk_iam::types::{Policy, PolicyScopeType};
use keyreeve_connector::{Error, Marker, Page, PolicyEntry};
use keyreeve_model::{ManagedBy, PolicyScope};

use crate::arn::Arn;
use crate::error::Call;
use crate::page::{PAGE_SIZE, PageBuilder};

pub(crate) async fn list(
    iam: &aws_sdk_iam::Client,
    scope: PolicyScope,
    after: Option<&Marker>,
) -> Result<Page<PolicyEntry>, Error> {
    let call = Call::read("ListPolicies", None);
    let request = iam.list_policies().max_items(PAGE_SIZE).set_marker(after.map(|marker| marker.0.clone()));
    let request = match scope {
        PolicyScope::All => request.scope(PolicyScopeType::All),
        PolicyScope::Customer => request.scope(PolicyScopeType::Local),
        PolicyScope::Attached => request.scope(PolicyScopeType::All).only_attached(true),
    };
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.policies().len());
    for policy in answer.policies() {
        page.push(entry(&call, policy)?, |entry| &entry.arn)?;
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}

fn entry(call: &Call, policy: &Policy) -> Result<PolicyEntry, Error> {
    let arn = call.required("Arn", policy.arn())?;
    let owner = Arn::parse(arn).ok_or_else(|| call.unusable("Arn"))?;
    Ok(PolicyEntry {
        external_id: call.external_id("PolicyId", policy.policy_id())?,
        name: call.required("PolicyName", policy.policy_name())?.to_owned(),
        path: call.required("Path", policy.path())?.to_owned(),
        arn: arn.to_owned(),
        managed_by: if owner.is_aws_owned() { ManagedBy::Aws } else { ManagedBy::Customer },
        attachable: policy.is_attachable(),
        default_version: policy.default_version_id().map(str::to_owned),
    })
}
