//! A change at AWS: planned, shown, agreed to, queued, carried out, and its passwords handed over.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use keyreeve_engine::desk::{Again, Asked, Bell, Case, Desk, DeskError, Fresh, obstacles_of};
use keyreeve_engine::import::Patience;
use keyreeve_engine::pace::Pacers;
use keyreeve_engine::places::Places;
use keyreeve_engine::plan::{Plan, TaskPlan};
use keyreeve_engine::provisioning::{
    Elsewhere, Ended as WorkEnded, HandOver, HandOverError, Handed, Rules, WorkError, Worker,
};
use keyreeve_model::{
    Delivery, JobId, JobState, PasswordDelivery, ProvisioningJob, SystemId, TaskId, TaskKind, Wish,
};
use keyreeve_store::{DeliveryState, Store};
use tokio::sync::watch;

use super::connection::Systems;
use super::{Context, remote};
use crate::args::ChangeArguments;
use crate::exit::{Ended, Refusal};
use crate::output::escape::line;
use crate::output::shape::{
    Detail, JOBS, PLANS, RETRIALS, Retrial, after_tasks, finished_job, show_job, show_plan, show_retrial,
    show_secrets_of, step_in_words,
};
use crate::output::{Closed, Format, hint, lost, note, require_open};
use crate::source::Source;
use crate::stop::Stop;
use crate::terminal;

/// Plans wishes of one system and, if that is agreed to, carries them out.
pub(crate) async fn run(
    context: &Context,
    system_id: &SystemId,
    wishes: Vec<Wish>,
    arguments: &ChangeArguments,
) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return remote::change(context, &server, system_id, &wishes, arguments).await;
    }
    let changing = Changing::begin(context, system_id).await?;
    let plan = changing.plan(&wishes).await?;
    // Reading what a large plan rests on may take minutes; that it is not read twice is what this is for.
    let planned_at = context.clock.now();
    if arguments.consent.plan {
        return changing.show_only(plan);
    }
    changing.apply(&plan, planned_at, arguments).await
}

/// One system about to be changed by a command.
pub(crate) struct Changing<'a> {
    context: &'a Context,
    store: Arc<Store>,
    desk: Desk,
    case: Case,
}

/// Shows what trying a job again would take, and what would be refused of it.
pub(super) fn show_again(
    context: &Context,
    job: &ProvisioningJob,
    mut plan: Plan,
    refused: Option<String>,
) -> anyhow::Result<Ended> {
    plan.approval_because.clear();
    let retrial = Retrial { plan, refused };
    context.output.one(&retrial, RETRIALS.csv, |tables| show_retrial(&retrial, tables))?;
    if retrial.refused.is_some() {
        note("Trying it again would be refused as long as that is so.");
        if matches!(job.state, JobState::Failed | JobState::PartiallyFailed) {
            hint("ask for what is left in a new job, which a second person approves, or wait");
        }
        return Ok(Ended::NeedsAttention);
    }
    if let Some(by) = &job.decided_by {
        note(&format!("{} has approved this job; trying it again needs nobody else.", line(by)));
    }
    Ok(Ended::done_if(retrial.plan.is_possible()))
}

/// The desk of one command, which carries out by itself what it asks for.
pub(crate) async fn desk(context: &Context) -> anyhow::Result<Desk> {
    let store = Arc::new(context.store().await?);
    let connections = Arc::new(Systems::of(context, &store));
    let pacers = Arc::new(Pacers::sharing(Arc::clone(&store)));
    Ok(Desk { store, clock: context.clock, pacers, connections, bell: Bell::default() })
}

impl<'a> Changing<'a> {
    /// Opens the store and connects.
    pub(crate) async fn begin(context: &'a Context, system_id: &SystemId) -> anyhow::Result<Self> {
        let desk = desk(context).await?;
        // The system may have been named in a file, which nobody has read before.
        let case = desk.open(&context.actor, system_id).await.map_err(refused)?;
        Ok(Self { context, store: Arc::clone(&desk.store), desk, case })
    }

