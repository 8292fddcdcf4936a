//! `cargo xtask boundaries`: who may see whom, proved from `cargo metadata`.
//!
//! The rules are the tables below; everything else only compares them with what cargo reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, PackageId};

use crate::workspace::{self, Depth};

#[cfg(test)]
mod tests;

/// A member of the workspace and the members it may see.
struct Member {
    name: &'static str,
    /// Seen by everything in the crate.
    sees: &'static [&'static str],
    /// Seen by its tests alone, besides `sees`.
    tests_see: &'static [&'static str],
}

/// Crates from outside that only some members may name, in any kind of dependency.
struct Reserved {
    what: &'static str,
    /// Names; a trailing `*` stands for any ending.
    crates: &'static [&'static str],
    members: &'static [&'static str],
}

/// Crates that a member may not even reach through others (development dependencies apart).
struct Unreachable {
    member: &'static str,
    crates: &'static [&'static str],
    why: &'static str,
}

const MEMBERS: &[Member] = &[
    Member { name: "keyreeve-model", sees: &[], tests_see: &[] },
    Member { name: "keyreeve-connector", sees: &["keyreeve-model"], tests_see: &[] },
    Member {
        name: "keyreeve-aws",
        sees: &["keyreeve-model", "keyreeve-connector", "keyreeve-policy"],
        // The conformance suite of the connector runs against the sandbox.
        tests_see: &["keyreeve-sandbox"],
    },
    Member { name: "keyreeve-policy", sees: &[], tests_see: &[] },
    Member { name: "keyreeve-sandbox", sees: &["keyreeve-model", "keyreeve-policy"], tests_see: &[] },
    Member { name: "keyreeve-store", sees: &["keyreeve-model"], tests_see: &[] },
    Member {
        name: "keyreeve-engine",
        sees: &["keyreeve-model", "keyreeve-connector", "keyreeve-store", "keyreeve-policy"],
        // The fault tests join the engine to the real connector and the sandbox.
        tests_see: &["keyreeve-aws", "keyreeve-sandbox"],
    },
    Member {
        name: "keyreeve-server",
        sees: &["keyreeve-model", "keyreeve-store", "keyreeve-engine"],
        // Requests are tested from the front door down to the sandbox.
        tests_see: &["keyreeve-connector", "keyreeve-aws", "keyreeve-sandbox"],
    },
    Member {
        name: "keyreeve-cli",
        sees: &[
            "keyreeve-model",
            "keyreeve-connector",
            "keyreeve-aws",
            "keyreeve-sandbox",
            "keyreeve-store",
            "keyreeve-engine",
            "keyreeve-server",
            "keyreeve-policy",
        ],
        tests_see: &[],
    },
    Member {
        name: "keyreeve-fuzz",
        sees: &[
            "keyreeve-model",
            "keyreeve-aws",
            "keyreeve-sandbox",
            "keyreeve-store",
            "keyreeve-engine",
            "keyreeve-server",
            "keyreeve-policy",
        ],
        tests_see: &[],
    },
    Member { name: "xtask", sees: &[], tests_see: &[] },
];

const RESERVED: &[Reserved] = &[
    Reserved { what: "the AWS SDK", crates: &["aws-*"], members: &["keyreeve-aws"] },
    Reserved { what: "a client of S3", crates: &["object_store", "rusty-s3"], members: &["keyreeve-aws"] },
    Reserved {
        what: "an SQL driver",
        crates: &[
            "sqlx",
            "sqlx-*",
            "rusqlite",
            "libsqlite3-sys",
            "sqlite",
            "tokio-postgres",
            "postgres",
            "diesel",
            "diesel-*",
            "sea-orm",
            "sea-query",
            "deadpool-postgres",
            "graphile_worker",
            "apalis*",
        ],
        members: &["keyreeve-store"],
    },
    Reserved {
        what: "a web framework",
        crates: &[
            "axum",
            "axum-*",
            "actix-web",
            "rocket",
            "warp",
            "poem",
            "tide",
            "salvo",
            "tower-http",
            "utoipa-*",
        ],
        members: &["keyreeve-sandbox", "keyreeve-server"],
    },
    Reserved {
        what: "what describes an interface",
        crates: &["utoipa"],
        // The model, and the engine of its plans, say what their types look like as JSON, behind a feature that only the
        // server asks for.
        members: &["keyreeve-engine", "keyreeve-model", "keyreeve-server"],
    },
    Reserved {
        what: "the command line's crates",
        crates: &["clap", "clap_*", "anyhow"],
        members: &["keyreeve-cli", "xtask"],
    },
];

/// What crates of plain data do not reach.
const PURE_NEVER_REACHES: &[&str] = &[
    "tokio",
    "tokio-*",
    "async-*",
    "futures",
    "futures-*",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "hyper-*",
    "reqwest",
    "ureq",
    "sqlx",
    "sqlx-*",
    "rusqlite",
    "libsqlite3-sys",
    "axum",
    "aws-*",
    "tempfile",
];

