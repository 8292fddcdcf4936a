//! In which order to take policies away, so that nothing is allowed on the way that was not allowed before.

use crate::{
    Context, Policy,
    document::{Actions, Effect, Place, Resources, Statement},
    pattern::Pattern,
    resource::ResourcePattern,
    search::{Search, find},
};

/// An order of removals, by places in what was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemovalOrder {
    /// What certainly denies nothing: it goes first, in any order.
    pub allowing: Vec<usize>,
    /// What denies or may deny: it goes after that, one after the other.
    pub denying: Vec<usize>,
    /// Those of `denying` that go while something is left which they may hold back: no order was found that does
    /// without. Empty for almost everybody.
    pub doubtful: Vec<usize>,
}

/// Orders removals of what a user holds; each place is what one removal takes away, a group with all its policies.
///
/// To take away what only allows never adds a right. To take away what denies adds one wherever something is left
/// that allows what it denied. So what holds no `Deny` goes first; of the rest, whatever a `Deny` may hold back goes
/// before that `Deny`. A condition may hold, and a policy that could not be read may allow and deny anything. Where
/// two hold each other back there is no such order: then the one that holds back the fewest goes first, of equals
/// the one given first.
#[must_use]
pub fn removal_order(held: &[Vec<Policy>]) -> RemovalOrder {
    let denies = |at: &usize| held.get(*at).is_some_and(|policies| policies.iter().any(may_deny));
    let (mut rest, allowing): (Vec<usize>, Vec<usize>) = (0..held.len()).partition(denies);
    let mut order = RemovalOrder { allowing, ..RemovalOrder::default() };
    while !rest.is_empty() {
        let counted = rest.iter().enumerate().map(|(index, at)| (index, *at, holds_back(held, *at, &rest)));
        let Some((index, at, count)) = counted.min_by_key(|(_, _, count)| *count) else { break };
        rest.remove(index);
        order.denying.push(at);
        if count > 0 {
            order.doubtful.push(at);
        }
    }
    order
}

/// How many others of `rest` allow something that may be denied by what only `at` holds.
fn holds_back(held: &[Vec<Policy>], at: usize, rest: &[usize]) -> usize {
    let of = |at: usize| held.get(at).map_or(&[][..], Vec::as_slice);
    let others: Vec<usize> = rest.iter().copied().filter(|other| *other != at).collect();
    let stays = |policy: &Policy| others.iter().any(|other| of(*other).contains(policy));
    let lost: Vec<&Policy> = of(at).iter().filter(|policy| may_deny(policy) && !stays(policy)).collect();
    let held_back =
        |other: &usize| of(*other).iter().any(|allow| lost.iter().any(|deny| may_hold_back(deny, allow)));
    others.iter().filter(|other| held_back(other)).count()
}

fn may_deny(policy: &Policy) -> bool {
    let statements = policy.document.as_deref().map(|document| document.statements());
    statements.is_none_or(|statements| statements.iter().any(|statement| statement.effect == Effect::Deny))
}

/// Whether something that `allow` allows may be denied by `deny`.
fn may_hold_back(deny: &Policy, allow: &Policy) -> bool {
    let with = |policy: &Policy, effect: Effect| -> Option<Vec<Statement>> {
        let document = policy.document.as_deref()?;
        Some(document.statements().iter().filter(|statement| statement.effect == effect).cloned().collect())
    };
    match (with(deny, Effect::Deny), with(allow, Effect::Allow)) {
        (Some(denies), Some(allows)) => {
            denies.iter().any(|deny| allows.iter().any(|allow| may_meet(deny, allow)))
        }
        (None, allows) => allows.is_none_or(|allows| !allows.is_empty()),
        (denies, None) => denies.is_none_or(|denies| !denies.is_empty()),
    }
}

/// Whether some request may fit both statements; conditions apart, which may hold.
fn may_meet(one: &Statement, other: &Statement) -> bool {
    let misplaced = !one.fits(Place::Identity) || !other.fits(Place::Identity);
    misplaced
        || (actions_meet(&one.actions, &other.actions)
            && match (&one.resources, &other.resources) {
                (Some(one), Some(other)) => resources_meet(one, other),
                _ => true,
            })
}

fn actions_meet(one: &Actions, other: &Actions) -> bool {
    let patterns =
        |actions: &Actions| actions.names.iter().map(|name| Pattern::wild(name)).collect::<Vec<_>>();
    let (ours, theirs) = (patterns(one), patterns(other));
    match (one.except, other.except) {
        (false, false) => ours.iter().any(|ours| theirs.iter().any(|theirs| ours.overlaps(theirs))),
        (false, true) => reach_beyond(&ours, &theirs),
        (true, false) => reach_beyond(&theirs, &ours),
        (true, true) => true,
    }
}

fn resources_meet(one: &Resources, other: &Resources) -> bool {
    let context = Context::open();
    let (ours, theirs) = (one.in_context(&context), other.in_context(&context));
    match (one.except, other.except) {
        (false, false) => {
            let (ours, theirs) = (both_readings(ours), both_readings(theirs));
            ours.iter().any(|ours| theirs.iter().any(|theirs| ours.overlaps(theirs)))
        }
        (false, true) => reach_beyond(&both_readings(ours), &certain(theirs)),
        (true, false) => reach_beyond(&both_readings(theirs), &certain(ours)),
        (true, true) => true,
    }
}

/// Whether one of `patterns` fits a text that none of `outside` does.
fn reach_beyond(patterns: &[Pattern], outside: &[Pattern]) -> bool {
    let outside: Vec<&Pattern> = outside.iter().collect();
    patterns.iter().any(|pattern| find(&[pattern], &outside) != Search::Nothing)
}

fn both_readings(patterns: Vec<ResourcePattern>) -> Vec<Pattern> {
    patterns.into_iter().flat_map(|pattern| [pattern.strict, pattern.loose]).collect()
}

fn certain(patterns: Vec<ResourcePattern>) -> Vec<Pattern> {
    patterns.into_iter().map(|pattern| pattern.strict).filter(|pattern| pattern.certain).collect()
}
