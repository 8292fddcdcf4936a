//! Policy documents, read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyreeve_policy::{Document, Policy};

use crate::state::State;

/// Texts kept at most; then all are read anew.
const KEPT: usize = 4_096;

/// Documents by their text; `None` for a text that is no policy document.
#[derive(Debug, Default)]
pub(crate) struct Documents(Mutex<HashMap<String, Option<Arc<Document>>>>);

impl Documents {
    /// The policy with this text. One that cannot be read may allow and deny anything, so it is unknown.
    pub(crate) fn policy(&self, name: &str, text: &str) -> Policy {
        Policy { name: name.to_owned(), document: self.read(text, || text.to_owned()) }
    }

    /// The managed policy with this ARN, AWS's or the account's own.
    pub(super) fn managed(&self, state: &State, arn: &str) -> Policy {
        if let Some(own) = state.customer_policy(arn) {
            return own
                .default_document()
                .map_or_else(|| Policy::unreadable(arn), |text| self.policy(arn, text));
        }
        match state.aws_policy(arn) {
            Some(policy) => Policy { name: arn.to_owned(), document: self.read(arn, || policy.document()) },
            None => Policy::unreadable(arn),
        }
    }

    fn read(&self, key: &str, text: impl FnOnce() -> String) -> Option<Arc<Document>> {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = read.get(key) {
            return document.clone();
        }
        if read.len() >= KEPT {
            read.clear();
        }
        let document = Document::parse(&text()).ok().map(Arc::new);
        read.insert(key.to_owned(), document.clone());
        document
    }
}
