//! Is an answer one complete XML document?
//!
//! The SDK's XML reader stops quietly at the first mistake: a listing that breaks off in the middle would be
//! taken for a short, complete one. So every answer is looked through before the SDK sees it.

use quick_xml::Reader;
use quick_xml::events::Event;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is not UTF-8")]
    NotUtf8,
    #[error("the answer holds a control character that XML forbids")]
    ControlCharacter,
    #[error("the answer is no well-formed XML (near byte {0})")]
    Malformed(u64),
    #[error("the answer breaks off before its end")]
    BreaksOff,
    #[error("the answer brings a document type definition, which IAM never does")]
    DocumentType,
    #[error("the answer uses an XML entity that was never defined")]
    UnknownEntity,
    #[error("the answer is nested too deeply")]
    TooDeep,
    #[error("the answer is one to another call")]
    AnotherAnswer,
    #[error("the answer lacks the list {0}")]
    ListMissing(&'static str),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// How much is looked through for control characters before the question is asked again.
const CHUNK_BYTES: usize = 4096;

/// IAM's answers are nested ten deep at most.
const MAX_DEPTH: usize = 64;

/// Lists that an answer must hold, even if they are empty: required members of the service model. The SDK would
/// read an answer without them as an empty listing.
const REQUIRED_LISTS: &[(&str, &str)] = &[
    ("ListUsersResponse", "Users"),
    ("ListGroupsResponse", "Groups"),
    ("ListPoliciesResponse", "Policies"),
    ("ListAccessKeysResponse", "AccessKeyMetadata"),
    ("ListMFADevicesResponse", "MFADevices"),
    ("ListSigningCertificatesResponse", "Certificates"),
    ("ListGroupsForUserResponse", "Groups"),
];

/// Checks a whole document. Reads it once and keeps nothing. `root` is the element it must consist of: the SDK takes
/// anything for the answer to a call that gives nothing back.
pub(crate) fn check(body: &[u8], root: Option<&str>) -> Result<(), Flaw> {
    let text = std::str::from_utf8(body).map_err(|_| Flaw::NotUtf8)?;
    if text.trim().is_empty() {
        return Err(Flaw::Empty);
    }
    if body.chunks(CHUNK_BYTES).any(has_control_character) {
        return Err(Flaw::ControlCharacter);
    }
    let mut scan = Scan { root, ..Scan::default() };
    let mut reader = Reader::from_str(text);
    loop {
        let event = reader.read_event().map_err(|_| Flaw::Malformed(reader.error_position()))?;
        match event {
            Event::Eof => break,
            event => {
                scan.see(&event).map_err(|flaw| flaw.unwrap_or(Flaw::Malformed(reader.buffer_position())))?
            }
        }
    }
    scan.finish()
}

/// Looks at every byte without leaving early, which the processor does many bytes at a time.
fn has_control_character(bytes: &[u8]) -> bool {
    let forbidden = |byte: u8| byte < 0x20 && byte != b'\t' && byte != b'\n' && byte != b'\r';
    bytes.iter().fold(false, |found, byte| found | forbidden(*byte))
}

#[derive(Default)]
struct Scan<'a> {
    root: Option<&'a str>,
    depth: usize,
    root_seen: bool,
    required: Option<&'static str>,
}

