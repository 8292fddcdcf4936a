//! How much may be taken away before a second person must agree.

use std::time::Duration;

use keyreeve_model::{ObstacleKind, TaskKind};

use super::TaskPlan;
use super::facts::Facts;

/// So far back what was begun counts along.
pub(crate) const LATELY: Duration = Duration::from_secs(3_600);

/// Why a second person must approve; empty when nobody must. What was begun in the last hour or is still open
/// counts along, so that many small jobs are no way around, nor are jobs that are queued first and carried out later.
pub(super) fn approval(facts: &Facts, tasks: &[TaskPlan]) -> Vec<String> {
    let settings = &facts.settings;
    let limits = [
        (
            TaskKind::DeleteAccount,
            ["deletion", "deletions", "max_deletes"],
            settings.max_deletes,
            facts.recent_deletes,
        ),
        (
            TaskKind::DeactivateAccount,
            ["deactivation", "deactivations", "max_deactivations"],
            settings.max_deactivations,
            facts.recent_deactivations,
        ),
    ];
    let mut because = Vec::new();
    for (kind, [what, whats, setting], limit, recent) in limits {
        let asked = tasks.iter().filter(|task| task.kind == kind).count() as u64;
        if asked > 0 && asked + recent > u64::from(limit) {
            let (what, are) = if asked == 1 { (what, "is") } else { (whats, "are") };
            let (was, open) = if recent == 1 { ("was", "is") } else { ("were", "are") };
            because.push(match (limit, recent) {
                (0, _) => {
                    format!("{asked} {what} {are} asked for, and by the setting {setting}, which is 0, each needs a second person")
                }
                (_, 0) => format!("{asked} {what} {are} asked for, and more than {limit} need a second person"),
                _ => format!(
                    "{asked} {what} {are} asked for, and {recent} {was} begun in the last hour or {open} still open; more \
                     than {limit} of them all need a second person"
                ),
            });
        }
    }
    if settings.approve_administrators {
        let notices = tasks.iter().flat_map(|task| &task.notices);
        let strong = notices.filter(|notice| notice.kind == ObstacleKind::Administrator);
        because.extend(strong.map(|notice| {
            format!("{}, which needs a second person by the setting approve_administrators", notice.message)
        }));
    }
    because
}
