//! From policies and a request to a decision.

use std::collections::BTreeSet;

use crate::{
    Context, ContextValue, Decision, Layer, Policy, PolicySet, Principal, Request, ResourcePolicy,
    StatementRef, Target, Truth, Verdict,
    document::{Effect, Place, Statement},
    principal::Reach,
    somewhere,
};

/// Decides on `request` (IAM User Guide, "Policy evaluation logic").
///
/// A statement that certainly denies settles it. Otherwise something must certainly allow, and nothing may possibly
/// deny: identity-based policies within the boundary and the session's policies, or the resource's policy, whose
/// weight depends on whom it names and on whose account it is. A policy that could not be read, a key that is not
/// known, and a statement where AWS would not have let it stand are unknown, never absent.
#[must_use]
pub fn evaluate(policies: &PolicySet, request: &Request) -> Decision {
    let decisions = request.targets.iter().map(|target| {
        let mut decision = decide(policies, request, target);
        if let (Target::Pattern(asked), Verdict::Unknown) = (target, decision.verdict) {
            decision.partial = somewhere::allowed(policies, request, asked);
        }
        decision
    });
    // A request that names no targets is about no resource.
    decisions.reduce(Decision::together).unwrap_or_else(|| decide(policies, request, &Target::NoResource))
}

/// Whether `request` is allowed on at least one of the resources its targets stand for: `True` only if one was
/// found that is certainly allowed, `False` only if all are certainly denied.
#[must_use]
pub fn allows_any(policies: &PolicySet, request: &Request) -> Truth {
    evaluate(policies, request).on_some_resource()
}

/// Decides for one target, patterns as a whole.
pub(crate) fn decide(policies: &PolicySet, request: &Request, target: &Target) -> Decision {
    let mut hearing = Hearing { request, target, findings: Vec::new() };
    let identity = hearing.allows(&policies.identity);
    let boundary = policies.boundary.as_ref();
    let boundary = boundary.map_or(Truth::True, |policy| hearing.allows(std::slice::from_ref(policy)));
    let session = match request.principal {
        // "If the principal is a role session, then the request is allowed. Otherwise, [it] is implicitly denied."
        Principal::FederatedUser { .. } => hearing.allows(&policies.session),
        _ if policies.session.is_empty() => Truth::True,
        _ => hearing.allows(&policies.session),
    };
    let resource = policies.resource.as_ref().map(|policy| (policy, hearing.reach(policy)));
    let limits = boundary & session;
    let allowed = match resource {
        None => identity & limits,
        Some((policy, reach)) => with_resource(policy, reach, identity, limits, &request.principal),
    };
    let silent = |layer: Layer, truth: Truth| (truth == Truth::False).then_some(layer);
    let lacks = silent(Layer::Identity, identity)
        .filter(|_| request.principal.has_identity_policies())
        .or(silent(Layer::Boundary, boundary))
        .or(silent(Layer::Session, session))
        .unwrap_or(Layer::Resource);
    hearing.close(allowed, lacks)
}

/// What the resource's policy makes of it.
fn with_resource(
    policy: &ResourcePolicy,
    reach: Reach,
    identity: Truth,
    limits: Truth,
    principal: &Principal,
) -> Truth {
    if !principal.has_identity_policies() {
        return reach.direct;
    }
    let chain = identity & limits;
    // Across accounts, both must allow.
    let across = reach.any() & chain;
    let alone = reach.direct | (reach.behind & limits);
    let within = if policy.must_allow { alone | across } else { alone | chain };
    let same_account = match (principal.account(), &policy.account) {
        (Some(one), Some(other)) => (one == other).into(),
        _ => Truth::Unknown,
    };
    same_account.choose(within, across)
}

/// The statements heard for one request and target, and what each came to.
struct Hearing<'a> {
    request: &'a Request,
    target: &'a Target,
    findings: Vec<Finding<'a>>,
}

struct Finding<'a> {
    policy: &'a Policy,
    /// Its index and itself; `None` for a policy that could not be read.
    statement: Option<(usize, &'a Statement)>,
    applies: Truth,
}

