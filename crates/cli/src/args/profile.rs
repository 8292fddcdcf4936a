//! `keyreeve import profile …`

use clap::{Args, Subcommand};
use keyreeve_model::{ProfileName, SystemId};

use super::Consent;
use super::reason::reason;

/// What can be done with import profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List the import profiles of a system.
    List(ListProfiles),
    /// Show one import profile.
    Show(ShowProfile),
    /// Change an import profile, or make a new one.
    Set(SetProfile),
    /// Take an import profile away, with its schedule; `default` stays.
    Remove(RemoveProfile),
}

/// `import profile remove`
#[derive(Debug, Args)]
pub(crate) struct RemoveProfile {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The profile's name.
    pub(crate) profile: ProfileName,
    /// Why; kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// `import profile list`
#[derive(Debug, Args)]
pub(crate) struct ListProfiles {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
}

/// `import profile show`
#[derive(Debug, Args)]
pub(crate) struct ShowProfile {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The profile's name.
    #[arg(default_value = "default")]
    pub(crate) profile: ProfileName,
}

/// `import profile set`
#[derive(Debug, Args)]
pub(crate) struct SetProfile {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// The profile's name; a new name makes a new profile with the defaults.
    pub(crate) profile: ProfileName,
    /// objects=accounts,groups,…, path_prefix=/staff/, policy_scope=all|customer|attached,
    /// login_profile_source=per_user|credential_report|auto, schedule="30 2 * * *" (minute, hour, day of the month,
    /// month, day of the week; none: no schedule) with time_zone=Europe/Berlin, or a threshold such as
    /// thresholds.small.deleted=5 (none: no limit).
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = super::system::assignment)]
    pub(crate) settings: Vec<(String, String)>,
}
