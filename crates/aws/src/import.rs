//! Reading what is: one file per kind of answer.

mod credential_report;
mod details;
mod group;
mod inventory;
mod login_profile;
mod policy;
mod policy_detail;
pub(crate) mod user;

/// How many rows of a credential report can be used; `None` where it is no report.
pub(crate) fn credential_report_rows(csv: &[u8]) -> Option<usize> {
    credential_report::usable_rows(csv)
}
