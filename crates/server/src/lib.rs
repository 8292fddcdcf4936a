//! Keyreeve over HTTP.
//!
//! [`scim`] has SCIM 2.0 (RFC 7643, RFC 7644) as far as it does not depend on who asks and where the answer is kept.

pub mod scim;
