//! `cargo xtask fuzz`: the fuzz targets, for a bounded time.
//!
//! The same properties run in `cargo test` through proptest with a fixed number of cases, so that every CI run has
//! a bounded share; this command digs deeper on a machine that has a nightly toolchain and cargo-fuzz.

use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;

use crate::process;
use crate::workspace;

/// How long, and which.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds per target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run only this target
    #[arg(long)]
    target: Option<String>,
}

/// Runs the targets one after another; says what is missing when they cannot run.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = workspace::root().join("fuzz");
    if !folder.is_dir() {
        println!("there is no fuzz/ folder; the same properties run in `cargo test` through proptest");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(missing) = missing() {
        println!("not run: {missing}");
        println!("the same properties run in `cargo test` through proptest, for a bounded number of cases");
        return Ok(ExitCode::SUCCESS);
    }
    let mut failed = false;
    for target in targets(arguments)? {
        println!("fuzz {target}: {} s", arguments.seconds);
        let limit = format!("-max_total_time={}", arguments.seconds);
        let mut cargo = Command::new("cargo");
        cargo
            .args(["+nightly", "fuzz", "run", &target, "--", &limit])
            .current_dir(workspace::root());
        failed |= !cargo.status().context("run cargo fuzz")?.success();
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn missing() -> Option<&'static str> {
    if !process::on_path("cargo-fuzz") {
        return Some("cargo-fuzz is not installed (cargo install cargo-fuzz)");
    }
    let mut nightly = Command::new("cargo");
    nightly
        .args(["+nightly", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    (!nightly.status().is_ok_and(|status| status.success())).then_some("there is no nightly toolchain")
}

fn targets(arguments: &Arguments) -> Result<Vec<String>> {
    if let Some(target) = &arguments.target {
        return Ok(vec![target.clone()]);
    }
    let folder = workspace::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if let (Some("rs"), Some(stem)) = (path.extension().and_then(|e| e.to_str()), path.file_stem()) {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
