//! How much may be taken away before a second person must agree.

use keyreeve_model::TaskKind;

use super::TaskPlan;
use super::facts::Facts;

/// Why a second person must approve; empty when nobody must. What was begun in the last hour or is still open
/// counts along, so that many small jobs are no way around, nor are jobs that are queued first and carried out later.
pub(super) fn approval(facts: &Facts, tasks: &[TaskPlan]) -> Vec<String> {
    let settings = &facts.settings;
    let limits = [
        (TaskKind::DeleteAccount, "deletions", "max_deletes", settings.max_deletes, facts.recent_deletes),
        (
            TaskKind::DeactivateAccount,
            "deactivations",
            "max_deactivations",
            settings.max_deactivations,
            facts.recent_deactivations,
        ),
    ];
    let mut because = Vec::new();
    for (kind, what, setting, limit, recent) in limits {
        let asked = tasks.iter().filter(|task| task.kind == kind).count() as u64;
        if asked > 0 && asked + recent > u64::from(limit) {
            because.push(format!(
                "{asked} {what} are asked for, and {recent} were begun in the last hour or are still open; more than \
                 {limit} of them all need a second person ({setting})"
            ));
        }
    }
    because
}
