//! `keyreeve worker`

use std::net::SocketAddr;

use clap::Args;

/// Runs until Ctrl-C or SIGTERM: then it begins nothing new, and gives back what it has.
#[derive(Debug, Args)]
pub(crate) struct RunWorker {
    /// Answer /livez, /readyz and /metrics there, on an address of this machine; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) probes: Option<SocketAddr>,
}
