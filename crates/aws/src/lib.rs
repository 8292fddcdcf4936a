//! The AWS IAM connector: the only part of Keyreeve that knows the AWS SDK.
//!
//! [`AwsConnector::connect`] turns a [`Credential`] into a connection that implements
//! [`Connector`](keyreeve_connector::Connector), [`Inventory`](keyreeve_connector::Inventory),
//! [`Provisioning`](keyreeve_connector::Provisioning) and [`Organization`](keyreeve_connector::Organization). Every method is one request: the SDK's own retries are off,
//! so that the engine alone decides about patience and pacing, and so that a lost answer is never hidden by a
//! second request.
//!
//! What comes back is treated as hostile text. The HTTP client refuses an answer that is too large or is no
//! complete XML document *before* the SDK reads it, because the SDK takes a document that breaks off for a short
//! listing; an entry that lacks what every entry must have is refused too; and whatever else goes wrong is sorted
//! into the closed list of causes. A change counts as made only by a whole answer to the very call that was sent;
//! anything less leaves its outcome unknown.
//!
//! [`PolicyScope`] writes the policies that the connector needs, and [`AwsConnector::probe_reads`] says which
//! of its reading actions the credentials are allowed.

// The connector's error names the call, its subject and AWS's words; it is made once per failed call.
#![allow(clippy::result_large_err)]

mod arn;
mod bootstrap;
mod client;
mod config;
mod error;
mod http;
mod identity;
mod import;
mod kms;
mod name;
mod objects;
mod options;
mod organization;
mod page;
#[doc(hidden)]
pub mod parsers;
mod permissions;
mod policy_document;
mod profile_files;
mod profile_source;
mod provisioning;
mod region;
mod time;
mod well_formed;

pub use bootstrap::{Found, OWN_PATH, SYSTEM_TAG};
pub use client::AwsConnector;
pub use kms::{KmsKey, SealedFor, kms_region};
pub use objects::{Bucket, ObjectError, ObjectOptions, Upload};
pub use options::{ConnectError, ConnectOptions, Credential};
pub use permissions::{
    Administrator, Difference, EXTRA_FULL_ACTIONS, EXTRA_LIFECYCLE_ACTIONS, EXTRA_READ_ACTIONS, Escalation,
    Feature, Grant, Granted, Holder, Need, On, OwnPolicies, PARTITIONS, PermissionProbe, PermissionState,
    PolicyError, PolicyScope, READ_ACTIONS, REFERENCE_ACTIONS, Simulated, Surroundings, beyond_features,
    features, profile_actions,
};
pub use region::{REGIONS, partition_of_region, regions_of};
