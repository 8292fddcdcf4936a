//! Which columns each noun has: few in a table, all of the contract in CSV. JSON is the model's own.

mod account;
mod assignment;
mod audit;
mod change;
mod check;
mod discovery;
mod drift;
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
use keyreeve_engine::export::{joined, text};

use super::Narrow;

pub(crate) use account::{ACCOUNTS, account_facts};
pub(crate) use assignment::{ASSIGNMENTS, HELD};
pub(crate) use audit::{AUDIT, HEADS};
pub(crate) use change::CHANGES;
pub(crate) use check::{CHECKS, Check, CheckState, Rights};
pub(crate) use discovery::DISCOVERED;
pub(crate) use drift::DRIFT;
pub(crate) use imported::{IMPORTED, Imported};
pub(crate) use job::{
    Detail, JOB_LIST, JOBS, PLANS, RETRIALS, Retrial, after_tasks, finished_job, show_job, show_plan,
    show_retrial, show_secrets_of,
};
pub(crate) use keyreeve_engine::export::{Column, Columns, suspicion_text, time, word};
pub(crate) use mapping::{LINES, MAPPINGS, MappingView, lines_of as mapping_lines};
pub(crate) use person::PEOPLE;
pub(crate) use profile::{PROFILES, ShownProfile, profile_facts};
pub(crate) use protection::PROTECTIONS;
pub(crate) use resource::{RESOURCES, resource_facts};
pub(crate) use run::{RUNS, show_run};
pub(crate) use step::in_words as step_in_words;
pub(crate) use system::{SYSTEMS, system_changes, system_facts};
pub(crate) use token::{MADE_TOKENS, ShownToken, TOKENS, token_facts};

/// The columns of a noun.
pub(crate) struct Shape<T: 'static> {
    /// What a table shows.
    pub(crate) table: &'static [Column<T>],
    /// What a table does on a narrow screen.
    pub(crate) narrow: Narrow,
    /// What CSV holds.
    pub(crate) csv: Columns<T>,
}

/// A time to the minute, as tables show it.
pub(crate) fn minute(time: Option<Timestamp>) -> String {
    time.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}
