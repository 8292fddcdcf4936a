//! The moment a reading speaks of.

use jiff::Timestamp;
use keyreeve_model::ImportRunId;
use keyreeve_store::AsOf;

use crate::problem::Problem;

/// What was published at a time, or what a run said; one of them at most.
pub(crate) fn as_of(time: Option<Timestamp>, run: Option<i64>) -> Result<AsOf, Problem> {
    match (time, run) {
        (None, None) => Ok(AsOf::Now),
        (Some(time), None) => Ok(AsOf::Time(time)),
        (None, Some(run)) => Ok(AsOf::Run(ImportRunId(run))),
        (Some(_), Some(_)) => Err(Problem::bad_request("give as_of or run, not both")),
    }
}
