//! Passwords that came with what was asked for: sealed under the system's key, beside the task that sets them, until its
//! job has ended.

use keyreeve_model::{JobId, Secret, SystemId, TaskId};

use crate::data_keys::{KeyRing, Scope};
use crate::secrets;
use crate::statement::statement;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError};

impl Store {
    /// The password that came with a task; `None` when none did, or its job has ended.
    ///
    /// # Errors
    /// [`StoreError::SecretUnreadable`] when it was altered, or belongs to another task.
    pub async fn given_password(
        &self,
        system: &SystemId,
        task: TaskId,
    ) -> Result<Option<Secret>, StoreError> {
        reading!(self, "reading the password that came with a task", |transaction| {
            let Some(sealed) = sealed(transaction, task).await? else { return Ok(None) };
            open(transaction, &self.keys, system, task, &sealed).await.map(Some)
        })
        .await
    }
}

/// Seals a password and keeps it with its task.
pub(super) async fn keep(
    transaction: &mut Transaction,
    keys: &KeyRing,
    system: &SystemId,
    task: TaskId,
    password: &Secret,
) -> Result<(), StoreError> {
    let (version, key) = keys.active(transaction, &Scope::system(system)).await?;
    let bound_to = place(system, task, version);
    let sealed = secrets::pack(&key, version, &bound_to, password.expose().as_bytes())?;
    let text = "INSERT INTO given_passwords (task_id, ciphertext) VALUES ($1, $2) \
                ON CONFLICT (task_id) DO UPDATE SET ciphertext = excluded.ciphertext";
    transaction.execute(statement!(text, task.0, sealed)).await.map(|_| ())
}

/// Takes away what came with the tasks of a job.
pub(super) async fn wipe(transaction: &mut Transaction, job: JobId) -> Result<(), StoreError> {
    let text = "DELETE FROM given_passwords WHERE task_id IN (SELECT task_id FROM tasks WHERE job_id = $1)";
    transaction.execute(statement!(text, job.0)).await.map(|_| ())
}

/// The tasks of a system that a password came with.
pub(crate) async fn tasks_of(
    transaction: &mut Transaction,
    system: &SystemId,
) -> Result<Vec<TaskId>, StoreError> {
    let text = "SELECT g.task_id FROM given_passwords g JOIN tasks t ON t.task_id = g.task_id \
                JOIN systems s ON s.system_key = t.system_key WHERE s.system_id = $1 ORDER BY g.task_id";
    transaction.fetch(statement!(text, system.as_str()), |row| Ok(TaskId(row.int(0)?))).await
}

/// Seals what came with a task under the key that its system has now. Says whether there was anything to do.
pub(crate) async fn seal_anew(
    transaction: &mut Transaction,
    keys: &KeyRing,
    system: &SystemId,
    task: TaskId,
) -> Result<bool, StoreError> {
    let Some(sealed) = sealed(transaction, task).await? else { return Ok(false) };
    let (active, _) = keys.active(transaction, &Scope::system(system)).await?;
    if secrets::packed_version(&sealed) == Some(active) {
        return Ok(false);
    }
    match open(transaction, keys, system, task, &sealed).await {
        Ok(password) => keep(transaction, keys, system, task, &password).await.map(|()| true),
        // It would not open before either.
        Err(StoreError::SecretUnreadable { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn sealed(transaction: &mut Transaction, task: TaskId) -> Result<Option<Vec<u8>>, StoreError> {
    let text = "SELECT ciphertext FROM given_passwords WHERE task_id = $1";
    transaction.fetch_optional(statement!(text, task.0), |row| row.bytes(0)).await
}

async fn open(
    transaction: &mut Transaction,
    keys: &KeyRing,
    system: &SystemId,
    task: TaskId,
    sealed: &[u8],
) -> Result<Secret, StoreError> {
    let unreadable = || StoreError::SecretUnreadable { row: format!("task {task}") };
    let version = secrets::packed_version(sealed).ok_or_else(unreadable)?;
    let key = keys.opened(transaction, &Scope::system(system), version).await?;
    let plain = secrets::unpack(&key, &place(system, task, version), sealed).ok_or_else(unreadable)?;
    secrets::text(&plain).ok_or_else(unreadable)
}

fn place(system: &SystemId, task: TaskId, version: i64) -> Vec<u8> {
    format!("keyreeve\0given_password\0{system}\0{task}\0{version}").into_bytes()
}
