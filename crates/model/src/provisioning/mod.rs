//! Changing what is: wishes, the jobs, tasks and steps they become, and the claims that remain.
//!
//! A [`Wish`] is what somebody asks for. Planned, it becomes a [`Task`] of a [`ProvisioningJob`]; a task consists of
//! [`Step`]s, one call to the connected system each ([`StepCall`]). States are closed enums, and one function of each
//! owns the legal moves.

mod claim;
mod delivery;
mod job;
mod name;
mod obstacle;
mod protect;
mod recreate;
mod step;
mod step_call;
mod task;
mod token;
mod wish;

pub use claim::{Claim, ClaimFact, ClaimState};
pub use delivery::{Delivery, DeliveryError};
pub use job::{JobId, JobState, ProvisioningJob};
pub use name::{NameError, check_account_name, check_path, check_tags, is_own_tag};
pub use obstacle::{Obstacle, ObstacleKind, ambiguous, leaves_a_way_in};
pub use protect::{Protection, ProtectionKind};
pub use recreate::{Manifest, RecreatePackage};
pub use step::{Step, StepReason, StepState};
pub use step_call::{AccountCredential, AccountCredentialKind, StepCall};
pub use task::{Task, TaskId, TaskKind, TaskState};
pub use token::{Role, Token, TokenId};
pub use wish::{ResourceName, Wish};
