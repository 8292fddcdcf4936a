//! Policy documents, and the evaluator behind them.

use keyreeve_policy::{
    Document, Effect, Place, Policy, PolicySet, Request, Target, Verdict, allows_any, evaluate, removal_order,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const USER: &str = "arn:aws:iam::111122223333:user/ada";

/// A document reads the same in clear and encoded, stands where it may, and can be held against any request.
pub(crate) fn document(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let _ = Document::parse_encoded(text);
    let document = Document::parse(text);
    let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    assert_eq!(document, Document::parse_encoded(&encoded), "encoded, it is read otherwise");
    let Ok(document) = document else { return };
    let _ = (document.check_place(Place::Identity), document.check_place(Place::Resource));
    let policies = of(vec![Policy::new("given", document)]);
    for request in requests() {
        let decision = evaluate(&policies, &request);
        assert!(!decision.explicit || decision.verdict != Verdict::Allow, "denied outright, and allowed");
    }
    let _ = allows_any(&policies, &Request::new("iam:*"));
    let _ = removal_order(&[policies.identity]);
}

/// Whatever else somebody holds: one more denial never adds a right, one more allowance never takes one (`security.md` S45).
pub(crate) fn laws(bytes: &[u8]) {
    let halves = crate::text(bytes).and_then(crate::halves);
    let Some((Ok(held), Ok(added))) =
        halves.map(|(held, added)| (Document::parse(held), Document::parse(added)))
    else {
        return;
    };
    let only = |effect| added.statements().iter().all(|statement| statement.effect() == effect);
    let (denies, allows) = (only(Effect::Deny), only(Effect::Allow));
    let held = Policy::new("held", held);
    let before = of(vec![held.clone()]);
    let after = of(vec![held, Policy::new("added", added)]);
    for request in requests() {
        let (before, after) = (evaluate(&before, &request).verdict, evaluate(&after, &request).verdict);
        assert!(!denies || after <= before, "a denial added a right: {before:?}, then {after:?}");
        assert!(!allows || after >= before, "an allowance took a right: {before:?}, then {after:?}");
    }
}

fn of(identity: Vec<Policy>) -> PolicySet {
    PolicySet { identity, ..PolicySet::default() }
}

fn requests() -> [Request; 4] {
    [
        Request::new("iam:CreateUser").on(Target::Arn(USER.into())),
        Request::new("iam:PassRole").on(Target::Pattern("arn:aws:iam::111122223333:role/*".into())),
        Request::new("s3:GetObject").on(Target::Arn("arn:aws:s3:::bucket/key".into())),
        Request::new("sts:AssumeRole"),
    ]
}
