//! What schedules will do, and did last.

use jiff::Timestamp;
use keyreeve_model::{ImportProfile, ImportRunId, ProfileName, ScheduleError, SystemId};
use keyreeve_store::{ImportSchedule, Store, StoreError, TurnOutcome};
use serde::{Deserialize, Serialize};

/// So many of the next times of a schedule are told.
const TOLD_TIMES: usize = 3;

/// The times of the schedule of an import profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScheduleTimes {
    /// The profile.
    pub profile: ProfileName,
    /// The next times.
    pub next_times: Vec<Timestamp>,
    /// The last time that was seen to; null while there is none.
    pub last_time: Option<LastTime>,
}

/// What came of a time of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LastTime {
    /// The time it was for.
    pub at: Timestamp,
    /// The run that was begun.
    pub run: Option<ImportRunId>,
    /// The run's state, or `passed_over`.
    pub state: String,
    /// Why no run was begun.
    pub reason: Option<String>,
}

/// The times of schedules could not be told.
#[derive(Debug, thiserror::Error)]
pub enum TimesError {
    /// A schedule cannot be read.
    #[error("reading the schedule of {0}: {1}")]
    Schedule(ProfileName, #[source] ScheduleError),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl ScheduleTimes {
    /// Of all schedules of a system.
    ///
    /// # Errors
    /// See [`TimesError`].
    pub async fn of_system(
        store: &Store,
        system_id: &SystemId,
        now: Timestamp,
    ) -> Result<Vec<Self>, TimesError> {
        let schedules = store.import_schedules_of(system_id, now).await?;
        schedules.iter().map(|schedule| Self::of(schedule, now)).collect()
    }

    fn of(schedule: &ImportSchedule, now: Timestamp) -> Result<Self, TimesError> {
        let profile: &ImportProfile = &schedule.profile;
        let unread = |error| TimesError::Schedule(profile.name.clone(), error);
        let next_times =
            profile.times().map_err(unread)?.map(|times| times.times_after(now).take(TOLD_TIMES).collect());
        let last_time = LastTime::of(schedule);
        Ok(Self { profile: profile.name.clone(), next_times: next_times.unwrap_or_default(), last_time })
    }
}

impl LastTime {
    /// `None` while nothing came of it yet.
    fn of(schedule: &ImportSchedule) -> Option<Self> {
        let at = schedule.taken_for;
        match &schedule.outcome {
            TurnOutcome::New => None,
            TurnOutcome::Run(run) => {
                Some(Self { at, run: Some(run.id), state: run.state.as_str().to_owned(), reason: None })
            }
            TurnOutcome::Refused { reason, .. } => {
                Some(Self { at, run: None, state: "passed_over".to_owned(), reason: Some(reason.clone()) })
            }
        }
    }
}
