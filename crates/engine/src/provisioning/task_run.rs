//! One task under way: makes the calls that [`decide`] asks for, and writes down what it says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_connector::{AccountEntry, Connector, Outcome, PasswordPolicy, PointRead, Provisioning, Retry};
use keyreeve_model::{Effect, Failure, FailureKind, Secret, Step, StepCall, StepState, System, Task};
use keyreeve_store::{CrashPoint, JournalEvent, StoreError};
use tokio::sync::watch;

use super::administrators::{Administrators, is_young, may_take};
use super::crash_points;
use super::decide::{Answer, Context, Event, Identified, Next, Refreshed, decide};
use super::fold::fold;
use super::guard::Guard;
use super::hand_over::Sealing;
use super::held::Held;
use super::journal::Journal;
use super::look::{LOOK_HOLDS, Look};
use super::observe::Observer;
use super::password_policy::LivePolicy;
use super::recheck::Rechecked;
use super::replan::{replan, ungathered};
use super::retry::{Rules, signed};
use crate::import::reader::Reader;
use crate::pace::{Admission, Turn};
use crate::plan::{GatherError, Gatherer, lately, protect};

/// What all tasks of a job share.
pub(super) struct Ground<'a> {
    pub(super) gatherer: &'a Gatherer,
    pub(super) connector: &'a dyn Connector,
    pub(super) provisioning: &'a dyn Provisioning,
    pub(super) reader: &'a Reader<'a>,
    pub(super) system: &'a System,
    pub(super) rules: Rules,
    pub(super) password_policy: LivePolicy,
    pub(super) stop: watch::Receiver<bool>,
    /// What planning once more showed.
    pub(super) rechecked: Rechecked,
    /// Whom no task may take away as the last one.
    pub(super) administrators: Administrators,
    /// Nothing of the system works any more, until a person has mended it: tasks under way end where they are.
    pub(super) paused: AtomicBool,
}

/// Once the process is to end, an answer has so long to come. Then the call counts as one whose answer was lost, and the
/// task is given back, so that whoever goes on need not wait for a lease.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(4);

impl Ground<'_> {
    /// What is waited for; `None` when nothing is waited for any more.
    async fn awaited<T>(&self, wanted: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.stop.clone();
        let gives_up = async move {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(LAST_ANSWERS_WITHIN).await;
        };
        tokio::select! {
            found = wanted => Some(found),
            () = gives_up => None,
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow() || self.paused.load(Ordering::Relaxed)
    }
}

/// How a task was given back.
#[derive(Debug)]
pub(super) enum Released {
    /// It ended, or waits for its time.
    Task,
    /// Nothing of this system works until a person has mended this.
    Paused(Failure),
}

/// One task under way.
pub(super) struct TaskRun<'a> {
    ground: &'a Ground<'a>,
    journal: Journal,
    held: Arc<Held>,
    task: Task,
    sealing: Option<Sealing>,
    guard: Guard<'a>,
    look: Look,
    /// When what has just happened was seen, if that was not now.
    seen_at: Option<Timestamp>,
    /// When it was last seen that an administrator is left after this task.
    administrators_seen: Option<Timestamp>,
    admission: Option<Admission<'a>>,
    /// What came of calls, taken into the task but not written yet: it goes with what is written next, which is at once.
    unwritten: Vec<JournalEvent>,
    /// A deletion was planned anew since it was claimed.
    refreshed: bool,
}

impl<'a> TaskRun<'a> {
    pub(super) fn new(
        ground: &'a Ground<'a>,
        journal: Journal,
        task: Task,
        held: Arc<Held>,
        sealing: Option<Sealing>,
        guard: Guard<'a>,
    ) -> Self {
        let (look, admission, unwritten, refreshed) = (Look::default(), None, Vec::new(), false);
        let (seen_at, administrators_seen) = (None, None);
        Self {
            ground,
            journal,
            held,
            task,
            sealing,
            guard,
            look,
            seen_at,
            administrators_seen,
            admission,
            unwritten,
            refreshed,
        }
    }

