//! One call, made with patience: paced, counted, repeated where that is safe.

use std::future::Future;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyreeve_connector::{Cause, Error, Inventory, Marker, Page, Retry};
use keyreeve_model::{AwsAccountId, CollectionName, Failure, FailureKind};
use rand::RngExt;

use super::listing::{Follow, Listing};
use super::progress::Progress;
use crate::clock::Clock;
use crate::pace::Pacer;

/// How often and how long an import tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A call that fails for any reason but throttling is made at most this often.
    pub attempts: u32,
    /// The wait before the first repeat; it doubles from there, with jitter.
    pub first_wait: Duration,
    /// The longest wait between two attempts.
    pub longest_wait: Duration,
    /// Give up when throttling has let nothing through for this long.
    pub throttled_for: Duration,
    /// How long to wait for a credential report to be made.
    pub report_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(5),
            throttled_for: Duration::from_secs(600),
            report_wait: Duration::from_secs(60),
        }
    }
}

/// Makes the calls of one import run.
pub(crate) struct Reader<'a> {
    pub(crate) inventory: &'a dyn Inventory,
    pub(crate) account_id: &'a AwsAccountId,
    pub(crate) concurrency: usize,
    pub(crate) pacer: &'a Pacer,
    pub(crate) patience: Patience,
    pub(crate) progress: &'a Progress,
    pub(crate) clock: Clock,
    pub(crate) halt: Halt,
    last_success: Mutex<Instant>,
}

/// Why the whole run must stop: noticed anywhere, obeyed everywhere before the next call.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    halted: AtomicBool,
    reason: Mutex<Option<Failure>>,
}

impl Halt {
    /// Stops the run; the first reason counts.
    pub(crate) fn halt(&self, failure: Failure) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.halted.store(true, Ordering::Release);
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Acquire)
    }

    pub(crate) fn reason(&self) -> Option<Failure> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why something could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// A call failed, also after all patience.
    Call(Error),
    /// A listing contradicted itself.
    Broken(String),
    /// The run was halted.
    Halted,
}

impl ReadError {
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::Call(error) if error.cause == Cause::Denied)
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Broken(reason) => f.write_str(reason),
            Self::Halted => f.write_str("the run was stopped before this was read"),
        }
    }
}

impl<'a> Reader<'a> {
    /// Of an AWS account, for so many calls at once, with a pacer of that account. Nothing has been read yet.
    pub(crate) fn new(
        inventory: &'a dyn Inventory,
        account_id: &'a AwsAccountId,
        concurrency: u32,
        (pacer, patience): (&'a Pacer, Patience),
        progress: &'a Progress,
        clock: Clock,
    ) -> Self {
        let (halt, last_success) = (Halt::default(), Mutex::new(Instant::now()));
        let concurrency = concurrency as usize;
        Self { inventory, account_id, concurrency, pacer, patience, progress, clock, halt, last_success }
    }
}

impl Reader<'_> {
    /// Reads a listing to its proved end. Every page is held against the AWS account.
    pub(crate) async fn pages<T, F, Fut>(&self, fetch: F) -> Result<Vec<T>, ReadError>
    where
        F: Fn(Option<Marker>) -> Fut,
        Fut: Future<Output = Result<Page<T>, Error>>,
    {
        let mut listing = Listing::default();
        let (mut items, mut marker) = (Vec::new(), None);
        loop {
            let page = self.call(None, || fetch(marker.clone())).await?;
            self.check_account(&page.account_ids);
            let new = page.items.len();
            items.extend(page.items);
            match listing.follow(page.next, new) {
                Follow::Whole => return Ok(items),
                Follow::Page(next) => marker = Some(next),
                Follow::Broken(why) => return Err(ReadError::Broken(why)),
            }
        }
    }

    /// Makes a call until it succeeds, may not be repeated, or patience ends. `name` is the collection it counts
    /// for.
    pub(crate) async fn call<T, F, Fut>(&self, name: Option<CollectionName>, make: F) -> Result<T, ReadError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let mut failures = 0;
        let mut repeated = false;
        loop {
            let turn = self.pacer.turn().await;
            if self.halt.is_halted() {
                return Err(ReadError::Halted);
            }
            self.progress.call(name, repeated);
            let answer = make().await;
            drop(turn);
            let error = match answer {
                Ok(value) => {
                    self.note_success();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if error.cause == Cause::NoCredentials {
                self.progress.not_made(name, repeated);
            }
            repeated = true;
            match error.cause {
                Cause::Throttled(_) => {
                    self.pacer.throttled().await;
                    self.progress.throttled(name, self.pacer.limit());
                    failures = 0;
                    if self.starved() {
                        return Err(ReadError::Call(error));
                    }
                }
                Cause::CredentialBad | Cause::NoCredentials => {
                    self.halt.halt(self.failure(FailureKind::CredentialBad, &error.to_string()));
                    return Err(ReadError::Halted);
                }
                _ => {
                    failures += 1;
                    if matches!(error.cause, Cause::Denied | Cause::Gone) {
                        self.note_success();
                    }
                }
            }
            let Retry::After(least) = error.retry() else { return Err(ReadError::Call(error)) };
            if failures >= self.patience.attempts {
                return Err(ReadError::Call(error));
            }
            tracing::debug!(call = error.operation, cause = ?error.cause, "a call is repeated");
            self.clock.wait(self.wait_after(failures).max(least)).await;
        }
    }

    /// The data form of a failure that stops the run.
    pub(crate) fn failure(&self, kind: FailureKind, message: &str) -> Failure {
        Failure {
            kind,
            message: message.to_owned(),
            effect: keyreeve_model::Effect::None,
            at: self.clock.now(),
        }
    }

    /// Stops the run if an answer came from another AWS account than the one the system is pinned to.
    pub(crate) fn check_account<'i>(&self, answered: impl IntoIterator<Item = &'i AwsAccountId>) {
        if let Some(other) = answered.into_iter().find(|id| *id != self.account_id) {
            let message = format!(
                "the answers come from AWS account {other}, but this system is pinned to {}: nothing was \
                 imported; give the system credentials of {}, then end its quarantine",
                self.account_id, self.account_id
            );
            self.halt.halt(self.failure(FailureKind::AccountMismatch, &message));
        }
    }

    /// A throttled call waits for the pacer; any other failure backs off twice as long each time, with jitter.
    fn wait_after(&self, failures: u32) -> Duration {
        let doubled = self.patience.first_wait.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let longest = doubled.min(self.patience.longest_wait);
        longest.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    fn note_success(&self) {
        self.pacer.passed();
        *self.last_success.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn starved(&self) -> bool {
        let last = *self.last_success.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed() >= self.patience.throttled_for
    }
}
