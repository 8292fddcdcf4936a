//! Plans and jobs.

use keyreeve_engine::export;
use keyreeve_engine::password::PublicUrl;
use keyreeve_engine::plan::{Plan, PlannedStep, TaskPlan};
use keyreeve_model::{ProvisioningJob, Secret, Step, Task, TaskId, TaskState};
use serde::Serialize;

use super::{Column, Columns, Shape, joined, minute, step_in_words, time};
use crate::output::{Facts, Narrow, Tables, brief};

/// A job as a command prints it: the contract's fields, and what is handed over once.
#[derive(Serialize)]
pub(crate) struct FinishedJob {
    #[serde(flatten)]
    job: ProvisioningJob,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    one_time_secrets: Vec<OneTimeSecret>,
}

/// A one-time secret: this is the only place where it is ever written.
#[derive(Serialize)]
struct OneTimeSecret {
    task: TaskId,
    account: String,
    secret: String,
    /// Where it is opened in a browser, if that is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// A job with the one-time secrets of its tasks, which are given out here and nowhere else.
pub(crate) fn finished_job(
    job: &ProvisioningJob,
    tokens: Vec<(TaskId, String, Secret)>,
    public_url: Option<&PublicUrl>,
) -> FinishedJob {
    let secrets = tokens.into_iter().map(|(task, account, secret)| OneTimeSecret {
        task,
        account,
        link: public_url.map(|url| url.link(&secret).expose().to_owned()),
        secret: secret.expose().to_owned(),
    });
    FinishedJob { job: job.clone(), one_time_secrets: secrets.collect() }
}

/// One job as CSV.
pub(crate) const JOBS: Shape<FinishedJob> = Shape {
    table: &[],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("id", |one| one.job.id.to_string()),
        ("system_id", |one| one.job.system_id.to_string()),
        ("state", |one| one.job.state.as_str().to_owned()),
        ("actor", |one| one.job.actor.clone()),
        ("reason", |one| one.job.reason.clone().unwrap_or_default()),
        ("tasks", |one| {
            joined(&one.job.tasks, |task| format!("{}={}", task.kind.as_str(), task.state.as_str()))
        }),
        ("created_at", |one| one.job.created_at.to_string()),
        ("finished_at", |one| time(one.job.finished_at)),
        ("one_time_secrets", |one| joined(&one.one_time_secrets, |secret| secret.secret.clone())),
    ]),
};

/// A list of jobs.
pub(crate) const JOB_LIST: Shape<ProvisioningJob> = Shape {
    table: &[
        ("job", |job| job.id.to_string()),
        ("state", |job| job.state.as_str().to_owned()),
        ("tasks", |job| job.tasks.len().to_string()),
        ("what", what),
        ("asked_by", |job| job.actor.clone()),
        ("created", |job| minute(Some(job.created_at))),
        ("finished", |job| minute(job.finished_at)),
        ("reason", |job| job.reason.clone().unwrap_or_default()),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Fields(export::JOBS),
};

fn what(job: &ProvisioningJob) -> String {
    match job.tasks.as_slice() {
        [one] => format!("{} {}", one.kind.as_str(), one.account),
        [first, rest @ ..] => format!("{} {} and {} more", first.kind.as_str(), first.account, rest.len()),
        [] => String::new(),
    }
}

const STEPS: &[Column<Step>] = &[
    ("step", |step| step.seq.to_string()),
    ("call", |step| step.operation.clone()),
    ("on", |step| step_in_words(&step.call, None)),
    ("state", |step| step.state.as_str().to_owned()),
    ("attempts", |step| step.attempts.to_string()),
    ("request", |step| step.request_id.clone().unwrap_or_default()),
    ("because", |step| {
        step.failure.as_ref().map(|failure| brief(&failure.message).into_owned()).unwrap_or_default()
    }),
];

/// How much is said of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What became of it.
    Brief,
    /// With the whole words of what refused it.
    Whole,
    /// The same, with all tasks of a large one.
    AllTasks,
}

