//! Whose credentials a connection has.

use std::time::{Duration, Instant};

use keyreeve_connector::{Connector, Error, Identity, Retry};

use crate::clock::Clock;

/// So often is asked whose credentials are, where the question or its answer was lost on the way.
const QUESTIONS: u32 = 3;

/// No more questions once they have taken this long: who asks is waiting, and something that never answers would make
/// that three times as long.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whose credentials they are. It only reads, so it is asked again when the connection broke, nothing could be sent, or
/// AWS had too many calls.
///
/// # Errors
/// What the last question came to.
pub async fn identify(connector: &dyn Connector, clock: Clock) -> Result<Identity, Error> {
    let begun = Instant::now();
    let mut asked = 1;
    loop {
        let error = match connector.identify().await {
            Ok(identity) => return Ok(identity),
            Err(error) => error,
        };
        let Retry::After(least) = error.retry() else { return Err(error) };
        let wait = least.max(Duration::from_millis(200) * asked);
        if asked == QUESTIONS || begun.elapsed() + wait > PATIENCE {
            return Err(error);
        }
        tracing::debug!(cause = ?error.cause, "whose credentials these are is asked again");
        clock.wait(wait).await;
        asked += 1;
    }
}
