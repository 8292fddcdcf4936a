//! Writing to the log, in the transaction of what it records.

use jiff::Timestamp;
use keyreeve_model::SystemId;

use super::checkpoint::{self, AuditCheckpoint};
use super::{AUDIT_ACTIONS, AuditHead, Hashed, key_version, mac, unproved_row};
use crate::data_keys::{DataKey, KeyRing, Scope};
use crate::error::DatabaseFailure;
use crate::statement::{Statement, Value, statement};
use crate::time::{from_millis, to_millis};
use crate::transaction::{Attempts, Next, Transaction};
use crate::{Store, StoreError, notifications};

/// The log, locked until the transaction ends. Notes are kept here and written by [`Trail::append`].
pub(crate) struct Trail<'a> {
    keys: &'a KeyRing,
    at: i64,
    head: AuditHead,
    /// The code that the log's end was found with.
    mac: String,
    /// The version of the key to seal the end with, where that is to be another one.
    seal_with: Option<i64>,
    notes: Vec<Note>,
}

struct Note {
    actor: String,
    system_id: Option<String>,
    action: &'static str,
    subject: String,
}

impl<'a> Trail<'a> {
    /// Locks the log. Whoever also locks a system does that first; tasks are locked by nobody, because they are
    /// written under this lock only.
    pub(crate) async fn lock(
        transaction: &mut Transaction,
        keys: &'a KeyRing,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let text = statement!(transaction.dialect().lock_audit_head());
        let (head, mac) = transaction
            .fetch_one(text, |row| Ok((AuditHead { seq: row.int(0)?, hash: row.text(1)? }, row.text(2)?)))
            .await?;
        Ok(Self { keys, at: to_millis(now), head, mac, seal_with: None, notes: Vec::new() })
    }

    /// The end of the log as it was found.
    pub(crate) fn head(&self) -> &AuditHead {
        &self.head
    }

    /// From now on the log's end is sealed with this version of its key.
    pub(crate) fn seal_with(&mut self, version: i64) {
        self.seal_with = Some(version);
    }

    /// Notes what was done, by whom and to what.
    pub(crate) fn note(
        &mut self,
        actor: &str,
        system_id: Option<&SystemId>,
        action: &'static str,
        subject: &serde_json::Value,
    ) {
        debug_assert!(
            AUDIT_ACTIONS.contains(&action),
            "{action} is not among the actions that can be asked for"
        );
        self.notes.push(Note {
            actor: actor.to_owned(),
            system_id: system_id.map(|id| id.as_str().to_owned()),
            action,
            subject: subject.to_string(),
        });
    }

    /// Writes the notes, in the order in which they were made, and gives the new end of the log.
    pub(crate) async fn append(self, transaction: &mut Transaction) -> Result<Option<AuditHead>, StoreError> {
        if self.notes.is_empty() {
            return Ok(None);
        }
        // The row is locked, so whoever changes the key comes before or after.
        let proved = proving_key(transaction, self.keys, &self.head, &self.mac).await?;
        let key = match (proved, self.seal_with) {
            (Some(_), Some(version)) => {
                Some((version, self.keys.opened(transaction, &Scope::store(), version).await?))
            }
            (proved, _) => proved,
        };
        let unproved = unproved_row(&self.mac).unwrap_or(self.head.seq);
        let found = self.head.clone();
        let AuditHead { mut seq, hash: mut prev_hash } = self.head;
        let mut rows = Vec::with_capacity(self.notes.len());
        let mut told = Vec::new();
        for note in self.notes {
            seq += 1;
            if let Some(event) = notifications::of_note(seq, note.action, &note.subject) {
                told.push((event, note.system_id.clone()));
            }
            let hash = Hashed {
                seq,
                at: self.at,
                actor: &note.actor,
                system_id: note.system_id.as_deref(),
                action: note.action,
                subject: &note.subject,
                prev_hash: &prev_hash,
            }
            .hash();
            let before = std::mem::replace(&mut prev_hash, hash.clone());
            rows.push([
                seq.into(),
                self.at.into(),
                note.actor.into(),
                note.system_id.into(),
                note.action.into(),
                note.subject.into(),
                before.into(),
                hash.into(),
            ]);
        }
        checkpoint::look(transaction, &found).await?;
        insert(transaction, rows).await?;
        for (event, system_id) in told {
            event.put(transaction, system_id.as_deref(), self.at).await?;
        }
        let text = "UPDATE audit_head SET seq = $1, hash = $2, mac = $3 WHERE marker = 1";
        let mac = match &key {
            Some((version, key)) => mac(key, *version, seq, &prev_hash),
            None => super::unproved(unproved),
        };
        transaction.execute(statement!(text, seq, prev_hash.as_str(), mac)).await?;
        let end = AuditHead { seq, hash: prev_hash };
        if let (Some((version, key)), Some(store)) = (&key, transaction.checkpoints.store()) {
            let at = from_millis(self.at)?;
            transaction.checkpoint = Some(AuditCheckpoint::signed((*version, key), &store, &end, at));
        }
        Ok(Some(end))
    }
}

