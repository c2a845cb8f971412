//! Tests that cannot run here: they say why, and CI does not let them pass for that.

use std::fs::OpenOptions;
use std::io::Write;

/// Ends the current test as skipped, with a reason (formatted as by `format!`).
///
/// The reason goes to stderr and, as a line `test<TAB>reason`, to the file that `WINDLASS_SKIP_LOG` names, from
/// which `cargo xtask test` counts. The test returns `()`.
///
/// # Panics
/// When `CI` is set: a machine that is meant to run everything must be able to.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {{
        $crate::skip::record(&::std::format!($($reason)+));
        return;
    }};
}

/// Notes that the current test is skipped; [`skip!`] calls it.
///
/// # Panics
/// When `CI` is set.
#[expect(
    clippy::print_stderr,
    clippy::panic,
    reason = "a skip speaks to whoever runs the tests"
)]
pub fn record(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unnamed test");
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run: {reason}");
    eprintln!("skipped: {test}: {reason}");
    if let Some(path) = std::env::var_os("WINDLASS_SKIP_LOG") {
        let line = format!("{test}\t{}\n", reason.replace('\n', " "));
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        if let Err(error) = opened.and_then(|mut file| file.write_all(line.as_bytes())) {
            panic!("write {}: {error}", path.display());
        }
    }
}
