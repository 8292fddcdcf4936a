//! The AWS Query protocol: parameters in, XML out, signatures, pages.

pub(crate) mod error;
pub(crate) mod json;
pub(crate) mod kind;
pub(crate) mod marker;
pub(crate) mod paging;
pub(crate) mod params;
pub(crate) mod signature;
pub(crate) mod xml;
