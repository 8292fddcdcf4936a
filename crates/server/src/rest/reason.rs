//! Why something is done that has no body.

use serde::Deserialize;
use utoipa::IntoParams;

/// Why.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Because {
    /// Why; kept in the audit log.
    #[param(max_length = 1_000)]
    pub(crate) reason: Option<String>,
}
