//! Planted crates, one for each thing that must be refused.

use super::*;
use crate::deny::Exception;

const CRATES_IO: &str = "https://github.com/rust-lang/crates.io-index";

fn planted(name: &str, version: &str, licence: &str) -> Crate {
    Crate {
        name: name.into(),
        version: version.parse().unwrap(),
        licence: Some(licence.into()),
        source: Some(format!("registry+{CRATES_IO}")),
        wanted_by: BTreeSet::from(["keyreeve-cli 0.1".to_owned()]),
    }
}

fn lists() -> Lists {
    Lists {
        licences: vec![
            "MIT".into(),
            "Apache-2.0".into(),
            "Apache-2.0 WITH LLVM-exception".into(),
            "ISC".into(),
        ],
        forbidden: vec![("openssl".into(), "rustls is the TLS".into())],
        registries: vec![CRATES_IO.into()],
        ..Lists::default()
    }
}

fn only_problem(crates: &[Crate], lists: &Lists) -> String {
    let found = problems(crates, lists);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn one_permissive_choice_is_enough_and_a_conjunction_needs_both() {
    for licence in
        ["MIT", "MIT OR GPL-3.0-only", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT AND ISC"]
    {
        assert_eq!(
            problems(&[planted("fine", "1.0.0", licence)], &lists()),
            Vec::<String>::new(),
            "{licence}"
        );
    }
    for licence in
        ["GPL-3.0-only", "MIT AND GPL-2.0-or-later", "MPL-2.0", "ISC WITH LLVM-exception", "a licence"]
    {
        let text = only_problem(&[planted("bad", "1.0.0", licence)], &lists());
        assert!(text.contains("bad 1.0.0") && text.contains(licence), "{text}");
    }
}

#[test]
fn a_crate_without_a_licence_is_refused() {
    let silent = Crate { licence: None, ..planted("silent", "1.0.0", "MIT") };
    assert!(only_problem(&[silent], &lists()).contains("names no licence"));
}

#[test]
fn an_exception_holds_for_its_crate_alone_and_must_be_needed() {
    let mut lists = lists();
    lists.exceptions = vec![Exception { name: "roots".into(), licences: vec!["MPL-2.0".into()] }];
    assert!(problems(&[planted("roots", "1.0.0", "MPL-2.0")], &lists).is_empty());
    let both = [planted("roots", "1.0.0", "MPL-2.0"), planted("other", "1.0.0", "MPL-2.0")];
    assert!(only_problem(&both, &lists).contains("other"));
    assert!(only_problem(&[planted("other", "1.0.0", "MIT")], &lists).contains("roots does not ship"));
}

#[test]
fn only_the_allowed_registry_is_a_source() {
    for source in ["git+https://example.com/x", "registry+https://registry.example.com/index"] {
        let stranger = Crate { source: Some(source.into()), ..planted("stranger", "1.0.0", "MIT") };
        assert!(only_problem(&[stranger], &lists()).contains(source));
    }
    let member = Crate { source: None, ..planted("member", "1.0.0", "MIT") };
    assert!(problems(&[member], &lists()).is_empty());
}

#[test]
fn a_forbidden_crate_names_who_wants_it() {
    let text = only_problem(&[planted("openssl", "0.10.0", "MIT")], &lists());
    assert!(text.contains("rustls is the TLS") && text.contains("keyreeve-cli"), "{text}");
}

#[test]
fn the_list_of_older_versions_is_exact() {
    let crates =
        [planted("syn", "1.0.9", "MIT"), planted("syn", "2.0.1", "MIT"), planted("alone", "0.5.1", "MIT")];
    assert!(only_problem(&crates, &lists()).starts_with("syn 1 is present beside a newer version"));
    let mut lists = lists();
    lists.duplicates = vec![Duplicate { name: "syn".into(), series: "1".into() }];
    assert!(problems(&crates, &lists).is_empty());
    lists.duplicates.push(Duplicate { name: "alone".into(), series: "0.5".into() });
    assert!(only_problem(&crates, &lists).contains("alone:0.5 is no longer present"));
}

#[test]
fn series_are_those_cargo_holds_for_interchangeable() {
    let of = |text: &str| series(&text.parse().unwrap());
    assert_eq!([of("1.2.3"), of("0.5.9"), of("0.0.3")], ["1", "0.5", "0.0.3"]);
}

#[test]
fn the_licences_of_deny_toml_are_all_spdx() {
    let lists = Lists::read(&workspace::root().unwrap()).unwrap();
    let further = lists.exceptions.iter().flat_map(|exception| &exception.licences);
    for name in lists.licences.iter().chain(further) {
        assert!(Licensee::parse(name).is_ok(), "{name}");
    }
}
