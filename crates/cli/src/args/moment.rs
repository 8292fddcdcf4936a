//! `--as-of`: the moment a reading speaks of.

use jiff::Timestamp;
use keyreeve_store::AsOf;

use crate::exit::Refusal;

/// What every reading command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Moment {
    /// Read what was published then: a time (2026-05-01T12:00:00Z), a date (its end, UTC), or run:N.
    #[arg(long, value_name = "TIME")]
    as_of: Option<keyreeve_engine::moment::Moment>,
}

impl Moment {
    /// The moment in the store's terms.
    ///
    /// # Errors
    /// A refusal when it is still to come.
    pub(crate) fn as_of(&self, now: Timestamp) -> Result<AsOf, Refusal> {
        let Some(moment) = &self.as_of else { return Ok(AsOf::Now) };
        moment.as_of(now).map_err(|to_come| {
            Refusal::new("reading what was published by --as-of", to_come.to_string())
                .hint("leave --as-of out to read what is known now, or give a time that has passed")
        })
    }
}
