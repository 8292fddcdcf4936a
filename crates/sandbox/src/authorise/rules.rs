//! What each action is about, and which keys of the context it brings (Service Authorization Reference, "AWS Identity
//! and Access Management"). `data/iam-actions.txt` holds the reference; a test compares.

use crate::actions::Call;

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// No resource, so `*` in a policy.
    Nothing,
    /// The user named, else the caller.
    User,
    /// The user to be made.
    NewUser,
    /// The user named, and the one it becomes.
    RenamedUser,
    /// The user who has the access key.
    OwnerOfKey,
    Group,
    NewGroup,
    RenamedGroup,
    Policy,
    NewPolicy,
    Role,
    NewRole,
    Device,
    NewDevice,
}

/// Keys of the context that only some actions bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// `iam:PolicyARN`: the policy attached or detached.
    PolicyArn,
    /// `iam:PermissionsBoundary`: the boundary that is asked for.
    AskedBoundary,
    /// `iam:PermissionsBoundary`: the boundary that the user or role has.
    HeldBoundary,
    /// `aws:RequestTag/…` and `aws:TagKeys`.
    Tags,
    /// `aws:TagKeys`: the keys of tags to be taken away.
    TagKeys,
    /// `iam:ServiceSpecificCredentialServiceName`
    CredentialService,
    /// `iam:ServiceSpecificCredentialAgeDays`
    CredentialAge,
}

pub(super) struct Rule {
    pub(super) about: About,
    pub(super) keys: &'static [Key],
    /// What else must be allowed when a parameter is given.
    also: &'static [(&'static str, &'static str)],
}

impl Rule {
    const fn about(about: About) -> Self {
        Self { about, keys: &[], also: &[] }
    }

    const fn with(about: About, keys: &'static [Key]) -> Self {
        Self { about, keys, also: &[] }
    }

    /// All actions that must be allowed for the call.
    pub(super) fn actions(&self, call: &Call<'_>) -> Vec<String> {
        let given = |parameter: &str| call.params.get(parameter).is_some();
        let more = self.also.iter().filter(|(parameter, _)| given(parameter)).map(|(_, action)| *action);
        [call.action].into_iter().chain(more).map(|action| format!("iam:{action}")).collect()
    }
}

const FIRST_TAG: &str = "Tags.member.1.Key";