impl<'a> Hearing<'a> {
    /// Whether any of `policies` allows; they stand where identity-based policies do.
    fn allows(&mut self, policies: &'a [Policy]) -> Truth {
        let mut allows = Truth::False;
        for policy in policies {
            let Some(document) = &policy.document else {
                self.findings.push(Finding { policy, statement: None, applies: Truth::Unknown });
                allows = allows | Truth::Unknown;
                continue;
            };
            for (index, statement) in document.statements().iter().enumerate() {
                let applies = if statement.fits(Place::Identity) {
                    applies(statement, self.request, self.target)
                } else {
                    Truth::Unknown
                };
                self.findings.push(Finding { policy, statement: Some((index, statement)), applies });
                if statement.effect == Effect::Allow {
                    allows = allows | applies;
                }
            }
        }
        allows
    }

    /// How the resource's policy reaches the one who asks with what it allows.
    fn reach(&mut self, resource: &'a ResourcePolicy) -> Reach {
        let policy = &resource.policy;
        let Some(document) = &policy.document else {
            self.findings.push(Finding { policy, statement: None, applies: Truth::Unknown });
            return Reach::unknown();
        };
        let mut allows = Reach::default();
        for (index, statement) in document.statements().iter().enumerate() {
            let reach = match &statement.principal {
                Some(who) => {
                    who.reach(&self.request.principal).and(applies(statement, self.request, self.target))
                }
                None => Reach::unknown(),
            };
            let finding = Finding { policy, statement: Some((index, statement)), applies: reach.any() };
            self.findings.push(finding);
            if statement.effect == Effect::Allow {
                allows = allows.or(reach);
            }
        }
        allows
    }

    fn close(self, allowed: Truth, lacks: Layer) -> Decision {
        let denies = self.findings.iter().filter(|finding| finding.effect() != Some(Effect::Allow));
        let denied = Truth::any(denies.map(|finding| finding.applies));
        let (verdict, explicit) = match (denied, allowed) {
            (Truth::True, _) => (Verdict::Deny, true),
            (_, Truth::False) => (Verdict::Deny, false),
            (Truth::False, Truth::True) => (Verdict::Allow, false),
            _ => (Verdict::Unknown, false),
        };
        let matters = |finding: &&Finding<'_>| match verdict {
            Verdict::Deny => explicit && finding.is(Effect::Deny, Truth::True),
            Verdict::Allow => finding.is(Effect::Allow, Truth::True),
            Verdict::Unknown => finding.applies == Truth::Unknown,
        };
        let matter: Vec<_> = self.findings.iter().filter(matters).collect();
        let open = if verdict == Verdict::Unknown { matter.as_slice() } else { &[] };
        let statements = open.iter().filter_map(|finding| finding.statement);
        let context = &self.request.context;
        Decision {
            verdict,
            explicit,
            because: matter.iter().map(|finding| finding.reference()).collect(),
            lacks: (verdict == Verdict::Deny && !explicit).then_some(lacks),
            depends_on: statements.flat_map(|(_, statement)| unknown_keys(statement, context)).collect(),
            partial: false,
        }
    }
}

impl Finding<'_> {
    fn effect(&self) -> Option<Effect> {
        self.statement.map(|(_, statement)| statement.effect)
    }

    fn is(&self, effect: Effect, applies: Truth) -> bool {
        self.effect() == Some(effect) && self.applies == applies
    }

    fn reference(&self) -> StatementRef {
        StatementRef {
            policy: self.policy.name.clone(),
            statement: self.statement.map(|(index, _)| index + 1),
            sid: self.statement.and_then(|(_, statement)| statement.sid.clone()),
            effect: self.effect(),
        }
    }
}

/// Whether `statement` applies, apart from the principals it names.
pub(crate) fn applies(statement: &Statement, request: &Request, target: &Target) -> Truth {
    let rest = applies_to_some_resource(statement, request);
    match &statement.resources {
        Some(resources) if rest != Truth::False => rest & resources.hold(target, &request.context),
        _ => rest,
    }
}

/// Whether it applies, apart from the principals and resources it names.
pub(crate) fn applies_to_some_resource(statement: &Statement, request: &Request) -> Truth {
    let action = request.action.to_ascii_lowercase();
    if !statement.actions.hold(&action) {
        return Truth::False;
    }
    Truth::all(statement.conditions.iter().map(|condition| condition.holds(&request.context)))
}

fn unknown_keys(statement: &Statement, context: &Context) -> BTreeSet<String> {
    let of_resources = statement.resources.iter().flat_map(|resources| &resources.patterns);
    let keys = of_resources.flat_map(|text| text.keys());
    let keys = keys.chain(statement.conditions.iter().flat_map(|condition| condition.keys()));
    keys.filter(|key| *context.get(key) == ContextValue::Unknown).map(str::to_owned).collect()
}
