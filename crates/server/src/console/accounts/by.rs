//! Since when somebody holds something, and by whose job.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keyreeve_model::{
    Assignment, AssignmentKind, AssignmentState, ExternalId, ImportRunId, ResourceName, SystemId,
};
use keyreeve_store::{AssignmentStep, InlineSince, SeenIn, Store, StoreError};

use crate::console::imports;
use crate::console::jobs;
use crate::console::parts::{Cell, Link};
use crate::console::time::Time;

/// So many calls are looked back at for each holder.
const FOR_EACH: usize = 50;

/// What is known of how assignments came to be.
pub(in crate::console) struct Origins {
    /// What our calls gave and took away, the last first.
    steps: Vec<AssignmentStep>,
    seen: BTreeMap<ImportRunId, SeenIn>,
}

impl Origins {
    /// Of these assignments.
    pub(in crate::console) async fn of<'a>(
        store: &Store,
        system: &SystemId,
        held: impl Iterator<Item = &'a Assignment> + Clone,
    ) -> Result<Self, StoreError> {
        let mut holders: Vec<ExternalId> = held
            .clone()
            .filter(|one| one.kind.of_account())
            .map(|one| one.subject_external_id.clone())
            .collect();
        holders.sort();
        holders.dedup();
        let mut runs: Vec<ImportRunId> = held.map(|one| one.first_seen_run).collect();
        runs.sort();
        runs.dedup();
        let most = u32::try_from(holders.len().saturating_mul(FOR_EACH)).unwrap_or(u32::MAX);
        Ok(Self {
            steps: store.assignment_steps(system, &holders, most).await?,
            seen: store.seen_in(&runs).await?,
        })
    }

    /// With when those inline policies were seen first.
    pub(super) async fn and_inline(
        mut self,
        store: &Store,
        since: impl Iterator<Item = &InlineSince>,
    ) -> Result<Self, StoreError> {
        let mut runs: Vec<ImportRunId> = since.map(|one| one.run).collect();
        runs.retain(|run| !self.seen.contains_key(run));
        runs.sort();
        runs.dedup();
        if !runs.is_empty() {
            self.seen.extend(store.seen_in(&runs).await?);
        }
        Ok(self)
    }

    /// Since when an inline policy is there, and which run saw it first: none is given here.
    pub(super) fn of_inline(&self, since: Option<&InlineSince>) -> (Cell, Cell) {
        let Some(since) = since else { return (Cell::text("not known"), Cell::None) };
        let run = |said: &str| {
            Cell::LinkOf(Link::new(imports::of(since.run), format!("Run {}", since.run)), said.to_owned())
        };
        let at = match self.seen.get(&since.run) {
            Some(seen) if since.unknown_before => {
                Cell::Before(Time::at(seen.published_at), "the first import that is known to have read it")
            }
            Some(SeenIn { not_before: None, published_at, .. }) => {
                Cell::Before(Time::at(*published_at), "the first import")
            }
            Some(seen) => Cell::Time(Time::at(seen.published_at)),
            None => Cell::link(imports::of(since.run), format!("Run {}", since.run)),
        };
        match since.unknown_before {
            true => (at, run("read it: how it was before is not known")),
            false => (at, run("saw it first: not given here")),
        }
    }

    /// Whether an inline policy came to be in a group after an account had come into that.
    pub(super) fn is_inline_later(&self, since: &InlineSince, than: &Assignment) -> bool {
        self.seen.get(&since.run).map(|seen| seen.published_at) > self.when(than)
    }

    /// Whether one came to be after another.
    pub(in crate::console) fn is_later(&self, one: &Assignment, than: &Assignment) -> bool {
        self.when(one) > self.when(than)
    }

    /// When it was given here, else when an import saw it first.
    fn when(&self, one: &Assignment) -> Option<Timestamp> {
        match self.giver(one) {
            Some(step) => Some(step.at),
            None => self.seen.get(&one.first_seen_run).map(|seen| seen.published_at),
        }
    }

    /// Since when: since our call, since an import saw it first, or since some time before the first import.
    pub(in crate::console) fn since(&self, one: &Assignment) -> Cell {
        let seen = self.seen.get(&one.first_seen_run);
        match (self.giver(one), seen) {
            (Some(step), _) => Cell::Time(Time::at(step.at)),
            (None, _) if one.state == AssignmentState::PendingAdd => Cell::None,
            // No import had looked before: it may have been so for years.
            (None, Some(SeenIn { not_before: None, published_at, .. })) => {
                Cell::Before(Time::at(*published_at), "the first import")
            }
            (None, Some(seen)) => Cell::Time(Time::at(seen.published_at)),
            (None, None) => {
                Cell::link(imports::of(one.first_seen_run), format!("Run {}", one.first_seen_run))
            }
        }
    }

    /// By whose job; of what came to be elsewhere, which run saw it first.
    pub(in crate::console) fn by(&self, one: &Assignment) -> Cell {
        match self.giver(one) {
            Some(step) => Cell::LinkOf(
                Link::new(jobs::of(step.job), format!("Job {}", step.job)),
                format!("of {}", step.actor),
            ),
            None if one.state == AssignmentState::PendingAdd => Cell::None,
            None => Cell::LinkOf(
                Link::new(imports::of(one.first_seen_run), format!("Run {}", one.first_seen_run)),
                match self.may_be_ours(one) {
                    true => "saw it first: by whom it was given is not known",
                    false => "saw it first: not given here",
                }
                .to_owned(),
            ),
        }
    }

    /// Whether we put the account into some group of which no import tells which one it was: it may be this one.
    fn may_be_ours(&self, one: &Assignment) -> bool {
        one.kind == AssignmentKind::AccountGroup
            && self.steps.iter().any(|step| {
                step.gave
                    && step.group.is_none()
                    && step.account == one.subject_external_id
                    && matches!(step.resource, ResourceName::Group(_))
            })
    }

    /// The call of ours that it holds by. What was taken away since, or had gone by the time of an import, and is there
    /// again, was given by a later one or by somebody else.
    fn giver(&self, one: &Assignment) -> Option<&AssignmentStep> {
        if !one.kind.of_account() {
            return None;
        }
        let is_it = |step: &&AssignmentStep| step.account == one.subject_external_id && is_about(step, one);
        let steps: Vec<&AssignmentStep> = self.steps.iter().filter(is_it).collect();
        if one.state == AssignmentState::PendingAdd {
            return steps.into_iter().find(|step| step.gave);
        }
        let seen = self.seen.get(&one.first_seen_run)?;
        let mut giver = None;
        let mut taken = false;
        // The first of them first; what was before the run that did not see it says nothing of what is there now.
        for step in
            steps.into_iter().rev().filter(|step| seen.not_before.is_none_or(|before| step.at >= before))
        {
            match step.gave {
                false => (giver, taken) = (None, true),
                // What an import had seen before it was given was not given by that, unless we had taken it away.
                true if step.at <= seen.read_until || taken => (giver, taken) = (Some(step), false),
                true => {}
            }
        }
        giver
    }
}

