//! `cargo xtask check`: everything but the tests.

use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;

use crate::docs;
use crate::house;
use crate::layers;
use crate::process;
use crate::workspace;

/// Runs every check, so that one run shows all that is wrong.
pub(crate) fn run() -> Result<ExitCode> {
    let mut failed = Vec::new();
    let mut note = |name: &'static str, held: bool| {
        println!("{name}: {}", if held { "ok" } else { "FAILED" });
        if !held {
            failed.push(name);
        }
    };
    note("fmt", cargo(&["fmt", "--all", "--check"])?);
    note("check-layers", report(&layers::problems()?));
    note("house rules", report(&house::problems()?));
    note("docs links", report(&docs::broken_links()?));
    note(
        "clippy",
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ])?,
    );
    if process::on_path("cargo-deny") {
        note("deny", cargo(&["deny", "check"])?);
    } else {
        println!("deny: not run, cargo-deny is not installed (cargo install cargo-deny)");
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn report(problems: &[String]) -> bool {
    for problem in problems {
        println!("{problem}");
    }
    problems.is_empty()
}

fn cargo(arguments: &[&str]) -> Result<bool> {
    let mut command = Command::new(workspace::cargo());
    let status = command.args(arguments).current_dir(workspace::root()).status();
    Ok(status
        .with_context(|| format!("run cargo {}", arguments.join(" ")))?
        .success())
}
