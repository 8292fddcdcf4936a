//! What is measured, for whoever runs a recorder (`metrics`); without one it costs next to nothing. No label names a
//! person, an account or anything else of which there may be ever more.

use std::time::Instant;

/// How long imports took, in seconds, by how they ended.
pub(crate) const IMPORT_SECONDS: &str = "keyreeve_import_seconds";
/// How long this process worked on a job, in seconds.
pub(crate) const JOB_SECONDS: &str = "keyreeve_job_seconds";

/// How long calls to AWS waited for their turn where something limits their rate, in seconds.
pub(crate) const PACE_WAIT_SECONDS: &str = "keyreeve_pace_wait_seconds";
/// How often this process asked for its next calls where something limits their rate.
pub(crate) const PACE_BATCHES: &str = "keyreeve_pace_batches_total";

/// Measures from its making until it is dropped, however that comes about.
pub(crate) struct Timed {
    name: &'static str,
    begun: Instant,
    ended: &'static str,
}

impl Timed {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, begun: Instant::now(), ended: "broken_off" }
    }

    /// How it ended.
    pub(crate) fn ends(mut self, ended: &'static str) {
        self.ended = ended;
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        metrics::histogram!(self.name, "ended" => self.ended).record(self.begun.elapsed().as_secs_f64());
    }
}