/// Whether a call was about the group or policy of an assignment. A group may have had another name then, and its name may be
/// another group's now.
fn is_about(step: &AssignmentStep, one: &Assignment) -> bool {
    match (&step.resource, one.kind) {
        (ResourceName::Group(name), AssignmentKind::AccountGroup) => {
            match (&step.group, &one.resource_external_id) {
                (Some(then), Some(now)) => then == now,
                _ => name.eq_ignore_ascii_case(&one.resource_name),
            }
        }
        (ResourceName::Policy(arn), AssignmentKind::AccountPolicy) => one.resource_arn.as_ref() == Some(arn),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use keyreeve_model::JobId;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn step(second: i64, gave: bool, job: i64) -> AssignmentStep {
        AssignmentStep {
            account: ExternalId::new("AIDA1").unwrap(),
            resource: ResourceName::Group("admins".to_owned()),
            group: None,
            gave,
            at: at(second),
            job: JobId(job),
            actor: "ada".to_owned(),
        }
    }

    /// Run 1 read from 0 to 10, run 2 from 100 to 110; a third from 200 to 210.
    fn origins(mut steps: Vec<AssignmentStep>) -> Origins {
        steps.sort_by_key(|step| std::cmp::Reverse(step.at));
        let seen = |until: i64, not_before: Option<i64>| SeenIn {
            published_at: at(until),
            read_until: at(until),
            not_before: not_before.map(at),
        };
        let runs = [(1, seen(10, None)), (2, seen(110, Some(0))), (3, seen(210, Some(100)))];
        Origins { steps, seen: runs.map(|(run, seen)| (ImportRunId(run), seen)).into() }
    }

    fn assignment(first_seen: i64, state: AssignmentState) -> Assignment {
        Assignment {
            system_id: "prod".parse().unwrap(),
            kind: AssignmentKind::AccountGroup,
            subject_name: "eve".to_owned(),
            subject_external_id: ExternalId::new("AIDA1").unwrap(),
            resource_external_id: None,
            resource_arn: None,
            resource_name: "Admins".to_owned(),
            state,
            first_seen_run: ImportRunId(first_seen),
            last_seen_run: ImportRunId(first_seen),
        }
    }

    #[test]
    fn a_group_is_known_by_its_id_whatever_it_was_called_when_somebody_was_put_into_it() {
        let id = |id: &str| Some(ExternalId::new(id).unwrap());
        let said = |step: AssignmentStep| {
            let one = Assignment {
                resource_external_id: id("AGPA1"),
                resource_name: "brand".to_owned(),
                ..assignment(2, AssignmentState::Actual)
            };
            origins(vec![step]).by(&one).in_a_file()
        };
        let given = |name: &str, group| AssignmentStep {
            resource: ResourceName::Group(name.to_owned()),
            group,
            ..step(50, true, 7)
        };
        assert!(said(given("marketing", id("AGPA1"))).starts_with("Job 7"), "its name was another one");
        assert!(said(given("brand", id("AGPA2"))).contains("not given here"), "another group had the name");
        assert!(said(given("marketing", None)).contains("is not known"), "no import tells which one it was");
        assert!(said(given("brand", None)).starts_with("Job 7"), "its name tells");
    }

    #[test]
    fn what_was_taken_away_and_given_again_is_held_by_the_job_that_gave_it_last() {
        use AssignmentState::{Actual, PendingAdd};
        for (steps, first_seen, state, expected, why) in [
            (vec![step(50, true, 1)], 2, Actual, Some(1), "given, then seen"),
            (vec![step(150, true, 1)], 2, Actual, None, "seen before it was asked for"),
            (
                vec![step(50, true, 1), step(150, false, 2), step(160, true, 3)],
                2,
                Actual,
                Some(3),
                "between two imports",
            ),
            (vec![step(50, true, 1), step(60, false, 2)], 2, Actual, None, "taken away, and given elsewhere"),
            (
                vec![step(50, true, 1), step(120, false, 2), step(130, true, 3)],
                3,
                Actual,
                Some(3),
                "gone, given again",
            ),
            (
                vec![step(50, true, 1), step(60, false, 2)],
                3,
                Actual,
                None,
                "gone at an import, given elsewhere",
            ),
            (
                vec![step(50, true, 1)],
                3,
                Actual,
                None,
                "gone at an import, given elsewhere, ours is long past",
            ),
            (vec![step(5, true, 1)], 1, Actual, Some(1), "before the first import had read it"),
            (vec![step(250, true, 4), step(50, true, 1)], 3, PendingAdd, Some(4), "not seen yet"),
        ] {
            let origins = origins(steps);
            let giver = origins.giver(&assignment(first_seen, state)).map(|step| step.job.0);
            assert_eq!(giver, expected, "{why}");
        }
    }
}
