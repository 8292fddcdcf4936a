//! The permissions that the connector needs: the policies that grant them, and a look at what is granted.

#[cfg(test)]
mod actions;
mod escalation;
mod generate;
mod probe;
mod profile;

pub use escalation::{Escalation, Surroundings};
pub use generate::{PARTITIONS, PolicyError, PolicyScope};
pub use probe::{PermissionProbe, PermissionState};
pub use profile::{
    EXTRA_FULL_ACTIONS, EXTRA_LIFECYCLE_ACTIONS, EXTRA_READ_ACTIONS, READ_ACTIONS, REFERENCE_ACTIONS,
    profile_actions,
};
