//! The states of jobs, tasks and steps can be told from the audit log alone.

use std::collections::BTreeMap;

use keyreeve_model::*;
use keyreeve_store::*;
use serde_json::Value;

use super::*;
use crate::place::Place;

/// All states, by what they are of: `job 1`, `task 2`, `task 2 step 1`.
type States = BTreeMap<String, String>;

/// Tells the states from the rows of the log, in order.
fn folded(rows: &[AuditRow]) -> States {
    let mut states = States::new();
    let numbers = |value: &Value| -> Vec<u64> {
        value.as_array().map(|all| all.iter().map(|n| n.as_u64().unwrap()).collect()).unwrap_or_default()
    };
    for row in rows {
        let subject = &row.subject;
        let task = format!("task {}", subject["task"]);
        let of = match row.action.split('_').next().unwrap() {
            "job" => format!("job {}", subject["job"]),
            "task" => task.clone(),
            "step" => format!("{task} step {}", subject["step"]),
            _ => String::new(),
        };
        if let (false, Some(to)) = (of.is_empty(), subject["to"].as_str()) {
            let from = subject["from"].as_str();
            assert_eq!(states.get(&of).map(String::as_str), from, "{row:?}");
            states.insert(of, to.to_owned());
        }
        if row.action == "task_created" {
            for seq in 1..=subject["steps"].as_array().unwrap().len() {
                states.insert(format!("{task} step {seq}"), "planned".to_owned());
            }
        }
        for (list, state) in [("added", "planned"), ("again", "planned"), ("skipped", "skipped")] {
            for seq in numbers(&subject[list]) {
                states.insert(format!("{task} step {seq}"), state.to_owned());
            }
        }
    }
    states
}

async fn stored(store: &Store) -> States {
    let mut states = States::new();
    for listed in store.jobs(&id("s"), None, 1000).await.unwrap() {
        let job = store.job(listed.id).await.unwrap();
        states.insert(format!("job {}", job.id), job.state.as_str().to_owned());
        for task in &job.tasks {
            states.insert(format!("task {}", task.id), task.state.as_str().to_owned());
            for step in &task.steps {
                states.insert(format!("task {} step {}", task.id, step.seq), step.state.as_str().to_owned());
            }
        }
    }
    states
}

/// Some event that fits the task, or not; those that do not are refused.
fn random_event(dice: &mut Dice, held: &ClaimedTask, now: i64) -> JournalEvent {
    use StepState::{Applied, NotApplied, Planned, Skipped, Unknown};
    let seq = u32::try_from(1 + dice.below(3)).unwrap();
    match dice.below(14) {
        0..=4 => attempt(seq),
        5 => outcome(seq, Applied),
        6 | 7 => outcome(seq, [Planned, Unknown, NotApplied, NotApplied, Skipped][dice.below(5) as usize]),
        8 | 9 => JournalEvent::NotMade { seq },
        10 => {
            let added = Step { seq: 3, state: Planned, ..held.task.steps[0].clone() };
            let kept = Step { state: Planned, ..held.task.steps[0].clone() };
            JournalEvent::ReplaceSteps { steps: vec![kept, added], replans: 1 }
        }
        11 => JournalEvent::Postpone { not_before: at(now + 5), failure: None },
        _ => {
            finish([TaskState::Succeeded, TaskState::Failed, TaskState::NeedsPerson][dice.below(3) as usize])
        }
    }
}

/// Does one thing to the first job that allows it; taking back begins with the last.
async fn decide_one(store: &Store, jobs: &[JobId], what: u64, now: i64) {
    let mut jobs = jobs.to_vec();
    if what == 0 {
        jobs.reverse();
    }
    for job in &jobs {
        let done = match what {
            0 => store.cancel_job(*job, "berta", at(now)).await,
            1 => store.decide_job(*job, true, "berta", None, at(now)).await,
            2 => store.decide_job(*job, false, "berta", None, at(now)).await,
            _ => store.retry_job(*job, &retry("berta"), at(now)).await,
        };
        if done.is_ok() {
            return;
        }
    }
}

#[tokio::test]
async fn the_log_tells_every_state_whatever_happens() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let mut dice = Dice(if place.schema.is_none() { 5 } else { 6 });
        let mut held: Vec<ClaimedTask> = Vec::new();
        let mut jobs = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for now in 1..500_i64 {
            match dice.below(10) {
                0 => {
                    let user = |dice: &mut Dice| format!("user{}", dice.below(5));
                    let mut tasks =
                        vec![task(&user(&mut dice)), task(&user(&mut dice)), task(&user(&mut dice))];
                    tasks[1].after = vec![0];
                    let mut new = job(tasks);
                    if dice.below(3) == 0 {
                        new.approval_because.push("many".to_owned());
                    }
                    jobs.push(store.create_job(&new, at(now)).await.unwrap().id);
                }
                1 => decide_one(&store, &jobs, dice.below(5), now).await,
                2 | 3 => {
                    let lease = std::time::Duration::from_secs(10);
                    held.extend(store.claim_tasks(None, None, "w", at(now), lease, 2).await.unwrap());
                }
                _ if !held.is_empty() => {
                    let entries: Vec<_> = (0..2 + dice.below(6))
                        .map(|_| {
                            let held = &held[dice.below(held.len() as u64) as usize];
                            let event = random_event(&mut dice, held, now);
                            JournalEntry { lease: held.lease.clone(), event }
                        })
                        .collect();
                    store.journal(entries, at(now)).await;
                }
                _ => {}
            }
            held.retain(|held| held.lease.until.as_second() + 20 > at(now).as_second());
            if now % 100 == 99 {
                let rows = store.audit_after(0, 100_000).await.unwrap();
                assert_eq!(folded(&rows), stored(&store).await, "after {now}");
                seen.extend(rows.into_iter().map(|row| row.action));
            }
        }
        store.verify_audit().await.unwrap();
        for action in [
            "job_approved",
            "job_cancelled",
            "job_rejected",
            "job_retried",
            "job_started",
            "job_ended",
            "task_taken_over",
            "task_cancelled",
            "task_failed",
            "task_postponed",
            "task_queued",
            "task_ended",
            "step_not_made",
            "step_planned_again",
            "steps_replaced",
        ] {
            assert!(seen.contains(action), "{action} never happened, so nothing is proved of it");
        }
        store.close().await;
    }
}
