//! Each kind of rule, seen red on a planted violation.

use super::*;

fn edge(from: &str, to: &str) -> Edge {
    Edge { from: from.into(), to: to.into(), development: false }
}

fn test_edge(from: &str, to: &str) -> Edge {
    Edge { development: true, ..edge(from, to) }
}

/// All known members with `edges` and nothing else.
fn planted(edges: Vec<Edge>) -> Graph {
    let members = MEMBERS.iter().map(|member| member.name.to_owned()).collect();
    Graph { members, edges, reach: BTreeMap::new() }
}

fn only_violation(graph: &Graph) -> String {
    let violations = graph.violations();
    assert_eq!(violations.len(), 1, "{violations:?}");
    violations.into_iter().next().unwrap()
}

#[test]
fn the_allowed_edges_pass() {
    let edges = MEMBERS.iter().flat_map(|member| {
        let seen = member.sees.iter().map(|other| edge(member.name, other));
        seen.chain(member.tests_see.iter().map(|other| test_edge(member.name, other)))
    });
    let graph = planted(edges.collect());
    assert_eq!(graph.violations(), Vec::<String>::new());
}

#[test]
fn a_forbidden_member_names_crate_edge_and_rule() {
    let text = only_violation(&planted(vec![edge("keyreeve-engine", "keyreeve-aws")]));
    assert!(text.starts_with("keyreeve-engine → keyreeve-aws"), "{text}");
    assert!(
        text.contains("rule: keyreeve-engine sees keyreeve-model, keyreeve-connector, keyreeve-store"),
        "{text}"
    );
}

#[test]
fn what_tests_may_see_the_crate_may_not() {
    assert!(planted(vec![test_edge("keyreeve-aws", "keyreeve-sandbox")]).violations().is_empty());
    only_violation(&planted(vec![edge("keyreeve-aws", "keyreeve-sandbox")]));
    only_violation(&planted(vec![test_edge("keyreeve-store", "keyreeve-sandbox")]));
}

#[test]
fn reserved_crates_stay_with_their_members() {
    for (member, outside) in [
        ("keyreeve-engine", "aws-sdk-iam"),
        ("keyreeve-sandbox", "aws-sigv4"),
        ("keyreeve-cli", "sqlx"),
        ("keyreeve-engine", "libsqlite3-sys"),
        ("keyreeve-store", "axum"),
        ("keyreeve-aws", "anyhow"),
        ("keyreeve-server", "clap_builder"),
    ] {
        let text = only_violation(&planted(vec![edge(member, outside)]));
        assert!(text.contains(member) && text.contains(outside) && text.contains("rule: only"), "{text}");
        only_violation(&planted(vec![test_edge(member, outside)]));
    }
    for (member, outside) in [
        ("keyreeve-aws", "aws-config"),
        ("keyreeve-store", "sqlx"),
        ("keyreeve-sandbox", "axum"),
        ("keyreeve-cli", "clap"),
        ("xtask", "anyhow"),
    ] {
        assert!(planted(vec![edge(member, outside)]).violations().is_empty(), "{member} {outside}");
    }
}

#[test]
fn the_model_does_not_reach_async_or_io_even_through_others() {
    let mut graph = planted(Vec::new());
    graph.reach.insert("keyreeve-model".into(), BTreeSet::from(["serde".into(), "futures-core".into()]));
    let text = only_violation(&graph);
    assert!(text.contains("keyreeve-model reaches futures-core (rule: the model is plain data"), "{text}");
}

#[test]
fn a_member_without_a_rule_is_refused() {
    let mut graph = planted(Vec::new());
    graph.members.insert("keyreeve-extra".into());
    assert!(only_violation(&graph).contains("keyreeve-extra"));
}

#[test]
fn the_graph_is_read_from_cargo() {
    let root = workspace::root().unwrap();
    let graph = Graph::of(&workspace::metadata(&root, Depth::Everything).unwrap());
    assert!(graph.members.contains("xtask") && graph.members.contains("keyreeve-model"));
    assert!(graph.edges.contains(&edge("xtask", "cargo_metadata")));
    assert!(graph.reach["xtask"].contains("semver"), "a dependency of cargo_metadata is within reach");
}
