//! The documents of policies, as the authorization details bring them.

use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, PolicyDetail};
use keyreeve_connector::{Error, Marker, Page, PolicyDocument, PolicyHolder, RoleDetail};
use keyreeve_model::PolicyScope;

use crate::arn::name_of;
use crate::error::Call;
use crate::page::{PAGE_SIZE, PageBuilder};
use crate::policy_document::decode;

/// Inline policies of users and groups, and customer managed policies; unless the scope is these, those of AWS that are
/// attached to anything as well. A page of users without inline policies is empty although more follow.
pub(super) async fn list(
    iam: &aws_sdk_iam::Client,
    scope: PolicyScope,
    after: Option<&Marker>,
) -> Result<Page<PolicyDocument>, Error> {
    let call = Call::read("GetAccountAuthorizationDetails", None);
    let mut request = iam.get_account_authorization_details().max_items(PAGE_SIZE);
    for kind in [EntityType::User, EntityType::Group, EntityType::LocalManagedPolicy] {
        request = request.filter(kind);
    }
    if scope != PolicyScope::Customer {
        request = request.filter(EntityType::AwsManagedPolicy);
    }
    let request = request.set_marker(after.map(|marker| marker.0.clone()));
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.policies().len());
    for user in answer.user_detail_list() {
        let holder = PolicyHolder::Account(call.required("UserName", user.user_name())?.to_owned());
        inline(&call, &mut page, user.arn(), &holder, user.user_policy_list())?;
    }
    for group in answer.group_detail_list() {
        let holder = PolicyHolder::Group(call.required("GroupName", group.group_name())?.to_owned());
        inline(&call, &mut page, group.arn(), &holder, group.group_policy_list())?;
    }
    for policy in answer.policies() {
        page.note(policy.arn().unwrap_or_default())?;
        page.add(managed(&call, policy)?);
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}

/// Roles with what they hold.
pub(super) async fn list_roles(
    iam: &aws_sdk_iam::Client,
    after: Option<&Marker>,
) -> Result<Page<RoleDetail>, Error> {
    let call = Call::read("GetAccountAuthorizationDetails", None);
    let request = iam.get_account_authorization_details().max_items(PAGE_SIZE).filter(EntityType::Role);
    let request = request.set_marker(after.map(|marker| marker.0.clone()));
    let answer = request.send().await.map_err(|error| call.failed(error))?;
    let mut page = PageBuilder::new(&call, answer.role_detail_list().len());
    for role in answer.role_detail_list() {
        page.note(call.required("Arn", role.arn())?)?;
        let mut inline_policies = Vec::new();
        for policy in role.role_policy_list() {
            let name = call.required("PolicyName", policy.policy_name())?.to_owned();
            inline_policies.push((name, policy.policy_document().and_then(decode)));
        }
        let mut policies = Vec::new();
        for policy in role.attached_managed_policies() {
            policies.push(call.required("PolicyArn", policy.policy_arn())?.to_owned());
        }
        let boundary = role.permissions_boundary();
        let boundary =
            boundary.map(|one| call.required("PermissionsBoundaryArn", one.permissions_boundary_arn()));
        page.add(RoleDetail {
            external_id: call.required("RoleId", role.role_id())?.to_owned(),
            policies,
            inline_policies,
            permissions_boundary: boundary.transpose()?.map(str::to_owned),
        });
    }
    Ok(page.finish(answer.is_truncated(), answer.marker()))
}

fn inline(
    call: &Call,
    page: &mut PageBuilder<'_, PolicyDocument>,
    arn: Option<&str>,
    holder: &PolicyHolder,
    policies: &[PolicyDetail],
) -> Result<(), Error> {
    page.note(arn.unwrap_or_default())?;
    for policy in policies {
        let name = call.required("PolicyName", policy.policy_name())?.to_owned();
        let document = policy.policy_document().and_then(decode);
        page.add(PolicyDocument { holder: holder.clone(), name, document });
    }
    Ok(())
}

/// The version in force is the one that says so, and the policy must name the same.
fn managed(call: &Call, policy: &ManagedPolicyDetail) -> Result<PolicyDocument, Error> {
    let arn = call.required("Arn", policy.arn())?;
    // The service model does not require the name here; the ARN ends in it.
    let name = policy.policy_name().or_else(|| name_of(arn));
    let default = policy.default_version_id();
    let in_force = policy.policy_version_list().iter().find(|version| version.is_default_version());
    let agreed = in_force.filter(|version| default.is_none() || version.version_id() == default);
    Ok(PolicyDocument {
        holder: PolicyHolder::Managed(arn.to_owned()),
        name: call.required("PolicyName", name)?.to_owned(),
        document: agreed.and_then(|version| version.document()).and_then(decode),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::PolicyVersion;

    use super::*;

    fn policy(default: &str, versions: &[(&str, bool, &str)]) -> ManagedPolicyDetail {
        let version = |&(id, is_default, document): &(&str, bool, &str)| {
            PolicyVersion::builder().version_id(id).is_default_version(is_default).document(document).build()
        };
        ManagedPolicyDetail::builder()
            .arn("arn:aws:iam::123456789012:policy/p")
            .policy_name("p")
            .default_version_id(default)
            .set_policy_version_list(Some(versions.iter().map(version).collect()))
            .build()
    }

    #[test]
    fn the_document_is_that_of_the_version_in_force() {
        let call = Call::read("GetAccountAuthorizationDetails", None);
        let document = |policy| managed(&call, &policy).unwrap().document;
        let versions = [("v3", false, "three"), ("v2", true, "t%77o"), ("v1", false, "one")];
        assert_eq!(document(policy("v2", &versions)).as_deref(), Some("two"));
        assert_eq!(document(policy("v3", &versions)), None, "the answer contradicts itself");
        assert_eq!(document(policy("v1", &[])), None);
        assert_eq!(document(policy("v1", &[("v1", true, "%zz")])), None);
    }

    #[test]
    fn a_policy_without_a_name_has_that_of_its_arn() {
        let call = Call::read("GetAccountAuthorizationDetails", None);
        let nameless =
            ManagedPolicyDetail::builder().arn("arn:aws:iam::123456789012:policy/team/reader").build();
        assert_eq!(managed(&call, &nameless).unwrap().name, "reader");
        let bare = ManagedPolicyDetail::builder().arn("reader").build();
        assert!(managed(&call, &bare).is_err());
    }
}