const UNREACHABLE: &[Unreachable] = &[
    Unreachable {
        member: "keyreeve-model",
        crates: PURE_NEVER_REACHES,
        why: "the model is plain data: no async, no I/O",
    },
    Unreachable {
        member: "keyreeve-policy",
        crates: PURE_NEVER_REACHES,
        why: "policies are evaluated without I/O: no async, no clock",
    },
    Unreachable {
        member: "keyreeve-connector",
        crates: &["aws-*", "sqlx", "sqlx-*", "libsqlite3-sys", "axum"],
        why: "a connector's contract knows neither AWS, nor SQL, nor the web",
    },
    Unreachable {
        member: "keyreeve-engine",
        crates: &["aws-*", "axum"],
        why: "the engine sees the connector's contract and the store, never AWS and never the web",
    },
];

/// One dependency that a member names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    from: String,
    to: String,
    /// Only for tests, examples and benches.
    development: bool,
}

/// What the rules are checked against.
#[derive(Debug, Default)]
struct Graph {
    members: BTreeSet<String>,
    edges: Vec<Edge>,
    /// For each member, everything below it, without development dependencies.
    reach: BTreeMap<String, BTreeSet<String>>,
}

/// Checks the workspace at `root`; the note says how much was looked at.
pub(crate) fn run(root: &Path) -> Result<String> {
    let graph = Graph::of(&workspace::metadata(root, Depth::Everything)?);
    let violations = graph.violations();
    if !violations.is_empty() {
        bail!("{} forbidden dependencies:\n  {}", violations.len(), violations.join("\n  "));
    }
    Ok(format!("{} crates, {} dependencies", graph.members.len(), graph.edges.len()))
}

impl Graph {
    fn of(metadata: &Metadata) -> Self {
        let mut graph = Self::default();
        for package in metadata.workspace_packages() {
            graph.members.insert(package.name.to_string());
            graph.edges.extend(package.dependencies.iter().map(|dependency| Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                development: dependency.kind == DependencyKind::Development,
            }));
            graph.reach.insert(package.name.to_string(), reachable(metadata, &package.id));
        }
        graph
    }

    fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for member in &self.members {
            if !MEMBERS.iter().any(|known| known.name == member) {
                found.push(format!(
                    "{member}: no rule says whom it may see (rule: every member is in the table)"
                ));
            }
        }
        for edge in &self.edges {
            found.extend(self.forbidden_member(edge));
            found.extend(forbidden_crate(edge));
        }
        for rule in UNREACHABLE {
            let below = self.reach.get(rule.member).into_iter().flatten();
            let names = below.filter(|name| matches_any(rule.crates, name));
            found.extend(names.map(|name| format!("{} reaches {name} (rule: {})", rule.member, rule.why)));
        }
        found
    }

    fn forbidden_member(&self, edge: &Edge) -> Option<String> {
        if !self.members.contains(&edge.to) || edge.from == edge.to {
            return None;
        }
        let rule = MEMBERS.iter().find(|member| member.name == edge.from)?;
        let seen = rule.sees.contains(&edge.to.as_str());
        if seen || (edge.development && rule.tests_see.contains(&edge.to.as_str())) {
            return None;
        }
        let kind = if edge.development { " (in its tests)" } else { "" };
        let allowed = if rule.sees.is_empty() { "no other member".to_owned() } else { rule.sees.join(", ") };
        Some(format!("{} → {}{kind} (rule: {} sees {allowed})", edge.from, edge.to, edge.from))
    }
}

fn forbidden_crate(edge: &Edge) -> Option<String> {
    let rule = RESERVED.iter().find(|rule| matches_any(rule.crates, &edge.to))?;
    (!rule.members.contains(&edge.from.as_str())).then(|| {
        format!("{} → {} (rule: only {} may use {})", edge.from, edge.to, rule.members.join(", "), rule.what)
    })
}

fn matches_any(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => *pattern == name,
    })
}

/// The names of everything below `start`, without development dependencies.
fn reachable(metadata: &Metadata, start: &PackageId) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Some(resolve) = &metadata.resolve else { return names };
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::from([start]);
    let mut waiting = vec![start];
    while let Some(id) = waiting.pop() {
        if id != start {
            names.extend(
                metadata.packages.iter().find(|package| &package.id == id).map(|p| p.name.to_string()),
            );
        }
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            let shipped = dependency.dep_kinds.iter().any(|kind| {
                // What is needed on WebAssembly alone is in nothing that we ship.
                let target = kind.target.as_ref().map(ToString::to_string).unwrap_or_default();
                let elsewhere = target.contains("wasm") && !target.contains("not(");
                kind.kind != DependencyKind::Development && !elsewhere
            });
            if shipped && seen.insert(&dependency.pkg) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    names
}
