//! When imports run by themselves, and which of these times have been seen to.
//!
//! Several processes may look at the same schedules. A time is taken in the transaction that begins its run, or that says
//! why there is none, and only by who has seen the row as it is: the others find another revision.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{
    Failure, FailureKind, ImportProfile, ImportRunId, ImportRunState, ProfileName, SystemId, SystemState,
};

use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{ImportLease, Store, StoreError, systems};

/// A profile that has a schedule, and how far that has come.
#[derive(Debug, Clone)]
pub struct ImportSchedule {
    /// The system.
    pub system_id: SystemId,
    /// Whether it may be imported.
    pub system_state: SystemState,
    /// Why not, where it may not.
    pub state_reason: Option<Failure>,
    /// The profile, with its schedule.
    pub profile: ImportProfile,
    /// The last of its times that was seen to; at first, when the schedule was set.
    pub taken_for: Timestamp,
    /// What came of that.
    pub outcome: TurnOutcome,
    /// So many failures in a row, that one included; none when it went well or is under way.
    pub failures: u32,
    /// An import of the system is under way, whoever asked for it: its lease holds until then, unless it is renewed.
    pub busy_until: Option<Timestamp>,
    revision: i64,
}

/// What came of a time of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnOutcome {
    /// Nothing yet: the schedule is new.
    New,
    /// A run was begun.
    Run(ScheduledRun),
    /// No run was begun.
    Refused {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// The run that was begun for a time of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledRun {
    /// Its number.
    pub id: ImportRunId,
    /// Its state. A run whose process ended without a word is still `running`.
    pub state: ImportRunState,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Until when it is certainly under way.
    pub lease_until: Timestamp,
    /// Why it failed.
    pub failure: Option<FailureKind>,
}

/// The right to see to one time of a schedule, as long as nobody else does.
#[derive(Debug, Clone)]
pub struct Turn {
    system_id: SystemId,
    profile: ProfileName,
    revision: i64,
    failures: u32,
    at: Timestamp,
}

impl ImportSchedule {
    /// The right to see to this time.
    #[must_use]
    pub fn turn(&self, at: Timestamp) -> Turn {
        Turn {
            system_id: self.system_id.clone(),
            profile: self.profile.name.clone(),
            revision: self.revision,
            failures: self.failures,
            at,
        }
    }
}

const SCHEDULES: &str = "SELECT s.system_id, s.state, s.state_reason, p.definition, i.taken_for, i.revision, \
     i.failures, i.refused_at, i.refusal, r.run_id, r.state, r.finished_at, r.lease_until, r.failure, \
     (SELECT b.lease_until FROM import_runs b WHERE b.system_key = i.system_key AND b.state = 'running') \
     FROM import_schedules i JOIN systems s ON s.system_key = i.system_key \
     JOIN import_profiles p ON p.system_key = i.system_key AND p.name = i.profile \
     LEFT JOIN import_runs r ON r.run_id = i.run_id WHERE s.removed_at IS NULL";

impl Store {
    /// All schedules of systems that are not removed, by System ID and profile.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn import_schedules(&self, now: Timestamp) -> Result<Vec<ImportSchedule>, StoreError> {
        let text = [SCHEDULES, " ORDER BY s.system_id, i.profile"].concat();
        let found = reading!(self, "listing the schedules", |transaction| {
            transaction.fetch(Statement::building(&text), |row| read(row, now)).await
        })
        .await?;
        Ok(found.into_iter().filter(|schedule| schedule.profile.schedule.is_some()).collect())
    }

    /// The schedules of one system, by profile.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn import_schedules_of(
        &self,
        system_id: &SystemId,
        now: Timestamp,
    ) -> Result<Vec<ImportSchedule>, StoreError> {
        let found = reading!(self, "listing the schedules", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            let mut text = Statement::building(SCHEDULES);
            text.push(" AND i.system_key = ").bind(system.key).push(" ORDER BY i.profile");
            transaction.fetch(text, |row| read(row, now)).await
        })
        .await?;
        Ok(found.into_iter().filter(|schedule| schedule.profile.schedule.is_some()).collect())
    }

    /// As [`Store::begin_import_run`], and takes the time in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::TurnTaken`] when somebody else saw to it, or the schedule was changed; else as
    /// [`Store::begin_import_run`], and then the time is still to be seen to.
    pub async fn begin_scheduled_import_run(
        &self,
        turn: &Turn,
        profile: &ImportProfile,
        actor: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<ImportLease, StoreError> {
        self.begin_run(&turn.system_id, profile, actor, Some(turn), now, lease).await
    }

    /// Takes a time without a run, and says why. `failed` tells whether something went wrong, so that more patience is
    /// due, or it is just so.
    ///
    /// # Errors
    /// [`StoreError::TurnTaken`], [`StoreError::SystemRemoved`].
    pub async fn refuse_turn(
        &self,
        turn: &Turn,
        reason: &str,
        failed: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failures = if failed { i64::from(turn.failures) + 1 } else { 0 };
        let text = "UPDATE import_schedules SET revision = revision + 1, taken_for = $1, run_id = NULL, \
                    failures = $2, refused_at = $3, refusal = $4 \
                    WHERE system_key = $5 AND profile = $6 AND revision = $7";
        writing!(self, "passing over a scheduled import", |transaction| {
            let system = systems::find_in_use(transaction, &turn.system_id).await?;
            let refuse = statement!(
                text,
                to_millis(turn.at),
                failures,
                to_millis(now),
                reason,
                system.key,
                turn.profile.as_str(),
                turn.revision,
            );
            taken(transaction.execute(refuse).await?, turn)
        })
        .await
    }

    /// Begins a schedule anew from this moment: what is said to have been seen to lies too far ahead to be true.
    ///
    /// # Errors
    /// [`StoreError::TurnTaken`], [`StoreError::SystemRemoved`].
    pub async fn begin_schedule_anew(&self, turn: &Turn) -> Result<(), StoreError> {
        writing!(self, "beginning a schedule anew", |transaction| {
            let system = systems::find_in_use(transaction, &turn.system_id).await?;
            let text = "UPDATE import_schedules SET revision = revision + 1, taken_for = $1, run_id = NULL, \
                        failures = 0, refused_at = NULL, refusal = NULL \
                        WHERE system_key = $2 AND profile = $3 AND revision = $4";
            let anew = statement!(text, to_millis(turn.at), system.key, turn.profile.as_str(), turn.revision);
            taken(transaction.execute(anew).await?, turn)
        })
        .await
    }
}

