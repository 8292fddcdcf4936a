//! The moment a reading speaks of.

use jiff::Timestamp;
use keyreeve_model::ImportRunId;
use keyreeve_store::AsOf;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

use crate::problem::Problem;

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moment {
    /// What was published at that time, or by the end of that day (UTC).
    #[param(value_type = Option<jiff::Timestamp>)]
    as_of: Option<String>,
    /// What that import run said.
    run: Option<i64>,
}

impl Moment {
    /// What is asked for.
    ///
    /// # Errors
    /// It is no moment, or still to come.
    pub(crate) fn read(&self, now: Timestamp) -> Result<AsOf, Problem> {
        one_of(self.as_of.as_deref(), self.run, now)
    }
}

/// When what a query names begins: a time, or a day (UTC).
///
/// # Errors
/// It is neither.
pub(crate) fn beginning<'de, D: Deserializer<'de>>(given: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(given)?;
    text.map(|text| keyreeve_engine::moment::beginning(&text).map_err(D::Error::custom)).transpose()
}

/// What was published at a time, or by the end of a day, or what a run said: as a text has it.
///
/// # Errors
/// It is no moment, or still to come.
pub(crate) fn as_of(text: &str, now: Timestamp) -> Result<AsOf, String> {
    let moment: keyreeve_engine::moment::Moment = text.parse()?;
    moment.as_of(now).map_err(|to_come| to_come.to_string())
}

/// As [`as_of`], or what a run said; one of them at most.
pub(crate) fn one_of(time: Option<&str>, run: Option<i64>, now: Timestamp) -> Result<AsOf, Problem> {
    match (time, run) {
        (None, None) => Ok(AsOf::Now),
        (Some(time), None) => as_of(time, now).map_err(|why| Problem::bad_request(format!("as_of: {why}"))),
        (None, Some(run)) => Ok(AsOf::Run(ImportRunId(run))),
        (Some(_), Some(_)) => Err(Problem::bad_request("give as_of or run, not both")),
    }
}
