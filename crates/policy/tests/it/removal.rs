//! The order of removals: nothing becomes allowed on the way that was not allowed before.

use keyreeve_policy::{Document, Policy, PolicySet, evaluate, removal_order};
use proptest::{collection::vec, prelude::*};

use crate::{generate, laws::cases};

/// What the table's names hold.
fn policy(name: &str) -> Policy {
    let statement = |effect: &str, action: &str| {
        format!(r#"{{"Effect": "{effect}", "Action": "{action}", "Resource": "*"}}"#)
    };
    let conditioned = r#"{"Effect": "Deny", "NotAction": "iam:*", "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}"#;
    let statements = match name {
        "?" => return Policy::unreadable("?"),
        "??" => return Policy::unreadable("??"),
        "admin" => statement("Allow", "*"),
        "iam" => statement("Allow", "iam:*"),
        "deny all" => statement("Deny", "*"),
        "deny iam" => statement("Deny", "iam:*"),
        "no way without mfa" => conditioned.to_owned(),
        "s3 without iam" => [statement("Allow", "s3:*"), statement("Deny", "iam:*")].join(","),
        "iam without ec2" => [statement("Allow", "iam:*"), statement("Deny", "ec2:*")].join(","),
        "iam without s3" => [statement("Allow", "iam:*"), statement("Deny", "s3:*")].join(","),
        other => panic!("{other} is not in the table"),
    };
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    Policy::new(name, Document::parse(&text).unwrap())
}

#[test]
fn what_denies_goes_after_what_it_may_hold_back() {
    // What is held, as "a+b" a group of two; then the order, with "|" before what denies; then what is doubtful.
    let cases: [(&[&str], &str, &str); 12] = [
        (&[], "|", ""),
        (&["deny all", "admin"], "admin | deny all", ""),
        (&["deny all", "", "admin"], " admin | deny all", ""),
        (&["no way without mfa", "admin", "iam"], "admin iam | no way without mfa", ""),
        (&["deny all+iam", "admin"], "admin | deny all+iam", ""),
        (&["s3 without iam", "iam without ec2"], "| iam without ec2 s3 without iam", ""),
        (&["iam without ec2", "s3 without iam"], "| iam without ec2 s3 without iam", ""),
        (&["deny all", "s3 without iam"], "| s3 without iam deny all", ""),
        (&["iam without s3", "s3 without iam"], "| iam without s3 s3 without iam", "iam without s3"),
        (&["deny all", "?", "admin"], "admin | ? deny all", ""),
        (&["?", "??"], "| ? ??", "?"),
        // The group still holds what was attached as well.
        (&["s3 without iam", "s3 without iam+iam"], "| s3 without iam s3 without iam+iam", ""),
    ];
    for (names, expected, doubtful) in cases {
        let group = |names: &str| names.split('+').filter(|name| !name.is_empty()).map(policy).collect();
        let held: Vec<Vec<Policy>> = names.iter().map(|names| group(names)).collect();
        let order = removal_order(&held);
        let said = |places: &[usize]| places.iter().map(|at| names[*at]).collect::<Vec<_>>().join(" ");
        let found = format!("{} | {}", said(&order.allowing), said(&order.denying));
        assert_eq!(found.trim(), expected.trim(), "{names:?}");
        assert_eq!(said(&order.doubtful), doubtful, "{names:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn at_no_point_of_the_order_is_anything_allowed_that_was_not_before(
        held in vec(vec(generate::policy(), 0..3), 0..5),
        boundary in proptest::option::of(generate::policy()),
        requests in vec(generate::request(generate::any_target()), 4),
    ) {
        let order = removal_order(&held);
        let mut left: Vec<usize> = (0..held.len()).collect();
        let set = |left: &[usize]| PolicySet {
            identity: left.iter().flat_map(|at| held[*at].clone()).collect(),
            boundary: boundary.clone(),
            ..PolicySet::default()
        };
        for removed in order.allowing.iter().chain(&order.denying) {
            let before = set(&left);
            left.retain(|at| at != removed);
            let after = set(&left);
            for request in requests.iter().filter(|_| !order.doubtful.contains(removed)) {
                let (before, after) = (evaluate(&before, request), evaluate(&after, request));
                prop_assert!(after.verdict <= before.verdict, "{removed} of {order:?}\n{before:?}\n{after:?}");
            }
        }
        prop_assert!(left.is_empty());
    }

    #[test]
    fn where_nothing_both_allows_and_denies_there_is_always_an_order(
        held in vec(prop_oneof![vec(generate::readable(&["Allow"]), 0..3), vec(generate::readable(&["Deny"]), 1..3)], 0..6),
    ) {
        let order = removal_order(&held);
        prop_assert!(order.doubtful.is_empty(), "{order:?}");
    }
}
