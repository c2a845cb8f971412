//! The store against the real kernel. The harness is our own, because some tests start this program again: as another
//! user, and to be killed.

mod archives;
mod hostile;
mod layer;
mod memory;
mod place;
mod shared;
mod unpack;

use std::process::ExitCode;

use libtest_mimic::Arguments;

#[expect(
    clippy::print_stderr,
    reason = "how a test learns why its other process failed"
)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, root, events] = arguments.as_slice()
        && first == shared::CHILD
    {
        return match shared::be_child(root, events) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{}", place::told(error.as_ref()));
                ExitCode::FAILURE
            }
        };
    }
    let mut trials = vec![
        unpack::trials(),
        hostile::trials(),
        archives::trials(),
        shared::trials(),
    ];
    if rustix::process::geteuid().is_root() {
        trials.extend([unpack::root_trials(), shared::root_trials()]);
    } else {
        trials.push(hostile::ordinary_trials());
    }
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}
