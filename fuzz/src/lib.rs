//! What others send, tried with anything.
//!
//! A [`Target`] is a parser of foreign input: it gets bytes, and must neither panic, nor take long, nor need much, nor break
//! what is said of it here. Each has a corpus, `corpus/<name>/`: what its input looks like, and whatever once went wrong.
//! `tests/corpus.rs` hands the whole corpus to each target with every run of the tests; `cargo xtask fuzz` lets libFuzzer look
//! for more, led by which branches an input reaches.
//!
//! JSON bodies of REST have a fuzzer of their own (`cargo xtask schemathesis`), whole answers of AWS a hostile server
//! (`r27_hostile_bodies` in the engine's tests).

mod from_aws;
mod of_sandbox;
mod policies;
mod scim;
mod texts;

/// A parser of foreign input.
pub struct Target {
    /// The name, also that of the corpus's folder.
    pub name: &'static str,
    /// What is parsed.
    pub what: &'static str,
    /// Inputs are no longer than this many bytes.
    pub longest: usize,
    /// Tries it with bytes. It panics where a promise is broken.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "policy_document",
        what: "policy documents, and what follows of them",
        longest: 4_096,
        run: policies::document,
    },
    Target {
        name: "policy_laws",
        what: "one policy more: a denial gives no right, an allowance takes none",
        longest: 4_096,
        run: policies::laws,
    },
    Target {
        name: "aws_answer",
        what: "whether an answer of AWS is one whole XML document",
        longest: 8_192,
        run: from_aws::answer,
    },
    Target {
        name: "credential_report",
        what: "credential reports of AWS",
        longest: 8_192,
        run: from_aws::credential_report,
    },
    Target {
        name: "aws_texts",
        what: "ARNs, encoded documents, profiles",
        longest: 2_048,
        run: from_aws::texts,
    },
    Target { name: "scim_filter", what: "filters and paths of SCIM", longest: 1_024, run: scim::filter },
    Target { name: "scim_query", what: "queries and pages of SCIM", longest: 1_024, run: scim::query },
    Target {
        name: "scim_write",
        what: "resources that a SCIM client writes",
        longest: 4_096,
        run: scim::write,
    },
    Target {
        name: "scim_patch",
        what: "changes that a SCIM client asks for",
        longest: 4_096,
        run: scim::patch,
    },
    Target { name: "scim_bulk", what: "bulk requests of SCIM", longest: 4_096, run: scim::bulk },
    Target { name: "schedule", what: "cron expressions", longest: 256, run: texts::schedule },
    Target {
        name: "mapping",
        what: "task mappings and their expressions",
        longest: 2_048,
        run: texts::mapping,
    },
    Target {
        name: "words",
        what: "names, numbers, moments, keys and addresses",
        longest: 1_024,
        run: texts::words,
    },
    Target { name: "shown", what: "text that is shown in a terminal", longest: 1_024, run: texts::shown },
    Target {
        name: "sandbox_request",
        what: "requests to the sandbox: forms and markers",
        longest: 2_048,
        run: of_sandbox::request,
    },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The input as text; what is no UTF-8 is no text to anybody who takes texts alone.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Two inputs in one, with a line of three dashes between them.
fn halves(text: &str) -> Option<(&str, &str)> {
    text.split_once("\n---\n")
}
