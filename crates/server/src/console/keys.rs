//! How old access keys are: bands of days, as a filter of accounts and as a chart whose bars lead to what they count.

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::SystemId;

use super::address;
use super::chart::{Bar, Chart};
use super::numbers::grouped;
use super::systems;
use super::table::Filter;
use crate::parts::Parts;
use crate::problem::Problem;

/// The bands: from how many days on, the youngest first.
const FROM: [i64; 5] = [0, 30, 90, 180, 365];

/// The filter of accounts by the age of their oldest active key.
pub(super) const KEY_AGE: Filter = Filter {
    name: "key_age",
    label: "Oldest active key",
    choices: &[
        ("0", "Under 30 days"),
        ("30", "30 to 89 days"),
        ("90", "90 to 179 days"),
        ("180", "180 to 364 days"),
        ("365", "A year or more"),
    ],
};

/// Between which moments the oldest active key of a band was made.
pub(super) fn made(band: &str, now: Timestamp) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    let days: i64 = band.parse().ok()?;
    let place = FROM.iter().position(|from| *from == days)?;
    let before = (place > 0).then(|| ago(days, now));
    Some((FROM.get(place.saturating_add(1)).map(|next| ago(*next, now)), before))
}

fn ago(days: i64, now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(days.saturating_mul(24))).unwrap_or(Timestamp::MIN)
}

/// How many accounts of a system have keys of each age, and of how many that is not known; none where no account has an
/// active key.
pub(super) async fn chart(
    parts: &Parts,
    system_id: &SystemId,
    title: String,
    now: Timestamp,
) -> Result<Option<Chart>, Problem> {
    let since: Vec<Timestamp> = FROM.iter().skip(1).map(|days| ago(*days, now)).collect();
    let counts = parts.store.key_ages(system_id, &since).await?;
    let unknown = parts.store.unknown_key_ages(system_id).await?;
    if counts.iter().all(|count| *count == 0) {
        let alone = |said| Chart::only_said(title, "Oldest active key", "Accounts", said);
        return Ok(unknown_ages(unknown, "").map(alone));
    }
    let list = systems::within(system_id, "accounts");
    let bars = KEY_AGE.choices.iter().zip(counts).map(|((band, label), number)| Bar {
        label: (*label).to_owned(),
        number,
        leads_to: Some(address::asking(&list, [(KEY_AGE.name, *band)])),
    });
    let chart = Chart::new(title, "Oldest active key", "Accounts", bars.collect());
    Ok(Some(chart.besides(unknown_ages(unknown, " more"))))
}

/// Of how many accounts, or how many `more`, it is not known how old their keys are.
fn unknown_ages(number: u64, more: &str) -> Option<String> {
    match number {
        0 => None,
        1 => {
            Some(format!("Of 1 account{more} it is not known which active keys it has, or how old they are."))
        }
        number => Some(format!(
            "Of {} accounts{more} it is not known which active keys they have, or how old these are.",
            grouped(number)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_follow_one_another_without_a_gap() {
        let now = Timestamp::from_second(2_000_000_000).unwrap();
        let bands: Vec<_> = KEY_AGE.choices.iter().map(|(band, _)| made(band, now).unwrap()).collect();
        assert_eq!((bands[0].1, bands[4].0), (None, None));
        assert!(bands.windows(2).all(|two| two[0].0.is_some() && two[0].0 == two[1].1), "{bands:?}");
        assert_eq!((made("7", now), made("x", now)), (None, None));
    }
}
