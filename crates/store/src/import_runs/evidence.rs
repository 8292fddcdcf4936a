//! The changes of a run that waits for a person, kept exactly as they were computed.

use keyreeve_model::{Account, Assignment, Change, ChangeSet, ImportRunId, Resource};
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::row::{parse_json, to_json};
use crate::statement::{Statement, Value, statement};
use crate::transaction::Transaction;

/// The words of `import_changes.object_type`.
const ACCOUNT: &str = "account";
const RESOURCE: &str = "resource";
const ASSIGNMENT: &str = "assignment";

/// Changes as lines: what kind of object, and the change in canonical JSON.
pub(super) struct Evidence(Vec<(String, String)>);

/// The digest that stands for a set of changes: SHA-256 over one line for each change (kind of object, a tab, the
/// change in canonical JSON, a line feed), accounts first, then resources, then assignments.
///
/// # Errors
/// When a change cannot be written as JSON.
pub fn changes_sha256(changes: &ChangeSet) -> Result<String, StoreError> {
    Ok(Evidence::of(changes)?.sha256())
}

impl Evidence {
    pub(super) fn of(changes: &ChangeSet) -> Result<Self, StoreError> {
        let mut lines = Vec::new();
        add_lines(&mut lines, ACCOUNT, &changes.accounts)?;
        add_lines(&mut lines, RESOURCE, &changes.resources)?;
        add_lines(&mut lines, ASSIGNMENT, &changes.assignments)?;
        Ok(Self(lines))
    }

    pub(super) fn sha256(&self) -> String {
        let mut digest = Sha256::new();
        for (object_type, change) in &self.0 {
            digest.update(object_type);
            digest.update(b"\t");
            digest.update(change);
            digest.update(b"\n");
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) async fn insert(
        &self,
        transaction: &mut Transaction,
        run: ImportRunId,
    ) -> Result<(), StoreError> {
        let chunk = transaction.dialect().values_per_statement() / 4;
        let mut seq = 0_i64;
        for lines in self.0.chunks(chunk) {
            let mut text =
                Statement::building("INSERT INTO import_changes (run_id, seq, object_type, change) VALUES ");
            text.bind_rows(lines.iter().map(|(object_type, change)| {
                seq += 1;
                let row: Vec<Value> =
                    vec![run.0.into(), seq.into(), object_type.as_str().into(), change.as_str().into()];
                row
            }));
            transaction.execute(text).await?;
        }
        Ok(())
    }

    /// Reads the evidence of a run, and refuses it when it does not match the digest recorded with the run.
    pub(super) async fn read(
        transaction: &mut Transaction,
        run: ImportRunId,
        recorded_sha256: Option<&str>,
    ) -> Result<ChangeSet, StoreError> {
        let text = "SELECT object_type, change FROM import_changes WHERE run_id = $1 ORDER BY seq";
        let lines =
            transaction.fetch(statement!(text, run.0), |row| Ok((row.text(0)?, row.text(1)?))).await?;
        let evidence = Self(lines);
        if recorded_sha256 != Some(evidence.sha256().as_str()) {
            return Err(StoreError::EvidenceAltered { run });
        }
        evidence.changes(run)
    }

    fn changes(&self, run: ImportRunId) -> Result<ChangeSet, StoreError> {
        let mut changes = ChangeSet::default();
        for (object_type, change) in &self.0 {
            match object_type.as_str() {
                ACCOUNT => changes.accounts.push(parse_json::<Change<Account>>(change)?),
                RESOURCE => changes.resources.push(parse_json::<Change<Resource>>(change)?),
                ASSIGNMENT => changes.assignments.push(parse_json::<Change<Assignment>>(change)?),
                _ => return Err(StoreError::EvidenceAltered { run }),
            }
        }
        Ok(changes)
    }
}

fn add_lines<T: serde::Serialize>(
    lines: &mut Vec<(String, String)>,
    object_type: &str,
    changes: &[Change<T>],
) -> Result<(), StoreError> {
    for change in changes {
        lines.push((object_type.to_owned(), to_json(change)?));
    }
    Ok(())
}
