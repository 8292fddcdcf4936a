//! Where the workspace is, and how cargo is called from inside a cargo command.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow};
use cargo_metadata::{Metadata, MetadataCommand};

/// How much of the dependency graph to ask cargo for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The members and the dependencies they name: quick, and needs no network.
    Members,
    /// The members with all their features and everything below them.
    Everything,
}

/// The root folder of the workspace.
pub(crate) fn root() -> Result<PathBuf> {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = manifest_dir.parent().ok_or_else(|| anyhow!("xtask has no parent folder"))?;
    Ok(root.to_owned())
}

/// What cargo knows about the workspace at `root`.
pub(crate) fn metadata(root: &Path, depth: Depth) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.cargo_path(cargo_path()).manifest_path(root.join("Cargo.toml"));
    match depth {
        Depth::Members => command.no_deps(),
        Depth::Everything => command.features(cargo_metadata::CargoOpt::AllFeatures),
    };
    command.exec().context("asking cargo for the workspace's metadata")
}

/// A cargo command in `root`.
///
/// Cargo sets variables about the package it runs (ours); build scripts that watch them would run again
/// for every switch between `cargo build` and `cargo xtask`, so they are not handed on.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(cargo_path());
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_")
        {
            command.env_remove(name);
        }
    }
    command
}

fn cargo_path() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
