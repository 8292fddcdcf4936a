//! What the evaluator answers, held against written-down verdicts, against laws, and against another evaluator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod blocks;
mod conditions;
mod differential;
mod documents;
mod generate;
mod laws;
mod reading;
mod removal;
mod s44;
mod verdicts;