/// A job with its tasks and every call.
///
/// Of a large job only those tasks are shown that need somebody, unless `all` are wanted; what AWS refused is told in
/// its own words only where somebody looks at this one job.
pub(crate) fn show_job(finished: &FinishedJob, detail: Detail, tables: &mut Tables) {
    let job = &finished.job;
    tables.facts(job_facts(job));
    let large = job.tasks.len() > MOST_TASKS && detail != Detail::AllTasks;
    let bad = |task: &&Task| matches!(task.state, TaskState::Failed | TaskState::NeedsPerson);
    for task in job.tasks.iter().filter(|task| !large || bad(task)) {
        let title =
            format!("Task {}: {} {} is {}", task.id, task.kind.as_str(), task.account, task.state.as_str());
        if task.steps.is_empty() {
            tables.sentences(&title, &["no call is needed".to_owned()]);
        }
        let failure = task.failure.as_ref().map(|failure| failure.message.as_str());
        let mut steps = task.steps.clone();
        let said =
            |step: &&mut Step| step.failure.as_ref().is_some_and(|of| Some(of.message.as_str()) == failure);
        for step in steps.iter_mut().filter(said) {
            step.failure.iter_mut().for_each(|of| of.message = "see below".to_owned());
        }
        tables.list(&title, &steps, STEPS, Narrow::Wrap { sentences: 1 });
        let mut sentences: Vec<String> = task.notices.iter().map(|notice| notice.message.clone()).collect();
        sentences.extend(task.result.clone());
        sentences.extend(failure.map(|message| match detail {
            Detail::Brief => brief(message).into_owned(),
            Detail::Whole | Detail::AllTasks => message.to_owned(),
        }));
        tables.sentences("", &sentences);
    }
    if large {
        let hidden = job.tasks.len() - job.tasks.iter().filter(bad).count();
        let others = format!("{hidden} tasks that did not fail: `keyreeve job show {} --tasks`", job.id);
        tables.sentences("Not shown:", &[others]);
    }
    show_secrets(&finished.one_time_secrets, tables);
}

/// A job of more tasks is shown without those that need nobody.
const MOST_TASKS: usize = 20;

/// How many tasks are in which state.
fn counts(job: &ProvisioningJob) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for task in &job.tasks {
        let state = task.state.as_str();
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    let counts = counts.into_iter().map(|(state, count)| format!("{count} {}", state.replace('_', " ")));
    counts.collect::<Vec<_>>().join(", ")
}

/// The one-time secrets alone, before anything of the job is done.
pub(crate) fn show_secrets_of(finished: &FinishedJob, tables: &mut Tables) {
    show_secrets(&finished.one_time_secrets, tables);
}

fn show_secrets(secrets: &[OneTimeSecret], tables: &mut Tables) {
    let written = |one: &OneTimeSecret| {
        let link = one.link.as_ref().map(|link| format!("; {link}")).unwrap_or_default();
        format!("{} (task {}): {}{link}", one.account, one.task, one.secret)
    };
    let how = if secrets.iter().any(|one| one.link.is_some()) {
        "One-time secrets, shown this once; the link or `keyreeve password open` opens each of them once:"
    } else {
        "One-time secrets, shown this once; `keyreeve password open` opens each of them once:"
    };
    tables.sentences(how, &secrets.iter().map(written).collect::<Vec<_>>());
}

fn job_facts(job: &ProvisioningJob) -> Facts<'static> {
    let decided = match (&job.decided_by, &job.decision_reason) {
        (Some(by), Some(reason)) => format!("by {by}: {reason}"),
        (Some(by), None) => format!("by {by}"),
        _ => String::new(),
    };
    vec![
        ("Job", job.id.to_string()),
        ("System", job.system_id.to_string()),
        ("State", job.state.as_str().to_owned()),
        ("Tasks", if job.tasks.len() > 1 { counts(job) } else { String::new() }),
        ("Asked for", format!("{} by {}", job.created_at, job.actor)),
        ("Reason", job.reason.clone().unwrap_or_default()),
        ("Approval", job.approval_because.join("; ")),
        ("Decided", decided),
        ("Started", time(job.started_at)),
        ("Finished", time(job.finished_at)),
        (
            "Dismissed",
            match (&job.dismissed_by, &job.dismissal_reason) {
                (Some(by), Some(reason)) => format!("by {by}: {reason}"),
                _ => String::new(),
            },
        ),
    ]
}