    /// Runs until the task is given back. An error of the store leaves it as its journal says it stands; whoever
    /// claims it next goes on from there.
    pub(super) async fn run(mut self) -> Result<Released, StoreError> {
        let mut event = match self.in_the_way() {
            Some(failure) => Event::Refused(failure),
            None => Box::pin(self.administrators_left()).await?.unwrap_or(Event::Claimed),
        };
        loop {
            let at = self.seen_at.take().unwrap_or_else(|| self.ground.gatherer.clock.now());
            self.look.take_in(&self.task, &event, at);
            let decision = decide(&self.task, event, &self.context());
            if decision.next == Next::GoOn && self.may_wait(&decision.journal) {
                self.take_in(decision.journal);
                event = Event::Written;
                continue;
            }
            if !(matches!(decision.next, Next::Call(_)) && self.may_wait(&decision.journal)) {
                self.write(decision.journal).await?;
            }
            let ground = self.ground;
            event = match decision.next {
                Next::GoOn => Event::Written,
                Next::Identify | Next::Call(_) if !self.is_admitted().await => Event::Written,
                Next::Identify => {
                    ground.awaited(Box::pin(self.seen_whose())).await.transpose()?.unwrap_or(Event::Written)
                }
                Next::Call(seq) => self.call(seq).await?,
                Next::Look(seq) => match self.step(seq) {
                    Some(step) => {
                        let sight = ground.awaited(self.observer().look(&self.task, &step)).await;
                        sight.map_or(Event::Written, |sight| Event::Looked { seq, sight })
                    }
                    None => Event::Written,
                },
                Next::Replan => {
                    let Ground { gatherer, connector, system, .. } = *ground;
                    let calls =
                        ground.awaited(Box::pin(replan(gatherer, connector, system, &self.task))).await;
                    calls.map_or(Event::Written, Event::Replanned)
                }
                Next::Refresh => {
                    let Ground { gatherer, connector, system, .. } = *ground;
                    let calls = match ground.rechecked.anew.get(&self.task.id) {
                        Some(calls) => Some(Ok(calls.clone())),
                        None => {
                            ground.awaited(Box::pin(replan(gatherer, connector, system, &self.task))).await
                        }
                    };
                    self.refreshed |= calls.is_some();
                    calls.map_or(Event::Written, Event::Refreshed)
                }
                Next::Verify => {
                    let on = ground.awaited(self.observer().still_on(&self.task)).await;
                    on.map_or(Event::Written, Event::Verified)
                }
                Next::Released => return Ok(Released::Task),
                Next::Pause(failure) => {
                    self.ground.paused.store(true, Ordering::Relaxed);
                    return Ok(Released::Paused(failure));
                }
            };
        }
    }

    /// Whether an administrator is left, and whose the account's name is.
    async fn seen_whose(&mut self) -> Result<Event, StoreError> {
        Ok(match self.administrators_left().await? {
            Some(event) => event,
            None => Event::Identified(self.identify().await),
        })
    }

    /// What stands in the way of a task of which nothing was done yet.
    fn in_the_way(&self) -> Option<Failure> {
        if self.task.steps.iter().any(|step| step.attempts > 0) {
            return None;
        }
        let at = self.ground.gatherer.clock.now();
        let refused = |message| Failure { kind: FailureKind::Permanent, message, effect: Effect::None, at };
        let found = self.ground.rechecked.in_the_way.get(&self.task.id).cloned();
        let takes_password = self.task.steps.iter().any(|step| step.call.takes_password());
        let sealing = self.sealing.as_ref().filter(|_| takes_password);
        let undelivered = || sealing.and_then(|sealing| sealing.off(&self.ground.system.settings));
        found
            .or_else(|| self.guard.against_creation(&self.task).map(refused))
            .or_else(|| undelivered().map(|why| refused(why.to_owned())))
    }

    /// Whose the account's name is: by the look at all accounts, if that has just been made, else by one of its own, and
    /// always so before the account is deleted.
    async fn identify(&mut self) -> Identified {
        let now = self.ground.gatherer.clock.now();
        let next = self.task.steps.iter().find(|step| !step.state.is_done());
        let deletes = next.is_some_and(|step| matches!(step.call, StepCall::DeleteAccount { .. }));
        if !deletes
            && let Some((account, at)) = self.ground.administrators.account(&self.task.account, now).await
        {
            let untouched = self.task.steps.iter().all(|step| step.attempted_at.is_none_or(|call| call < at));
            let same = self.task.account_external_id.as_ref() == Some(&account.external_id);
            let tags = account.tags;
            let entry = AccountEntry {
                external_id: account.external_id,
                name: account.name,
                path: account.path,
                arn: account.arn,
                created_at: account.created_at,
                password_last_used_at: None,
            };
            if untouched && same && self.guard.against(&entry, Some(&tags)).is_none() {
                self.seen_at = Some(at);
                return Identified::Same;
            }
        }
        self.observer().identify(&self.task, &self.guard).await
    }

