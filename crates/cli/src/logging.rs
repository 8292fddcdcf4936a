//! The log, on standard error.
//!
//! Libraries that handle requests, answers and credentials log them in part at `debug` and `trace`. Whatever the
//! filter says, these stay at `info`, so that no log can hold a secret, a signature or an answer's body. The AWS SDK
//! warns of failures in the form in which its programmers see them; these come back to us as errors and are said then.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, FilterExt, FilterFn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::{LogFormat, Logging};
use crate::exit::Refusal;

/// What the names of modules begin with that see requests, answers, statements or credentials.
const WIRE: [&str; 12] =
    ["aws_", "hyper", "h2", "http", "rustls", "reqwest", "tower", "axum", "sqlx", "mio", "want", "webpki"];

/// Begins to log.
pub(crate) fn start(logging: &Logging) -> Result<(), Refusal> {
    let refuse = |why: String| {
        Refusal::new("reading what to log", why).hint(
            "give a level (error, warn, info, debug, trace) or directives such as keyreeve_engine=debug",
        )
    };
    let asked = EnvFilter::builder().parse(&logging.filter).map_err(|error| refuse(error.to_string()))?;
    let filter = asked.and(FilterFn::new(|metadata| is_safe(metadata.target(), *metadata.level())));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match logging.format {
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_ansi(colours()).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(layer).try_init().map_err(|error| refuse(error.to_string()))
}

fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether a line of this module and level may be written.
fn is_safe(target: &str, level: Level) -> bool {
    let most = if target.starts_with("aws_") { Level::ERROR } else { Level::INFO };
    level <= most || !WIRE.iter().any(|beginning| target.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sees_secrets_cannot_log_them() {
        for target in
            ["aws_smithy_runtime::client::http", "aws_runtime::auth", "aws_config", "hyper_util", "sqlx"]
        {
            assert!(!is_safe(target, Level::DEBUG) && !is_safe(target, Level::TRACE), "{target}");
            assert_eq!(is_safe(target, Level::INFO), !target.starts_with("aws_"), "{target}");
            assert!(is_safe(target, Level::ERROR), "{target}");
        }
        assert!(is_safe("keyreeve_engine::import", Level::TRACE));
    }
}