fn read(row: &Row, now: Timestamp) -> Result<ImportSchedule, StoreError> {
    let before = u32::try_from(row.int(6)?)
        .map_err(|_| StoreError::Data { what: "a count of failures is not understood".to_owned() })?;
    let outcome = match (row.opt_int(9)?, row.opt_text(8)?) {
        (Some(run), _) => TurnOutcome::Run(ScheduledRun {
            id: ImportRunId(run),
            state: row.word(10)?,
            finished_at: row.opt_time(11)?,
            lease_until: row.time(12)?,
            failure: row.opt_json::<Failure>(13)?.map(|failure| failure.kind),
        }),
        (None, Some(reason)) => TurnOutcome::Refused { at: row.time(7)?, reason },
        (None, None) => TurnOutcome::New,
    };
    let failures = match &outcome {
        TurnOutcome::Run(run) if run.went_wrong(now) => before.saturating_add(1),
        TurnOutcome::Run(_) | TurnOutcome::New => 0,
        TurnOutcome::Refused { .. } => before,
    };
    Ok(ImportSchedule {
        system_id: row.word(0)?,
        system_state: row.word(1)?,
        state_reason: row.opt_json(2)?,
        profile: row.json(3)?,
        taken_for: row.time(4)?,
        revision: row.int(5)?,
        failures,
        outcome,
        busy_until: row.opt_time(14)?.filter(|until| *until > now),
    })
}

impl ScheduledRun {
    /// Whether it failed, or its process ended without a word.
    #[must_use]
    pub fn went_wrong(&self, now: Timestamp) -> bool {
        match self.state {
            ImportRunState::Failed => true,
            ImportRunState::Running => self.lease_until <= now,
            _ => false,
        }
    }
}

/// Takes the time for a run that was just begun.
pub(crate) async fn take(
    transaction: &mut Transaction,
    system_key: i64,
    turn: &Turn,
    run: ImportRunId,
) -> Result<(), StoreError> {
    let text = "UPDATE import_schedules SET revision = revision + 1, taken_for = $1, run_id = $2, failures = $3, \
                refused_at = NULL, refusal = NULL WHERE system_key = $4 AND profile = $5 AND revision = $6";
    let take = statement!(
        text,
        to_millis(turn.at),
        run.0,
        i64::from(turn.failures),
        system_key,
        turn.profile.as_str(),
        turn.revision,
    );
    taken(transaction.execute(take).await?, turn)
}

fn taken(rows: u64, turn: &Turn) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::TurnTaken { system_id: turn.system_id.clone(), profile: turn.profile.clone() }),
        _ => Ok(()),
    }
}

/// What was missed before a schedule was set is not made up for.
pub(crate) async fn set(
    transaction: &mut Transaction,
    system_key: i64,
    profile: &ProfileName,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "INSERT INTO import_schedules (system_key, profile, revision, taken_for, failures) \
                VALUES ($1, $2, 1, $3, 0) ON CONFLICT (system_key, profile) DO UPDATE \
                SET revision = import_schedules.revision + 1, taken_for = excluded.taken_for, run_id = NULL, \
                failures = 0, refused_at = NULL, refusal = NULL";
    transaction.execute(statement!(text, system_key, profile.as_str(), to_millis(now))).await.map(|_| ())
}
