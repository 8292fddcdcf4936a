//! Whether one resource of a pattern is allowed, when not all of them are.

use crate::{
    Policy, PolicySet, Request, Target, Truth, Verdict,
    document::{Effect, Statement},
    evaluate::{applies_to_some_resource, decide},
    pattern::Pattern,
    resource::{ResourcePattern, asked_for},
    search::{Search, find},
};

/// The ways to be allowed that are tried; policies that need more do not occur outside of tests.
const MAXIMUM_WAYS: usize = 64;

/// Whether a resource was found that `asked` stands for and that is certainly allowed.
///
/// Each way to be allowed takes one pattern from each layer that must allow. A text that fits all of them, and what
/// was asked for, and no pattern that may deny, is decided on like any other resource; only that decision counts.
pub(crate) fn allowed(policies: &PolicySet, request: &Request, asked: &str) -> bool {
    let asked = asked_for(asked);
    let layers = [policies.identity.as_slice(), policies.boundary.as_slice(), &policies.session];
    let mut choices = Vec::new();
    let mut never = Vec::new();
    for layer in layers.into_iter().filter(|layer| !layer.is_empty()) {
        choices.push(statements(layer).filter_map(|found| permits(found, request)).flatten().collect());
        for statement in statements(layer) {
            match forbids(statement, request) {
                Some(Forbids::These(patterns)) => {
                    never.extend(patterns.into_iter().filter(|pattern| asked.overlaps(pattern)));
                }
                Some(Forbids::AllBut(ways)) => choices.push(ways),
                None => {}
            }
        }
    }
    combinations(&choices).into_iter().any(|ways| {
        let mut inside = vec![&asked];
        inside.extend(ways.iter().flat_map(|way| &way.inside));
        let mut outside: Vec<&Pattern> = never.iter().collect();
        outside.extend(ways.iter().flat_map(|way| &way.outside));
        let Search::Found(arn) = find(&inside, &outside) else { return false };
        decide(policies, request, &Target::Arn(arn)).verdict == Verdict::Allow
    })
}

/// Where a resource has to lie.
#[derive(Debug, Clone, Default)]
struct Way {
    inside: Vec<Pattern>,
    outside: Vec<Pattern>,
}

/// Where a resource must not lie.
enum Forbids {
    These(Vec<Pattern>),
    AllBut(Vec<Way>),
}

fn statements(policies: &[Policy]) -> impl Iterator<Item = &Statement> {
    policies.iter().filter_map(|policy| policy.document.as_deref()).flat_map(|document| document.statements())
}

/// The ways in which the statement certainly allows something.
fn permits(statement: &Statement, request: &Request) -> Option<Vec<Way>> {
    if statement.effect == Effect::Deny || applies_to_some_resource(statement, request) != Truth::True {
        return None;
    }
    let resources = statement.resources.as_ref()?;
    let patterns = resources.in_context(&request.context);
    Some(if resources.except {
        vec![Way { inside: Vec::new(), outside: both_readings(patterns) }]
    } else {
        ways_into(patterns)
    })
}

/// What the statement may deny.
fn forbids(statement: &Statement, request: &Request) -> Option<Forbids> {
    if statement.effect == Effect::Allow || applies_to_some_resource(statement, request) == Truth::False {
        return None;
    }
    let resources = statement.resources.as_ref()?;
    let patterns = resources.in_context(&request.context);
    Some(if resources.except {
        Forbids::AllBut(ways_into(patterns))
    } else {
        Forbids::These(both_readings(patterns))
    })
}

fn ways_into(patterns: Vec<ResourcePattern>) -> Vec<Way> {
    let certain = patterns.into_iter().map(|pattern| pattern.strict).filter(|pattern| pattern.certain);
    certain.map(|pattern| Way { inside: vec![pattern], outside: Vec::new() }).collect()
}

fn both_readings(patterns: Vec<ResourcePattern>) -> Vec<Pattern> {
    patterns.into_iter().flat_map(|pattern| [pattern.strict, pattern.loose]).collect()
}

/// One way from each choice, in every combination, up to the maximum.
fn combinations(choices: &[Vec<Way>]) -> Vec<Vec<&Way>> {
    let mut combinations = vec![Vec::new()];
    for choice in choices {
        let longer = combinations.iter().flat_map(|ways: &Vec<&Way>| {
            choice.iter().map(move |way| ways.iter().copied().chain([way]).collect::<Vec<_>>())
        });
        combinations = longer.take(MAXIMUM_WAYS).collect();
    }
    combinations
}
