//! What becomes of an account's pace: who may call when, and what a throttling says. Pure; times are microseconds.

use std::time::Duration;

use keyreeve_store::AccountPace;

/// After a throttling the rate falls to this share of what was getting through.
const DECREASE: f64 = 0.9;
/// What got through between two throttlings says at most so much less than was thought to.
const DOUBT: f64 = 0.2;
/// The same where several processes ask: what got through in the others is not all told yet.
const UNTOLD: f64 = 0.7;
/// Throttlings within this time of a decrease are echoes of the same excess.
pub(super) const ECHO: Duration = Duration::from_millis(400);
/// How steeply the rate leaves what is granted, per cubed second: it climbs back fast, lingers there, and then probes
/// ever faster (the curve TCP CUBIC uses, RFC 9438). With [`DECREASE`], it is back after ten seconds, and what is
/// saved until then is used up after ten more: one throttling in twenty seconds.
const STEEPNESS: f64 = 0.0001;
/// So many times what is granted is no limit any more: about two minutes after the last throttling.
const FORGOTTEN: f64 = 100.0;
/// Never slower than this, in requests a second.
const SLOWEST: f64 = 1.0;
/// The least that the first throttling is taken to have been too much, in requests a second.
const FIRST_GUESS: f64 = 10.0;
/// What got through before the first throttling is counted over this long at least.
pub(super) const SHORTEST: Duration = Duration::from_millis(500);
/// After so long without a call it is counted anew what gets through.
pub(super) const IDLE: Duration = Duration::from_secs(2);
/// A process that has an account for itself takes the calls of so long at once.
const ALONE: f64 = 1.0;
/// One that shares it takes those of so long, in seconds: the others wait that long for theirs.
const SHARED: f64 = 0.2;
/// So long after what it took is over, a process counts as one that asks.
const COUNTS: Duration = Duration::from_secs(3);

/// What a process has seen by itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Own {
    /// So many calls got through since it last told.
    pub(super) passed: u32,
    /// What got through here while nothing limited it, in requests a second.
    pub(super) rate: f64,
    /// The last decrease that it knew of when it last told.
    pub(super) revision: i64,
}

/// Calls that were given to a process: so many, in equal distances, from a moment on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Taken {
    /// From now.
    pub(super) starts_in: Duration,
    pub(super) lasts: Duration,
    pub(super) calls: u32,
}

/// How many requests may be made in a second; `None` where nothing limits that.
pub(super) fn limit(pace: &AccountPace, now: i64, cap: Option<f64>) -> Option<f64> {
    let (Some(granted), Some(decreased_at)) = (pace.granted, pace.decreased_at) else { return cap };
    let back_after = ((1.0 - DECREASE) / STEEPNESS).cbrt();
    let share = 1.0 + STEEPNESS * (seconds(now - decreased_at) - back_after).powi(3);
    if share > FORGOTTEN {
        return cap;
    }
    let limit = (granted * share).max(SLOWEST);
    Some(cap.map_or(limit, |cap| limit.min(cap)))
}

/// Gives the next calls to a process that wants so many: no moment is given twice, whoever asks. `None` where nothing
/// limits the rate.
pub(super) fn take(
    pace: &mut AccountPace,
    now: i64,
    cap: Option<f64>,
    (asker, wanted): (&str, u32),
    own: Own,
) -> Option<Taken> {
    if now.saturating_sub(pace.taken_until) > micros(IDLE) {
        (pace.passed, pace.counted_since) = (0, Some(now));
    }
    note(pace, own);
    let limit = limit(pace, now, cap)?;
    let is_alone = pace.askers.keys().all(|other| other == asker);
    let most = (limit * if is_alone { ALONE } else { SHARED }).clamp(1.0, f64::from(u32::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was clamped")]
    let calls = wanted.clamp(1, most as u32);
    let start = pace.taken_until.max(now);
    let lasts = Duration::from_secs_f64(f64::from(calls) / limit);
    pace.taken_until = start.saturating_add(micros(lasts)).saturating_add(1);
    pace.askers.insert(asker.to_owned(), pace.taken_until.saturating_add(micros(COUNTS)));
    let starts_in = Duration::from_micros(u64::try_from(start - now).unwrap_or_default());
    Some(Taken { starts_in, lasts, calls })
}

/// A call was throttled: at that moment what AWS grants was used up. Says no where that was known already.
pub(super) fn decrease(pace: &mut AccountPace, now: i64, cap: Option<f64>, own: Own) -> bool {
    let is_echo = pace.decreased_at.is_some_and(|at| now.saturating_sub(at) < micros(ECHO));
    let is_known = pace.revision != own.revision;
    note(pace, own);
    if is_echo || is_known {
        return false;
    }
    let counted_over = seconds(now - pace.counted_since.unwrap_or(now)).max(0.001);
    // One more: a part of a grant was left over.
    let measured = f64::from(pace.passed.saturating_add(1)) / counted_over;
    let before = limit(pace, now, cap);
    pace.is_guess = before.is_none();
    let granted = match before {
        // The first throttling says little when not much was asked yet.
        None => own.rate.max(FIRST_GUESS),
        // Calls that were given their moment before the last decrease still start at the rate of then.
        Some(limit) => {
            let doubt = if pace.askers.len() > 1 { UNTOLD } else { DOUBT };
            measured.clamp(limit * doubt, limit.max(pace.granted.or(cap).unwrap_or(limit)))
        }
    };
    pace.granted = Some(granted.max(SLOWEST));
    pace.decreased_at = Some(now);
    (pace.passed, pace.counted_since) = (0, Some(now));
    pace.revision += 1;
    true
}

/// Takes in what a process saw. Of the first throttling it is not known what the others had getting through at that time:
/// each adds it once.
fn note(pace: &mut AccountPace, own: Own) {
    if pace.revision == own.revision {
        pace.passed = pace.passed.saturating_add(own.passed);
    } else if pace.is_guess && pace.revision == own.revision + 1 {
        pace.granted = pace.granted.map(|granted| granted + own.rate);
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of some years")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1_000_000.0
}

#[cfg(test)]
mod tests;
