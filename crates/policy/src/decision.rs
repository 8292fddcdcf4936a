//! What an evaluation comes to.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{Truth, document::Effect};

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Denied, whatever the unknown facts are.
    Deny,
    /// Depends on facts that are not known, or on which resource of a pattern is meant.
    Unknown,
    /// Allowed, whatever the unknown facts are; about a pattern: for every resource it stands for.
    Allow,
}

/// A verdict and its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// A `Deny` statement says so, rather than that nothing allows it. Always false for other verdicts than `Deny`.
    pub explicit: bool,
    /// The statements that bring it about: those that deny, those that allow, or those that may do either. Empty
    /// for a denial because nothing allows.
    pub because: Vec<StatementRef>,
    /// Which policies were silent, for a denial because nothing allows.
    pub lacks: Option<Layer>,
    /// The keys of the context that are not known and would have to be, as the policies write them.
    pub depends_on: BTreeSet<String>,
    /// The verdict is `Unknown` because the request is about a pattern of resources, and some resource in it is
    /// certainly allowed while others may not be. False does not prove that there is none.
    pub partial: bool,
}

/// A statement, or a whole policy that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementRef {
    /// The policy's name.
    pub policy: String,
    /// Which statement, counted from 1; `None` for the whole of a policy that could not be read.
    pub statement: Option<usize>,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// What it does; `None` for the whole of a policy that could not be read.
    pub effect: Option<Effect>,
}

/// A kind of policy, each of which must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The policies of the user and its groups, or of the role.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// The session's policies.
    Session,
    /// The resource's policy.
    Resource,
}

impl Decision {
    /// Whether it is allowed on at least one of the resources that the request stands for.
    #[must_use]
    pub fn on_some_resource(&self) -> Truth {
        match self.verdict {
            Verdict::Allow => Truth::True,
            Verdict::Deny => Truth::False,
            Verdict::Unknown if self.partial => Truth::True,
            Verdict::Unknown => Truth::Unknown,
        }
    }

    /// The decision on a request about several resources: the worst, with what all of them say.
    pub(crate) fn together(self, other: Self) -> Self {
        let somewhere = self.on_some_resource() & other.on_some_resource();
        let verdict = self.verdict.min(other.verdict);
        let (mut worse, better) = if other.verdict < self.verdict { (other, self) } else { (self, other) };
        if worse.verdict == better.verdict {
            worse.explicit |= better.explicit;
            worse.lacks = worse.lacks.or(better.lacks);
            worse.depends_on.extend(better.depends_on);
            let more = better.because.into_iter().filter(|reason| !worse.because.contains(reason));
            let more: Vec<_> = more.collect();
            worse.because.extend(more);
        }
        worse.partial = verdict == Verdict::Unknown && somewhere == Truth::True;
        worse
    }
}
