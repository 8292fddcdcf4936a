//! `keyreeve init`

use clap::Args;

/// Where everything goes is configuration, see `keyreeve --help`.
#[derive(Debug, Args)]
pub(crate) struct MakeStore {
    /// Begin with an empty database although the key of one is there: for when its database is gone for good.
    #[arg(long)]
    pub(crate) new_database: bool,
}
