//! The writes, one file for each kind of thing.
//!
//! Like IAM, a write checks the form of all parameters before it looks for anything they name.
//!
//! A write looks at `call.state`, the account as it is, and makes its changes in a copy, which takes the
//! account's place when all has gone well. No other write comes between.

pub(super) mod access_keys;
pub(super) mod attachments;
pub(super) mod certificates;
mod documents;
pub(super) mod groups;
pub(super) mod inline;
pub(super) mod login_profiles;
pub(super) mod memberships;
pub(super) mod mfa;
pub(super) mod password_policy;
pub(super) mod policies;
pub(super) mod roles;
pub(super) mod service_credentials;
pub(super) mod ssh_keys;
pub(super) mod tags;
pub(super) mod users;

use super::Call;
use crate::clock::shift;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::protocol::xml::Xml;
use crate::state::{KeyStatus, User, name_key};

/// A write that was accepted.
pub(crate) struct Done {
    /// The content of the answer's `Result` element; `None` for an action that answers nothing.
    pub(crate) content: Option<Xml>,
    /// Whether anything is different from before.
    pub(crate) changed: bool,
    /// The id of what was made, where the caller did not name it.
    pub(crate) made: Option<String>,
}

pub(crate) type Written = Result<Done, ApiError>;

impl Done {
    /// An answer without content.
    fn silent(changed: bool) -> Self {
        Self { content: None, changed, made: None }
    }

    /// An answer that shows what was made.
    fn made(id: &str, write: impl FnOnce(&mut Xml)) -> Self {
        let mut xml = Xml::default();
        write(&mut xml);
        Self { content: Some(xml), changed: true, made: Some(id.to_owned()) }
    }
}

/// IAM's refusal to delete what still holds something.
fn delete_conflict(message: impl Into<String>) -> ApiError {
    ApiError::new(409, "DeleteConflict", message)
}

fn temporarily_unmodifiable(message: impl Into<String>) -> ApiError {
    ApiError::new(409, "EntityTemporarilyUnmodifiable", message)
}

/// The parameter `Status`. `Expired` is in the service model for keys that end by themselves; it cannot be
/// set.
fn status(call: &Call<'_>) -> Result<KeyStatus, ApiError> {
    call.params.required("Status", Kind::Name)?;
    match call.params.choice("Status", &["Active", "Inactive", "Expired"])? {
        Some("Active") => Ok(KeyStatus::Active),
        Some("Inactive") => Ok(KeyStatus::Inactive),
        _ => Err(ApiError::new(400, "InvalidInput", "The status can be set to Active or Inactive only.")),
    }
}

/// Switches one of a user's credentials on or off: whether it was otherwise before, or `None` when the user
/// has no such credential.
fn switch<T>(
    held: &mut [T],
    is_it: impl Fn(&T) -> bool,
    status_of: impl Fn(&mut T) -> &mut KeyStatus,
    status: KeyStatus,
) -> Option<bool> {
    let found = held.iter_mut().find(|one| is_it(one))?;
    let before = std::mem::replace(status_of(found), status);
    Some(before != status)
}

/// Takes one of a user's credentials away; false when the user has no such credential.
fn take<T>(held: &mut Vec<T>, is_it: impl Fn(&T) -> bool) -> bool {
    let before = held.len();
    held.retain(|one| !is_it(one));
    held.len() < before
}

/// Refuses a change of a user whose name belonged to another one not long ago ("such as a user name that was
/// deleted and then recreated": service model, `EntityTemporarilyUnmodifiableException`).
fn settled(call: &Call<'_>, user: &User) -> Result<(), ApiError> {
    let Some(deleted) = call.state.deleted_users.get(&*name_key(&user.name)) else { return Ok(()) };
    let wait = i64::from(call.world.consistency().user_name_settles_seconds);
    if shift(user.created.max(*deleted), wait) <= call.now {
        return Ok(());
    }
    Err(temporarily_unmodifiable(format!(
        "The user with name {} cannot be modified while it is being created. Please wait several minutes \
         before trying again.",
        user.name
    )))
}
