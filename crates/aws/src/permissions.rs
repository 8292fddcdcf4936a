//! The permissions that the connector needs: the policy that grants them, and a look at what is granted.

mod policy;
mod probe;

pub use policy::{PARTITIONS, PolicyError, READ_ACTIONS, REFERENCE_ACTIONS, reference_policy};
pub use probe::{PermissionProbe, PermissionState};
