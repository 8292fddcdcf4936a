//! What each kind of task takes, one file each.

pub(super) mod assignment;
pub(super) mod create;
pub(super) mod deactivate;
pub(super) mod delete;
pub(super) mod reactivate;
pub(super) mod reset_password;
pub(super) mod update;
