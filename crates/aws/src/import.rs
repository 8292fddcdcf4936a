//! Reading what is: one file per kind of answer.

mod credential_report;
mod details;
mod group;
mod inventory;
mod login_profile;
mod policy;
mod policy_detail;
pub(crate) mod user;
