//! Policies by the documents that were read of them.

use std::sync::Arc;

use keyreeve_connector::{PolicyDocument, PolicyHolder};
use keyreeve_policy::{Document, Policy};

/// A managed policy, by its ARN.
pub(super) fn by_arn(documents: &[PolicyDocument], arn: &str) -> Policy {
    let is_it =
        |document: &&PolicyDocument| matches!(&document.holder, PolicyHolder::Managed(of) if of == arn);
    let found = documents.iter().find(is_it);
    parsed(arn.to_owned(), found.and_then(|document| document.document.as_deref()))
}

/// An inline policy of a user or group.
pub(super) fn inline(documents: &[PolicyDocument], holder: &PolicyHolder, name: &str) -> Policy {
    let found = documents.iter().find(|document| document.holder == *holder && document.name == name);
    parsed(name.to_owned(), found.and_then(|document| document.document.as_deref()))
}

/// A policy of this text; one that could not be read may allow and deny anything.
pub(super) fn parsed(name: String, text: Option<&str>) -> Policy {
    match text.map(Document::parse) {
        Some(Ok(document)) => Policy::new(name, Arc::new(document)),
        Some(Err(_)) | None => Policy::unreadable(name),
    }
}
