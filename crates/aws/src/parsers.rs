//! The parsers of what AWS sends, by themselves: for fuzzing, and for nobody else.

use crate::arn::{Arn, name_of};
use crate::{error, import, policy_document, profile_files, well_formed};

/// Whether a body is one whole XML document, with this element at its root if one is named.
#[must_use]
pub fn is_whole_answer(body: &[u8], root: Option<&str>) -> bool {
    well_formed::check(body, root).is_ok()
}

/// The id of the request in the answer to it.
#[must_use]
pub fn request_id(body: &[u8]) -> Option<String> {
    error::request_id_in(body)
}

/// How many rows of a credential report can be used; `None` where it is no report.
#[must_use]
pub fn credential_report_rows(csv: &[u8]) -> Option<usize> {
    import::credential_report_rows(csv)
}

/// A policy document in clear; `None` where its encoding is broken.
#[must_use]
pub fn policy_document(encoded: &str) -> Option<String> {
    policy_document::decode(encoded)
}

/// Reads an ARN, and the name at its end.
pub fn arn(text: &str) {
    let _ = Arn::parse(text).map(|arn| (arn.is_aws_owned(), arn.account_id()));
    let _ = name_of(text);
}

/// Whether an AWS configuration file has a section of that name.
#[must_use]
pub fn has_profile(file: &[u8], name: &str) -> bool {
    profile_files::names(file, name)
}
