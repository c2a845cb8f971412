//! Developer tooling: `cargo xtask COMMAND`.
//!
//! Owns everything a contributor or a CI machine runs besides `cargo` itself: the checks, the test run, upstream
//! conformance, benchmarks, and the documentation's golden outputs. It imports none of the product's crates, so
//! that it still builds when they do not, and it drives the product only through the `windlass` binary.
//! Read `test.rs` first.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its user"
)]

mod bench;
mod binary;
mod check;
mod conformance;
mod docs;
mod fuzz;
mod house;
mod images;
mod layers;
mod packages;
mod process;
mod tally;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use clap::Subcommand;

/// Developer tooling of Windlass
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check format, lints, layers, house rules, dependencies and documentation
    Check,
    /// Check that crates import only what the layer table allows and that deciding stays pure
    CheckLayers,
    /// Run every test and print one summary line, installing what the tests need when run as root
    Test(test::Arguments),
    /// Run another project's own test material against the built binary
    Conformance {
        #[command(subcommand)]
        suite: conformance::Suite,
    },
    /// Measure against GNU make, side by side, and print ratios
    Bench(bench::Arguments),
    /// Build the book and check that every output shown in it is what the commands print now
    Docs(docs::Arguments),
    /// Run the fuzz targets for a bounded time
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Check => check::run(),
        Command::CheckLayers => layers::run(),
        Command::Test(arguments) => Ok(test::run(&arguments)),
        Command::Conformance { suite } => conformance::run(&suite),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
    }
}
