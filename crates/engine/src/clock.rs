//! The time, as something that is passed in.

use std::time::Duration;

use jiff::Timestamp;

/// Tells the time, to the millisecond, and waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    offset_milliseconds: i64,
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that runs ahead of the machine's (or behind it).
    #[must_use]
    pub fn shifted(offset_milliseconds: i64) -> Self {
        Self { offset_milliseconds }
    }

    /// Now, cut to milliseconds as the store keeps it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let milliseconds = Timestamp::now().as_millisecond().saturating_add(self.offset_milliseconds);
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }

    /// Waits; time passes at the machine's pace.
    pub async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
