//! The time, as something that is passed in.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Tells the time, to the millisecond, and waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    offset_milliseconds: i64,
    hand: Option<&'static Hand>,
}

/// Moves clocks while they run, forward and back, so that a test need not wait for a time.
#[derive(Debug)]
pub struct Hand {
    ahead_milliseconds: watch::Sender<i64>,
}

impl Hand {
    /// A hand, for as long as the process lives.
    #[must_use]
    pub fn new() -> &'static Self {
        Box::leak(Box::new(Self { ahead_milliseconds: watch::Sender::new(0) }))
    }

    /// Moves the clock by so much.
    pub fn turn(&self, milliseconds: i64) {
        self.ahead_milliseconds.send_modify(|ahead| *ahead = ahead.saturating_add(milliseconds));
    }
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
        Self { offset_milliseconds, hand: None }
    }

    /// The same clock, moved by a hand.
    #[must_use]
    pub fn moved_by(self, hand: &'static Hand) -> Self {
        Self { hand: Some(hand), ..self }
    }

    /// Now, cut to milliseconds as the store keeps it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let ahead = self.hand.map_or(0, |hand| *hand.ahead_milliseconds.borrow());
        let offset = self.offset_milliseconds.saturating_add(ahead);
        let milliseconds = Timestamp::now().as_millisecond().saturating_add(offset);
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }

    /// Waits; time passes at the machine's pace, and ends early when the clock is moved beyond the end of the wait.
    pub async fn wait(&self, duration: Duration) {
        let Some(hand) = self.hand else { return tokio::time::sleep(duration).await };
        let until = self.now().checked_add(duration).unwrap_or(Timestamp::MAX);
        let mut ahead = hand.ahead_milliseconds.subscribe();
        let moved_beyond = async {
            // The hand lives as long as the process.
            while self.now() < until && ahead.changed().await.is_ok() {}
        };
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = moved_beyond => {}
        }
    }
}