/// The rule of an action that the sandbox plays.
pub(super) fn of(action: &str) -> Option<Rule> {
    use Key::{AskedBoundary, CredentialAge, CredentialService, HeldBoundary, PolicyArn, TagKeys, Tags};
    Some(match action {
        "DeleteAccountPasswordPolicy"
        | "GenerateCredentialReport"
        | "GetAccountAuthorizationDetails"
        | "GetAccountPasswordPolicy"
        | "GetAccountSummary"
        | "GetCredentialReport"
        | "ListAccountAliases"
        | "ListGroups"
        | "ListPolicies"
        | "ListRoles"
        | "ListUsers"
        | "ListVirtualMFADevices"
        | "UpdateAccountPasswordPolicy" => Rule::about(About::Nothing),
        "ChangePassword"
        | "CreateAccessKey"
        | "CreateLoginProfile"
        | "DeactivateMFADevice"
        | "DeleteAccessKey"
        | "DeleteLoginProfile"
        | "DeleteSSHPublicKey"
        | "DeleteSigningCertificate"
        | "DeleteUser"
        | "EnableMFADevice"
        | "GetLoginProfile"
        | "GetUser"
        | "GetUserPolicy"
        | "ListAccessKeys"
        | "ListAttachedUserPolicies"
        | "ListGroupsForUser"
        | "ListMFADevices"
        | "ListSSHPublicKeys"
        | "ListServiceSpecificCredentials"
        | "ListSigningCertificates"
        | "ListUserPolicies"
        | "ListUserTags"
        | "UpdateAccessKey"
        | "UpdateLoginProfile"
        | "UpdateSSHPublicKey"
        | "UpdateSigningCertificate"
        | "UploadSSHPublicKey"
        | "UploadSigningCertificate" => Rule::about(About::User),
        "CreateServiceSpecificCredential" => Rule::with(About::User, &[CredentialService, CredentialAge]),
        "DeleteServiceSpecificCredential" | "UpdateServiceSpecificCredential" => {
            Rule::with(About::User, &[CredentialService])
        }
        "AttachUserPolicy" | "DetachUserPolicy" => Rule::with(About::User, &[PolicyArn, HeldBoundary]),
        "DeleteUserPermissionsBoundary" | "DeleteUserPolicy" | "PutUserPolicy" => {
            Rule::with(About::User, &[HeldBoundary])
        }
        "PutUserPermissionsBoundary" => Rule::with(About::User, &[AskedBoundary]),
        "TagUser" => Rule::with(About::User, &[Tags]),
        "UntagUser" => Rule::with(About::User, &[TagKeys]),
        "UpdateUser" => Rule::about(About::RenamedUser),
        "GetAccessKeyLastUsed" => Rule::about(About::OwnerOfKey),
        "CreateUser" => Rule {
            about: About::NewUser,
            keys: &[AskedBoundary, Tags],
            also: &[(FIRST_TAG, "TagUser"), ("PermissionsBoundary", "PutUserPermissionsBoundary")],
        },
        // What group somebody is in is a matter of the group alone.
        "AddUserToGroup"
        | "DeleteGroup"
        | "DeleteGroupPolicy"
        | "GetGroup"
        | "GetGroupPolicy"
        | "ListAttachedGroupPolicies"
        | "ListGroupPolicies"
        | "PutGroupPolicy"
        | "RemoveUserFromGroup" => Rule::about(About::Group),
        "AttachGroupPolicy" | "DetachGroupPolicy" => Rule::with(About::Group, &[PolicyArn]),
        "CreateGroup" => Rule::about(About::NewGroup),
        "UpdateGroup" => Rule::about(About::RenamedGroup),
        "CreatePolicyVersion"
        | "DeletePolicy"
        | "DeletePolicyVersion"
        | "GetPolicy"
        | "GetPolicyVersion"
        | "ListEntitiesForPolicy"
        | "ListPolicyTags"
        | "ListPolicyVersions"
        | "SetDefaultPolicyVersion" => Rule::about(About::Policy),
        "CreatePolicy" => Rule { about: About::NewPolicy, keys: &[Tags], also: &[(FIRST_TAG, "TagPolicy")] },
        "ListAttachedRolePolicies" => Rule::about(About::Role),
        "DeleteRole" | "GetRole" | "UpdateAssumeRolePolicy" => Rule::with(About::Role, &[HeldBoundary]),
        "AttachRolePolicy" | "DetachRolePolicy" => Rule::with(About::Role, &[PolicyArn, HeldBoundary]),
        "CreateRole" => Rule {
            about: About::NewRole,
            keys: &[AskedBoundary, Tags],
            also: &[(FIRST_TAG, "TagRole"), ("PermissionsBoundary", "PutRolePermissionsBoundary")],
        },
        "DeleteVirtualMFADevice" => Rule::about(About::Device),
        "CreateVirtualMFADevice" => {
            Rule { about: About::NewDevice, keys: &[Tags], also: &[(FIRST_TAG, "TagMFADevice")] }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::actions::{Service, find};

    const REFERENCE: &str = include_str!("../../data/iam-actions.txt");

    /// These say something of security keys, which the sandbox has not got.
    const OF_SECURITY_KEYS: [&str; 4] = [
        "iam:FIDO-FIPS-140-2-certification",
        "iam:FIDO-FIPS-140-3-certification",
        "iam:FIDO-certification",
        "iam:RegisterSecurityKey",
    ];

    fn kind(about: About) -> &'static str {
        match about {
            About::Nothing => "-",
            About::User | About::NewUser | About::RenamedUser | About::OwnerOfKey => "user",
            About::Group | About::NewGroup | About::RenamedGroup => "group",
            About::Policy | About::NewPolicy => "policy",
            About::Role | About::NewRole => "role",
            About::Device | About::NewDevice => "mfa",
        }
    }

    fn names(key: Key) -> &'static [&'static str] {
        match key {
            Key::PolicyArn => &["iam:PolicyARN"],
            Key::AskedBoundary | Key::HeldBoundary => &["iam:PermissionsBoundary"],
            Key::Tags => &["aws:RequestTag", "aws:TagKeys"],
            Key::TagKeys => &["aws:TagKeys"],
            Key::CredentialService => &["iam:ServiceSpecificCredentialServiceName"],
            Key::CredentialAge => &["iam:ServiceSpecificCredentialAgeDays"],
        }
    }

    #[test]
    fn every_action_is_about_what_the_reference_says_and_brings_its_keys() {
        let mut played = 0;
        for line in REFERENCE.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (action, resources) = (words.next().unwrap(), words.next().unwrap());
            if find(Service::Iam, action).is_none() {
                assert!(of(action).is_none(), "{action} has a rule and is not played");
                continue;
            }
            played += 1;
            let rule = of(action).unwrap_or_else(|| panic!("{action} has no rule"));
            let kinds: Vec<&str> = resources.split(',').map(|kind| kind.trim_end_matches('?')).collect();
            assert!(kinds.contains(&kind(rule.about)), "{action}: {:?}, and not {resources}", rule.about);
            let expected: BTreeSet<&str> = words.filter(|key| !OF_SECURITY_KEYS.contains(key)).collect();
            let found: BTreeSet<&str> = rule.keys.iter().flat_map(|key| names(*key)).copied().collect();
            assert_eq!(found, expected, "{action}");
        }
        assert!(played >= 86, "only {played} actions");
    }
}