    /// What the wishes take. Reads only.
    pub(crate) async fn plan(&self, wishes: &[Wish]) -> anyhow::Result<Plan> {
        self.case.plan(wishes).await.map_err(refused).with_context(|| self.planning())
    }

    fn planning(&self) -> String {
        format!("planning changes of system {}", self.case.system.system_id)
    }

    /// Shows a plan; something in the way needs a person.
    pub(crate) fn show_only(&self, plan: Plan) -> anyhow::Result<Ended> {
        show_possible(self.context, &self.case.with_undeliverable(plan))
    }

    /// Shows what trying a job again would take, and what would be refused of it.
    pub(crate) async fn show_again(&self, job: &ProvisioningJob) -> anyhow::Result<Ended> {
        let again = self.case.plan_again(job).await.map_err(refused).with_context(|| self.planning());
        let Again { plan, refused, .. } = again?;
        let refused = refused.map(|why| why.to_string());
        show_again(self.context, job, self.case.with_undeliverable(plan), refused)
    }

    /// Refuses a job that does not wait for a second person, or if something it rests on has changed since it was planned.
    pub(crate) async fn fresh(&self, job: ProvisioningJob) -> anyhow::Result<Fresh<'_>> {
        self.case.fresh_to_decide(job).await.map_err(|error| match error {
            error @ DeskError::Gather(_) => refused(error).context(self.planning()),
            error => refused(error),
        })
    }

    /// Queues a plan that is agreed to and, unless nobody is to wait, carries it out.
    pub(crate) async fn apply(
        &self,
        plan: &Plan,
        planned_at: Timestamp,
        arguments: &ChangeArguments,
    ) -> anyhow::Result<Ended> {
        let doing = format!("changing system {}", self.case.system.system_id);
        let hand_over = match self.case.make_ready(plan) {
            Ok(hand_over) => hand_over,
            Err(DeskError::Obstructed(plan)) => return Err(impossible(&plan, &doing).into()),
            Err(DeskError::NothingToDo(plan)) => {
                self.context.output.one(&*plan, PLANS.csv, |tables| show_plan(&plan, tables))?;
                note("There is nothing to do.");
                return Ok(Ended::Done);
            }
            Err(DeskError::HandOver(error)) => return Err(cannot_deliver(&doing, &error).into()),
            Err(error) => return Err(refused(error)),
        };
        if gives_secrets(plan, self.case.system.settings.password_delivery) {
            require_open(&doing)?;
        }
        if !terminal::agrees(arguments.consent, &doing, &in_words(plan))? {
            return Ok(Ended::Done);
        }
        let asked = self.case.ask(plan, planned_at, &hand_over, arguments.reason.as_deref()).await;
        let Asked { job, handed } = asked.map_err(refused).with_context(|| doing.clone())?;
        if job.state == JobState::AwaitingApproval {
            show_asked(self.context, &job, handed)?;
            note("Nothing was changed yet: a second person must approve this job.");
            hint(&format!(
                "`keyreeve job approve {0}`, by somebody else (approver or admin), then `keyreeve job apply {0}`, by \
                 an operator or admin",
                job.id
            ));
            return Ok(Ended::NeedsAttention);
        }
        if arguments.no_wait {
            show_asked(self.context, &job, handed)?;
            hint(&format!("`keyreeve job apply {}` carries it out", job.id));
            return Ok(Ended::Done);
        }
        self.carry_out_with(job, Some(planned_at), handed).await
    }

    /// Carries out a job that was asked for before; its secrets were given out then.
    pub(crate) async fn carry_out(&self, job: ProvisioningJob) -> anyhow::Result<Ended> {
        let id = job.id;
        let ended = self.carry_out_with(job, None, Vec::new()).await?;
        let deliveries = self.store.deliveries(id).await?;
        if deliveries.iter().any(|one| one.kind == "link" && one.state == DeliveryState::Released) {
            note("The one-time secrets of its passwords were given out when the job was asked for.");
            hint("whoever has none needs a new password: `keyreeve account reset-password`");
        }
        Ok(ended)
    }

    /// Carries out a job, giving out one-time secrets before its first call: a process that ends half-way takes none
    /// with it. A program reads one document, so it gets them at the end.
    pub(crate) async fn carry_out_with(
        &self,
        job: ProvisioningJob,
        planned_at: Option<Timestamp>,
        handed: Vec<Handed>,
    ) -> anyhow::Result<Ended> {
        let given = self.context.output.format() == Format::Table && !handed.is_empty();
        if given {
            note(&format!("Job {} is queued; its passwords are set while it is carried out.", job.id));
            let early = finished_job(&job, handed.clone(), self.context.public_url());
            let written = self.context.output.one(&early, JOBS.csv, |tables| show_secrets_of(&early, tables));
            written.map_err(|error| not_begun(error, job.id))?;
        }
        let ended = self.work(&job, planned_at).await;
        // What was applied is shown and handed over even if the rest could not be done.
        let job = self.store.job(job.id).await?;
        match self.show_worked_on(&job, handed, given).await {
            // Nobody reads any more; how it ended is told by the exit code.
            Err(error) if error.is::<Closed>() => {}
            shown => shown?,
        }
        self.conclude(&job, ended)
    }

    async fn work(&self, job: &ProvisioningJob, planned_at: Option<Timestamp>) -> anyhow::Result<WorkEnded> {
        let (total, job) = (job.tasks.len(), job.id);
        let name = format!("{}:{}", self.context.actor.name(), std::process::id());
        let worker = Worker {
            store: Arc::clone(&self.store),
            clock: self.context.clock,
            patience: Patience::default(),
            rules: Rules::default(),
            pacers: Arc::clone(&self.desk.pacers),
            places: Arc::new(Places::of(&name)),
            elsewhere: Elsewhere::Wait,
            lease: self.context.config.job_lease,
            name,
        };
        self.say_who_works(job).await?;
        let mut stop = Stop::listen()?;
        let (tell, told) = watch::channel(false);
        let mut seen = 0_usize;
        let loud = std::io::stderr().is_terminal() || total > 1;
        let work = worker.run_job(
            &*self.case.connector,
            &self.case.system,
            job,
            planned_at,
            told,
            |task: TaskId| {
                seen += 1;
                if loud {
                    note(&format!("task {task} was worked on ({seen} so far, {total} in job {job})"));
                }
            },
        );
        let mut work = std::pin::pin!(work);
        let ended = tokio::select! {
            ended = &mut work => ended,
            () = stop.requested() => {
                note("Stopping: the calls under way are finished and written down, no new one is begun.");
                // The worker may have ended in this very moment.
                let _ = tell.send(true);
                work.await
            }
        };
        match ended {
            Err(WorkError::Stale(changed)) => Err(stale(job, &changed).into()),
            ended => ended.with_context(|| format!("working on job {job}")),
        }
    }

    /// Shows what became of a job, with the one-time secrets of passwords that are in force or may yet be, unless they
    /// were given out before.
    async fn show_worked_on(
        &self,
        job: &ProvisioningJob,
        handed: Vec<Handed>,
        given: bool,
    ) -> anyhow::Result<()> {
        let (of_use, without) = HandOver::of_use(&self.store, job, handed).await?;
        show_asked(self.context, job, if given { Vec::new() } else { of_use })?;
        for (task, account) in without {
            note(&format!("No password was set for {account} (task {task}), so no secret opens one."));
        }
        for delivery in self.store.deliveries(job.id).await? {
            let account =
                job.tasks.iter().find(|task| task.id == delivery.task).map(|task| line(&task.account));
            let (DeliveryState::Released, Some(account)) = (delivery.state, account) else { continue };
            let fetch = format!("`keyreeve password reveal {}`", delivery.task);
            match delivery.kind.as_str() {
                "recipient" => hint(&format!(
                    "{fetch} gives the password of {account}, as a text that only the recipient's key opens"
                )),
                "operator" => hint(&format!("{fetch} shows the password of {account} to an operator")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Says whom this job waits for: a process that ended without a word keeps its tasks until its lease is over.
    async fn say_who_works(&self, job: JobId) -> anyhow::Result<()> {
        let now = self.context.clock.now();
        let Some((worker, until)) = self.store.worker_of(job, now).await? else { return Ok(()) };
        let (whose, process) = worker.rsplit_once(':').unwrap_or((worker.as_str(), "unknown"));
        note(&format!(
            "Job {job} is in the hands of process {process} of {whose} until {until}. If that process has ended, what \
             it had is gone on with then, in at most {} seconds (setting job_lease_seconds of the process).",
            until.duration_since(now).as_secs() + 1
        ));
        Ok(())
    }

    fn conclude(&self, job: &ProvisioningJob, ended: anyhow::Result<WorkEnded>) -> anyhow::Result<Ended> {
        match ended? {
            WorkEnded::Done => {}
            WorkEnded::Stopped | WorkEnded::Elsewhere => {
                note("Stopped; what is left stays queued.");
                hint(&format!("`keyreeve job apply {}` goes on", job.id));
                return Ok(Ended::NeedsAttention);
            }
            WorkEnded::Paused(failure) => {
                note(&format!("Paused: {}", failure.message));
                hint(&format!("mend that, then `keyreeve job apply {}` goes on; nothing was lost", job.id));
                return Ok(Ended::NeedsAttention);
            }
        }
        Ok(conclude(job))
    }
}

/// Shows a plan; something in the way needs a person.
pub(super) fn show_possible(context: &Context, plan: &Plan) -> anyhow::Result<Ended> {
    context.output.one(plan, PLANS.csv, |tables| show_plan(plan, tables))?;
    Ok(Ended::done_if(plan.is_possible()))
}

/// Shows a job. A one-time secret that cannot be written is lost, and its password with it.
pub(super) fn show_asked(
    context: &Context,
    job: &ProvisioningJob,
    tokens: Vec<Handed>,
) -> anyhow::Result<()> {
    let accounts: Vec<&str> = tokens.iter().map(|(_, account, _)| account.as_str()).collect();
    let accounts = accounts.join(", ");
    let finished = finished_job(job, tokens, context.public_url());
    let shown = context.output.one(&finished, JOBS.csv, |tables| show_job(&finished, Detail::Brief, tables));
    if accounts.is_empty() {
        return shown;
    }
    shown.map_err(|error| {
        let doing = format!("showing job {}", job.id);
        let what = format!("nobody has the one-time secret of the password of {accounts}");
        let way_out = match job.state {
            JobState::AwaitingApproval | JobState::Queued => {
                format!("nothing was changed: `keyreeve job cancel {}`, then ask again", job.id)
            }
            _ => format!("`keyreeve account reset-password {} NAME` gives a new one", job.system_id),
        };
        lost(error, &doing, &what, &way_out)
    })
}

/// What the end of a job means.
pub(super) fn conclude(job: &ProvisioningJob) -> Ended {
    if job.state != JobState::Succeeded {
        hint(&format!(
            "`keyreeve job show {0}` shows every call; `keyreeve job retry {0}` tries again",
            job.id
        ));
    }
    Ended::done_if(job.state == JobState::Succeeded)
}

/// Whether carrying a plan out prints one-time secrets.
pub(super) fn gives_secrets(plan: &Plan, setting: PasswordDelivery) -> bool {
    let link = |task: &&TaskPlan| match (task.wish.deliver(), setting) {
        (Some(Delivery::Link), _) | (None, PasswordDelivery::Link) => true,
        (Some(_) | None, _) => false,
    };
    plan.tasks.iter().filter(|task| task.takes_password()).any(|task| link(&task))
}

/// The one-time secrets of a job could not be written, so its first call is not made.
fn not_begun(error: anyhow::Error, job: JobId) -> anyhow::Error {
    let what = "nobody has the one-time secrets of its passwords; nothing was changed";
    let way_out = format!("`keyreeve job cancel {job}`, then ask again");
    lost(error, &format!("carrying out job {job}"), what, &way_out)
}

fn stale(job: JobId, changed: &[String]) -> Refusal {
    let why = WorkError::Stale(changed.to_vec()).to_string();
    Refusal::failed(format!("carrying out job {job}"), why)
        .hint("cancel it, look at the plan anew and ask again; nothing was changed")
}

/// Why the desk does not do something, to whoever gave the command.
pub(crate) fn refused(error: DeskError) -> anyhow::Error {
    match error {
        DeskError::Denied(denied) => Refusal::from(denied).into(),
        DeskError::Hidden(_, error) => (*error).into(),
        DeskError::NotConnected(error) => anyhow::Error::from_boxed(error),
        DeskError::Gather(error) => error.into(),
        DeskError::HandOver(error) => error.into(),
        DeskError::Store(error) => error.into(),
        DeskError::Stale { job, changed } => stale(job, &changed).into(),
        DeskError::Obstructed(plan) => impossible(&plan, "planning").into(),
        DeskError::Import(error) => (*error).into(),
        DeskError::Open(error) => error.into(),
        error @ (DeskError::NothingToDo(_)
        | DeskError::Wishes(_)
        | DeskError::Reason
        | DeskError::Credentials(_)
        | DeskError::NotLent(_)
        | DeskError::NotReleased(_)
        | DeskError::Rotation(_)
        | DeskError::Discovery(_)
        | DeskError::ProtectionsEnd(_)
        | DeskError::Invalid(_)
        | DeskError::OtherPlan { .. }
        | DeskError::RunOfAnother { .. }
        | DeskError::PlanChanged
        | DeskError::Given(_)
        | DeskError::NoPolicy(_)
        | DeskError::GivenOff
        | DeskError::BrokeOff) => Refusal::new("planning", error.to_string()).into(),
    }
}

pub(super) fn impossible(plan: &Plan, doing: &str) -> Refusal {
    let why = format!("{}. Nothing was changed", obstacles_of(plan).join("; "));
    let unknown =
        |task: &TaskPlan| task.kind != TaskKind::CreateAccount && task.account_external_id.is_none();
    let refusal = Refusal::new(doing, why);
    if plan.tasks.iter().any(|task| unknown(task) && !task.obstacles.is_empty()) {
        let system = &plan.system_id;
        return refusal.hint(format!(
            "`keyreeve account list {system}` shows the names of the last import, and `keyreeve import run \
                 {system}` brings them up to date"
        ));
    }
    refusal
}

fn cannot_deliver(doing: &str, error: &HandOverError) -> Refusal {
    let refusal = Refusal::new(doing, format!("{error}. Nothing was changed"));
    match error {
        HandOverError::Recipient { .. } | HandOverError::NoRecipient { .. } => {
            refusal.hint(RECIPIENT_LOOKS_LIKE)
        }
        _ => refusal,
    }
}

const RECIPIENT_LOOKS_LIKE: &str = "a recipient is one public key: --deliver recipient:age1… (`age-keygen -y` shows it), or \
                                    --deliver 'recipient:ssh-ed25519 AAAA…' or 'recipient:ssh-rsa AAAA…' (a .pub file)";

/// The plan for whoever is asked to agree.
pub(super) fn in_words(plan: &Plan) -> String {
    let mut words = String::from("This will be done:");
    for task in &plan.tasks {
        let after = after_tasks(&task.after);
        words.push_str(&format!("\n  {} {}{after}", task.kind.as_str(), line(&task.account)));
        for step in &task.steps {
            let about = step_in_words(&step.call, task.path.as_deref());
            words.push_str(&format!("\n    {}. {} {}", step.seq, step.operation, line(&about)));
        }
        for notice in &task.notices {
            words.push_str(&format!("\n    note: {}", line(&notice.message)));
        }
    }
    for because in &plan.approval_because {
        words.push_str(&format!("\n  A second person must approve: {because}"));
    }
    words
}
