use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Far more than a bounded evaluation takes, even on a busy machine without optimisation.
const AMPLE: Duration = Duration::from_secs(5);

#[test]
fn huge_work_is_stopped() {
    let long = "x".repeat(1_000_000);
    let (some, arabic) = ("x".repeat(2_000), "\u{fdfa}".repeat(2_000));
    let attributes = [("long", long.as_str()), ("some", some.as_str()), ("arabic", arabic.as_str())];
    for source in [
        "'a' * 10**9",
        "[1] * 10**9",
        "(([1] * 10000) * 10000) ~ ''",
        "0 in (1, 2) * 100000000",
        "long ~ long",
        "lower(long)",
        "long | ascii",
        "long | replace('x', 'y')",
        "some | replace('x', some)",
        "arabic | ascii | ascii | ascii",
        "long",
        "some",
    ] {
        let begun = Instant::now();
        let error = text_of(source, &attributes).unwrap_err();
        assert!(begun.elapsed() < AMPLE, "{source}");
        let fits = match &error {
            MappingError::Grammar { why, .. } => source.contains('*') && why.contains("multiplication"),
            MappingError::TooMuchWork(_) | MappingError::TooLong(_) => true,
            _ => false,
        };
        assert!(fits, "{source}: {error}");
    }
    let fits = "x".repeat(limits::VALUE_CHARACTERS);
    assert_eq!(text_of("fits", &[("fits", &fits)]), Ok(fits.clone()));
}

#[test]
fn deep_nesting_ends_in_a_refusal_and_never_in_the_end_of_the_stack() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("lower(", ")"), ("x[", "]"), ("{'a':", "}"), ("x|lower(", ")")]
    {
        let nested = |depth: usize| format!("{}'x'{}", open.repeat(depth), close.repeat(depth));
        let error = text_of(&nested(limits::BRACKETS + 1), &[]).unwrap_err();
        assert!(error.to_string().contains("more than 50 opening brackets"), "{open}: {error}");
        assert!(text_of(&nested(1_000 / (open.len() + close.len())), &[]).is_err(), "{open}");
        // At the limit, and what else makes the parser go deeper. Either way it ends.
        let _ = text_of(&nested(limits::BRACKETS), &[]);
        let _ = text_of(&nested(limits::BRACKETS).replace("'x'", &"-".repeat(600)), &[]);
    }
    for (start, again) in [
        ("'x'", "~'x'"),
        ("1", "+1"),
        ("'x'", "|e"),
        ("1", "<1"),
        ("first", ".a"),
        ("1", " if 1 else 1"),
        ("", "-"),
        ("", "not "),
    ] {
        let source = format!("{start}{}1", again.repeat(1_000 / again.len()));
        let _ = text_of(&source, &[("first", "x")]);
    }
}

/// Pieces that make up most of what can be written, legal or not.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "first",
        "last",
        "missing",
        "attributes",
        "system",
        ".",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        ",",
        "|",
        "~",
        "+",
        "-",
        "/",
        "//",
        "%",
        "**",
        "==",
        "!=",
        "<",
        ">=",
        " in ",
        " not ",
        " and ",
        " or ",
        " if ",
        " else ",
        " is ",
        "defined",
        "undefined",
        "none",
        "true",
        "lower",
        "upper",
        "trim",
        "replace",
        "ascii",
        "default",
        "'a'",
        "\"é\"",
        "''",
        "'a' * 10**9",
        "10**9",
        "0",
        "1",
        "-1",
        "0.5",
        "99999999999",
        "range",
        "lower(first)",
        "first[0]",
        "[::-1]",
        "[1:2:0]",
        "'de'",
        "{{",
        "}}",
        "{%",
        "%}",
        "#",
        "\\",
        "\n",
        "ß",
    ]);
    prop_oneof![8 => fixed.prop_map(str::to_owned), 1 => "[ -~]{1,3}", 1 => any::<char>().prop_map(String::from)]
}

/// Expressions that keep to the grammar, most of which can be evaluated.
fn written() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "first",
        "last",
        "missing",
        "attributes.last",
        "system.id",
        "'a'",
        "''",
        "7",
        "-1",
        "true",
        "none",
        "attributes",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(6, 48, 3, |inner| {
        let shapes = prop::sample::select(vec![
            "(A ~ B)",
            "(A + B)",
            "lower(A)",
            "(A | upper)",
            "trim(A)",
            "ascii(A, 'de')",
            "(A | ascii)",
            "(A)[0]",
            "(A)[B:C]",
            "(A)[::-1]",
            "(A)[::2]",
            "replace(A, B, C)",
            "(A | replace('a', B))",
            "default(A, B)",
            "(A if B else C)",
            "(A if B)",
            "(A in B)",
            "(A == B)",
            "(not A)",
            "(A and B or C)",
            "[A, B]",
            "{'k': A}",
            "(A - B)",
            "(A / B)",
            "(A // B)",
            "(A % B)",
            "(A is undefined)",
            "(A < B)",
            "(A).k",
        ]);
        (shapes, inner.clone(), inner.clone(), inner).prop_map(|(shape, a, b, c)| {
            let part = |letter| match letter {
                'A' => a.clone(),
                'B' => b.clone(),
                'C' => c.clone(),
                other => String::from(other),
            };
            shape.chars().map(part).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_expression_ends_within_its_limits(
        source in prop_oneof![prop::collection::vec(piece(), 1..40).prop_map(|pieces| pieces.concat()), written()],
        first in "\\PC{0,20}",
        last in any::<String>(),
    ) {
        let begun = Instant::now();
        if let Ok(text) = text_of(&source, &[("first", &first), ("last", &last)]) {
            prop_assert!(text.chars().count() <= limits::VALUE_CHARACTERS, "{source}");
        }
        prop_assert!(begun.elapsed() < AMPLE, "{source}");
    }

    #[test]
    fn any_name_that_comes_out_is_one_that_aws_takes(
        first in any::<String>(),
        last in "\\PC{0,80}",
        taken in 0_usize..30,
    ) {
        let rows = vec![row("user_name", Operator::Expression, "lower(ascii(first) ~ '.' ~ ascii(last, 'de'))[:64]")];
        let asked = std::cell::Cell::new(0);
        let (system, attributes) = (system(), pairs(&[("first", &first), ("last", &last)]));
        let sources = Sources { system: &system, attributes: &attributes };
        let busy = |_: &str| { asked.set(asked.get() + 1); asked.get() <= taken };
        if let Ok(mapped) = map_account(&mapping(rows), sources, Given::default(), &busy) {
            prop_assert_eq!(check_account_name(&mapped.account), Ok(()));
            prop_assert_eq!(mapped.taken.len(), taken);
        }
    }
}