    /// Of a task that takes an administrator away: what keeps it from going on, as things are now and not as they were
    /// when it was planned. Another task that is at the only other administrator must end first; of two that have both
    /// begun, neither can wait for the other.
    async fn administrators_left(&mut self) -> Result<Option<Event>, StoreError> {
        let Ground { gatherer, connector, system, .. } = self.ground;
        let open = |step: &&Step| !step.state.is_done();
        let calls = || self.task.steps.iter().filter(open).map(|step| &step.call);
        let now = gatherer.clock.now();
        let seen = self.administrators_seen.is_some_and(|at| is_young(at, now, signed(LOOK_HOLDS)));
        if !system.settings.keep_last_administrator || seen || !calls().any(may_take) {
            return Ok(None);
        }
        let observer = self.observer();
        let (partition, clock) = (&self.guard.identity.partition, gatherer.clock);
        let look = async {
            let details = observer.holdings().await?;
            let lately = lately(&gatherer.store, &system.system_id, clock.now()).await;
            let lately = lately.map_err(|error| ungathered(&GatherError::Store(error), gatherer))?;
            Ok((details, lately.strengthened()))
        };
        let asked = self.ground.administrators.concern(&self.task, partition, || clock.now(), look);
        match asked.await {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(failure) => return Ok(Some(Event::Identified(Identified::Unreadable(failure)))),
        }
        // Who is seen to be left may be gone before it is seen who is at whom, so that is looked at before and after.
        let begun = self.task.steps.iter().any(|step| step.attempts > 0);
        let under_way = async || {
            let at = gatherer.clock.now();
            gatherer.store.accounts_under_way(&system.system_id, self.task.id, begun, at).await
        };
        let mut changing = under_way().await?;
        let wish = std::slice::from_ref(&self.task.wish);
        let facts = match gatherer.gather(*connector, system, wish).await {
            Ok(facts) => facts,
            Err(error) => {
                let failure = ungathered(&error, gatherer);
                return Ok(Some(Event::Identified(Identified::Unreadable(failure))));
            }
        };
        changing.extend(under_way().await?);
        let is_one = |name: &String| {
            facts.accounts.get(name).is_some_and(|account| protect::is_administrator(&facts, account))
        };
        let first = changing.iter().all(|(name, task)| self.task.id < *task || !is_one(name));
        let changing: BTreeSet<String> = changing.into_keys().collect();
        let left = facts
            .account(&self.task.account)
            .filter(|account| protect::takes_administrator(&facts, account, calls()));
        let at = gatherer.clock.now();
        let shut_out = self
            .task
            .steps
            .iter()
            .any(|step| step.state == StepState::Applied && protect::shuts_out(&step.call));
        let alone = |changing| {
            left.and_then(|account| protect::last_administrator(&facts, account, changing, shut_out))
        };
        let refused = |message| {
            Event::Refused(Failure { kind: FailureKind::Permanent, message, effect: Effect::None, at })
        };
        let event = match (alone(&BTreeSet::new()), alone(&changing)) {
            (Some(why), _) => Some(refused(why)),
            (None, Some(why)) => {
                let why = format!("{why}; another administrator is being changed at this moment");
                Some(if begun { refused(why) } else { Event::Held { why, first } })
            }
            (None, None) => None,
        };
        self.administrators_seen = Some(at);
        Ok(event)
    }

    fn context(&self) -> Context {
        let refreshed = match (self.refreshed, self.ground.rechecked.anew.contains_key(&self.task.id)) {
            (true, _) => Refreshed::Yes,
            (false, true) => Refreshed::No,
            (false, false) => Refreshed::Perhaps,
        };
        Context {
            refreshed,
            now: self.ground.gatherer.clock.now(),
            look: self.look,
            stopping: self.ground.is_stopping(),
            prioritise_delete_tasks: self.ground.system.settings.prioritise_delete_tasks,
            rules: self.ground.rules,
        }
    }

