//! `cargo xtask licences`: what ships, and whether its licence, source and number of versions are in order.
//!
//! Looked at is everything the binary is built from: normal and build dependencies of the command line with all
//! features, on every platform. The lists are in `deny.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use anyhow::{Result, anyhow, bail};
use cargo_metadata::{DependencyKind, Metadata, semver::Version};
use spdx::{Expression, Licensee, ParseMode};

use crate::{
    deny::{Duplicate, Lists},
    workspace::{self, Depth},
};

#[cfg(test)]
mod tests;

/// The package whose dependencies ship.
const SHIPPED: &str = "keyreeve-cli";

/// One crate in the tree of what ships.
#[derive(Debug, Clone)]
struct Crate {
    name: String,
    version: Version,
    licence: Option<String>,
    /// `None` for members of the workspace.
    source: Option<String>,
    /// Names and versions of the crates that name this one.
    wanted_by: BTreeSet<String>,
}

/// Checks the tree of the workspace at `root`; the note says what was looked at.
pub(crate) fn run(root: &Path) -> Result<String> {
    let lists = Lists::read(root)?;
    let crates = shipped(&workspace::metadata(root, Depth::Everything)?)?;
    let problems = problems(&crates, &lists);
    if !problems.is_empty() {
        bail!("{} problems in what ships:\n  {}", problems.len(), problems.join("\n  "));
    }
    let advisories = advisories(root)?;
    Ok(format!("{} crates, {} older versions listed; {advisories}", crates.len(), lists.duplicates.len()))
}

/// The entries that `bans.skip` of `deny.toml` must have for the workspace at `root`.
pub(crate) fn duplicate_list(root: &Path) -> Result<String> {
    let crates = shipped(&workspace::metadata(root, Depth::Everything)?)?;
    let lines = older_versions(&crates).into_iter().map(|(duplicate, wanted_by)| {
        let Duplicate { name, series } = duplicate;
        format!("    {{ crate = \"{name}:{series}\", reason = \"used by {wanted_by}\" }},")
    });
    Ok(format!("skip = [\n{}\n]", lines.collect::<Vec<_>>().join("\n")))
}

fn problems(crates: &[Crate], lists: &Lists) -> Vec<String> {
    let mut found = Vec::new();
    for one in crates {
        let called = format!("{} {}", one.name, one.version);
        if let Some((_, reason)) = lists.forbidden.iter().find(|(name, _)| *name == one.name) {
            let users = one.wanted_by.iter().cloned().collect::<Vec<_>>().join(", ");
            found.push(format!("{called}: forbidden ({reason}); used by {users}"));
        }
        if let Some(source) = &one.source
            && !lists.registries.iter().any(|index| *source == format!("registry+{index}"))
        {
            found.push(format!("{called}: comes from {source}, which is no allowed registry"));
        }
        let further = lists.exceptions.iter().filter(|exception| exception.name == one.name);
        let allowed = lists.licences.iter().chain(further.flat_map(|exception| &exception.licences));
        if let Err(error) = permitted(one.licence.as_deref(), allowed) {
            found.push(format!("{called}: {error}"));
        }
    }
    let names: BTreeSet<_> = crates.iter().map(|one| one.name.as_str()).collect();
    let unneeded = lists.exceptions.iter().filter(|exception| !names.contains(exception.name.as_str()));
    found.extend(
        unneeded.map(|exception| format!("licenses.exceptions: {} does not ship; remove it", exception.name)),
    );
    found.extend(duplicate_problems(crates, &lists.duplicates));
    found
}

/// Whether one choice the licence expression offers is wholly among the allowed licences.
fn permitted<'a>(licence: Option<&str>, allowed: impl Iterator<Item = &'a String>) -> Result<()> {
    let text = licence.ok_or_else(|| anyhow!("names no licence"))?;
    let expression = Expression::parse_mode(text, ParseMode::LAX)
        .map_err(|error| anyhow!("licence `{text}` is not SPDX: {}", error.reason))?;
    let allowed: Vec<Licensee> = allowed.filter_map(|name| Licensee::parse(name).ok()).collect();
    if expression.evaluate(|requirement| allowed.iter().any(|licensee| licensee.satisfies(requirement))) {
        return Ok(());
    }
    bail!("licence `{text}` is not among those of deny.toml")
}

