//! What is asked thousands of times goes through indexes, and never through the tasks and steps that are over.

use jiff::Timestamp;
use keyreeve_model::TaskId;

use super::candidates::{Within, statement_for};
use super::claim_facts::supersede;
use super::drift::changed_here;
use super::journal::load::{all_steps, single_steps};
use super::journal::pending::{Settled, attempts, outcomes};
use super::manifests::latest;
use super::of_jobs::of_job;
use crate::statement::{Statement, Text};
use crate::transaction::reading;
use crate::{DatabaseUrl, Store, StoreError, StoreKey};

/// How SQLite goes about a statement, one line for each loop.
pub(crate) async fn plan(store: &Store, text: Statement) -> Vec<String> {
    // Only texts that live for ever keep their own numbers of places.
    let written = match &text.text {
        Text::Fixed(written) => *written,
        Text::Built(written) => written.as_str(),
        Text::Repeated(written) => written,
    };
    let kept: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {written}").into_boxed_str());
    let explained = Statement { text: Text::Fixed(kept), values: text.values };
    let lines: Result<Vec<String>, StoreError> = reading!(store, "explaining", |transaction| {
        transaction.fetch(explained.clone(), |row| row.text(3)).await
    })
    .await;
    lines.unwrap()
}

fn settled() -> Settled {
    Settled { state: "applied", unchanged: None, request_id: None, failure: None, over: true }
}

#[tokio::test]
async fn the_statements_of_claims_and_of_the_journal_search_and_do_not_scan() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
    let now = Timestamp::UNIX_EPOCH;
    let store = Store::create(&url, StoreKey::generate().unwrap(), now).await.unwrap();
    let cases = [
        (statement_for(Within::System(1), 0, now, 9), "tasks_open_by_system"),
        (statement_for(Within::Job(1), 0, now, 9), "tasks_open_by_job"),
        (statement_for(Within::Job(1), 0, now, 9), "systems_by_aws_account (aws_account_id=?)"),
        (
            latest(1, &["AIDA1".parse().unwrap()], "kind", "state = 'succeeded' ORDER BY task_id DESC"),
            "tasks_by_account (system_key=? AND account_external_id=? AND kind=?)",
        ),
        (of_job(1), "claims_by_task (task_id=?)"),
        (single_steps(&[(1, 1), (2, 3)]), "sqlite_autoindex_steps_1 (task_id=? AND seq=?)"),
        (all_steps(&[1, 2]), "sqlite_autoindex_steps_1 (task_id=?)"),
        (attempts(&[(TaskId(1), 1), (TaskId(2), 3)], now), "sqlite_autoindex_steps_1 (task_id=? AND seq=?)"),
        (outcomes(&[((TaskId(1), 1), settled())], now), "sqlite_autoindex_steps_1 (task_id=? AND seq=?)"),
        (
            supersede([vec![1.into(), "AIDA1".into(), "name".into()]], 0),
            "claims_open (system_key=? AND account_external_id=? AND topic=?)",
        ),
        (
            changed_here([vec![1.into(), "AIDA1".into(), "name".into()]], 0),
            "claims_drifting (system_key=? AND account_external_id=? AND topic=?)",
        ),
    ];
    for (text, index) in cases {
        let lines = plan(&store, text).await;
        assert!(lines.iter().any(|line| line.contains(index)), "{index}: {lines:#?}");
        for table in ["t", "o", "w", "e", "p", "d", "m", "a", "b", "l", "steps", "claims"] {
            let whole = format!("SCAN {table}");
            let wanted =
                lines.iter().any(|line| line.contains("CONSTANT ROW")) && ["w", "m"].contains(&table);
            let scanned = lines.iter().any(|line| *line == whole || line.starts_with(&format!("{whole} ")));
            assert!(!scanned || wanted, "{whole}: {lines:#?}");
        }
    }
    store.close().await;
}
