//! The words of identity governance, as plain data.
//!
//! Everything here is a value: no async, no I/O, no clock. The same words name the types, the tables, the
//! URLs and the log fields, so a reader who knows one knows the others:
//!
//! - a [`System`] is one connected AWS account;
//! - an [`Account`] is one IAM user together with its console password (the *login profile*);
//! - a [`Resource`] is a group or a policy;
//! - an [`Assignment`] says who holds which resource;
//! - an [`ImportProfile`] says what an [`ImportRun`] reads, and what would be suspicious about its result;
//! - an [`Inventory`] is all that is known of a system at one moment, and a [`Change`] one [`difference`]
//!   between two of them;
//! - a [`Wish`] is a change somebody asks for; a [`ProvisioningJob`] holds the [`Task`]s it becomes, a task the
//!   [`Step`]s it takes, and a [`Claim`] is a change that no import has confirmed yet;
//! - a [`Person`] may sign in, which begins a [`Session`]; a [`Token`] lets a program in;
//! - a [`TaskMapping`] says which value each property of such a call gets, and which [`CustomAction`]s go with it.

mod account;
mod assignment;
mod change;
mod difference;
mod digest;
mod documents;
mod failure;
pub mod hidden;
mod hint;
mod id;
mod import_profile;
mod import_run;
mod inventory;
mod mapping;
mod organization;
mod person;
mod provisioning;
mod resource;
mod schedule;
#[cfg(feature = "schema")]
mod schema;
mod scim_tags;
mod secret;
mod system;
mod thresholds;

pub use account::{
    AccessKey, Account, AccountStatus, CredentialSource, Credentials, InlinePolicy, LoginProfile,
    LoginProfileState,
};
pub use assignment::{Assignment, AssignmentKey, AssignmentKind, AssignmentPlace, AssignmentState};
pub use change::{Change, ChangeCounts, ChangeKind, ChangeSet, ObjectCounts, ObjectType, is_volatile};
pub use difference::{Compare, difference};
pub use digest::{canonical_json, digest_hex};
pub use documents::{InlineDocument, PolicyDocuments, PolicyVersion, canonical, in_one_order, laid_out};
pub use failure::{Effect, Failure, FailureKind};
pub use hint::{Hint, Setting};
pub use id::{AwsAccountId, ExternalId, IdError, ImportRunId, ProfileName, SystemId, SystemName};
pub use import_profile::{ImportObject, ImportProfile, LoginProfileSource, PolicyScope, ProfileError};
pub use import_run::{
    CollectionName, CollectionRecord, CollectionState, ImportRun, ImportRunState, ImportScope, Suspicion,
    Warning,
};
pub use inventory::Inventory;
pub use mapping::{
    ActionTime, CustomAction, MappingName, MappingRow, Operation, Operator, TargetProperty, TaskMapping,
    TaskMappingError, UnknownMapping, check_group_name, check_policy_arn,
};
pub use organization::{MemberState, Membership};
pub use person::{OIDC_PREFIX, Person, PersonName, Session, SessionId};
pub use provisioning::{
    AccountCredential, AccountCredentialKind, Claim, ClaimFact, ClaimState, Delivery, DeliveryError, JobId,
    JobState, Manifest, NameError, Obstacle, ObstacleKind, Protection, ProtectionKind, ProvisioningJob,
    RecreatePackage, ResourceName, Role, Step, StepCall, StepReason, StepState, Task, TaskId, TaskKind,
    TaskState, Token, TokenId, Wish, ambiguous, check_account_name, check_path, check_tags, is_own_tag,
    leaves_a_way_in,
};
pub use resource::{ManagedBy, Resource, ResourceType};
pub use schedule::{CronExpression, Schedule, ScheduleError};
pub use scim_tags::{ScimAttribute, ScimTags};
pub use secret::Secret;
pub use system::{
    Category, Content, CredentialKind, FirstSignIn, PasswordDelivery, PermissionProfile, RoleBase,
    ScimDelete, ScimPassword, SettingError, System, SystemSettings, SystemState, Technology,
};
pub use thresholds::{Limits, Population, Thresholds};