fn duplicate_problems(crates: &[Crate], listed: &[Duplicate]) -> Vec<String> {
    let present = older_versions(crates);
    let mut found = Vec::new();
    for (duplicate, wanted_by) in &present {
        if !listed.contains(duplicate) {
            let Duplicate { name, series } = duplicate;
            found.push(format!("{name} {series} is present beside a newer version; used by {wanted_by}"));
        }
    }
    for duplicate in listed {
        if !present.contains_key(duplicate) {
            let Duplicate { name, series } = duplicate;
            found.push(format!(
                "bans.skip: {name}:{series} is no longer present beside a newer version; remove it"
            ));
        }
    }
    found
}

/// Every version of a crate except its newest, with the crates that use it.
fn older_versions(crates: &[Crate]) -> BTreeMap<Duplicate, String> {
    let mut versions: BTreeMap<&str, Vec<&Crate>> = BTreeMap::new();
    for one in crates {
        versions.entry(&one.name).or_default().push(one);
    }
    let mut older = BTreeMap::new();
    for (name, mut present) in versions {
        present.sort_by(|left, right| left.version.cmp(&right.version));
        present.pop();
        for one in present {
            let duplicate = Duplicate { name: name.to_owned(), series: series(&one.version) };
            older.insert(duplicate, one.wanted_by.iter().cloned().collect::<Vec<_>>().join(", "));
        }
    }
    older
}

/// The versions cargo holds for interchangeable: `1`, `0.5`, `0.0.3`; it keeps at most one of each.
fn series(version: &Version) -> String {
    match (version.major, version.minor) {
        (0, 0) => format!("0.0.{}", version.patch),
        (0, minor) => format!("0.{minor}"),
        (major, _) => major.to_string(),
    }
}

/// Walks from the shipped package over normal and build dependencies.
fn shipped(metadata: &Metadata) -> Result<Vec<Crate>> {
    let resolve = metadata.resolve.as_ref().ok_or_else(|| anyhow!("cargo gave no dependency graph"))?;
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let start = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == SHIPPED)
        .ok_or_else(|| anyhow!("the workspace has no package {SHIPPED}"))?;
    let mut crates: BTreeMap<_, Crate> = BTreeMap::new();
    let mut waiting = vec![(&start.id, None)];
    while let Some((id, wanted_by)) = waiting.pop() {
        let package = packages.get(id).ok_or_else(|| anyhow!("cargo names {id} but does not describe it"))?;
        let known = crates.contains_key(id);
        let entry = crates.entry(id).or_insert_with(|| Crate {
            name: package.name.to_string(),
            version: package.version.clone(),
            licence: package.license.clone(),
            source: package.source.as_ref().map(|source| source.repr.clone()),
            wanted_by: BTreeSet::new(),
        });
        entry.wanted_by.extend(wanted_by);
        if known {
            continue;
        }
        let us = format!("{} {}", package.name, series(&package.version));
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            if dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development) {
                waiting.push((&dependency.pkg, Some(us.clone())));
            }
        }
    }
    Ok(crates.into_values().collect())
}

/// Known vulnerabilities, where cargo-deny and its database are at hand; otherwise a plain word that they were not
/// looked at.
fn advisories(root: &Path) -> Result<String> {
    let installed =
        Command::new("cargo-deny").arg("--version").output().is_ok_and(|output| output.status.success());
    if !installed {
        return Ok("advisories not checked: cargo-deny is not installed".to_owned());
    }
    let output = Command::new("cargo-deny").current_dir(root).args(["check", "advisories"]).output()?;
    if output.status.success() {
        return Ok("advisories checked".to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("error[") {
        bail!("cargo-deny reports advisories:\n{said}");
    }
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
    Ok(format!("advisories not checked: cargo-deny could not load its database ({last})"))
}
