//! `keyreeve serve`

use std::net::SocketAddr;

use clap::Args;

/// Runs until Ctrl-C or SIGTERM, and then finishes what it is answering.
#[derive(Debug, Args)]
pub(crate) struct RunServer {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8420; also KEYREEVE_LISTEN].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Listen without TLS where other machines can reach it: in a closed network, or behind a proxy that speaks TLS.
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
    /// Only answer: jobs and schedules are left to `keyreeve worker`.
    #[arg(long)]
    pub(crate) no_work: bool,
}