/// A plan as CSV: one line, for the sake of the contract; `json` has every call.
pub(crate) const PLANS: Shape<Plan> = Shape {
    table: &[],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("system_id", |plan| plan.system_id.to_string()),
        ("run", |plan| plan.run.to_string()),
        ("tasks", tasks_of),
        ("calls", calls_of),
        ("obstacles", obstacles_of),
    ]),
};

fn tasks_of(plan: &Plan) -> String {
    joined(&plan.tasks, |task| format!("{} {}", task.kind.as_str(), task.account))
}

fn calls_of(plan: &Plan) -> String {
    plan.tasks.iter().map(|task| task.steps.len()).sum::<usize>().to_string()
}

fn obstacles_of(plan: &Plan) -> String {
    joined(plan.tasks.iter().flat_map(|task| &task.obstacles), |obstacle| obstacle.message.clone())
}

/// A plan, call by call, with what stands in the way.
pub(crate) fn show_plan(plan: &Plan, tables: &mut Tables) {
    tables.facts(vec![
        ("System", plan.system_id.to_string()),
        ("Rests on", format!("run {} and what was read just now", plan.run)),
    ]);
    for (number, task) in plan.tasks.iter().enumerate() {
        show_task(number + 1, task, tables);
    }
    tables.sentences("A second person must approve this:", &plan.approval_because);
}

/// What trying a job again would take, and why it would be refused.
#[derive(Serialize)]
pub(crate) struct Retrial {
    /// What is left to do. That a plan of so much needs a second person says nothing of a job that is tried again.
    #[serde(flatten)]
    pub(crate) plan: Plan,
    /// Why nothing of it would be done; `None` when it would.
    pub(crate) refused: Option<String>,
}

/// The same as CSV, as of a plan.
pub(crate) const RETRIALS: Shape<Retrial> = Shape {
    table: &[],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("system_id", |one| one.plan.system_id.to_string()),
        ("run", |one| one.plan.run.to_string()),
        ("tasks", |one| tasks_of(&one.plan)),
        ("calls", |one| calls_of(&one.plan)),
        ("obstacles", |one| obstacles_of(&one.plan)),
        ("refused", |one| one.refused.clone().unwrap_or_default()),
    ]),
};

/// A job that is to be tried again, call by call.
pub(crate) fn show_retrial(retrial: &Retrial, tables: &mut Tables) {
    show_plan(&retrial.plan, tables);
    tables.sentences("It would be refused:", retrial.refused.as_slice());
}

/// Which tasks of a plan, by place from 0, must have succeeded before.
pub(crate) fn after_tasks(after: &[usize]) -> String {
    match after {
        [] => String::new(),
        [one] => format!(", once task {} has succeeded", one + 1),
        several => {
            format!(", once tasks {} have succeeded", joined(several, |place| (place + 1).to_string()))
        }
    }
}

fn show_task(number: usize, task: &TaskPlan, tables: &mut Tables) {
    let after = after_tasks(&task.after);
    let id = task.account_external_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let title = format!("Task {number}: {} {}{id}{after}", task.kind.as_str(), task.account);
    if task.steps.is_empty() {
        tables.sentences(&title, &["no call is needed, or none is possible".to_owned()]);
    }
    let steps = task.steps.iter().map(|step| (step.clone(), step_in_words(&step.call, task.path.as_deref())));
    tables.list(&title, &steps.collect::<Vec<_>>(), PLANNED_STEPS, Narrow::Wrap { sentences: 1 });
    let obstacles: Vec<String> = task.obstacles.iter().map(|obstacle| obstacle.message.clone()).collect();
    tables.sentences("This stands in the way:", &obstacles);
    let notices: Vec<String> = task.notices.iter().map(|notice| notice.message.clone()).collect();
    tables.sentences("Know this:", &notices);
}

/// A call, and what it is about in words.
const PLANNED_STEPS: &[Column<(PlannedStep, String)>] = &[
    ("step", |(step, _)| step.seq.to_string()),
    ("call", |(step, _)| step.operation.to_string()),
    ("because", |(step, _)| step.reason.as_str().replace('_', " ")),
    ("after", |(step, _)| joined(&step.after, |seq| seq.to_string())),
    ("on", |(_, on)| on.clone()),
];
