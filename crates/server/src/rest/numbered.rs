//! Lists of what has numbers.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::body::at_most;

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) enum Order {
    /// The newest first.
    #[default]
    #[serde(rename = "-id")]
    NewestFirst,
    /// The oldest first.
    #[serde(rename = "id")]
    OldestFirst,
}

/// Which page, in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbered {
    /// `next` of the page before.
    #[param(max_length = 4096)]
    #[serde(default, deserialize_with = "at_most::<4096, _>")]
    pub(crate) cursor: Option<String>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: Option<u32>,
    /// In which order; the newest first unless another one is asked for.
    #[param(inline)]
    pub(crate) sort: Option<Order>,
    /// Only these fields of each entry, with commas between.
    #[param(max_length = 1_000)]
    #[serde(default, deserialize_with = "at_most::<1_000, _>")]
    pub(crate) fields: Option<String>,
}
