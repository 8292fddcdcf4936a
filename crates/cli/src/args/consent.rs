//! What every command takes that changes what cannot be had back.

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
