//! The server from the front door: requests over a socket, answered from a store that an import from the sandbox filled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod again;
mod approving;
mod audit_export;
mod bodies;
mod browser;
mod changes;
mod console;
mod events;
mod exports;
mod full_disk;
mod headers;
mod imports;
mod keeping;
mod keys;
mod metrics;
mod not_imported;
mod notify;
mod oidc;
mod openapi;
mod passed_on;
mod people;
mod place;
mod policy;
mod queries;
mod reading;
mod refusals;
mod registering;
mod removed;
mod rights;
mod s14;
mod scim;
mod scim_http;
mod sessions;
mod settings;
mod stopping;
