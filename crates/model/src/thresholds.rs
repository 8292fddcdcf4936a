//! When a run changes so much that a person should look first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ChangeCounts, ChangeKind, ObjectType, Suspicion};

/// Limits on what one run may change, by size of the population. On by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// For populations of up to 20 objects.
    pub small: Limits,
    /// For populations of 21 to 200 objects.
    pub medium: Limits,
    /// For larger populations.
    pub large: Limits,
}

/// Limits for one size of population. A limit is exceeded by *more than* its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Suspend when more than this many objects are deleted.
    pub deleted: Option<u64>,
    /// Suspend when more than this share of the objects is deleted, in percent.
    pub deleted_percent: Option<u32>,
    /// Suspend when more than this share is changed, in percent, and more than `changed`.
    pub changed_percent: Option<u32>,
    /// The number that changes must exceed as well before `changed_percent` counts.
    pub changed: Option<u64>,
    /// Suspend when more than this share is created, in percent, and more than `created`.
    pub created_percent: Option<u32>,
    /// The number that creations must exceed as well before `created_percent` counts.
    pub created: Option<u64>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            small: Limits {
                deleted: Some(2),
                deleted_percent: None,
                changed_percent: Some(50),
                changed: Some(10),
                created_percent: Some(50),
                created: Some(10),
            },
            medium: Limits {
                deleted: Some(10),
                deleted_percent: Some(10),
                changed_percent: Some(40),
                changed: None,
                created_percent: Some(40),
                created: None,
            },
            large: Limits {
                deleted: Some(100),
                deleted_percent: Some(5),
                changed_percent: Some(30),
                changed: None,
                created_percent: Some(30),
                created: None,
            },
        }
    }
}

/// How many objects of a type were known, within the run's scope, before the run.
pub type Population = BTreeMap<ObjectType, u64>;

impl Thresholds {
    /// The first share that is more than all: of which population, which limit, and how much.
    pub(crate) fn beyond_all(&self) -> Option<(&'static str, &'static str, u32)> {
        [("small", &self.small), ("medium", &self.medium), ("large", &self.large)].into_iter().find_map(
            |(size, limits)| {
                let shares = [
                    ("deleted_percent", limits.deleted_percent),
                    ("changed_percent", limits.changed_percent),
                    ("created_percent", limits.created_percent),
                ];
                shares.into_iter().find_map(|(limit, share)| {
                    share.filter(|share| *share > 100).map(|share| (size, limit, share))
                })
            },
        )
    }

    /// Judges the changes of a run. An empty answer means: publish.
    ///
    /// A population that was empty before cannot be judged in proportion: what appears there for the first time
    /// (a newly imported type) is never suspicious. One that would become empty always is.
    #[must_use]
    pub fn judge(&self, known: &Population, counts: &BTreeMap<ObjectType, ChangeCounts>) -> Vec<Suspicion> {
        let mut suspicions = Vec::new();
        for (&object_type, count) in counts {
            let population = known.get(&object_type).copied().unwrap_or(0);
            if population == 0 {
                continue;
            }
            let limits = self.limits(population);
            let mut suspect = |change, number, limit: String| {
                suspicions.push(Suspicion::Threshold { object_type, change, number, population, limit });
            };
            if count.deleted >= population {
                suspect(ChangeKind::Deleted, count.deleted, "never all of them".to_owned());
            } else if let Some(limit) = limits.too_many_deleted(count.deleted, population) {
                suspect(ChangeKind::Deleted, count.deleted, limit);
            }
            if let Some(limit) = both(count.changed, population, limits.changed_percent, limits.changed) {
                suspect(ChangeKind::Changed, count.changed, limit);
            }
            if let Some(limit) = both(count.created, population, limits.created_percent, limits.created) {
                suspect(ChangeKind::Created, count.created, limit);
            }
        }
        suspicions
    }

    fn limits(&self, population: u64) -> &Limits {
        match population {
            0..=20 => &self.small,
            21..=200 => &self.medium,
            _ => &self.large,
        }
    }
}

impl Limits {
    /// Either limit suffices.
    fn too_many_deleted(&self, number: u64, population: u64) -> Option<String> {
        if let Some(most) = self.deleted.filter(|&most| number > most) {
            return Some(format!("at most {most}"));
        }
        let percent = self.deleted_percent.filter(|&percent| over(number, population, percent))?;
        Some(format!("at most {percent} %"))
    }
}

/// Both limits must be exceeded; a percentage that is not set switches the rule off.
fn both(number: u64, population: u64, percent: Option<u32>, most: Option<u64>) -> Option<String> {
    let percent = percent.filter(|&percent| over(number, population, percent))?;
    match most {
        Some(most) if number <= most => None,
        Some(most) => Some(format!("at most {percent} % or {most}")),
        None => Some(format!("at most {percent} %")),
    }
}

fn over(number: u64, population: u64, percent: u32) -> bool {
    number.saturating_mul(100) > population.saturating_mul(u64::from(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(population: u64, deleted: u64, changed: u64, created: u64) -> Vec<ChangeKind> {
        let known = [(ObjectType::Account, population)].into();
        let counts =
            [(ObjectType::Account, ChangeCounts { created, changed, deleted, ..ChangeCounts::default() })]
                .into();
        Thresholds::default()
            .judge(&known, &counts)
            .into_iter()
            .map(|suspicion| match suspicion {
                Suspicion::Threshold { change, .. } => change,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn deletions_suspend_by_size_of_population() {
        use ChangeKind::Deleted;
        let cases: &[(u64, u64, bool)] = &[
            (1, 1, true),
            (2, 1, false),
            (2, 2, true),
            (5, 2, false),
            (5, 3, true),
            (10, 2, false),
            (10, 3, true),
            (20, 2, false),
            (20, 3, true),
            (21, 2, false),
            (21, 3, true),
            (100, 10, false),
            (100, 11, true),
            (200, 10, false),
            (200, 11, true),
            (201, 10, false),
            (201, 11, true),
            (1000, 50, false),
            (1000, 51, true),
            (1000, 99, true),
            (5000, 100, false),
            (5000, 101, true),
        ];
        for &(population, deleted, suspended) in cases {
            let expected: &[ChangeKind] = if suspended { &[Deleted] } else { &[] };
            assert_eq!(judged(population, deleted, 0, 0), expected, "{deleted} of {population}");
        }
    }

    #[test]
    fn small_populations_may_change_and_grow_by_ten() {
        assert!(judged(5, 0, 5, 10).is_empty());
        assert_eq!(judged(20, 0, 11, 0), [ChangeKind::Changed]);
        assert_eq!(judged(5, 0, 0, 11), [ChangeKind::Created]);
        assert_eq!(judged(100, 0, 41, 41), [ChangeKind::Changed, ChangeKind::Created]);
        assert!(judged(100, 0, 40, 40).is_empty());
        assert_eq!(judged(1000, 0, 301, 0), [ChangeKind::Changed]);
    }

    #[test]
    fn what_appears_for_the_first_time_is_not_suspicious() {
        assert!(judged(0, 0, 0, 5000).is_empty());
    }
}
