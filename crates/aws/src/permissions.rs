//! The permissions that the connector needs: the policy that grants them, and a look at what is granted.

mod policy;
mod probe;
mod profile;

pub use policy::{PARTITIONS, PolicyError, READ_ACTIONS, REFERENCE_ACTIONS, read_policy, reference_policy};
pub use probe::{PermissionProbe, PermissionState};
pub use profile::{EXTRA_FULL_ACTIONS, EXTRA_LIFECYCLE_ACTIONS, EXTRA_READ_ACTIONS, profile_actions};
