//! JSON: one pretty document for each command, in the field names of the contract.

use anyhow::Context;
use serde::Serialize;

/// The document, ending in a line break.
pub(super) fn document<T: Serialize>(value: &T) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(value).context("writing the answer as JSON")?;
    text.push('\n');
    Ok(text)
}
