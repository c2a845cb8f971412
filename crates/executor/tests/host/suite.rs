//! The suite that every backend must pass, on the real kernel.

use std::sync::Arc;

use libtest_mimic::Trial;
use windlass_executor::conformance::Profile;
use windlass_executor::conformance::run_all;
use windlass_executor::host::Config;
use windlass_executor::host::Host;
use windlass_executor::host::Mode;

use crate::place::Outcome;
use crate::place::Place;
use crate::place::roots;
use crate::place::trial;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    [Mode::Isolated, Mode::Shared, Mode::Contained]
        .map(|mode| trial("conforms", mode, move |place| conforms(place, mode)))
        .into()
}

async fn conforms(place: Place, mode: Mode) -> Outcome {
    let profile = Profile {
        shell: true,
        volumes: true,
        private_view: mode != Mode::Shared,
        local_processes: true,
        users: mode != Mode::Shared && rustix::process::geteuid().is_root(),
    };
    let scratch = place.scratch.path();
    let make = || {
        let config = Config {
            mode,
            scratch_dir: scratch.to_owned(),
            roots: roots(mode, scratch).expect("an image was made before"),
            ..Config::default()
        };
        Arc::new(Host::start(config).expect("it started before")) as Arc<dyn windlass_executor::Backend>
    };
    let report = run_all(&make, profile).await;
    // What only a private view can give, and `host-shared` is documented not to.
    let beyond = [
        "a working directory below /workspace is made",
        "a read-only mount refuses writes",
    ];
    let excused = |name: &str| mode == Mode::Shared && beyond.contains(&name);
    let failures: Vec<String> = report
        .failures()
        .filter(|case| !excused(case.name))
        .map(|case| format!("{case:?}"))
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n").into())
    }
}
