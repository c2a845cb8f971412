//! The suite that every backend must pass.
//!
//! Each case drives jobs through the [`Runner`](crate::Runner) and looks at what a user would see: reports, logs, files. Cases
//! that need nothing but order and exit codes also run on the fake; the others use `sh` and the usual small tools.
//!
//! Runs in real time; no case waits for longer than its own deadline.

mod bench;
mod cases;
mod report;

pub use report::CaseReport;
pub use report::Profile;
pub use report::Report;
pub use report::Verdict;

use std::sync::Arc;

use crate::backend::Backend;
use crate::conformance::bench::Bench;

/// Runs every case that the profile allows, each on a fresh value of `make`.
pub async fn run_all(make: &(dyn Fn() -> Arc<dyn Backend> + Sync), profile: Profile) -> Report {
    let mut report = Report::default();
    for case in cases::all() {
        let verdict = match profile.lacks(case.needs) {
            Some(reason) => Verdict::Skipped(reason),
            None => match tokio::time::timeout(bench::DEADLINE, (case.run)(Bench::new(make()))).await {
                Ok(Ok(())) => Verdict::Passed,
                Ok(Err(why)) => Verdict::Failed(why),
                Err(_) => Verdict::Failed(format!("still runs after {} s", bench::DEADLINE.as_secs())),
            },
        };
        report.cases.push(CaseReport {
            name: case.name,
            verdict,
        });
    }
    report
}