    /// Waits until this task may go on, where turns are rare; what is begun is then brought to its end before others
    /// get theirs. Says no when nothing is to be begun any more.
    async fn is_admitted(&mut self) -> bool {
        if self.admission.is_none() {
            self.admission = self.ground.reader.pacer.admission().await;
        }
        !self.ground.is_stopping()
    }

    /// Whether the look at whose the account's name is still holds, now that the call has its turn. Where a turn takes
    /// longer than a look holds, no look can be younger.
    fn is_seen(&self, step: &Step) -> bool {
        let holds = LOOK_HOLDS.max(self.ground.reader.pacer.longest_turn());
        let known = self.task.account_external_id.is_some();
        !known || self.look.covers(&step.call, self.ground.gatherer.clock.now(), holds)
    }

    fn observer(&self) -> Observer<'_> {
        Observer {
            reader: self.ground.reader,
            provisioning: self.ground.provisioning,
            profile: self.ground.system.settings.permission_profile,
            rules: self.ground.rules,
        }
    }

    fn step(&self, seq: u32) -> Option<Step> {
        self.task.steps.iter().find(|step| step.seq == seq).cloned()
    }

    /// Whether events may be written together with what follows them: the outcome of a call that was applied, where
    /// nothing has to be waited for before the next call. That saves a commit for each call.
    fn may_wait(&self, events: &[JournalEvent]) -> bool {
        let applied =
            |event: &JournalEvent| matches!(event, JournalEvent::Outcome { state: StepState::Applied, .. });
        self.ground.reader.pacer.at_once().is_none() && events.iter().all(applied)
    }

    /// Takes events into the task; they are written with those that follow.
    fn take_in(&mut self, events: Vec<JournalEvent>) {
        let now = self.ground.gatherer.clock.now();
        events.iter().for_each(|event| fold(&mut self.task, event, now));
        self.unwritten.extend(events);
    }

    /// Writes events down, and before them what is not written yet, all or none.
    async fn write(&mut self, events: Vec<JournalEvent>) -> Result<(), StoreError> {
        let earlier = std::mem::take(&mut self.unwritten);
        let all: Vec<JournalEvent> = earlier.into_iter().chain(events.iter().cloned()).collect();
        if all.is_empty() {
            return Ok(());
        }
        let now = self.ground.gatherer.clock.now();
        let points = crash_points::around(&all);
        points.iter().for_each(|(before, _)| before.pass());
        self.journal.write(&self.held.lease, all).await?;
        points.iter().for_each(|(_, after)| after.pass());
        events.iter().for_each(|event| fold(&mut self.task, event, now));
        Ok(())
    }

    /// Writes the attempt down, and makes the call. Where turns are rare one comes first, so that nothing lies between
    /// the two; where they are not, no slot is held while the journal writes.
    async fn call(&mut self, seq: u32) -> Result<Event, StoreError> {
        let Some(step) = self.step(seq) else { return Ok(Event::Written) };
        if step.call.takes_password() {
            self.write(Vec::new()).await?;
        }
        let password = match self.password(&step).await {
            Ok(password) => password,
            Err(failure) => {
                let answer = Answer::Failed { failure, wait: None, request_id: None };
                return Ok(Event::Answered { seq, answer });
            }
        };
        let pacer = self.ground.reader.pacer;
        let early = pacer.turn_if_limited().await;
        if self.ground.is_stopping() || !self.is_seen(&step) {
            return Ok(Event::Written);
        }
        let (secret, sealed) = password.map_or((None, None), |(secret, sealed)| (Some(secret), sealed));
        self.write(vec![JournalEvent::Attempt { seq, password: sealed }]).await?;
        let turn = match early {
            Some(turn) => Some(turn),
            None => pacer.turn().await,
        };
        // Whoever asked the process to end meanwhile wants no call more; and whose time is over asks for another turn.
        if self.ground.is_stopping() || turn.as_ref().is_some_and(Turn::is_over) {
            drop(turn);
            self.write(vec![JournalEvent::NotMade { seq }]).await?;
            return Ok(Event::Written);
        }
        // This process may have stood still since the attempt was written, and somebody else have taken the account.
        self.held.ensure().await?;
        let performed = crash_points::answered(self.ground.provisioning.perform(&step.call, secret.as_ref()));
        let Some(answer) = self.ground.awaited(performed).await else {
            drop(turn);
            let failure = Failure {
                kind: FailureKind::Interrupted,
                message: "the process was asked to end before the answer came".to_owned(),
                effect: Effect::Unknown,
                at: self.ground.gatherer.clock.now(),
            };
            let answer = Answer::Failed { failure, wait: None, request_id: None };
            return Ok(Event::Answered { seq, answer });
        };
        CrashPoint::AfterResponse.pass();
        drop(turn);
        let answer = match answer {
            Ok(done) => {
                pacer.passed();
                Answer::Done {
                    unchanged: done.outcome == Outcome::Unchanged,
                    made: done.account.map(|account| account.external_id),
                    request_id: done.request_id,
                }
            }
            Err(error) => {
                if error.kind() == FailureKind::Throttled {
                    pacer.throttled().await;
                }
                if error.kind() == FailureKind::PasswordRefused {
                    self.ground.password_policy.forget().await;
                }
                let wait = match error.retry() {
                    Retry::After(wait) if !wait.is_zero() && error.kind() == FailureKind::Throttled => {
                        Some(wait)
                    }
                    _ => None,
                };
                let failure = Failure {
                    kind: error.kind(),
                    message: error.to_string(),
                    effect: error.effect(),
                    at: self.ground.gatherer.clock.now(),
                };
                Answer::Failed { failure, wait, request_id: error.request_id.clone() }
            }
        };
        Ok(Event::Answered { seq, answer })
    }

    /// The password for a step that takes one: a new one, sealed for its owner before it is used, or the one that came
    /// with the task.
    async fn password(
        &self,
        step: &Step,
    ) -> Result<Option<(Secret, Option<keyreeve_store::SealedPassword>)>, Failure> {
        if !step.call.takes_password() {
            return Ok(None);
        }
        let failure = |message: String| Failure {
            kind: FailureKind::Permanent,
            message,
            effect: Effect::None,
            at: self.ground.gatherer.clock.now(),
        };
        let sealing = self.sealing.as_ref().ok_or_else(|| {
            failure(
                "there is no way to deliver the password, so none is made; ask again, and say how to deliver it"
                    .to_owned(),
            )
        })?;
        let store = &self.ground.gatherer.store;
        if matches!(sealing, Sealing::Operator | Sealing::Given) {
            // As it is set now: the job may have been under way for long.
            let system = store.get_system(&self.task.system_id).await;
            let system = system.map_err(|error| failure(error.to_string()))?;
            if let Some(why) = sealing.off(&system.settings) {
                return Err(failure(why.to_owned()));
            }
        }
        let password = if *sealing == Sealing::Given {
            let given = store.given_password(&self.task.system_id, self.task.id).await;
            let gone = || failure("the password that came with this is there no more; ask again".to_owned());
            given.map_err(|error| failure(error.to_string()))?.ok_or_else(gone)?
        } else {
            let policy = self.password_policy().await;
            crate::password::generate_from_os(policy.as_ref(), step.call.account())
                .map_err(|error| failure(error.to_string()))?
        };
        let now = self.ground.gatherer.clock.now();
        let sealed = sealing
            .seal(store, &self.task.system_id, step.call.account(), &password, now)
            .await
            .map_err(|error| failure(error.to_string()))?;
        Ok(Some((password, sealed)))
    }

    /// The account's password policy as it was a moment ago; `None` where it cannot be read or was never set: the
    /// password is then made to the strictest default.
    async fn password_policy(&self) -> Option<PasswordPolicy> {
        let Ground { provisioning, reader, system, .. } = self.ground;
        let needs = provisioning.read_needs(PointRead::PasswordPolicy);
        if !provisioning.lacks(system.settings.permission_profile, &[needs]).is_empty() {
            return None;
        }
        let now = self.ground.gatherer.clock.now();
        let read = reader.call(None, || provisioning.get_password_policy());
        self.ground.password_policy.get(now, read).await
    }
}
