//! Handing a password over: to the bearer of its one-time secret, or to an operator where that is allowed.

use jiff::Timestamp;
use keyreeve_model::{Secret, Step, SystemId, TaskId};
use keyreeve_store::{DeliveryState, PasswordDelivery, Store, StoreError};

use super::hand_over::HandOver;
use crate::password::{OpenRefused, lookup_of, open};

/// A password was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The one-time secret is wrong. Nothing was used up.
    #[error(transparent)]
    Secret(#[from] OpenRefused),
    /// The task that is to make it is still open.
    #[error("the password is not there yet: the job that is to make it has not done so")]
    NotYet,
    /// It waits for the bearer of a one-time secret, and nobody else can read it.
    #[error("the password of task {task} is behind a one-time secret, and nothing else opens it")]
    BehindSecret {
        /// The task.
        task: TaskId,
    },
    /// It was made for an operator, and the system shows passwords to operators no more.
    #[error(
        "the password of task {task} was made to be shown to an operator, and that is switched off for system {system}"
    )]
    OperatorOff {
        /// The task.
        task: TaskId,
        /// The system.
        system: SystemId,
    },
    /// Used, gone, or the store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What [`reveal`] gives.
#[derive(Debug)]
pub enum Revealed {
    /// The password itself; it is shown this once.
    Password(Secret),
    /// A text that only the holder of the recipient's private key can read; it can be had again.
    Encrypted(String),
}

/// Opens the password behind a one-time secret, once. The secret is tried before anything is used up, so that a
/// mistyped one costs nothing.
///
/// # Errors
/// [`OpenError::Secret`], [`OpenError::NotYet`], [`StoreError::DeliveryUsed`], [`StoreError::DeliveryGone`].
pub async fn open_once(store: &Store, secret: &Secret, now: Timestamp) -> Result<Secret, OpenError> {
    let lookup = lookup_of(secret)?;
    if let Some(sealed) = store.peek_delivery(&lookup, now).await? {
        open(secret, &sealed)?;
    }
    // Without anything to try it on, this says why, and records the attempt.
    let sealed = match store.open_delivery(&lookup, now).await {
        Err(StoreError::DeliveryGone) if HandOver::is_yet_to_come(store, secret).await? => {
            return Err(OpenError::NotYet);
        }
        sealed => sealed?,
    };
    Ok(open(secret, &sealed)?)
}

/// Gives the password of a task: in operator mode itself, once; for a recipient's key its encrypted text.
///
/// # Errors
/// [`OpenError::BehindSecret`], [`OpenError::OperatorOff`], [`StoreError::TaskNotFound`], [`StoreError::DeliveryUsed`],
/// [`StoreError::DeliveryGone`].
pub async fn reveal(store: &Store, task: TaskId, actor: &str, now: Timestamp) -> Result<Revealed, OpenError> {
    let job = store.job(store.job_of_task(task).await?).await?;
    let deliveries = store.deliveries(job.id).await?;
    let mut of_task = deliveries.iter().filter(|one| one.task == task);
    let Some(delivery) = of_task.clone().rfind(|one| was_in_force(one)) else {
        let superseded = of_task.any(|one| one.state == DeliveryState::Superseded);
        return Err(if superseded { StoreError::DeliverySuperseded } else { StoreError::DeliveryGone }.into());
    };
    match delivery.kind.as_str() {
        "link" => Err(OpenError::BehindSecret { task }),
        "recipient" => {
            let text = String::from_utf8(store.delivery_text(task, now).await?);
            let unreadable = |_| StoreError::Data { what: "an encrypted password is no text".to_owned() };
            Ok(Revealed::Encrypted(text.map_err(unreadable)?))
        }
        _ => {
            let system = store.get_system(&job.system_id).await?;
            if system.settings.password_delivery != keyreeve_model::PasswordDelivery::Operator {
                return Err(OpenError::OperatorOff { task, system: system.system_id });
            }
            let of_task = job.tasks.iter().filter(|one| one.id == task).flat_map(|one| &one.steps);
            let account = account_of(of_task, delivery)?;
            let sealed = store.reveal_delivery(task, actor, now).await?;
            Ok(Revealed::Password(store.open_for_operator(&job.system_id, account, &sealed).await?))
        }
    }
}

/// Whether a task has set a password, opened by now or not.
pub(super) fn is_in_force(deliveries: &[PasswordDelivery], task: TaskId) -> bool {
    deliveries.iter().any(|one| one.task == task && was_in_force(one))
}

fn was_in_force(delivery: &PasswordDelivery) -> bool {
    !matches!(delivery.state, DeliveryState::Candidate | DeliveryState::Destroyed | DeliveryState::Superseded)
}

/// The account that the password was sealed for: that of the call that set it.
fn account_of<'a>(
    mut steps: impl Iterator<Item = &'a Step>,
    delivery: &PasswordDelivery,
) -> Result<&'a str, StoreError> {
    let step = steps.find(|step| step.seq == delivery.step);
    step.map(|step| step.call.account()).ok_or_else(|| StoreError::Data {
        what: format!("step {} of task {} has a password, but is not there", delivery.step, delivery.task),
    })
}
