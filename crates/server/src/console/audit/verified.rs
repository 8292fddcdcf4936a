//! Whether the log is as it was written: what the store's own verification found, how far, and when.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use keyreeve_engine::rights::Right;
use keyreeve_store::{CheckpointState, StoreError};

use crate::console::form::{Nothing, Sent, sentence};
use crate::console::page::Said;
use crate::console::parts::{Badge, Tone};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// What the last verification found that this server made. Copies share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Verified(Arc<Mutex<Option<Found>>>);

#[derive(Debug, Clone)]
struct Found {
    /// The last row that fits the one before it, as all before it do.
    seq: i64,
    at: Timestamp,
    /// What is wrong with what follows; `None` when the log is intact.
    wrong: Option<String>,
}

/// What stands above the log about that.
pub(super) struct Mark {
    pub(super) badge: Badge,
    pub(super) what: String,
    pub(super) at: Option<Time>,
    /// What the signed checkpoint outside the database says.
    pub(super) checkpoint: (Badge, String),
    pub(super) checkpoint_at: Option<Time>,
}

impl Verified {
    fn last(&self) -> Option<Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Up to which row the log was found as it was written.
    pub(super) fn up_to(&self) -> Option<i64> {
        self.last().map(|found| found.seq)
    }

    /// When the last verification was made.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.last().map(|found| found.at)
    }

    /// For those who may read all of it: it is about all systems.
    pub(super) async fn mark(&self, visitor: &Visitor, parts: &Parts) -> Result<Option<Mark>, Problem> {
        // Not to be shown it is no refusal, which would stand in the log.
        if !(visitor.may(Right::Read) && visitor.actor.require_all_systems().is_ok()) {
            return Ok(None);
        }
        let last = self.last();
        let (badge, what) = match &last {
            None => {
                let what = "This server has not verified the log since it was started.";
                (Badge::new(Tone::Quiet, "Not verified"), what.to_owned())
            }
            Some(Found { seq, wrong: None, .. }) => {
                let what = format!(
                    "Each row from 1 to {seq} fits the one before it, and the end is signed with this store's key."
                );
                (Badge::new(Tone::Good, "Verified"), what)
            }
            Some(Found { seq, wrong: Some(wrong), .. }) => {
                let what = format!("Up to row {seq} the log is as it was written. {}", sentence(wrong));
                (Badge::new(Tone::Bad, "Not as it was written"), what)
            }
        };
        let (checkpoint, checkpoint_at) = checkpoint(parts).await?;
        Ok(Some(Mark { badge, what, at: last.map(|found| Time::at(found.at)), checkpoint, checkpoint_at }))
    }
}

fn may_verify(visitor: &Visitor) -> Result<(), Problem> {
    visitor.actor.require(Right::Read)?;
    Ok(visitor.actor.require_all_systems()?)
}

async fn checkpoint(parts: &Parts) -> Result<((Badge, String), Option<Time>), Problem> {
    Ok(match parts.store.audit_checkpoint().await? {
        CheckpointState::Held(seen) => {
            let what = format!(
                "The log holds row {}, which the signed checkpoint outside the database has seen.",
                seen.seq
            );
            ((Badge::new(Tone::Good, "Checkpoint held"), what), Some(Time::at(seen.at)))
        }
        CheckpointState::None => {
            let what = "There is no checkpoint outside the database: rows that are cut off the end would not be missed.";
            ((Badge::new(Tone::Quiet, "No checkpoint"), what.to_owned()), None)
        }
        CheckpointState::BeforeRestore(seen, restored) => {
            let what = format!(
                "The checkpoint outside the database is from before the restore of {restored}, and says nothing of the log \
                 since. The next change makes a new one."
            );
            ((Badge::new(Tone::Quiet, "No checkpoint since"), what), Some(Time::at(seen.at)))
        }
        CheckpointState::OfAnother(_) => {
            let what = "The checkpoint outside the database is of another store. The next change makes one of this store.";
            ((Badge::new(Tone::Quiet, "No checkpoint"), what.to_owned()), None)
        }
        CheckpointState::Missed(seen) => {
            let what = format!(
                "Row {}, which the signed checkpoint has seen, is missing or is another one: rows were cut or replaced. Keep the \
                 store as it is, and compare it with a backup.",
                seen.seq
            );
            ((Badge::new(Tone::Bad, "Checkpoint missed"), what), Some(Time::at(seen.at)))
        }
        CheckpointState::Altered(_) => {
            let what = "The checkpoint outside the database was not written with this store's key: somebody changed it.";
            ((Badge::new(Tone::Bad, "Checkpoint altered"), what.to_owned()), None)
        }
    })
}

/// The mark of a row.
pub(super) fn badge(seq: i64, verified: Option<i64>) -> Badge {
    match verified {
        Some(last) if seq <= last => Badge::new(Tone::Good, "Verified"),
        _ => Badge::new(Tone::Quiet, "Not verified"),
    }
}

/// Reads the whole log, and notes whether it is as it was written.
pub(super) async fn verify(
    visitor: Visitor,
    State(parts): State<Parts>,
    Extension(verified): Extension<Verified>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Response, Problem> {
    may_verify(&visitor)?;
    let at = parts.clock.now();
    let found = match parts.store.verify_audit().await {
        Ok(head) => Found { seq: head.seq, at, wrong: None },
        Err(error) if let Some(seq) = error.broken_row() => {
            Found { seq: seq.saturating_sub(1), at, wrong: Some(error.to_string()) }
        }
        Err(error @ (StoreError::AuditAltered { .. } | StoreError::CheckpointAltered { .. })) => {
            Found { seq: 0, at, wrong: Some(error.to_string()) }
        }
        Err(error) => return Err(error.into()),
    };
    *verified.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    Ok(Said::LogVerified.to("/audit"))
}
