//! Planted manifests and sources.

use super::*;

fn member(dependencies: &[(&str, DependencyKind)], source: &str) -> Member {
    let library = used_crates(source);
    Member {
        name: "planted".into(),
        dependencies: dependencies.iter().map(|&(name, kind)| Named { name: name.into(), kind }).collect(),
        tests: library.clone(),
        library,
        ..Member::default()
    }
}

#[test]
fn a_crate_is_used_by_path_import_attribute_macro_and_string() {
    for source in [
        "fn f() { serde_json::json!({}) }",
        "use serde_json;",
        "use serde_json as json;",
        "use serde_json::{Value, json};",
        "pub use serde_json::Value;",
        "extern crate serde_json;",
        "fn f() -> ::serde_json::Value { g() }",
        "#[derive(serde_json::Serialize)] struct S;",
        "#[serde(with = \"serde_json::stamp\")] struct S;",
        "fn f(x: &dyn serde_json::Read) {}",
    ] {
        assert!(used_crates(source).contains("serde_json"), "{source}");
    }
}

#[test]
fn a_mention_is_no_use() {
    for source in [
        "// serde_json::json!",
        "/* use serde_json; */",
        "fn serde_json() {}",
        "let serde_json = 1;",
        "use other::serde_json;",
        "crate::serde_json::read()",
        "my_serde_json::x()",
    ] {
        assert!(!used_crates(source).contains("serde_json"), "{source}");
    }
}

#[test]
fn an_unused_dependency_is_named_with_its_crate() {
    let problems = member(&[("async-trait", DependencyKind::Normal)], "use serde::Serialize;").problems();
    assert_eq!(problems, ["planted: async-trait is used nowhere in src/"]);
    let used = member(&[("async-trait", DependencyKind::Normal)], "#[async_trait::async_trait] trait T {}");
    assert!(used.problems().is_empty());
}

#[test]
fn a_normal_dependency_used_by_tests_alone_is_unused() {
    let mut planted = member(&[("tempfile", DependencyKind::Normal)], "");
    planted.tests = used_crates("use tempfile::tempdir;");
    assert_eq!(planted.problems().len(), 1);
    planted.dependencies[0].kind = DependencyKind::Development;
    assert!(planted.problems().is_empty());
}

#[test]
fn an_ignored_crate_needs_a_reason_a_dependency_and_no_use() {
    let mut planted = member(&[("aws-types", DependencyKind::Normal)], "");
    planted.ignored = vec!["aws-types".into()];
    planted.manifest = "[package.metadata.unused]\nignored = [\"aws-types\"]\n".into();
    assert!(planted.problems()[0].contains("without a comment"));
    planted.manifest =
        "[package.metadata.unused]\n# switches a feature on\nignored = [\"aws-types\"]\n".into();
    assert!(planted.problems().is_empty());
    planted.library = used_crates("use aws_types::region;");
    assert!(planted.problems()[0].contains("do not ignore it"));
    planted.dependencies.clear();
    assert!(planted.problems()[0].contains("which is no dependency"));
}

#[test]
fn a_workspace_dependency_that_no_crate_names_is_reported() {
    let root = workspace::root().unwrap();
    let metadata = workspace::metadata(&root, Depth::Members).unwrap();
    let problems = unclaimed(&["anyhow".into(), "never-heard-of".into()], &metadata);
    assert_eq!(problems, ["Cargo.toml: workspace dependency never-heard-of is used by no crate"]);
    assert!(offered(&root).unwrap().contains(&"anyhow".to_owned()));
}
