//! Managed policies with the documents of their versions.

use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, PolicyVersion};
use keyreeve_connector::{Error, Marker, Page, PolicyDetail, PolicyVersionDetail};
use keyreeve_model::{ExternalId, PolicyScope};

use crate::error::Call;
use crate::page::PageBuilder;
use crate::policy_document::decode;
use crate::time::timestamp;

/// So many policies are asked for at once. Each has up to five versions of some thousand characters, and a page is in
/// memory as a whole.
const PAGE_SIZE: i32 = 200;

pub(crate) async fn list(
    iam: &aws_sdk_iam::Client,
    scope: PolicyScope,
    after: Option<&Marker>,
) -> Result<Page<PolicyDetail>, Error> {
    let call = Call::read("GetAccountAuthorizationDetails", None);
    let mut request = iam
        .get_account_authorization_details()
        .max_items(PAGE_SIZE)
        .set_marker(after.map(|marker| marker.0.clone()))
        .filter(EntityType::LocalManagedPolicy);
    if scope != PolicyScope::Customer {
        request = request.filter(EntityType::AwsManagedPolicy);
    }
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let policies = answer.policies.unwrap_or_default();
    let mut page = PageBuilder::new(&call, policies.len());
    for policy in policies {
        page.push(detail(&call, policy)?, |policy| &policy.arn)?;
    }
    Ok(page.finish(answer.is_truncated, answer.marker.as_deref()))
}

fn detail(call: &Call, policy: ManagedPolicyDetail) -> Result<PolicyDetail, Error> {
    let versions = policy.policy_version_list.unwrap_or_default();
    Ok(PolicyDetail {
        external_id: policy.policy_id.as_deref().and_then(|id| ExternalId::new(id).ok()),
        arn: call.taken("Arn", policy.arn)?,
        versions: versions.into_iter().map(|one| version(call, one)).collect::<Result<_, _>>()?,
    })
}

fn version(call: &Call, version: PolicyVersion) -> Result<PolicyVersionDetail, Error> {
    Ok(PolicyVersionDetail {
        version_id: call.taken("VersionId", version.version_id)?,
        created_at: version.create_date.as_ref().and_then(timestamp),
        document: version.document.as_deref().and_then(decode),
    })
}
