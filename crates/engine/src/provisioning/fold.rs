//! A task's state is the fold of its journal: what an event makes of a task, exactly as the store writes it.

use jiff::Timestamp;
use keyreeve_model::{StepState, Task, TaskState};
use keyreeve_store::JournalEvent;

/// Applies an event to a task.
pub fn fold(task: &mut Task, event: &JournalEvent, now: Timestamp) {
    match event {
        JournalEvent::Attempt { seq, .. } => step(task, *seq, |step| {
            step.state = StepState::Attempting;
            step.attempts += 1;
            step.attempted_at = Some(now);
        }),
        JournalEvent::NotMade { seq } => step(task, *seq, |step| {
            step.state = StepState::Planned;
            step.attempts = step.attempts.saturating_sub(1);
        }),
        JournalEvent::Outcome { seq, state, unchanged, request_id, failure, account, .. } => {
            step(task, *seq, |step| {
                step.state = *state;
                step.unchanged = *unchanged;
                step.request_id.clone_from(request_id);
                step.failure.clone_from(failure);
                step.finished_at = matches!(state, StepState::Applied | StepState::NotApplied).then_some(now);
            });
            if let Some((id, name)) = account {
                task.account_external_id = Some(id.clone());
                task.account.clone_from(name);
            }
        }
        JournalEvent::DestroyPassword { .. } => {}
        JournalEvent::ReplaceSteps { steps, replans } => {
            for held in task.steps.iter_mut().filter(|step| step.state == StepState::Planned) {
                match steps.iter().find(|step| step.seq == held.seq) {
                    Some(kept) => held.after.clone_from(&kept.after),
                    None => held.state = StepState::Skipped,
                }
            }
            let known: Vec<u32> = task.steps.iter().map(|step| step.seq).collect();
            task.steps.extend(steps.iter().filter(|step| !known.contains(&step.seq)).cloned());
            task.replans = *replans;
        }
        JournalEvent::SetManifest(manifest) => task.manifest = Some(manifest.clone()),
        JournalEvent::SetRecreate(package) => task.recreate = Some(package.clone()),
        JournalEvent::Postpone { not_before, failure } => {
            task.state = TaskState::Queued;
            task.not_before = Some(*not_before);
            task.failure.clone_from(failure);
        }
        JournalEvent::Finish { state, result, failure } => {
            task.state = *state;
            task.result.clone_from(result);
            task.failure.clone_from(failure);
            task.finished_at = Some(now);
        }
    }
}

fn step(task: &mut Task, seq: u32, change: impl FnOnce(&mut keyreeve_model::Step)) {
    if let Some(step) = task.steps.iter_mut().find(|step| step.seq == seq) {
        change(step);
    }
}