impl Scan<'_> {
    /// `Err(None)` is a mistake that has no name of its own.
    fn see(&mut self, event: &Event<'_>) -> Result<(), Option<Flaw>> {
        match event {
            Event::Start(start) => {
                self.open(start.local_name().as_ref())?;
                self.depth += 1;
                if self.depth > MAX_DEPTH { Err(Some(Flaw::TooDeep)) } else { Ok(()) }
            }
            Event::Empty(start) => self.open(start.local_name().as_ref()),
            Event::End(_) => {
                self.depth = self.depth.checked_sub(1).ok_or(None)?;
                Ok(())
            }
            Event::GeneralRef(reference) => {
                let known = reference.is_char_ref()
                    || matches!(reference.as_ref(), "lt" | "gt" | "amp" | "quot" | "apos");
                if self.depth > 0 && known { Ok(()) } else { Err(Some(Flaw::UnknownEntity)) }
            }
            Event::Text(text) if self.depth == 0 && !text.trim().is_empty() => Err(None),
            Event::CData(_) if self.depth == 0 => Err(None),
            Event::DocType(_) => Err(Some(Flaw::DocumentType)),
            _ => Ok(()),
        }
    }

    fn open(&mut self, name: &str) -> Result<(), Option<Flaw>> {
        if self.depth == 0 {
            if self.root_seen {
                return Err(None);
            }
            self.root_seen = true;
            if self.root.is_some_and(|root| root != name) {
                return Err(Some(Flaw::AnotherAnswer));
            }
            self.required = REQUIRED_LISTS.iter().find(|(root, _)| *root == name).map(|&(_, list)| list);
        } else if self.depth == 2 && self.required.is_some_and(|list| list == name) {
            self.required = None;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Flaw> {
        if self.depth > 0 || !self.root_seen {
            return Err(Flaw::BreaksOff);
        }
        self.required.map_or(Ok(()), |list| Err(Flaw::ListMissing(list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"<?xml version="1.0"?>
<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListUsersResult>
<Users><member><Path>/a&amp;b&lt;&#x41;/</Path></member></Users><IsTruncated>false</IsTruncated>
</ListUsersResult></ListUsersResponse>
"#;

    #[test]
    fn a_whole_document_passes_and_no_part_of_it_does() {
        assert_eq!(check(WHOLE.as_bytes(), None), Ok(()));
        let end = WHOLE.trim_end().len();
        for cut in 0..end {
            assert!(check(&WHOLE.as_bytes()[..cut], None).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn hostile_bodies_are_named() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>"#;
        let cases: &[(&[u8], Flaw)] = &[
            (b"", Flaw::Empty),
            (b" \n", Flaw::Empty),
            (b"<a>\xff</a>", Flaw::NotUtf8),
            (b"<a>\0</a>", Flaw::ControlCharacter),
            (b"<a>", Flaw::BreaksOff),
            (b"<a><b></b>", Flaw::BreaksOff),
            (b"<!-- nothing -->", Flaw::BreaksOff),
            (bomb.as_bytes(), Flaw::DocumentType),
            (b"<a>&c;</a>", Flaw::UnknownEntity),
            (deep.as_bytes(), Flaw::TooDeep),
            (
                b"<ListGroupsResponse><ListGroupsResult><IsTruncated>false</IsTruncated></ListGroupsResult></ListGroupsResponse>",
                Flaw::ListMissing("Groups"),
            ),
        ];
        for (body, flaw) in cases {
            assert_eq!(
                check(body, None).as_ref(),
                Err(flaw),
                "{}",
                String::from_utf8_lossy(&body[..body.len().min(80)])
            );
        }
        for malformed in [
            "{}",
            "<a></b>",
            "<a><b></a></b>",
            "<a/><b/>",
            "<a/>x",
            "x<a/>",
            "</a>",
            "<a b></a",
            "<a>&lt</a>",
            "<a><</a>",
        ] {
            assert!(check(malformed.as_bytes(), None).is_err(), "{malformed}");
        }
    }

    #[test]
    fn an_empty_list_is_a_list() {
        let body = "<ListUsersResponse><ListUsersResult><Users/></ListUsersResult></ListUsersResponse>";
        assert_eq!(check(body.as_bytes(), None), Ok(()));
    }

    #[test]
    fn an_answer_to_another_call_is_none() {
        let answer = b"<DeleteUserResponse><ResponseMetadata/></DeleteUserResponse>";
        assert_eq!(check(answer, Some("DeleteUserResponse")), Ok(()));
        assert_eq!(check(answer, Some("DeleteLoginProfileResponse")), Err(Flaw::AnotherAnswer));
        assert_eq!(check(b"<html/>", Some("DeleteUserResponse")), Err(Flaw::AnotherAnswer));
    }
}
