//! What a user can hold to prove who they are.

use jiff::Timestamp;
use keyreeve_model::Secret;
use serde::{Deserialize, Serialize};

use super::password::KeptPassword;

/// The console password.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoginProfile {
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    pub(crate) reset_required: bool,
    #[serde(skip)]
    pub(super) password: Option<KeptPassword>,
    /// Passwords of before, the latest first.
    #[serde(skip)]
    pub(super) earlier: Vec<KeptPassword>,
}

/// Whether an access key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// May be used.
    Active,
    /// Switched off.
    Inactive,
}

impl KeyStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) secret: Secret,
    pub(crate) status: KeyStatus,
    pub(crate) created: Timestamp,
    pub(crate) last_used: Option<KeyUse>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct KeyUse {
    pub(crate) at: Timestamp,
    pub(crate) region: String,
    pub(crate) service: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct MfaDevice {
    /// An ARN when virtual, else the serial number printed on the device.
    pub(crate) serial: String,
    pub(crate) enabled: Timestamp,
}

/// Whether a serial number is that of a virtual device, which IAM itself keeps.
pub(crate) fn is_virtual(serial: &str) -> bool {
    serial.starts_with("arn:") && serial.contains(":mfa/")
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct SshKey {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) status: KeyStatus,
    pub(crate) uploaded: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct SigningCertificate {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) status: KeyStatus,
    pub(crate) uploaded: Timestamp,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServiceCredential {
    pub(crate) id: String,
    pub(crate) service: String,
    pub(crate) user_name: String,
    pub(crate) status: KeyStatus,
    pub(crate) created: Timestamp,
    /// Only keys of services that let them end.
    pub(crate) expires: Option<Timestamp>,
}
