//! IAM's quotas, all in one place: the defaults of "IAM and AWS STS quotas" in the IAM user guide.

use crate::protocol::error::ApiError;

pub(crate) const USERS: u64 = 5_000;
pub(crate) const GROUPS: u64 = 300;
pub(crate) const CUSTOMER_POLICIES: u64 = 1_500;
pub(crate) const ROLES: u64 = 1_000;
pub(crate) const INSTANCE_PROFILES: u64 = 1_000;
pub(crate) const SERVER_CERTIFICATES: u64 = 20;
pub(crate) const GROUPS_PER_USER: u64 = 10;
pub(crate) const ATTACHED_PER_USER: u64 = 10;
pub(crate) const ATTACHED_PER_GROUP: u64 = 10;
pub(crate) const ATTACHED_PER_ROLE: u64 = 10;
pub(crate) const ACCESS_KEYS_PER_USER: u64 = 2;
pub(crate) const SIGNING_CERTIFICATES_PER_USER: u64 = 2;
pub(crate) const SSH_KEYS_PER_USER: u64 = 5;
pub(crate) const SERVICE_CREDENTIALS_PER_SERVICE: u64 = 2;
pub(crate) const MFA_DEVICES_PER_USER: u64 = 8;
pub(crate) const TAGS: u64 = 50;
pub(crate) const VERSIONS_PER_POLICY: usize = 5;
pub(crate) const POLICY_SIZE: u64 = 6_144;
pub(crate) const USER_INLINE_SIZE: u64 = 2_048;
pub(crate) const GROUP_INLINE_SIZE: u64 = 5_120;
pub(crate) const ROLE_INLINE_SIZE: u64 = 10_240;
pub(crate) const ASSUME_ROLE_DOCUMENT_SIZE: u64 = 2_048;
pub(crate) const POLICY_VERSIONS_IN_USE: u64 = 10_000;

/// Refuses one more where there are as many as may be. `name` is the quota's name in AWS's message.
pub(crate) fn room(held: usize, quota: u64, name: &str) -> Result<(), ApiError> {
    if (held as u64) < quota {
        return Ok(());
    }
    Err(exceeded(format!("Cannot exceed quota for {name}: {quota}")))
}

pub(crate) fn exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new(409, "LimitExceeded", message)
}
