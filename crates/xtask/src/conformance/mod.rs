//! Conformance: another project's own test material, run by its own rules against the built binary.

mod harness;
mod index;
mod tekton;

use std::process::ExitCode;

use anyhow::Result;

pub(crate) use tekton::Arguments as Tekton;
pub(crate) use tekton::Executor;
pub(crate) use tekton::run as tekton;

/// Whose material to run.
#[derive(clap::Subcommand)]
pub(crate) enum Suite {
    /// Every file of Tekton's examples, each in a fresh plane
    Tekton(Tekton),
}

/// Runs one suite; fails when a file of it does.
pub(crate) fn run(suite: &Suite) -> Result<ExitCode> {
    match suite {
        Suite::Tekton(arguments) => {
            let tally = tekton(arguments)?;
            println!("{tally}");
            Ok(tally.exit_code())
        }
    }
}
