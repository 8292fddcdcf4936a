//! What every command takes that changes what cannot be had back.

use crate::output::note;

/// Whether to go on without asking.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Consent {
    /// Show what would be done, and do nothing.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) plan: bool,
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What a command takes that changes only what is kept here and can be set back: it asks nothing, so there is nothing
/// that --yes would skip.
#[derive(Debug, clap::Args)]
pub(crate) struct Unasked {
    /// Show what would be done, and do nothing.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) plan: bool,
    /// As for other changes; this one does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

impl Unasked {
    /// Whether to do it. With --plan this says what would be done.
    pub(crate) fn goes_on(&self, what: &str) -> bool {
        if self.plan {
            note(what);
            note("Nothing was done, because of --plan.");
        }
        !self.plan
    }
}
