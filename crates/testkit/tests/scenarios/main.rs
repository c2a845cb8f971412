//! Plays every scenario of this folder, once as it is and once for every moment at which the controllers can crash.
//!
//! Set `WINDLASS_UPDATE=1` to write the transcripts anew; read what changed before you keep it. A name on the command
//! line selects scenarios.
//!
//! # Where the transcripts differ from upstream, on purpose
//! - A container, image or sandbox that cannot be had fails the attempt at once; upstream waits for the cluster to try
//!   again, and ends with the timeout in some cases. A failed sandbox names the cause and does not blame the
//!   task for it.
//! - A `ConfigMap` or `Secret` that a variable or volume needs and that does not exist is `CreateContainerConfigError`
//!   for both, with its name in the message; upstream leaves an attempt with a missing volume pending.
//! - An attempt whose sandbox is lost ends with `Failed` and what was lost.
//! - Results that are too large end with `TaskRunResultLargerThanAllowedLimit` (where limits are asked for), as upstream
//!   does with results from sidecar logs; with termination messages upstream only says `StepFailed`.
//! - A cancelled or timed out `PipelineRun` ends when the tasks that this plane runs have ended, not before, so that what
//!   it shows is the end of them too. It waits for no custom task, as upstream.
//! - Cancelling reaches the pipelines that a pipeline runs; upstream leaves them running.
//! - A deleted `TaskRun` is stopped, and its processes with it.
//! - A resolver that the plane does not have fails the run at once; upstream waits a minute for someone to answer.
//! - A pipeline that runs itself is refused with the name of the pipeline; upstream prints a list that may be empty.
//! - With fail-fast, which upstream does not have, siblings of a failed task are cancelled with a reason of their own.
//! - With the setting for it, a custom task that nobody carries out is refused instead of waited for.
//! - Combinations of a matrix that a crash kept from being created are created afterwards; upstream forgets them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use libtest_mimic::Arguments;
use libtest_mimic::Failed;
use libtest_mimic::Trial;
use windlass_api::reasons;
use windlass_testkit::scenario;
use windlass_testkit::scenario::Command;
use windlass_testkit::scenario::Scenario;

/// The crashes that are tried of a scenario with very many moments; they are spread evenly.
const MOST_CRASHES: usize = 40;

/// Reasons that no scenario can show, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("Started", "what follows is written in the same moment"),
    ("ExceededResourceQuota", "only a cluster has quotas"),
    (
        "ExceededNodeResources",
        "only a cluster has nodes that others fill",
    ),
    (
        "PullImageFailed",
        "an image that cannot be had ends the attempt, nothing waits for it",
    ),
    (
        "InitContainerFailed",
        "a sandbox that cannot be made is PodCreationFailed",
    ),
    (
        "InitContainerOOM",
        "a sandbox that cannot be made is PodCreationFailed",
    ),
    ("PodEvicted", "only a cluster evicts"),
    ("PodAdmissionFailed", "only a cluster has admission of pods"),
    (
        "TaskRunStopSidecarFailed",
        "a sidecar that does not stop is killed",
    ),
    (
        "TaskValidationFailed",
        "needs a task from elsewhere; a test of the controllers shows it",
    ),
    ("ResourceVerificationFailed", "there are no trusted resources yet"),
    (
        "InvalidPipelineResourceBindings",
        "upstream knows the word and says it no more",
    ),
];

