//! What AWS IAM policies permit, in three values: allowed, denied, or not known.
//!
//! A [`Document`] is read as strictly as AWS reads it. [`evaluate`] holds a [`PolicySet`] against a [`Request`] and
//! gives a [`Decision`] that names its reasons. What is not known — a key of the context, a policy that could not be
//! read, a behaviour that AWS does not document — makes the verdict [`Verdict::Unknown`] wherever it matters, and
//! nowhere else. So an `Allow` or a `Deny` holds whatever the unknown facts turn out to be.
//!
//! The same evaluator serves enforcement, where the [`Context`] is closed and the resource is one ARN, and looking
//! ahead, where the context is open and the resource may be a pattern.
//!
//! ```
//! use keyreeve_policy::{Document, Policy, PolicySet, Request, Target, Verdict, evaluate};
//!
//! # fn main() -> Result<(), keyreeve_policy::ParseError> {
//! let document = Document::parse(
//!     r#"{"Version": "2012-10-17", "Statement": {
//!         "Effect": "Allow", "Action": "iam:*User", "Resource": "arn:aws:iam::111122223333:user/dev/*"}}"#,
//! )?;
//! let policies = PolicySet { identity: vec![Policy::new("dev", document)], ..PolicySet::default() };
//! let users = Target::Pattern("arn:aws:iam::111122223333:user/*".into());
//!
//! let decision = evaluate(&policies, &Request::new("iam:CreateUser").on(users));
//!
//! assert_eq!(decision.verdict, Verdict::Unknown);
//! assert!(decision.partial, "it is allowed for some users, and not for others");
//! # Ok(())
//! # }
//! ```
//!
//! Absent on purpose: policies of AWS Organizations and VPC endpoints, the account's root user, which actions and
//! keys a service has, I/O.

mod condition;
mod context;
mod decision;
mod document;
mod error;
mod evaluate;
mod pattern;
mod policy_set;
mod principal;
mod removal;
mod request;
mod resource;
mod search;
mod somewhere;
mod text;
mod truth;

pub use context::{Context, ContextValue};
pub use decision::{Decision, Layer, StatementRef, Verdict};
pub use document::{Document, Effect, Place, Statement, Version};
pub use error::ParseError;
pub use evaluate::{allows_any, evaluate};
pub use policy_set::{Policy, PolicySet, ResourcePolicy};
pub use principal::Principal;
pub use removal::{RemovalOrder, removal_order};
pub use request::{Request, Target};
pub use truth::Truth;
