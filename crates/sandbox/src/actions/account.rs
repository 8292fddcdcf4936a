//! Reads about the account as a whole.

use super::{Answer, Call, answer};
use crate::protocol::error::ApiError;
use crate::state::{State, quotas};

/// Counts and quotas; every value is a whole number.
pub(super) fn get_account_summary(call: &Call<'_>) -> Answer {
    let entries = summary(call.state);
    answer(|xml| {
        xml.open("SummaryMap");
        for (key, value) in entries {
            xml.element("entry", |xml| {
                xml.text("key", key);
                xml.number("value", value);
            });
        }
        xml.close("SummaryMap");
    })
}

fn summary(state: &State) -> Vec<(&'static str, u64)> {
    let mfa_in_use: usize = state.users.values().map(|user| user.mfa.len()).sum();
    let mfa = mfa_in_use + state.spare_devices.len();
    let versions: usize = state.policies.values().map(|policy| policy.versions.len()).sum();
    vec![
        ("Users", state.users.len() as u64),
        ("UsersQuota", quotas::USERS),
        ("Groups", state.groups.len() as u64),
        ("GroupsQuota", quotas::GROUPS),
        ("Policies", state.policies.len() as u64),
        ("PoliciesQuota", quotas::CUSTOMER_POLICIES),
        ("Roles", state.roles.len() as u64),
        ("RolesQuota", quotas::ROLES),
        ("InstanceProfiles", 0),
        ("InstanceProfilesQuota", quotas::INSTANCE_PROFILES),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", quotas::SERVER_CERTIFICATES),
        ("Providers", 0),
        ("MFADevices", mfa as u64),
        ("MFADevicesInUse", mfa_in_use as u64),
        ("AccountMFAEnabled", 1),
        ("AccountAccessKeysPresent", 0),
        ("AccountPasswordPresent", 1),
        ("AccountSigningCertificatesPresent", 0),
        ("GroupsPerUserQuota", quotas::GROUPS_PER_USER),
        ("AttachedPoliciesPerUserQuota", quotas::ATTACHED_PER_USER),
        ("AttachedPoliciesPerGroupQuota", quotas::ATTACHED_PER_GROUP),
        ("AttachedPoliciesPerRoleQuota", quotas::ATTACHED_PER_ROLE),
        ("AccessKeysPerUserQuota", quotas::ACCESS_KEYS_PER_USER),
        ("SigningCertificatesPerUserQuota", quotas::SIGNING_CERTIFICATES_PER_USER),
        ("VersionsPerPolicyQuota", quotas::VERSIONS_PER_POLICY as u64),
        ("PolicyVersionsInUse", versions as u64),
        ("PolicyVersionsInUseQuota", quotas::POLICY_VERSIONS_IN_USE),
        ("PolicySizeQuota", quotas::POLICY_SIZE),
        ("UserPolicySizeQuota", quotas::USER_INLINE_SIZE),
        ("GroupPolicySizeQuota", quotas::GROUP_INLINE_SIZE),
        ("RolePolicySizeQuota", quotas::ROLE_INLINE_SIZE),
        ("AssumeRolePolicySizeQuota", quotas::ASSUME_ROLE_DOCUMENT_SIZE),
        ("GlobalEndpointTokenVersion", 1),
    ]
}

/// 404 when no policy was ever set: AWS's default holds then.
pub(super) fn get_account_password_policy(call: &Call<'_>) -> Answer {
    let policy = call.state.password_policy.as_ref().ok_or_else(|| {
        let account = &call.account.id;
        ApiError::no_such_entity(format!("The Password Policy with domain name {account} cannot be found."))
    })?;
    answer(|xml| {
        xml.element("PasswordPolicy", |xml| {
            xml.number("MinimumPasswordLength", u64::from(policy.minimum_length));
            xml.flag("RequireSymbols", policy.require_symbols);
            xml.flag("RequireNumbers", policy.require_numbers);
            xml.flag("RequireUppercaseCharacters", policy.require_uppercase);
            xml.flag("RequireLowercaseCharacters", policy.require_lowercase);
            xml.flag("AllowUsersToChangePassword", policy.allow_users_to_change);
            xml.flag("ExpirePasswords", policy.max_age_days.is_some());
            if let Some(days) = policy.max_age_days {
                xml.number("MaxPasswordAge", u64::from(days));
            }
            if let Some(count) = policy.reuse_prevention {
                xml.number("PasswordReusePrevention", u64::from(count));
            }
            if let Some(hard) = policy.hard_expiry {
                xml.flag("HardExpiry", hard);
            }
        });
    })
}

/// The sandbox's accounts have no alias.
pub(super) fn list_account_aliases(call: &Call<'_>) -> Answer {
    let page = call.page_of(Vec::<(String, ())>::new())?;
    answer(|xml| {
        xml.element("AccountAliases", |_| ());
        page.write_end(xml);
    })
}
