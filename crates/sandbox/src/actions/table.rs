//! Which actions there are, and who carries them out.

use super::{
    Answer, Call, Service, account, credentials, details, groups, organizations, policies, report, sts,
    users, write,
};
use crate::state::State;

/// Reads the account as the call sees it.
pub(crate) type Read = fn(&Call<'_>) -> Answer;
/// Changes the account; what is left of it after an error is thrown away.
pub(crate) type Write = fn(&Call<'_>, &mut State) -> write::Written;

/// How an action is carried out.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    Read(Read),
    Write(Write),
}

/// The action, if the service has it (as far as the sandbox plays it).
pub(crate) fn find(service: Service, action: &str) -> Option<Action> {
    match service {
        Service::Iam => iam_read(action).map(Action::Read).or_else(|| iam_write(action).map(Action::Write)),
        Service::Sts => sts_read(action).map(Action::Read),
        Service::Organizations => organizations_read(action).map(Action::Read),
    }
}

fn organizations_read(action: &str) -> Option<Read> {
    Some(match action {
        "DescribeAccount" => organizations::describe_account,
        "DescribeOrganization" => organizations::describe_organization,
        "ListAccounts" => organizations::list_accounts,
        "ListAccountsForParent" => organizations::list_accounts_for_parent,
        "ListOrganizationalUnitsForParent" => organizations::list_organizational_units_for_parent,
        "ListParents" => organizations::list_parents,
        "ListRoots" => organizations::list_roots,
        "ListTagsForResource" => organizations::list_tags_for_resource,
        _ => return None,
    })
}

fn sts_read(action: &str) -> Option<Read> {
    Some(match action {
        "AssumeRole" => sts::assume_role,
        "GetCallerIdentity" => sts::get_caller_identity,
        _ => return None,
    })
}

fn iam_read(action: &str) -> Option<Read> {
    Some(match action {
        "GenerateCredentialReport" => report::generate,
        "GetAccessKeyLastUsed" => credentials::get_access_key_last_used,
        "GetAccountAuthorizationDetails" => details::get_account_authorization_details,
        "GetAccountPasswordPolicy" => account::get_account_password_policy,
        "GetAccountSummary" => account::get_account_summary,
        "GetCredentialReport" => report::get,
        "GetGroup" => groups::get_group,
        "GetGroupPolicy" => groups::get_inline_policy,
        "GetLoginProfile" => users::get_login_profile,
        "GetPolicy" => policies::get_policy,
        "GetPolicyVersion" => policies::get_policy_version,
        "GetRole" => details::get_role,
        "GetUser" => users::get_user,
        "GetUserPolicy" => users::get_inline_policy,
        "ListAccessKeys" => credentials::list_access_keys,
        "ListAccountAliases" => account::list_account_aliases,
        "ListAttachedGroupPolicies" => groups::list_attached_policies,
        "ListAttachedRolePolicies" => details::list_attached_policies,
        "ListAttachedUserPolicies" => users::list_attached_policies,
        "ListEntitiesForPolicy" => policies::list_entities,
        "ListGroupPolicies" => groups::list_inline_policies,
        "ListGroups" => groups::list_groups,
        "ListGroupsForUser" => users::list_groups_for_user,
        "ListMFADevices" => credentials::list_mfa_devices,
        "ListPolicies" => policies::list_policies,
        "ListPolicyTags" => policies::list_policy_tags,
        "ListPolicyVersions" => policies::list_policy_versions,
        "ListRoles" => details::list_roles,
        "ListSSHPublicKeys" => credentials::list_ssh_public_keys,
        "ListServiceSpecificCredentials" => credentials::list_service_credentials,
        "ListSigningCertificates" => credentials::list_signing_certificates,
        "ListUserPolicies" => users::list_inline_policies,
        "ListUserTags" => users::list_user_tags,
        "ListUsers" => users::list_users,
        "ListVirtualMFADevices" => credentials::list_virtual_mfa_devices,
        _ => return None,
    })
}

fn iam_write(action: &str) -> Option<Write> {
    Some(match action {
        "AddUserToGroup" => write::memberships::add,
        "AttachGroupPolicy" => write::attachments::attach_to_group,
        "AttachRolePolicy" => write::attachments::attach_to_role,
        "AttachUserPolicy" => write::attachments::attach_to_user,
        "ChangePassword" => write::login_profiles::change_password,
        "CreateAccessKey" => write::access_keys::create,
        "CreateGroup" => write::groups::create,
        "CreateLoginProfile" => write::login_profiles::create,
        "CreatePolicy" => write::policies::create,
        "CreatePolicyVersion" => write::policies::create_version,
        "CreateRole" => write::roles::create,
        "CreateServiceSpecificCredential" => write::service_credentials::create,
        "CreateUser" => write::users::create,
        "CreateVirtualMFADevice" => write::mfa::create,
        "DeactivateMFADevice" => write::mfa::deactivate,
        "DeleteAccessKey" => write::access_keys::delete,
        "DeleteAccountPasswordPolicy" => write::password_policy::delete,
        "DeleteGroup" => write::groups::delete,
        "DeleteGroupPolicy" => write::inline::delete_from_group,
        "DeleteLoginProfile" => write::login_profiles::delete,
        "DeletePolicy" => write::policies::delete,
        "DeletePolicyVersion" => write::policies::delete_version,
        "DeleteRole" => write::roles::delete,
        "DeleteSSHPublicKey" => write::ssh_keys::delete,
        "DeleteServiceSpecificCredential" => write::service_credentials::delete,
        "DeleteSigningCertificate" => write::certificates::delete,
        "DeleteUser" => write::users::delete,
        "DeleteUserPermissionsBoundary" => write::users::delete_boundary,
        "DeleteUserPolicy" => write::inline::delete_from_user,
        "DeleteVirtualMFADevice" => write::mfa::delete,
        "DetachGroupPolicy" => write::attachments::detach_from_group,
        "DetachRolePolicy" => write::attachments::detach_from_role,
        "DetachUserPolicy" => write::attachments::detach_from_user,
        "EnableMFADevice" => write::mfa::enable,
        "PutGroupPolicy" => write::inline::put_for_group,
        "PutUserPermissionsBoundary" => write::users::put_boundary,
        "PutUserPolicy" => write::inline::put_for_user,
        "RemoveUserFromGroup" => write::memberships::remove,
        "SetDefaultPolicyVersion" => write::policies::set_default_version,
        "TagUser" => write::tags::tag_user,
        "UntagUser" => write::tags::untag_user,
        "UpdateAccessKey" => write::access_keys::update,
        "UpdateAccountPasswordPolicy" => write::password_policy::update,
        "UpdateAssumeRolePolicy" => write::roles::update_trust,
        "UpdateGroup" => write::groups::update,
        "UpdateLoginProfile" => write::login_profiles::update,
        "UpdateSSHPublicKey" => write::ssh_keys::update,
        "UpdateServiceSpecificCredential" => write::service_credentials::update,
        "UpdateSigningCertificate" => write::certificates::update,
        "UpdateUser" => write::users::update,
        "UploadSSHPublicKey" => write::ssh_keys::upload,
        "UploadSigningCertificate" => write::certificates::upload,
        _ => return None,
    })
}
