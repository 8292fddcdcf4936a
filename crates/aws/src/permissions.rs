//! The permissions that the connector needs: the policies that grant them, and a look at what is granted.

mod actions;
mod becoming;
mod difference;
mod escalation;
mod feature;
mod generate;
mod own;
mod probe;
mod profile;
mod simulate;

pub use difference::{Difference, Grant};
pub use escalation::{Administrator, Escalation, Holder, Surroundings};
pub use feature::{Feature, Granted, Need, On, beyond_features, features};
pub use generate::{PARTITIONS, PolicyError, PolicyScope};
pub use own::OwnPolicies;
pub use probe::{PermissionProbe, PermissionState};
pub use profile::{
    EXTRA_FULL_ACTIONS, EXTRA_LIFECYCLE_ACTIONS, EXTRA_READ_ACTIONS, READ_ACTIONS, REFERENCE_ACTIONS,
    profile_actions,
};
pub use simulate::Simulated;
