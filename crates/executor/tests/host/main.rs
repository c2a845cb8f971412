//! The host backend against the real kernel. The harness is our own, because the launcher is this very program started
//! again, and must find a process with one thread.

mod place;
mod steps;
mod suite;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    windlass_executor::host::launcher_main();
    let arguments = Arguments::from_args();
    libtest_mimic::run(
        &arguments,
        steps::trials().into_iter().chain(suite::trials()).collect(),
    )
    .exit_code()
}
