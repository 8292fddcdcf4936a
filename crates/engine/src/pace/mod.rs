//! How fast one AWS account may be asked: one [`Pacer`] per account, shared by all that calls it.
//!
//! AWS publishes no request rates for IAM, and shares them with every person and program of the account. So a
//! pacer starts without a limit. Throttlings tell it what there is: at each of them what AWS grants is used up, so
//! what got through between two of them is what AWS grants in that time. From there it goes a little below, climbs
//! back, and probes further only slowly. A cap set by an operator is never exceeded.
//!
//! All processes of a store go by one pace of each account ([why](../../../docs/decisions/0039-one-pace-for-each-aws-account.md)):
//! where something limits it, a process takes the calls of a short time at once, no moment is given to two, and what it does
//! not use in its time is gone. `curve.rs` says who gets what, `hand.rs` has what this process got.

mod curve;
mod hand;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keyreeve_model::AwsAccountId;
use keyreeve_store::{AccountPace, PaceNow, Store, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::measures::{PACE_BATCHES, PACE_WAIT_SECONDS};
use crate::threads::by_itself;
use curve::Own;
use hand::{Hand, LATE, Slot};

/// With a limit, so many may go on at least, each making one call after the other.
const FEWEST: u32 = 4;
/// All that is admitted at once, in parts: the more are, the fewer of these each takes.
const PARTS: u32 = 1_000;
/// While nothing limits the rate here, it is looked so often whether other processes were throttled.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// Such a look takes no longer: calls do not wait for a store that does not answer.
const LOOK_TAKES: Duration = Duration::from_secs(2);
/// Who could not ask for turns asks again after this.
const ASKS_AGAIN: Duration = Duration::from_millis(500);

/// Between a turn and its call something may be written down, which takes no longer.
const GRACE: Duration = Duration::from_secs(1);

/// Paces the calls to one AWS account.
#[derive(Debug)]
pub struct Pacer {
    slots: Semaphore,
    parts: Semaphore,
    /// The cap of the system for which this was made: it holds where the store knows of none of the account.
    cap: Option<f64>,
    hand: Mutex<Hand>,
    kept: Kept,
    /// One asks, for all who wait.
    asking: tokio::sync::Mutex<()>,
    throttling: tokio::sync::Mutex<()>,
    waiting: AtomicU32,
}

/// Where the pace is kept.
#[derive(Debug)]
enum Kept {
    /// In this process, which is alone; its time counts from the making.
    Here(Mutex<AccountPace>, Instant),
    /// In the store, for all processes; this one has a name.
    Shared { store: Arc<Store>, account: AwsAccountId, name: Arc<str> },
}

/// The permission to make one call now; give it back by dropping it.
#[derive(Debug)]
pub struct Turn<'a> {
    until: Option<Instant>,
    _slot: SemaphorePermit<'a>,
}

impl Turn<'_> {
    /// Whether the time for the call is over: somebody else has the next one.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until + GRACE)
    }
}

/// The permission to go on with many calls, one after the other; give it back by dropping it.
#[derive(Debug)]
pub struct Admission<'a> {
    _parts: SemaphorePermit<'a>,
}

/// One that waits for a turn.
struct Waits<'a>(&'a AtomicU32);

