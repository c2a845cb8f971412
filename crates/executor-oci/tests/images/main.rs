//! The store against the real kernel. The harness is our own, because some tests start this program again: as another
//! user, and to be killed.

mod layer;
mod memory;
mod place;
mod unpack;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let mut trials = vec![unpack::trials()];
    if rustix::process::geteuid().is_root() {
        trials.push(unpack::root_trials());
    }
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}
