//! Laws of SCIM's pure part, on made-up input.

mod filters;
mod naive;
mod patches;
mod reading;

use proptest::prelude::*;

/// How many made-up cases each law is held against.
pub(crate) fn config() -> ProptestConfig {
    let cases = if std::env::var_os("KEYREEVE_TEST_LONG").is_some() { 20_000 } else { 500 };
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}
