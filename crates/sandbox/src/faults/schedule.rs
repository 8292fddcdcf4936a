//! Which rules a call meets, and how often each has fired.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::bucket::Bucket;
use super::rule::{Effect, FaultRule, FaultState, Phase};

/// What a call is, as far as rules can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    pub(crate) account: String,
    pub(crate) action: String,
    pub(crate) subject: Option<String>,
    pub(crate) page: u32,
}

/// An effect to apply to a call.
#[derive(Debug, Clone)]
pub(crate) struct Fired {
    pub(crate) rule: u64,
    pub(crate) phase: Phase,
    pub(crate) effect: Effect,
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Schedule>);

#[derive(Debug, Default)]
struct Schedule {
    rules: Vec<FaultState>,
    next_id: u64,
    attempts: HashMap<Operation, u32>,
    /// What the rules with a rate let through, by their number.
    buckets: HashMap<u64, Bucket>,
}

impl Faults {
    fn schedule(&self) -> std::sync::MutexGuard<'_, Schedule> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, rule: FaultRule) -> u64 {
        let mut schedule = self.schedule();
        schedule.next_id += 1;
        let id = schedule.next_id;
        schedule.rules.push(FaultState { id, rule, matched: 0, fires: 0 });
        id
    }

    pub(crate) fn all(&self) -> Vec<FaultState> {
        self.schedule().rules.clone()
    }

    pub(crate) fn unfired(&self) -> Vec<FaultState> {
        let mut rules = self.all();
        rules.retain(|state| state.fires < state.rule.min_fires);
        rules
    }

    /// Removes all rules and forgets which calls have been attempted.
    pub(crate) fn clear(&self) {
        let mut schedule = self.schedule();
        schedule.rules.clear();
        schedule.attempts.clear();
        schedule.buckets.clear();
    }

    /// Counts the call and gives the effects it meets, in the order of the rules. Of the effects that decide
    /// the answer only the first is given.
    pub(crate) fn meet(&self, operation: &Operation) -> Vec<Fired> {
        let mut schedule = self.schedule();
        let attempt = schedule.attempts.entry(operation.clone()).or_default();
        *attempt += 1;
        let attempt = *attempt;
        let mut decided = false;
        let mut fired = Vec::new();
        let Schedule { rules, buckets, .. } = &mut *schedule;
        for state in rules {
            if !about(&state.rule, operation, attempt) {
                continue;
            }
            state.matched += 1;
            let inside = state.rule.on.calls.is_none_or(|range| {
                state.matched >= range.from && range.to.is_none_or(|last| state.matched <= last)
            });
            let left = state.rule.times.is_none_or(|times| state.fires < times);
            let decides = state.rule.effect.decides();
            if inside && left && !(decides && decided) && !within_rate(state, buckets) {
                decided |= decides;
                state.fires += 1;
                let FaultRule { phase, effect, .. } = &state.rule;
                fired.push(Fired { rule: state.id, phase: *phase, effect: effect.clone() });
            }
        }
        fired
    }
}

/// Whether the rule has a rate, and the call is within it.
fn within_rate(state: &FaultState, buckets: &mut HashMap<u64, Bucket>) -> bool {
    let Effect::Rate { per_second } = state.rule.effect else { return false };
    let now = Instant::now();
    buckets.entry(state.id).or_insert_with(|| Bucket::full(per_second, now)).take(per_second, now)
}

fn about(rule: &FaultRule, operation: &Operation, attempt: u32) -> bool {
    let on = &rule.on;
    let page = |page: u32| match rule.effect {
        Effect::Endless => operation.page >= page,
        _ => operation.page == page,
    };
    (on.action == "*" || on.action == operation.action)
        && on.account.as_ref().is_none_or(|account| *account == operation.account)
        && on.subject.as_ref().is_none_or(|subject| {
            operation.subject.as_ref().is_some_and(|about| about.eq_ignore_ascii_case(subject))
        })
        && on.page.is_none_or(page)
        && on.attempt.is_none_or(|wanted| wanted == attempt)
}

impl Effect {
    /// The word that stands for the effect in the trace: its `kind` in JSON.
    pub(crate) fn name(&self) -> String {
        let json = serde_json::to_value(self).unwrap_or_default();
        json.get("kind").and_then(|kind| kind.as_str()).unwrap_or("fault").to_owned()
    }

    /// Whether the effect decides the answer, so that no second such effect can apply.
    pub(crate) fn decides(&self) -> bool {
        !matches!(
            self,
            Self::Latency { .. }
                | Self::Mutate { .. }
                | Self::Stale { .. }
                | Self::WrongAccount
                | Self::Omit { .. }
        )
    }
}
