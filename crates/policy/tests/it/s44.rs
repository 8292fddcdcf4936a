//! S44: each input that it lists has a verdict, or is read or refused as written down, and many verdicts are neither
//! allow nor deny. What they are is held against the evaluator in `verdicts.rs` and `documents.rs`.

use std::collections::BTreeSet;

use crate::{blocks, verdicts::FILES};

/// What S44 lists, and the file and case that has it.
const LISTED: [(&str, &str, &str); 20] = [
    ("Action \"*\"", "s44.txt", "S44 Action of an asterisk alone"),
    ("iam:*", "s44.txt", "S44 iam:*"),
    ("*:*", "documents.txt", "a wildcard for the service"),
    ("[\"*:*\"]", "documents.txt", "a wildcard for the service, in a list"),
    ("NotAction", "s44.txt", "S44 NotAction"),
    ("NotResource", "s44.txt", "S44 NotResource"),
    ("IAM:attachuserpolicy", "s44.txt", "S44 mixed case in service and action"),
    ("iam:A?tach*", "s44.txt", "S44 a question mark and an asterisk within an action"),
    ("Deny overrides", "s44.txt", "S44 Deny overrides"),
    ("boundary", "s44.txt", "S44 a boundary"),
    ("single object", "s44.txt", "S44 a single object"),
    ("array", "s44.txt", "S44 an array"),
    ("duplicate keys", "documents.txt", "a key that comes twice in a statement"),
    ("percent-encoded", "documents.txt", "percent-encoded, with a plus that is a plus"),
    ("BOM", "documents.txt", "a byte order mark"),
    ("Version 2008", "s44.txt", "S44 Version 2008 knows no variables"),
    ("policy variables", "s44.txt", "S44 policy variables"),
    ("Condition on MFA", "s44.txt", "S44 a condition on MFA, before it is known"),
    ("Condition on SourceIp", "s44.txt", "S44 a condition on SourceIp, before it is known"),
    ("chain", "s44.txt", "S44 a chain of a group's, an inline and a managed policy, where the last allows"),
];

/// Fewer mean that a file was lost.
const CONDITIONAL: usize = 40;

#[test]
fn s44_every_listed_input_has_its_case() {
    for (input, file, case) in LISTED {
        let blocks = blocks::read(file);
        let found = blocks.iter().filter(|block| block.need("case") == case).count();
        assert_eq!(found, 1, "{input}: {file} has no case {case:?}");
    }
    let inputs: BTreeSet<&str> = LISTED.iter().map(|(input, _, _)| *input).collect();
    assert_eq!(inputs.len(), LISTED.len());
}

#[test]
fn s44_verdicts_that_depend_on_what_is_not_known_are_among_them() {
    let blocks: Vec<_> = FILES.iter().flat_map(|file| blocks::read(file)).collect();
    let conditional = blocks.iter().filter(|block| block.need("verdict").contains("unknown")).count();
    assert!(conditional >= CONDITIONAL, "{conditional} of {} verdicts", blocks.len());
}