impl<'a> Waits<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pacer {
    /// A pacer of this process alone, that lets at most `concurrency` calls run at once and at most `cap` start per second.
    #[must_use]
    pub fn new(concurrency: u32, cap: Option<f64>) -> Self {
        Self::kept(concurrency, cap, Kept::Here(Mutex::default(), Instant::now()))
    }

    fn kept(concurrency: u32, cap: Option<f64>, kept: Kept) -> Self {
        Self {
            slots: Semaphore::new(concurrency.max(1) as usize),
            parts: Semaphore::new(PARTS as usize),
            cap,
            hand: Mutex::new(Hand::of(cap)),
            kept,
            asking: tokio::sync::Mutex::default(),
            throttling: tokio::sync::Mutex::default(),
            waiting: AtomicU32::new(0),
        }
    }

    /// Waits for a free slot and for the moment the rate allows.
    pub async fn turn(&self) -> Option<Turn<'_>> {
        let slot = self.slots.acquire().await.ok()?;
        let begun = Instant::now();
        loop {
            let found = {
                let _waits = Waits::new(&self.waiting);
                // In boxes: they are rare, and whoever waits for turns is in the midst of much else.
                if self.is_to_look() {
                    Box::pin(self.look()).await;
                }
                let found = self.hand().slot(Instant::now());
                if found == Slot::None {
                    Box::pin(self.ask()).await;
                }
                found
            };
            match found {
                Slot::Free => return Some(Turn { until: None, _slot: slot }),
                Slot::None => {}
                Slot::At(at, until) => {
                    tokio::time::sleep_until(at.into()).await;
                    // Who stood still meanwhile has missed it: the moment may be another process's.
                    let until = Some(until).filter(|_| matches!(self.kept, Kept::Shared { .. }));
                    if until.is_none_or(|until| Instant::now() <= until + LATE) {
                        metrics::histogram!(PACE_WAIT_SECONDS).record(begun.elapsed().as_secs_f64());
                        return Some(Turn { until, _slot: slot });
                    }
                }
            }
        }
    }

    /// The turn of one who has something to write down before the call. `None` while nothing limits the rate: then
    /// only the slots are scarce, and the turn is better taken after the writing.
    pub async fn turn_if_limited(&self) -> Option<Turn<'_>> {
        self.limit()?;
        self.turn().await
    }

    /// How many may go on at once, each making one call after the other: with a limit only so many that each gets a
    /// turn within about half a second, so that few need a second look at whose an account is before they have ended.
    /// `None` while nothing limits the rate.
    #[must_use]
    pub fn at_once(&self) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
        self.share().map(|share| (share / 2.0) as u32).map(|at_once| at_once.max(FEWEST))
    }

    /// Waits to be one of those that go on; `None` while nothing limits the rate.
    pub async fn admission(&self) -> Option<Admission<'_>> {
        let share = (PARTS / self.at_once()?).max(1);
        self.parts.acquire_many(share).await.ok().map(|parts| Admission { _parts: parts })
    }

    /// About how long a turn of those that go on can take.
    #[must_use]
    pub fn longest_turn(&self) -> Duration {
        match (self.at_once(), self.share()) {
            (Some(at_once), Some(share)) => Duration::from_secs_f64(f64::from(at_once) / share * 1.25),
            _ => Duration::ZERO,
        }
    }

    /// A call got through.
    pub fn passed(&self) {
        self.hand().note_passed(Instant::now());
    }

    /// A call was throttled: all who ask this account slow down.
    pub async fn throttled(&self) {
        if self.hand().is_echo(Instant::now()) {
            return;
        }
        Box::pin(self.slow_down()).await;
    }

    async fn slow_down(&self) {
        let _one = self.throttling.lock().await;
        if self.hand().is_echo(Instant::now()) {
            return;
        }
        let own = self.hand().own(Instant::now());
        let told = self.change(own, move |pace, now, cap| curve::decrease(pace, now, cap, own)).await;
        let mut hand = self.hand();
        if let Err(error) = told {
            tracing::warn!(%error, "other processes were not told that AWS throttles");
            hand.decrease(Instant::now());
        }
        hand.note_decrease(Instant::now());
    }

    /// The present limit in requests a second, for all processes together; `None` while there is none.
    #[must_use]
    pub fn limit(&self) -> Option<f64> {
        self.hand().limit(Instant::now())
    }

    /// What of it this process has if all take as much as they can.
    fn share(&self) -> Option<f64> {
        let hand = self.hand();
        let processes = u32::try_from(hand.processes(&self.name())).unwrap_or(u32::MAX);
        hand.limit(Instant::now()).map(|limit| limit / f64::from(processes))
    }

    fn name(&self) -> Arc<str> {
        match &self.kept {
            Kept::Here(..) => Arc::from(""),
            Kept::Shared { name, .. } => Arc::clone(name),
        }
    }

    fn is_to_look(&self) -> bool {
        let is_long_ago = |seen: Instant| seen.elapsed() >= LOOKS_EVERY && self.limit().is_none();
        let seen = self.hand().seen_at();
        matches!(self.kept, Kept::Shared { .. }) && seen.is_none_or(is_long_ago)
    }

    /// While nothing limits the rate here, looks now and then whether others were throttled. One looks, the others go on;
    /// only before the first call it has to be known.
    async fn look(&self) {
        let Kept::Shared { store, account, .. } = &self.kept else { return };
        let seen = self.hand().seen_at();
        let _one = match seen {
            None => self.asking.lock().await,
            Some(_) => match self.asking.try_lock() {
                Ok(one) => one,
                Err(_) => return,
            },
        };
        if self.hand().seen_at() != seen {
            return;
        }
        let (store, account) = (Arc::clone(store), account.clone());
        let look = by_itself(async move { store.account_pace(&account).await });
        let looked = tokio::time::timeout(LOOK_TAKES, look).await;
        let at = Instant::now();
        match looked {
            Ok(Ok((pace, now))) => {
                self.hand().see(pace.unwrap_or_default(), cap_of(self.cap, now), at, now.micros);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "it is not known whether other processes were throttled");
                self.hand().not_seen(at);
            }
            Err(_) => self.hand().not_seen(at),
        }
    }

    /// Asks for the next calls, once what there is of them is half over.
    async fn ask(&self) {
        let _one = self.asking.lock().await;
        if self.hand().has_slot(Instant::now()) {
            return;
        }
        let shared = matches!(self.kept, Kept::Shared { .. });
        let from = self.hand().asks_from.filter(|_| shared);
        if let Some(from) = from {
            tokio::time::sleep_until(from.into()).await;
        }
        let (own, wanted) = {
            let (hand, waiting) = (self.hand(), self.waiting.load(Ordering::Relaxed));
            (hand.own(Instant::now()), if shared { hand.wants(waiting) } else { 1 })
        };
        let asker = self.name();
        let take = move |pace: &mut AccountPace, now: i64, cap: Option<f64>| {
            (curve::take(pace, now, cap, (&asker, wanted), own), Instant::now())
        };
        let taken = self.change(own, take).await;
        match taken {
            Ok((Some(taken), at)) => {
                metrics::counter!(PACE_BATCHES).increment(1);
                self.hand().put(taken, at);
            }
            Ok((None, _)) => {}
            Err(error) => {
                tracing::warn!(%error, "there is no turn to ask AWS as long as the store does not answer");
                tokio::time::sleep(ASKS_AGAIN).await;
            }
        }
    }

    /// Changes the pace of the account, for all who ask it, and takes in what it is then.
    ///
    /// The transaction goes on by itself: whoever waits for a turn may be left alone for a while by one who wants the connection
    /// that it has.
    async fn change<T: Send + 'static>(
        &self,
        own: Own,
        change: impl Fn(&mut AccountPace, i64, Option<f64>) -> T + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let cap = self.cap;
        let (value, pace, cap, at, micros) = match &self.kept {
            Kept::Here(pace, since) => {
                let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
                let at = Instant::now();
                let micros = curve::micros(at.saturating_duration_since(*since));
                (change(&mut pace, micros, cap), pace.clone(), cap, at, micros)
            }
            Kept::Shared { store, account, .. } => {
                let change = move |pace: &mut AccountPace, now: PaceNow| {
                    let (at, cap) = (Instant::now(), cap_of(cap, now));
                    (change(pace, now.micros, cap), pace.clone(), cap, at, now.micros)
                };
                let (store, account) = (Arc::clone(store), account.clone());
                by_itself(async move { store.change_account_pace(&account, &change).await }).await?
            }
        };
        let mut hand = self.hand();
        hand.see(pace, cap, at, micros);
        hand.told(own);
        Ok(value)
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cap in force: the lowest of the account's systems, as they are set now; that of who asks where there are none.
fn cap_of(own: Option<f64>, now: PaceNow) -> Option<f64> {
    if now.systems > 0 { now.cap } else { own }
}

/// All pacers of this process, one per AWS account. By default what they know stays in this process.
#[derive(Debug, Default)]
pub struct Pacers {
    by_account: Mutex<HashMap<AwsAccountId, Arc<Pacer>>>,
    shared: Option<(Arc<Store>, Arc<str>)>,
}

impl Pacers {
    /// Pacers that share the pace of each AWS account with all other processes of the store.
    #[must_use]
    pub fn sharing(store: Arc<Store>) -> Self {
        let name = uuid::Uuid::new_v4().simple().to_string();
        Self { shared: Some((store, name.into())), ..Self::default() }
    }

    /// The pacer of an AWS account, made at its first use.
    pub fn of(&self, account: &AwsAccountId, concurrency: u32, cap: Option<f64>) -> Arc<Pacer> {
        let mut pacers = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || match &self.shared {
            None => Pacer::new(concurrency, cap),
            Some((store, name)) => {
                let (store, name) = (Arc::clone(store), Arc::clone(name));
                Pacer::kept(concurrency, cap, Kept::Shared { store, account: account.clone(), name })
            }
        };
        Arc::clone(pacers.entry(account.clone()).or_insert_with(|| Arc::new(made())))
    }
}
