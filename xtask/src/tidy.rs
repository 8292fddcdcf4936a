//! `cargo xtask tidy`: house rules that no compiler checks, on every file that git knows or would add.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

mod files;
mod links;
mod names;
mod packaging;
mod pages;
mod rust;

/// One text file of the project: its path from the root, with `/`, and what it says.
#[derive(Debug, Clone)]
struct TextFile {
    path: String,
    text: String,
}

/// Checks the project at `root`; the note says how much was looked at.
pub(crate) fn run(root: &Path) -> Result<String> {
    let paths = paths(root)?;
    let mut problems: Vec<String> = paths.iter().filter_map(|path| names::of_path(path)).collect();
    let mut texts = 0;
    for path in &paths {
        let bytes = fs::read(root.join(path)).with_context(|| format!("reading {path}"))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        texts += 1;
        let file = TextFile { path: path.clone(), text };
        problems.extend(files::problems(&file));
        problems.extend(rust::problems(&file));
        problems.extend(names::of_items(&file));
        problems.extend(packaging::problems(&file));
        problems.extend(pages::problems(&file));
        problems.extend(links::problems(&file, &paths));
    }
    problems.extend(files::migrations(&paths));
    problems.extend(files::readme(root));
    if !problems.is_empty() {
        bail!("{} untidy places:\n  {}", problems.len(), problems.join("\n  "));
    }
    Ok(format!("{texts} text files"))
}

/// The files git tracks, and the new ones it does not ignore.
fn paths(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .output()
        .context("asking git for the project's files (is git installed?)")?;
    if !output.status.success() {
        bail!("git could not list the project's files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let present = names.split('\0').filter(|name| !name.is_empty() && root.join(name).is_file());
    Ok(present.map(str::to_owned).collect())
}

impl TextFile {
    /// Whether the path ends in `.` and one of `endings`.
    fn is_one_of(&self, endings: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
    }

    /// `path:line` of a place in the text, counted from 1.
    fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }
}

#[cfg(test)]
fn planted(path: &str, text: &str) -> TextFile {
    TextFile { path: path.into(), text: text.into() }
}
