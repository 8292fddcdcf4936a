//! What policies say: the documents of their versions, and those of inline policies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ImportRunId;

/// Deeper than this, what is inside is not moved to the right any more.
const DEEPEST: usize = 24;

/// The documents of a group or a policy, as far as imports have read them.
///
/// The field names are part of the stable JSON contract.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PolicyDocuments {
    /// The versions of a policy, the newest first; empty for groups, and where no import has read any.
    pub versions: Vec<PolicyVersion>,
    /// The inline policies of a group, by name; empty for policies.
    pub inline: Vec<InlineDocument>,
}

/// A version of a managed policy. What it says never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PolicyVersion {
    /// The `VersionId`, as `v3`.
    pub version_id: String,
    /// Whether it was in force at the moment that was asked for.
    pub is_default: bool,
    /// When it was made; `None` where AWS did not say.
    pub created_at: Option<Timestamp>,
    /// SHA-256 of the document, in hex; `None` where it did not come, could not be decoded, or is longer than AWS
    /// lets one be.
    pub document_sha256: Option<String>,
    /// The document as AWS has it; `None` where its digest is not known.
    pub document: Option<String>,
    /// The import that read it first.
    pub first_seen_run: ImportRunId,
    /// The import that found it gone from AWS; `None` while it is there.
    pub gone_run: Option<ImportRunId>,
}

/// An inline policy with what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InlineDocument {
    /// The policy's name within its user or group.
    pub name: String,
    /// SHA-256 of the document, in hex; `None` where it could not be decoded.
    pub document_sha256: Option<String>,
    /// The document as AWS has it; `None` where no import has kept it.
    pub document: Option<String>,
}

/// A document with a line for each thing in it. Only white space between things becomes another: what is there twice stays
/// twice, in its order, and what is no JSON is shown as well.
#[must_use]
pub fn laid_out(document: &str) -> String {
    let mut written = String::with_capacity(document.len().saturating_mul(2));
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut characters = document.chars().peekable();
    while let Some(character) = characters.next() {
        if quoted {
            match character {
                // No string of JSON has a line break: it would look like one of ours.
                '\n' | '\t' => written.extend(character.escape_unicode()),
                _ => written.push(character),
            }
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' | '\n' | '\t' | '\r' => {}
            '"' => {
                quoted = true;
                written.push(character);
            }
            '{' | '[' => {
                written.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                let end = if character == '{' { '}' } else { ']' };
                if let Some(end) = characters.next_if_eq(&end) {
                    written.push(end);
                } else {
                    depth = depth.saturating_add(1);
                    new_line(&mut written, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut written, depth);
                written.push(character);
            }
            ',' => {
                written.push(character);
                new_line(&mut written, depth);
            }
            ':' => written.push_str(": "),
            _ => written.push(character),
        }
    }
    written
}

fn new_line(written: &mut String, depth: usize) {
    written.push('\n');
    written.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}
