//! The product's binary: built once, then driven as a user would.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::workspace;

/// Which optimisation the binary is built with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Fast to build.
    Dev,
    /// Fast to run.
    Release,
}

/// Builds the `windlass` binary and returns its path.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    let mut cargo = Command::new(workspace::cargo());
    cargo
        .args(["build", "--quiet", "--package", "windlass"])
        .current_dir(workspace::root());
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let status = cargo.status().context("run cargo build")?;
    ensure!(status.success(), "the windlass binary does not build");
    let folder = if profile == Profile::Release {
        "release"
    } else {
        "debug"
    };
    let path = workspace::target()?.join(folder).join("windlass");
    ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}
