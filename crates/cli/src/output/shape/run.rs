//! Import runs.

use keyreeve_engine::export::{self, compared, failure, suspicion_text};
use keyreeve_model::{ChangeCounts, CollectionRecord, ImportRun, ImportRunState};

use super::{Column, Columns, Shape, minute, time, word};
use crate::output::{Facts, Narrow, Tables};

/// A list of import runs.
pub(crate) const RUNS: Shape<ImportRun> = Shape {
    table: &[
        ("run", |run| run.id.to_string()),
        ("state", |run| run.state.as_str().to_owned()),
        ("profile", |run| run.profile.to_string()),
        ("started", |run| minute(Some(run.started_at))),
        ("accounts", |run| compared(run, counts(&run.changes.accounts), "-")),
        ("resources", |run| compared(run, counts(&run.changes.resources), "-")),
        ("assignments", |run| compared(run, counts(&run.changes.assignments), "-")),
        ("calls", |run| run.aws_calls.to_string()),
        ("warnings", |run| run.warnings.len().to_string()),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Fields(export::RUNS),
};

const COLLECTIONS: &[Column<CollectionRecord>] = &[
    ("collection", |one| one.name.as_str().replace('_', " ")),
    ("state", |one| word(&one.state)),
    ("items", |one| one.items.to_string()),
    ("calls", |one| one.calls.to_string()),
    ("retries", |one| one.retries.to_string()),
    ("throttled", |one| one.throttled.to_string()),
    ("because", |one| one.reason.clone().unwrap_or_default()),
];

/// What is known about a run itself.
fn run_facts(run: &ImportRun) -> Facts<'static> {
    let decided = match (&run.decided_by, &run.decision_reason) {
        (Some(by), Some(reason)) => format!("by {by}: {reason}"),
        (Some(by), None) => format!("by {by}"),
        _ => String::new(),
    };
    let would = match run.state {
        ImportRunState::Previewed | ImportRunState::Suspended | ImportRunState::Rejected => "Would change",
        _ => "Changed",
    };
    vec![
        ("Run", run.id.to_string()),
        ("System", run.system_id.to_string()),
        ("Profile", run.profile.to_string()),
        ("State", run.state.as_str().to_owned()),
        ("Because", failure(run)),
        ("Decided", decided),
        ("Started", format!("{} by {}", run.started_at, run.actor)),
        ("Finished", time(run.finished_at)),
        ("Published", time(run.published_at)),
        (
            "Compared with",
            match run.baseline_run {
                _ if !run.state.compared() => "nothing".to_owned(),
                None => "nothing: the first import".to_owned(),
                Some(run) => format!("run {run}"),
            },
        ),
        ("Credential report", time(run.credential_report_at)),
        ("AWS calls", run.aws_calls.to_string()),
        (would, compared(run, all_counts(run), "- (nothing was compared)")),
        ("Seen differently", compared(run, seen_differently(run), "")),
    ]
}

/// A run with its collections and suspicions, and its warnings unless they are `told` on standard error: what is said
/// once is not said again.
pub(crate) fn show_run(run: &ImportRun, told: bool, tables: &mut Tables) {
    tables.facts(run_facts(run));
    let said = failure(run);
    let mut collections = run.collections.clone();
    let repeats = |reason: &&mut String| !reason.is_empty() && said.contains(reason.as_str());
    for reason in collections.iter_mut().filter_map(|one| one.reason.as_mut()).filter(repeats) {
        "see Because above".clone_into(reason);
    }
    let warned = |reason: &&mut String| {
        !reason.is_empty() && run.warnings.iter().any(|warning| warning.message.contains(reason.as_str()))
    };
    for reason in collections.iter_mut().filter_map(|one| one.reason.as_mut()).filter(warned) {
        "see the warning below".clone_into(reason);
    }
    tables.list("", &collections, COLLECTIONS, Narrow::Wrap { sentences: 1 });
    let suspicions: Vec<String> = run.suspicions.iter().map(suspicion_text).collect();
    let heading = match run.state {
        ImportRunState::Suspended => "Look at this before it is published:",
        _ => "Why it was suspended:",
    };
    tables.sentences(heading, &suspicions);
    if told {
        return;
    }
    let warnings: Vec<String> =
        run.warnings.iter().map(|warning| format!("{} ({})", warning.message, warning.code)).collect();
    tables.sentences("Warnings:", &warnings);
}

fn all_counts(run: &ImportRun) -> String {
    format!(
        "accounts {}, resources {}, assignments {} (created, changed, deleted)",
        counts(&run.changes.accounts),
        counts(&run.changes.resources),
        counts(&run.changes.assignments)
    )
}

/// What only became known or unknown; empty when nothing did.
fn seen_differently(run: &ImportRun) -> String {
    let changes = &run.changes;
    let all = [
        ("accounts", changes.accounts),
        ("resources", changes.resources),
        ("assignments", changes.assignments),
    ];
    let some = all.iter().filter(|(_, counts)| counts.seen_differently > 0);
    let named: Vec<String> =
        some.map(|(what, counts)| format!("{} {what}", counts.seen_differently)).collect();
    match named.is_empty() {
        true => String::new(),
        false => format!("{}: something became known or unknown, nothing changed", named.join(", ")),
    }
}

/// `+3 ~1 -0`
pub(super) fn counts(counts: &ChangeCounts) -> String {
    format!("+{} ~{} -{}", counts.created, counts.changed, counts.deleted)
}
