//! What was last read when, without a row per object and run.

use std::collections::HashMap;

use jiff::Timestamp;
use keyreeve_model::{
    Account, Assignment, CredentialSource, ImportObject, ImportRunId, ImportScope, Resource,
};

use crate::StoreError;
use crate::row::Row;
use crate::statement::{Statement, Value, statement};
use crate::transaction::Transaction;

/// The latest published runs up to a moment, one for each distinct scope (and one more where the latest of a scope
/// had no credential report). Systems are read through a handful of scopes, however many runs there are.
pub(crate) struct Coverage(Vec<CoveringRun>);

struct CoveringRun {
    run: ImportRunId,
    scope: ImportScope,
    started_at: Timestamp,
    credential_report_at: Option<Timestamp>,
}

impl CoveringRun {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            run: ImportRunId(row.int(0)?),
            scope: row.json(1)?,
            started_at: row.time(2)?,
            credential_report_at: row.opt_time(3)?,
        })
    }
}

impl Coverage {
    /// The runs that readers of the moment `at` may rely on.
    pub(crate) async fn at(
        transaction: &mut Transaction,
        system_key: i64,
        at: ImportRunId,
    ) -> Result<Self, StoreError> {
        let text = "SELECT r.run_id, r.scope, r.started_at, r.credential_report_at FROM import_runs r JOIN ( \
                    SELECT MAX(run_id) AS run_id FROM import_runs \
                    WHERE system_key = $1 AND state = 'published' AND run_id <= $2 \
                    GROUP BY scope, (credential_report_at IS NULL) \
                    ) latest ON latest.run_id = r.run_id ORDER BY r.run_id DESC";
        let runs = transaction.fetch(statement!(text, system_key, at.0), CoveringRun::read).await?;
        Ok(Self(runs))
    }

    /// No runs, as long as it is not known which there are.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// The same of many systems, of what is known of them now, by their keys.
    pub(crate) async fn of_many(
        transaction: &mut Transaction,
        systems: &[i64],
    ) -> Result<HashMap<i64, Self>, StoreError> {
        let mut found: HashMap<i64, Self> = HashMap::new();
        for some in systems.chunks(transaction.dialect().values_per_statement()) {
            let mut text = Statement::building(
                "SELECT r.run_id, r.scope, r.started_at, r.credential_report_at, r.system_key FROM import_runs r JOIN ( \
                 SELECT MAX(run_id) AS run_id FROM import_runs WHERE state = 'published' AND system_key IN (VALUES ",
            );
            text.bind_rows(some.iter().map(|key| vec![Value::from(*key)]));
            text.push(
                ") GROUP BY system_key, scope, (credential_report_at IS NULL) \
                 ) latest ON latest.run_id = r.run_id ORDER BY r.run_id DESC",
            );
            let read = |row: &Row| Ok((row.int(4)?, CoveringRun::read(row)?));
            for (key, run) in transaction.fetch(text, read).await? {
                found.entry(key).or_insert_with(|| Self(Vec::new())).0.push(run);
            }
        }
        Ok(found)
    }

    /// Whether no run was limited to a path.
    pub(crate) fn any_path(&self) -> bool {
        self.0.iter().all(|covering| covering.scope.path_prefix == "/")
    }

    /// Fills in when an account was last seen, and what moment its credentials' reading speaks of.
    pub(crate) fn complete_account(&self, account: &mut Account) {
        account.last_seen_run = self.last(account.last_seen_run, |scope| scope.covers_account(account));
        let mut readings = self.0.iter().filter(|covering| {
            covering.scope.covers_account(account)
                && covering.scope.objects.contains(&ImportObject::LoginProfiles)
        });
        account.credentials.as_of = match account.credentials.source {
            CredentialSource::None => None,
            CredentialSource::PerUser => readings.next().map(|covering| covering.started_at),
            CredentialSource::CredentialReport => readings.find_map(|covering| covering.credential_report_at),
        };
    }

    /// Fills in when a resource was last seen.
    pub(crate) fn complete_resource(&self, resource: &mut Resource) {
        resource.last_seen_run = self.last(resource.last_seen_run, |scope| scope.covers_resource(resource));
    }

    /// Fills in when an assignment was last seen.
    pub(crate) fn complete_assignment(&self, assignment: &mut Assignment, holder_path: Option<&str>) {
        assignment.last_seen_run =
            self.last(assignment.last_seen_run, |scope| scope.covers_assignment(assignment, holder_path));
    }

    /// The latest run that covered an object, which is not before the run that wrote its row.
    fn last(&self, written: ImportRunId, covers: impl Fn(&ImportScope) -> bool) -> ImportRunId {
        let covering = self.0.iter().find(|covering| covering.run <= written || covers(&covering.scope));
        covering.map_or(written, |covering| covering.run.max(written))
    }
}
