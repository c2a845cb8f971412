//! The engine backend against a real Podman, which the tests start with a storage of its own and end again.

mod place;
mod service;
mod steps;
mod suite;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let trials = [suite::trials(), steps::trials()];
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect());
    service::stop();
    conclusion.exit_code()
}
