//! `documents.txt`: what is read, and what is refused and why.

use keyreeve_policy::{Document, Place};

use crate::blocks;

#[test]
fn documents_are_read_or_refused_as_written_down() {
    let mut wrong = Vec::new();
    for block in blocks::read("documents.txt") {
        block.allow_only(&["case", "source", "document", "encoded", "place", "read", "refused"]);
        let read = match block.get("encoded") {
            Some(text) => Document::parse_encoded(text),
            None => {
                let text = block.need("document");
                Document::parse(&text.replace("<BOM>", "\u{feff}").replace("<NNBSP>", "\u{202f}"))
            }
        };
        let placed = read.and_then(|document| match block.get("place") {
            None => Ok(document),
            Some("identity") => document.check_place(Place::Identity).map(|()| document),
            Some("trust") => document.check_place(Place::Trust).map(|()| document),
            Some(_) => document.check_place(Place::Resource).map(|()| document),
        });
        let name = format!("{} {:?}", block.place, block.need("case"));
        match (placed, block.get("refused")) {
            (Ok(document), None) => {
                let statements = format!("{} statements", document.statements().len());
                if statements != block.need("read") {
                    wrong.push(format!("{name}: {statements}"));
                }
            }
            (Err(error), Some(expected)) if error.to_string().contains(expected) => {}
            (other, _) => wrong.push(format!("{name}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_document_longer_than_iam_takes_is_refused() {
    let padding = " ".repeat(Document::MAXIMUM_CHARACTERS);
    let text = format!(r#"{{"Statement": {{"Effect": "Deny", "Action": "*", "Resource": "*"}}}}{padding}"#);
    let error = Document::parse(&text).unwrap_err();
    assert!(error.to_string().contains("IAM takes at most 131072"), "{error}");
    let fits = text.get(..Document::MAXIMUM_CHARACTERS).unwrap();
    assert!(Document::parse(fits).is_ok());
}
