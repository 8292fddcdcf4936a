//! What holds of every evaluation.

use keyreeve_policy::{ContextValue, Decision, Policy, PolicySet, Principal, Target, Verdict, evaluate};
use proptest::prelude::*;

use crate::generate;

/// How many made-up policies each law is held against.
pub(crate) fn cases() -> u32 {
    if std::env::var_os("KEYREEVE_TEST_LONG").is_some() { 100_000 } else { 1_000 }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) }
}

/// Adds a policy to the identity's, or to the session's if it has any already: the first would be a new limit.
fn add(policies: &PolicySet, to_session: bool, policy: Policy) -> PolicySet {
    let mut more = policies.clone();
    if to_session && !policies.session.is_empty() {
        more.session.push(policy);
    } else {
        more.identity.push(policy);
    }
    more
}

/// Nothing of a certain verdict may change when more is known.
fn keeps(before: &Decision, after: &Decision) -> bool {
    before.verdict == Verdict::Unknown
        || (before.verdict == after.verdict
            && (before.verdict == Verdict::Allow || before.explicit <= after.explicit))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn adding_a_deny_never_adds_rights(
        policies in generate::policies(),
        deny in generate::readable(&["Deny"]),
        to_session in any::<bool>(),
        request in generate::request(generate::any_target()),
    ) {
        let (before, after) = (evaluate(&policies, &request), evaluate(&add(&policies, to_session, deny), &request));
        prop_assert!(after.verdict <= before.verdict, "{before:?}\n{after:?}");
        prop_assert!(after.explicit || !before.explicit);
    }

    #[test]
    fn adding_an_allow_never_takes_rights(
        policies in generate::policies(),
        allow in generate::readable(&["Allow"]),
        to_session in any::<bool>(),
        request in generate::request(generate::any_target()),
    ) {
        let (before, after) = (evaluate(&policies, &request), evaluate(&add(&policies, to_session, allow), &request));
        prop_assert!(after.verdict >= before.verdict, "{before:?}\n{after:?}");
    }

    #[test]
    fn a_resources_policy_obeys_the_same_laws(
        policies in generate::policies(),
        other in generate::readable_of_resource(generate::BOTH),
        allow in generate::readable_of_resource(&["Allow"]),
        request in generate::request(generate::arn()),
    ) {
        let Some(mut resource) = policies.resource.clone() else { return Ok(()) };
        let without = PolicySet { resource: None, ..policies.clone() };
        resource.policy = other;
        resource.must_allow = false;
        // A policy that only allows, on a resource of the same account, takes nothing.
        if let (Principal::User { .. }, Some("111122223333")) = (&request.principal, resource.account.as_deref()) {
            let mut only_allows = resource.clone();
            only_allows.policy = allow;
            let with = PolicySet { resource: Some(only_allows), ..policies.clone() };
            prop_assert!(evaluate(&with, &request).verdict >= evaluate(&without, &request).verdict);
        }
        // What must allow besides gives nothing more.
        let mut strict = resource.clone();
        strict.must_allow = true;
        let free = evaluate(&PolicySet { resource: Some(resource), ..policies.clone() }, &request);
        let bound = evaluate(&PolicySet { resource: Some(strict), ..policies }, &request);
        prop_assert!(bound.verdict <= free.verdict);
        prop_assert_eq!(bound.explicit, free.explicit);
    }

    #[test]
    fn to_know_a_key_never_changes_a_certain_verdict(
        policies in generate::policies(),
        request in generate::request(generate::any_target()),
        known in generate::knowledge(),
        more in generate::knowledge(),
    ) {
        let less = request.within(generate::context(&known));
        let both: Vec<Option<ContextValue>> = known.into_iter().zip(more).map(|(one, other)| one.or(other)).collect();
        let informed = less.clone().within(generate::context(&both));
        let (before, after) = (evaluate(&policies, &less), evaluate(&policies, &informed));
        prop_assert!(keeps(&before, &after), "{before:?}\n{after:?}");
    }

    #[test]
    fn to_know_who_asks_never_changes_a_certain_verdict(
        policies in generate::policies(),
        request in generate::request(generate::any_target()),
        principal in generate::identity(),
    ) {
        let before = evaluate(&policies, &request.clone().by(Principal::Unknown));
        let after = evaluate(&policies, &request.by(principal));
        prop_assert!(keeps(&before, &after), "{before:?}\n{after:?}");
    }

    #[test]
    fn to_read_a_policy_never_changes_a_certain_verdict(
        policies in generate::policies(),
        request in generate::request(generate::any_target()),
        to_session in any::<bool>(),
        policy in generate::readable(generate::BOTH),
    ) {
        let before = evaluate(&add(&policies, to_session, Policy::unreadable("?")), &request);
        let after = evaluate(&add(&policies, to_session, policy), &request);
        prop_assert!(keeps(&before, &after), "{before:?}\n{after:?}");
    }

    #[test]
    fn what_holds_for_a_pattern_holds_for_its_resources(
        policies in generate::policies(),
        request in generate::request(Just(Target::NoResource)),
        asked in generate::pattern(),
        fill in "[a-z/]{1,3}",
    ) {
        let some = asked.replace('*', &fill).replace('?', &fill[..1]);
        let before = evaluate(&policies, &request.clone().on(Target::Pattern(asked.to_owned())));
        let after = evaluate(&policies, &request.on(Target::Arn(some)));
        prop_assert!(keeps(&before, &after), "{before:?}\n{after:?}");
        prop_assert!(!before.partial || before.verdict == Verdict::Unknown);
    }

    #[test]
    fn the_order_of_policies_does_not_matter(
        policies in generate::policies(),
        request in generate::request(generate::any_target()),
    ) {
        let mut turned = policies.clone();
        turned.identity.reverse();
        turned.session.reverse();
        let (before, after) = (evaluate(&policies, &request), evaluate(&turned, &request));
        prop_assert_eq!((before.verdict, before.explicit), (after.verdict, after.explicit));
        prop_assert_eq!(before.depends_on, after.depends_on);
    }

    #[test]
    fn every_verdict_has_its_reasons(
        policies in generate::policies(),
        request in generate::request(generate::any_target()),
    ) {
        let decision = evaluate(&policies, &request);
        match decision.verdict {
            Verdict::Allow => prop_assert!(!decision.because.is_empty()),
            Verdict::Deny => {
                prop_assert_eq!(decision.explicit, decision.lacks.is_none());
                prop_assert_eq!(decision.explicit, !decision.because.is_empty());
            }
            Verdict::Unknown => prop_assert!(decision.lacks.is_none()),
        }
        prop_assert_eq!(decision, evaluate(&policies, &request));
    }
}
