//! Makes up believable accounts: the same for the same seed.

pub(crate) mod connector;
pub(crate) mod evolve;
mod names;
mod people;
mod resources;

use jiff::Timestamp;

use crate::error::Error;
use crate::options::{Options, Population};
use crate::protocol::error::ApiError;
use crate::seeded::Seeded;
use crate::state::State;

/// Everything made up happened before 2026-06-01T00:00:00Z, so that it does not depend on the day of the
/// run.
const THE_DAY: i64 = 1_780_272_000;
const DAY_SECONDS: i64 = 86_400;

/// Some time in the days `from..to` before the day.
fn some_day(chance: &mut Seeded, from: usize, to: usize) -> Timestamp {
    let days = from + chance.below(to.saturating_sub(from).max(1));
    let second = chance.below(86_400);
    let back = i64::try_from(days).unwrap_or(0) * DAY_SECONDS - i64::try_from(second).unwrap_or(0);
    Timestamp::from_second(THE_DAY - back.max(0)).unwrap_or_default()
}

/// An account with its connector, and with whom and what it is to have.
pub(crate) fn account(
    options: &Options,
    id: &str,
    all_ids: &[String],
    population: Population,
) -> Result<State, Error> {
    let born = Timestamp::from_second(THE_DAY - 4_000 * DAY_SECONDS).unwrap_or_default();
    let mut state = State::new(id, &options.partition, options.seed, born);
    connector::make(&mut state, all_ids, &options.connector_policy).map_err(Error::refused)?;
    fill(&mut state, options.seed, population).map_err(Error::refused)?;
    Ok(state)
}

/// Adds people, groups, policies and roles to an account.
pub(crate) fn fill(state: &mut State, seed: u64, population: Population) -> Result<(), ApiError> {
    let label = format!("people/{}/{}", state.account_id, state.users.len());
    let mut chance = Seeded::new(seed, &label);
    resources::policies(state, &mut chance, population.customer_policies)?;
    resources::groups(state, &mut chance, population.groups)?;
    resources::roles(state, &mut chance, population.roles)?;
    people::users(state, &mut chance, population.users)
}
