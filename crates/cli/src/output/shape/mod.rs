//! Which columns each noun has: few in a table, all of the contract in CSV. JSON is the model's own.

mod account;
mod assignment;
mod audit;
mod change;
mod check;
mod discovery;
mod imported;
mod job;
mod mapping;
mod person;
mod profile;
mod protection;
mod resource;
mod run;
mod step;
mod system;
mod token;

use jiff::Timestamp;
use serde::Serialize;

use super::Narrow;

pub(crate) use account::{ACCOUNTS, KnownAccount, account_facts};
pub(crate) use assignment::ASSIGNMENTS;
pub(crate) use audit::{AUDIT, HEADS};
pub(crate) use change::{CHANGES, lines_of};
pub(crate) use check::{CHECKS, Check, CheckState, Rights};
pub(crate) use discovery::DISCOVERED;
pub(crate) use imported::{IMPORTED, Imported};
pub(crate) use job::{
    Detail, JOB_LIST, JOBS, PLANS, after_tasks, finished_job, show_job, show_plan, show_secrets_of,
};
pub(crate) use mapping::{LINES, MAPPINGS, MappingView, lines_of as mapping_lines};
pub(crate) use person::PEOPLE;
pub(crate) use profile::{LastTime, PROFILES, ShownProfile, profile_facts};
pub(crate) use protection::PROTECTIONS;
pub(crate) use resource::RESOURCES;
pub(crate) use run::{RUNS, show_run, suspicion_text};
pub(crate) use step::in_words as step_in_words;
pub(crate) use system::{SYSTEMS, system_changes, system_facts};
pub(crate) use token::{MADE_TOKENS, ShownToken, TOKENS, token_facts};

/// A column: its name, and the text of its cell.
pub(crate) type Column<T> = (&'static str, fn(&T) -> String);

/// The columns of a noun.
pub(crate) struct Shape<T: 'static> {
    /// What a table shows.
    pub(crate) table: &'static [Column<T>],
    /// What a table does on a narrow screen.
    pub(crate) narrow: Narrow,
    /// What CSV holds.
    pub(crate) csv: &'static [Column<T>],
}

/// A time, or nothing.
pub(crate) fn time(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// A time to the minute, as tables show it.
pub(crate) fn minute(time: Option<Timestamp>) -> String {
    time.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// Something that may be absent.
fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// The word that JSON has for a value of a closed list.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Null) | Err(_) => String::new(),
        Ok(other) => other.to_string(),
    }
}

/// A list in one cell.
fn joined<T>(items: impl IntoIterator<Item = T>, of: impl Fn(T) -> String) -> String {
    items.into_iter().map(of).collect::<Vec<_>>().join(";")
}
