//! What a fault rule says.

use serde::{Deserialize, Serialize};

use crate::mutation::Mutation;

/// One rule: which calls, when in the call, what happens. In JSON:
/// `{"match": {"action": "ListUsers", "page": 2}, "effect": {"kind": "throttle"}, "times": 3}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Which calls.
    #[serde(rename = "match", default)]
    pub on: FaultMatch,
    /// When in the call. Page faults, `stale` and `wrong_account` have no phase.
    #[serde(default)]
    pub phase: Phase,
    /// What happens.
    pub effect: Effect,
    /// How often at most; without it always.
    #[serde(default)]
    pub times: Option<u64>,
    /// How often at least: [`crate::Running::unfired`] names rules that stayed below.
    #[serde(default)]
    pub min_fires: u64,
}

impl FaultRule {
    /// A rule for every call of an action (`*` for all), with no further condition.
    #[must_use]
    pub fn new(action: &str, effect: Effect) -> Self {
        let on = FaultMatch { action: action.to_owned(), ..FaultMatch::default() };
        Self { on, phase: Phase::Before, effect, times: None, min_fires: 0 }
    }

    /// Only on this page of a listing, from 1.
    #[must_use]
    pub fn page(mut self, page: u32) -> Self {
        self.on.page = Some(page);
        self
    }

    /// Only for this user, group, policy or role.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        self.on.subject = Some(subject.to_owned());
        self
    }

    /// Only on this attempt of the same call, from 1.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.on.attempt = Some(attempt);
        self
    }

    /// At most this often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// At least this often, or the rule counts as unfired.
    #[must_use]
    pub fn min_fires(mut self, fires: u64) -> Self {
        self.min_fires = fires;
        self
    }

    /// At this phase of the call.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }
}

/// Which calls a rule is about; a field left out matches all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultMatch {
    /// The account that is called.
    pub account: Option<String>,
    /// The action, exactly, or `*`.
    pub action: String,
    /// The user, group, policy ARN, role or key the call is about; names ignoring case.
    pub subject: Option<String>,
    /// The page of a listing, from 1. For `endless` this page and all after it.
    pub page: Option<u32>,
    /// How often this same call (account, action, subject, page) has been made, from 1.
    pub attempt: Option<u32>,
    /// Which of the calls that match all the above, counted from 1.
    pub calls: Option<CallRange>,
}

impl Default for FaultMatch {
    fn default() -> Self {
        Self { account: None, action: "*".to_owned(), subject: None, page: None, attempt: None, calls: None }
    }
}

/// A range of calls, both ends inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRange {
    /// The first call, from 1.
    pub from: u64,
    /// The last call; without it there is no last one.
    #[serde(default)]
    pub to: Option<u64>,
}

/// When in a call a fault strikes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing has been done.
    #[default]
    Before,
    /// It has been done, and no byte of the answer was sent.
    AfterApply,
    /// It has been done, and a part of the answer was sent.
    MidResponse,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// 400 `Throttling`.
    Throttle,
    /// 400 `Throttling` for what comes faster than this: a bucket that holds one second's calls, full at first.
    Rate {
        /// Calls a second, in real time.
        per_second: u32,
    },
    /// Any error answer.
    Error {
        /// HTTP status.
        status: u16,
        /// The short code.
        code: String,
        /// The message.
        #[serde(default)]
        message: String,
    },
    /// 403 `AccessDenied`, in AWS's words.
    AccessDenied,
    /// 403 `ExpiredToken`; temporary credentials stay expired from then on.
    ExpireCredentials,
    /// The answer comes later, in real time: the call is carried out after the wait (even if the client has
    /// gone away), or before it in a later phase.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// No (further) byte is ever sent.
    Hang,
    /// The connection is reset (TCP RST).
    Reset,
    /// The answer ends early.
    Truncate {
        /// The share of the body that is sent, 0 to 1.
        at_fraction: f64,
    },
    /// The body is not what it should be.
    Malformed {
        /// In which way.
        body: Malformed,
    },
    /// A read is answered from the past; a write does not find users who have been made since.
    Stale {
        /// How long ago, on the sandbox's clock.
        seconds: i64,
    },
    /// Another account of the sandbox answers.
    WrongAccount,
    /// These changes are made when the call arrives, before it is answered.
    Mutate {
        /// The changes, in this order.
        ops: Vec<Mutation>,
    },
    /// The page's entries are not given; the listing goes on behind them.
    DropPage,
    /// The page before is given once more, with its marker.
    RepeatPage,
    /// The answer's marker is the one that was sent.
    RepeatMarker,
    /// The marker leads back to an earlier page.
    Cycle,
    /// There is always one more page, each with a marker of its own.
    Endless,
    /// `IsTruncated` is false although more follow.
    ClaimLast,
    /// `IsTruncated` is true, without a marker.
    TruncatedWithoutMarker,
    /// The page is empty, and the listing goes on properly.
    EmptyPage,
    /// The page holds a tenth of what was asked for.
    ShrinkPage,
    /// The first entry of the next page is given on this one, too.
    DuplicateEntry,
    /// The listing leaves out one entry.
    Omit {
        /// Its name.
        name: String,
    },
}

/// Ways in which a body can be malformed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Malformed {
    /// The closing tags at the end are missing.
    UnclosedTag,
    /// Well-formed, but another answer's root element.
    WrongRoot,
    /// Bytes that are not UTF-8 inside a text.
    InvalidUtf8,
    /// A NUL inside a text.
    Nul,
    /// A document type with entities that grow a billionfold.
    DtdBomb,
    /// 500 with an HTML page.
    Html500,
    /// A valid answer with a comment of this size in it.
    Huge {
        /// Bytes.
        bytes: u64,
    },
    /// A hundred thousand elements inside one another.
    DeepNesting,
    /// 200 without a body.
    Empty200,
    /// Policy documents whose percent-encoding is broken.
    BadPercentDocument,
}

/// A rule with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultState {
    /// The rule's number.
    pub id: u64,
    /// The rule.
    pub rule: FaultRule,
    /// How many calls matched.
    pub matched: u64,
    /// How often the effect was applied.
    pub fires: u64,
}
