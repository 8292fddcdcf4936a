//! `cargo xtask unused`: dependencies that a manifest names and no source file uses.
//!
//! A dependency counts as used when its name stands where a crate's name can stand: before `::`, or in a `use`.
//! `src/` speaks for normal dependencies, `tests/`, `benches/` and `examples/` besides for development ones,
//! `build.rs` for build ones. A crate needed only for the features it switches on is listed, with a comment that
//! says why, under `[package.metadata.unused] ignored` of the manifest that names it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, Package};

use crate::{
    source::{is_identifier, without_comments},
    workspace::{self, Depth},
};

#[cfg(test)]
mod tests;

/// What one manifest says and what its sources use.
#[derive(Debug, Default)]
struct Member {
    name: String,
    dependencies: Vec<Named>,
    ignored: Vec<String>,
    manifest: String,
    /// Crate names used by `src/`, by all sources with tests, and by `build.rs`.
    library: BTreeSet<String>,
    tests: BTreeSet<String>,
    build: BTreeSet<String>,
}

/// A dependency as a manifest names it.
#[derive(Debug)]
struct Named {
    name: String,
    kind: DependencyKind,
}

/// Checks the workspace at `root`; the note says how much was looked at.
pub(crate) fn run(root: &Path) -> Result<String> {
    let metadata = workspace::metadata(root, Depth::Members)?;
    let members = metadata.workspace_packages().into_iter().map(Member::read).collect::<Result<Vec<_>>>()?;
    let mut problems: Vec<String> = members.iter().flat_map(Member::problems).collect();
    problems.extend(unclaimed(&offered(root)?, &metadata));
    if !problems.is_empty() {
        bail!("{} dependencies are not in order:\n  {}", problems.len(), problems.join("\n  "));
    }
    let named: usize = members.iter().map(|member| member.dependencies.len()).sum();
    Ok(format!("{named} dependencies of {} crates", members.len()))
}

impl Member {
    fn read(package: &Package) -> Result<Self> {
        let manifest_path = package.manifest_path.as_std_path();
        let folder = manifest_path.parent().unwrap_or(manifest_path);
        let library = used_under(&[folder.join("src")])?;
        let mut tests = used_under(&["tests", "benches", "examples"].map(|name| folder.join(name)))?;
        tests.extend(library.iter().cloned());
        let ignored = package.metadata.pointer("/unused/ignored").and_then(|list| list.as_array());
        let ignored = ignored.into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned);
        let dependencies = package.dependencies.iter().map(|dependency| Named {
            name: dependency.rename.clone().unwrap_or_else(|| dependency.name.clone()),
            kind: dependency.kind,
        });
        Ok(Self {
            name: package.name.to_string(),
            dependencies: dependencies.collect(),
            ignored: ignored.collect(),
            manifest: fs::read_to_string(manifest_path)
                .with_context(|| format!("reading {manifest_path:?}"))?,
            library,
            tests,
            build: used_under(&[folder.join("build.rs")])?,
        })
    }

    fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        for dependency in &self.dependencies {
            let (used, place) = match dependency.kind {
                DependencyKind::Development => (&self.tests, "its sources and tests"),
                DependencyKind::Build => (&self.build, "build.rs"),
                _ => (&self.library, "src/"),
            };
            let used = used.contains(&dependency.name.replace('-', "_"));
            let ignored = self.ignored.contains(&dependency.name);
            match (used, ignored) {
                (false, false) => {
                    found.push(format!("{}: {} is used nowhere in {place}", self.name, dependency.name))
                }
                (true, true) => {
                    found.push(format!("{}: {} is used; do not ignore it", self.name, dependency.name))
                }
                _ => {}
            }
        }
        for name in &self.ignored {
            if !self.dependencies.iter().any(|dependency| dependency.name == *name) {
                found.push(format!("{}: ignores {name}, which is no dependency", self.name));
            } else if !has_reason(&self.manifest, name) {
                found.push(format!("{}: ignores {name} without a comment that says why", self.name));
            }
        }
        found
    }
}

/// Whether the entry `name` of the list of ignored crates carries a comment on its line or the line above.
fn has_reason(manifest: &str, name: &str) -> bool {
    let section = manifest.split_once("[package.metadata.unused]").map_or("", |(_, section)| section);
    let quoted = format!("\"{name}\"");
    let mut above = "";
    for line in section.lines() {
        if line.contains(&quoted) {
            return line.contains('#') || above.trim_start().starts_with('#');
        }
        above = line;
    }
    false
}

/// The names in `[workspace.dependencies]`.
fn offered(root: &Path) -> Result<Vec<String>> {
    let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let table = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    Ok(table.and_then(|table| table.as_table()).into_iter().flat_map(toml::Table::keys).cloned().collect())
}

fn unclaimed(offered: &[String], metadata: &Metadata) -> Vec<String> {
    let packages = metadata.workspace_packages();
    let claimed: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.rename.as_deref().unwrap_or(&dependency.name))
        .collect();
    let idle = offered.iter().filter(|name| !claimed.contains(name.as_str()));
    idle.map(|name| format!("Cargo.toml: workspace dependency {name} is used by no crate")).collect()
}

/// The crate names used by all Rust files under `places`; a place that does not exist uses none.
fn used_under(places: &[PathBuf]) -> Result<BTreeSet<String>> {
    let mut waiting = places.to_vec();
    let mut used = BTreeSet::new();
    while let Some(place) = waiting.pop() {
        if place.is_dir() {
            for entry in fs::read_dir(&place).with_context(|| format!("listing {place:?}"))? {
                waiting.push(entry?.path());
            }
        } else if place.extension().is_some_and(|ending| ending == "rs") && place.is_file() {
            used.extend(used_crates(
                &fs::read_to_string(&place).with_context(|| format!("reading {place:?}"))?,
            ));
        }
    }
    Ok(used)
}

/// The identifiers of a source that stand where a crate's name can stand.
fn used_crates(source: &str) -> BTreeSet<String> {
    let text = without_comments(source);
    let mut used = BTreeSet::new();
    let mut rest = text.as_str();
    let mut before = "";
    while let Some(at) = rest.find(is_identifier) {
        let (gap, from) = rest.split_at(at);
        let (word, after) =
            from.split_at(from.find(|character| !is_identifier(character)).unwrap_or(from.len()));
        // `name` of `other::name::…` and of `<T>::name` is no crate; a path may begin with `::`.
        let inside_path = gap == "::" && !before.is_empty() || gap.ends_with(">::");
        let before_path = after.trim_start().starts_with("::");
        let imported = matches!(before, "use" | "crate") && gap.chars().all(char::is_whitespace);
        if !inside_path && (before_path || imported) {
            used.insert(word.to_owned());
        }
        before = word;
        rest = after;
    }
    used
}