/// New transcripts by file and place in it.
type Updates = Arc<Mutex<BTreeMap<PathBuf, BTreeMap<usize, String>>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let updates = std::env::var_os("WINDLASS_UPDATE").map(|_| Updates::default());
    let files = files();
    let mut trials = vec![every_reason(&files)];
    for (path, scenarios) in &files {
        let area = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for (place, scenario) in scenarios.iter().enumerate() {
            let name = format!("{area}::{}", scenario.name.replace(' ', "_"));
            let (scenario, updates) = (Arc::new(scenario.clone()), updates.clone());
            let (path, played) = (path.clone(), Arc::clone(&scenario));
            trials.push(Trial::test(name.clone(), move || {
                play_once(&played, |transcript| match &updates {
                    None => false,
                    Some(updates) => {
                        let mut updates = updates.lock().unwrap_or_else(PoisonError::into_inner);
                        updates.entry(path).or_default().insert(place, transcript);
                        true
                    }
                })
            }));
            if !scenario.commands.contains(&Command::Once) {
                trials.push(Trial::test(format!("restarted::{name}"), move || {
                    crash_everywhere(&scenario)
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(updates) = updates {
        update(&files, &updates.lock().unwrap_or_else(PoisonError::into_inner));
    }
    conclusion.exit_code()
}

/// Every reason of a run, and every reason to skip a task, is in a transcript, with its message.
fn every_reason(files: &[(PathBuf, Vec<Scenario>)]) -> Trial {
    let scenarios = files.iter().flat_map(|(_, scenarios)| scenarios);
    let transcripts: Vec<&str> = scenarios.map(|scenario| scenario.transcript.as_str()).collect();
    let transcripts = transcripts.join("\n");
    Trial::test("every_reason_is_shown_or_cannot_be", move || {
        let runs = [reasons::task_run::ALL, reasons::pipeline_run::ALL].concat();
        let mut wrong = Vec::new();
        for reason in runs {
            let shown = ["True", "False", "Unknown"].iter().any(|status| {
                let said = format!("{status} {reason}");
                let mut ends = transcripts.match_indices(&said).map(|(at, _)| at + said.len());
                ends.any(|end| transcripts[end..].starts_with([' ', '\n']))
            });
            if shown == NOT_SHOWN.iter().any(|(known, _)| *known == reason) {
                wrong.push(reason);
            }
        }
        let skips = reasons::skip::ALL
            .iter()
            .filter(|reason| **reason != reasons::skip::NONE);
        wrong.extend(skips.filter(|reason| !transcripts.contains(&format!(": {reason}"))));
        if wrong.is_empty() {
            return Ok(());
        }
        Err(format!("shown by no scenario, or shown and in NOT_SHOWN: {wrong:?}").into())
    })
}

fn files() -> Vec<(PathBuf, Vec<Scenario>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = std::fs::read_dir(&folder).expect("the folder of scenarios");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a file of scenarios");
        let scenarios = scenario::read(&text);
        let scenarios = scenarios.unwrap_or_else(|problem| unreachable!("{}: {problem}", path.display()));
        (path, scenarios)
    };
    paths.into_iter().map(read).collect()
}

fn play_once(scenario: &Scenario, keep: impl FnOnce(String) -> bool) -> Result<(), Failed> {
    let played = scenario::play(scenario, &[]);
    if played.transcript == scenario.transcript || keep(played.transcript.clone()) {
        return Ok(());
    }
    Err(difference(&scenario.transcript, &played.transcript).into())
}

/// A restart is just another call: wherever the controllers crash, the same comes of it.
fn crash_everywhere(scenario: &Scenario) -> Result<(), Failed> {
    let whole = scenario::play(scenario, &[]);
    let stride = whole.writes.div_ceil(MOST_CRASHES).max(1);
    let once = (1..=whole.writes).step_by(stride).map(|after| vec![after]);
    let again_and_again = (1..=6).map(|after| vec![after; 12]);
    for crashes in once.chain(again_and_again) {
        let crashed = scenario::play(scenario, &crashes);
        if crashed.transcript != whole.transcript {
            let difference = difference(&whole.transcript, &crashed.transcript);
            return Err(format!(
                "crashed after writes {crashes:?} of {}:\n{difference}",
                whole.writes
            )
            .into());
        }
    }
    Ok(())
}

fn difference(expected: &str, actual: &str) -> String {
    let mut text = String::new();
    let (mut left, mut right) = (expected.lines().peekable(), actual.lines().peekable());
    while left.peek().is_some() || right.peek().is_some() {
        match (left.next(), right.next()) {
            (Some(expected), Some(actual)) if expected == actual => {
                let _ = writeln!(text, "  {expected}");
            }
            (expected, actual) => {
                for (mark, line) in [('-', expected), ('+', actual)] {
                    if let Some(line) = line {
                        let _ = writeln!(text, "{mark} {line}");
                    }
                }
            }
        }
    }
    text
}

fn update(files: &[(PathBuf, Vec<Scenario>)], updates: &BTreeMap<PathBuf, BTreeMap<usize, String>>) {
    for (path, scenarios) in files {
        let Some(updates) = updates.get(path) else {
            continue;
        };
        let next = |(place, scenario): (usize, &Scenario)| {
            let transcript = updates.get(&place).unwrap_or(&scenario.transcript).clone();
            (scenario.clone(), transcript)
        };
        let next: Vec<(Scenario, String)> = scenarios.iter().enumerate().map(next).collect();
        let old = std::fs::read_to_string(path).expect("a file of scenarios");
        std::fs::write(path, scenario::write(&old, &next)).expect("write the transcripts");
    }
}
