//! `cargo xtask test`: every test there is, and one summary line last.
//!
//! # Expected flow
//! Install what is missing → make the test images and serve them → `cargo test --workspace` → golden outputs of the
//! documentation → upstream conformance on both executors when its corpus is there → list of skips → summary line.
//!
//! # Guarantees
//! The last line on stdout is `N passed, N failed, N skipped`, summed over all of them, and the exit code is not 0
//! when anything failed. A test that cannot run says why; when `CI` is set it fails instead (see
//! `windlass_testkit::skip!`). Conformance files that upstream or the executor's class rules out are counted as
//! skipped, with their reason, also in CI.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;

use crate::conformance;
use crate::conformance::Executor;
use crate::docs;
use crate::images::Registry;
use crate::packages;
use crate::tally::Tally;
use crate::workspace;

/// What to leave out.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out upstream conformance
    #[arg(long)]
    no_conformance: bool,
}

/// Runs everything and prints the summary.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    packages::provide();
    let mut total = Tally::default();
    let mut parts = Vec::new();
    let mut record = |name: &'static str, tally: Result<Tally>| {
        let tally = tally.unwrap_or_else(|error| {
            eprintln!("error: {name}: {error:#}");
            Tally {
                failed: 1,
                ..Tally::default()
            }
        });
        parts.push((name, tally));
        total += tally;
    };
    let images = Registry::start();
    if let Err(error) = &images {
        println!("no test images: {error:#}");
    }
    record("cargo test", cargo_test(images.as_ref().ok()));
    record("documented output", docs::golden(false));
    if arguments.no_conformance {
        println!("conformance: left out by --no-conformance");
    } else if workspace::corpus().is_none() {
        println!("conformance: no corpus (set WINDLASS_CORPUS to a folder that holds tekton/examples)");
    } else {
        let suite = |executor| conformance::tekton(&conformance::Tekton::on(executor));
        record("tekton conformance, host", suite(Executor::Host));
        if images.is_ok() {
            record("tekton conformance, container", suite(Executor::Container));
        }
    }
    println!();
    for (name, tally) in &parts {
        println!("{name}: {tally}");
    }
    println!("{total}");
    total.exit_code()
}

/// Runs `cargo test` over the workspace, passing its output through, and counts.
fn cargo_test(images: Option<&Registry>) -> Result<Tally> {
    let skips = workspace::target()?.join("skipped-tests.tsv");
    // Left over from an earlier run; absent on the first.
    let _ = std::fs::remove_file(&skips);
    let mut child = Command::new(workspace::cargo())
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(if has_doctests()? {
            &[][..]
        } else {
            &["--lib", "--bins", "--tests"][..]
        })
        .env("WINDLASS_SKIP_LOG", &skips)
        .envs(images.map(|images| ("WINDLASS_TEST_REGISTRIES", images.settings_file())))
        .current_dir(workspace::root())
        .stdout(Stdio::piped())
        .spawn()
        .context("run cargo test")?;
    let stdout = child.stdout.take().context("cargo test has no stdout")?;
    let mut tally = Tally::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("read the output of cargo test")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some(counts) = Tally::from_libtest(&line) {
            tally += counts;
        }
    }
    let status = child.wait().context("wait for cargo test")?;
    if !status.success() && tally.failed == 0 {
        // A crate that does not compile, or a test binary that died, prints no summary of its own.
        tally.failed = 1;
    }
    Ok(discount_skips(tally, &skips))
}

/// Moves tests that skipped themselves from passed to skipped and prints their reasons.
fn discount_skips(mut tally: Tally, log: &Path) -> Tally {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    for line in text.lines() {
        let (test, reason) = line.split_once('\t').unwrap_or((line, "no reason given"));
        println!("skipped: {test}: {reason}");
        tally.passed = tally.passed.saturating_sub(1);
        tally.skipped += 1;
    }
    tally
}

/// Tells whether any library documents itself with code that runs; without one, the doc pass costs a minute for nothing.
fn has_doctests() -> Result<bool> {
    let sources = workspace::files()?
        .into_iter()
        .filter(|path| is_library_source(path));
    let root = workspace::root();
    Ok(sources
        .into_iter()
        .any(|path| std::fs::read_to_string(root.join(path)).is_ok_and(|text| runs_doc_code(&text))))
}

fn is_library_source(path: &Path) -> bool {
    path.starts_with("crates") && path.extension().is_some_and(|extension| extension == "rs")
}

fn runs_doc_code(source: &str) -> bool {
    let mut inside = false;
    source.lines().map(str::trim_start).any(|line| {
        let Some(fence) = line.strip_prefix("//").and_then(|doc| {
            let text = doc.strip_prefix(['/', '!'])?;
            text.trim().strip_prefix("```")
        }) else {
            return false;
        };
        inside = !inside;
        inside && (fence.is_empty() || fence.starts_with("rust") || fence.starts_with("should_panic"))
    })
}

#[cfg(test)]
mod tests {
    use super::runs_doc_code;

    #[test]
    fn only_fences_that_hold_rust_are_doctests() {
        let rows = [
            ("/// ```\n/// f();\n/// ```", true),
            ("//! ```rust,no_run\n//! f();\n//! ```", true),
            ("/// ```text\n/// a\n/// ```", false),
            ("/// ```yaml\n/// a: 1\n/// ```\n/// ```text\n/// ```", false),
            ("// ```\n// no doc comment\n// ```", false),
        ];
        for (source, expected) in rows {
            assert_eq!(runs_doc_code(source), expected, "{source}");
        }
    }
}