/// The key that a head's code was made with, and its version; `None` when it is not the code that it should have.
pub(super) async fn proving_key(
    transaction: &mut Transaction,
    keys: &KeyRing,
    head: &AuditHead,
    found: &str,
) -> Result<Option<(i64, DataKey)>, StoreError> {
    let Some(version) = key_version(found) else { return Ok(None) };
    match keys.opened(transaction, &Scope::store(), version).await {
        Ok(key) => Ok((mac(&key, version, head.seq, &head.hash) == found).then_some((version, key))),
        Err(StoreError::SecretUnreadable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was done to a system, for a transaction that has one thing to note, and notes it last of all: the log is locked
/// from there to the end.
pub(crate) struct Done<'a> {
    pub(crate) action: &'static str,
    pub(crate) actor: &'a str,
    pub(crate) system_id: &'a SystemId,
    /// To what, and how. No secret.
    pub(crate) subject: serde_json::Value,
}

impl Done<'_> {
    pub(crate) async fn record(
        &self,
        transaction: &mut Transaction,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut trail = Trail::lock(transaction, keys, now).await?;
        trail.note(self.actor, Some(self.system_id), self.action, &self.subject);
        trail.append(transaction).await.map(|_| ())
    }
}

/// One row by a statement that stays prepared, many by a few built ones.
async fn insert(transaction: &mut Transaction, rows: Vec<[Value; 8]>) -> Result<(), StoreError> {
    const INTO: &str =
        "INSERT INTO audit_log (seq, at, actor, system_id, action, subject, prev_hash, hash) VALUES ";
    const ONE: &str = "INSERT INTO audit_log (seq, at, actor, system_id, action, subject, prev_hash, hash) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let mut rows = rows.into_iter().peekable();
    let most = transaction.dialect().values_per_statement() / 8;
    while let Some(first) = rows.next() {
        let mut text = statement!(ONE);
        if rows.peek().is_none() {
            text.values = first.into();
        } else {
            text = Statement::building(INTO);
            text.bind_rows(std::iter::once(first).chain(rows.by_ref().take(most - 1)).map(Vec::from));
        }
        transaction.execute(text).await?;
    }
    Ok(())
}

/// After the answer to a commit was lost: whether it happened. The lock waits for it if it is still under way.
///
/// # Errors
/// `lost` when it cannot be found out; a transient refusal, so that it is begun again, when it did not happen.
pub(crate) async fn settle_lost_answer(
    store: &Store,
    doing: &'static str,
    now: Timestamp,
    written: &AuditHead,
    lost: StoreError,
) -> Result<(), StoreError> {
    let look = async || {
        let mut begun = store.begin(doing, true).await?;
        Trail::lock(&mut begun, &store.keys, now).await?;
        let text = "SELECT seq FROM audit_log WHERE seq = $1 AND hash = $2";
        begun.fetch_optional(statement!(text, written.seq, written.hash.as_str()), |row| row.int(0)).await
    };
    let mut attempts = Attempts::first();
    let found = loop {
        let found = look().await;
        // Another server may have to take over first.
        match store.what_next(found.as_ref().err(), &mut attempts).await {
            Next::Again => {}
            Next::End | Next::EndWith(_) => break found,
        }
    };
    match found {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(StoreError::Database {
            doing,
            source: DatabaseFailure {
                message: "the commit did not happen".to_owned(),
                transient: true,
                unique: false,
            },
        }),
        Err(_) => Err(lost),
    }
}

/// `recording!(store, "doing what", now, |transaction, trail| …)`: like `writing!`, with the log locked first and the
/// notes made on `trail` written last. If the answer to the commit is lost, the log tells whether it happened.
macro_rules! recording {
    ($store:expr, $doing:expr, $now:expr, |$transaction:ident, $trail:ident| $work:expr $(,)?) => {
        async {
            let mut attempts = $crate::transaction::Attempts::first();
            loop {
                let outcome: Result<_, $crate::StoreError> = async {
                    let mut begun = $store.begin($doing, true).await?;
                    let mut trail = $crate::audit::Trail::lock(&mut begun, &$store.keys, $now).await?;
                    let value = {
                        let ($transaction, $trail) = (&mut begun, &mut trail);
                        let done: Result<_, $crate::StoreError> = async { $work }.await;
                        done?
                    };
                    let written = trail.append(&mut begun).await?;
                    match (begun.commit().await, written) {
                        (Err(lost @ $crate::StoreError::CommitUnknown { .. }), Some(written)) => {
                            $crate::audit::settle_lost_answer($store, $doing, $now, &written, lost).await?;
                            Ok(value)
                        }
                        (committed, _) => committed.map(|()| value),
                    }
                }
                .await;
                match $store.what_next(outcome.as_ref().err(), &mut attempts).await {
                    $crate::transaction::Next::Again => {}
                    $crate::transaction::Next::End => break outcome,
                    $crate::transaction::Next::EndWith(error) => break Err(error),
                }
            }
        }
    };
}
pub(crate) use recording;
