//! SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865) without I/O: what a request says, what it does to a resource, and how a
//! resource is shown.
//!
//! A [`Model`] describes the types of resources we serve; everything else is worked out from it. Resources are
//! objects of JSON whose attributes have the names of the model, in its case, and extensions under their URN.
//!
//! ```
//! use keyreeve_server::scim::{Error, Model, Switches, body, etag::ETag, patch};
//! # fn main() -> Result<(), Error> {
//! let model = Model::new(Switches::default());
//! let current = body::parse(br#"{"id": "AIDA1", "userName": "ada", "active": true}"#)?;
//! let current = current.as_object().cloned().unwrap_or_default();
//! let request = body::parse(
//!     br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
//!          "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}"#,
//! )?;
//!
//! let patched = patch::apply(&model.user, &current, &request)?;
//!
//! assert!(patched.changed);
//! assert_eq!(patched.resource["active"], false);
//! assert_ne!(ETag::of_resource(&patched.resource, 1), ETag::of_resource(&current, 1));
//! # Ok(())
//! # }
//! ```
//!
//! Absent on purpose: who asks, where resources are kept, what a change is to AWS. Whoever has these hands in a resource
//! as it is and carries out the difference to the one that comes back.

pub mod attribute;
pub mod body;
pub mod bulk;
pub mod discovery;
pub mod error;
pub mod etag;
pub mod filter;
pub mod limits;
pub mod list;
pub mod page;
pub mod patch;
pub mod path;
pub mod projection;
pub mod query;
pub mod quirks;
pub mod resource;
mod rules;
pub mod schema;
pub mod sort;
pub mod urn;
mod value;
pub mod write;

pub use attribute::Attribute;
pub use error::{Cause, Error};
pub use filter::Filter;
pub use resource::{Model, Switches};
pub use schema::ResourceType;

#[cfg(test)]
mod tests;
