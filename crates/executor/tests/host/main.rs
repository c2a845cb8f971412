//! The host backend against the real kernel. The harness is our own, because the launcher is this very program started
//! again, and must find a process with one thread.

mod contained;
mod images;
mod leaks;
mod limits;
mod place;
mod rootless;
mod steps;
mod suite;
mod view;

use std::process::ExitCode;

use libtest_mimic::Arguments;

#[expect(
    clippy::print_stderr,
    reason = "how a test learns why its other process failed"
)]
fn main() -> ExitCode {
    windlass_executor::host::launcher_main();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, what, mode, argument, scratch] = arguments.as_slice()
        && first == leaks::ALONE
    {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return match runtime.block_on(leaks::be_alone(what, mode, argument, scratch)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("{failure:?}");
                ExitCode::FAILURE
            }
        };
    }
    let trials = [
        steps::trials(),
        view::trials(),
        leaks::trials(),
        contained::trials(),
        limits::trials(),
        suite::trials(),
        rootless::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}
