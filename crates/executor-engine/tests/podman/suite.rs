//! The suite that every backend must pass, at a real engine.

use std::sync::Arc;

use libtest_mimic::Trial;
use windlass_executor::Backend;
use windlass_executor::conformance::Profile;
use windlass_executor::conformance::Verdict;
use windlass_executor::conformance::run_all;
use windlass_executor_engine::Config;
use windlass_executor_engine::Engine;

use crate::place::Outcome;
use crate::place::trial;
use crate::service::Address;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("conforms", conforms)]
}

/// Containers are the engine's children, and may run on another machine: what they leave there is counted by the tests of
/// this crate, by the engine's own lists.
const ELSEWHERE: [&str; 3] = [
    "a double fork is gone after its step",
    "no descriptor leaks",
    "a finished attempt leaves nothing running when dropped halfway",
];

#[expect(clippy::print_stdout, reason = "the report is what the test is run for")]
async fn conforms(address: Address) -> Outcome {
    let profile = Profile {
        shell: true,
        volumes: true,
        private_view: true,
        local_processes: false,
        users: true,
    };
    let make = || {
        let config = Config {
            // No case speaks to a network, and none is quicker to start.
            network: Some("none".into()),
            ..Config::new(address.found.clone())
        };
        Arc::new(Engine::new(config)) as Arc<dyn Backend>
    };
    let report = run_all(&make, profile).await;
    println!("{report}");
    let failures = report.failures().map(|case| format!("{case:?}"));
    let unexpected = report
        .cases
        .iter()
        .filter(|case| matches!(case.verdict, Verdict::Skipped(_)) && !ELSEWHERE.contains(&case.name));
    let wrong: Vec<String> = failures
        .chain(unexpected.map(|case| format!("{case:?}")))
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}
