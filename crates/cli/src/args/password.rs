//! `keyreeve password …`

use clap::{Args, Subcommand};
use keyreeve_model::TaskId;

/// What can be done with passwords that wait for their owners.
#[derive(Debug, Subcommand)]
pub(crate) enum PasswordCommand {
    /// Show the password behind a one-time secret, once. The secret is one line of standard input, or typed unseen.
    Open,
    /// Show the password of a task: encrypted to its recipient's key, or, in operator mode, once and in clear.
    Reveal(RevealPassword),
}

/// `password reveal`
#[derive(Debug, Args)]
pub(crate) struct RevealPassword {
    /// The task's number.
    #[arg(value_name = "TASK")]
    pub(crate) task: TaskId,
}
