//! Why a change is not made.

use keyreeve_model::{ImportRunId, JobId, SystemId};
use keyreeve_store::StoreError;

use crate::connections::NotConnected;
use crate::import::ImportError;
use crate::key_rotation::RotationError;
use crate::mapping::TrialError;
use crate::organization::DiscoveryError;
use crate::password::GivenRefused;
use crate::plan::{GatherError, Plan};
use crate::provisioning::{HandOverError, OpenError};
use crate::rights::Denied;
use crate::systems::{NotReleased, ProtectionsEnd, SystemError};
use crate::threads::BrokeOff;

/// What was asked for is not done. Nothing was changed at the connected system.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Whoever asks may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It is in a system that whoever asks may not see, so for them it is not there.
    #[error("{1}")]
    Hidden(Denied, Box<StoreError>),
    /// There is no connection.
    #[error("{0}")]
    NotConnected(NotConnected),
    /// What a plan rests on could not be gathered.
    #[error("{0}")]
    Gather(#[from] GatherError),
    /// Something stands in the way of the plan, as it says itself.
    #[error("{}", obstacles_of(.0).join("; "))]
    Obstructed(Box<Plan>),
    /// The plan has no call: all is as it is wished.
    #[error("there is nothing to do")]
    NothingToDo(Box<Plan>),
    /// There are no wishes, or more than one job takes.
    #[error("there are {0} wishes, and one job takes 1 to {most}", most = super::MOST_WISHES)]
    Wishes(usize),
    /// A password that was chosen by whoever asks is not taken.
    #[error("the password is refused: {0}")]
    Given(#[from] GivenRefused),
    /// A password that was chosen by whoever asks could not be held against the policy.
    #[error(
        "the password is not taken, because it cannot be held against the account's password policy: the connector lacks \
         {0}, which the permission profiles lifecycle and full have"
    )]
    NoPolicy(String),
    /// Passwords chosen by whoever asks are switched off.
    #[error("passwords are not taken for this system; an administrator can set scim_password=accept")]
    GivenOff,
    /// A password cannot be delivered, or the job not be written down.
    #[error("{0}")]
    HandOver(#[from] HandOverError),
    /// What a job rests on is seen otherwise now.
    #[error("plan_stale: what it rests on has changed since it was planned: {}", .changed.join("; "))]
    Stale {
        /// The job.
        job: JobId,
        /// What.
        changed: Vec<String>,
    },
    /// A job is not the one that whoever approves it has seen.
    #[error("the plan of job {job} is not the one that was seen; look at the job once more")]
    OtherPlan {
        /// The job.
        job: JobId,
    },
    /// What is asked for would not be done as whoever asks has seen it.
    #[error("what this would take has changed since it was looked at. Nothing was changed")]
    PlanChanged,
    /// An import run that was named is one of another system.
    #[error("import run {run} is one of the system {of}, not of {asked}; compare runs of one system")]
    RunOfAnother {
        /// The run.
        run: ImportRunId,
        /// Whose it is.
        of: SystemId,
        /// Of whom it was to be.
        asked: SystemId,
    },
    /// An import could not be run.
    #[error("{0}")]
    Import(Box<ImportError>),
    /// A reason is missing, or too long.
    #[error("a reason must be given, of at most {most} characters", most = super::LONGEST_REASON)]
    Reason,
    /// What was given cannot be taken, and why.
    #[error("{0}")]
    Invalid(String),
    /// Credentials are not taken.
    #[error("{0}")]
    Credentials(Box<SystemError>),
    /// The machine's own credentials are not lent.
    #[error("{0}")]
    NotLent(&'static str),
    /// An organization could not be looked at.
    #[error("{0}")]
    Discovery(Box<DiscoveryError>),
    /// A key is not replaced, or not whole.
    #[error("{0}")]
    Rotation(Box<RotationError>),
    /// A quarantine goes on.
    #[error("{0}")]
    NotReleased(NotReleased),
    /// Protections that others rely on would end.
    #[error("{0}")]
    ProtectionsEnd(ProtectionsEnd),
    /// A password is not shown.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// Something that was begun came to an end that it should never come to.
    #[error("the work came to an end that it should never come to")]
    BrokeOff,
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<NotReleased> for DeskError {
    fn from(error: NotReleased) -> Self {
        match error {
            NotReleased::Store(error) => Self::Store(error),
            other => Self::NotReleased(other),
        }
    }
}

impl From<SystemError> for DeskError {
    fn from(error: SystemError) -> Self {
        match error {
            SystemError::Store(error) => Self::Store(error),
            other => Self::Credentials(Box::new(other)),
        }
    }
}

impl From<DiscoveryError> for DeskError {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::Store(error) => Self::Store(error),
            other => Self::Discovery(Box::new(other)),
        }
    }
}

impl From<RotationError> for DeskError {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Store(error) => Self::Store(error),
            other => Self::Rotation(Box::new(other)),
        }
    }
}

impl From<TrialError> for DeskError {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Store(error) => Self::Store(error),
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl From<BrokeOff> for DeskError {
    fn from(_: BrokeOff) -> Self {
        Self::BrokeOff
    }
}

/// What stands in the way of a plan, in words.
#[must_use]
pub fn obstacles_of(plan: &Plan) -> Vec<String> {
    let of_task = |task: &crate::plan::TaskPlan| {
        task.obstacles.iter().map(|obstacle| obstacle.message.clone()).collect::<Vec<_>>()
    };
    plan.tasks.iter().flat_map(of_task).collect()
}
