//! The windlass binary: wiring, diagnostics, and nothing else.

mod diagnostics;
mod executors;
mod images;
mod plane;
mod registries;
mod serve;

use std::process::ExitCode;

use windlass_cli::Arguments;

fn main() -> ExitCode {
    // Must come before anything that starts a thread; returns unless this process was started as a launcher.
    windlass_executor::host::launcher_main();
    diagnostics::report_panics();
    match Arguments::read(std::env::args_os()) {
        Ok(arguments) => {
            diagnostics::log(arguments.is_verbose());
            arguments
                .execute(&plane::InMemory, &images::OnDisk, &serve::InThisProcess)
                .into()
        }
        Err(code) => ExitCode::from(code),
    }
}
