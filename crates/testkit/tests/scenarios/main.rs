//! Plays every scenario of this folder, once as it is and once for every moment at which the controllers can crash.
//!
//! Set `WINDLASS_UPDATE=1` to write the transcripts anew; read what changed before you keep it. A name on the command
//! line selects scenarios.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use libtest_mimic::Arguments;
use libtest_mimic::Failed;
use libtest_mimic::Trial;
use windlass_testkit::scenario;
use windlass_testkit::scenario::Command;
use windlass_testkit::scenario::Scenario;

/// The crashes that are tried of a scenario with very many moments; they are spread evenly.
const MOST_CRASHES: usize = 40;

/// New transcripts by file and place in it.
type Updates = Arc<Mutex<BTreeMap<PathBuf, BTreeMap<usize, String>>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let updates = std::env::var_os("WINDLASS_UPDATE").map(|_| Updates::default());
    let files = files();
    let mut trials = Vec::new();
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
    let played = scenario::play(scenario, None);
    if played.transcript == scenario.transcript || keep(played.transcript.clone()) {
        return Ok(());
    }
    Err(difference(&scenario.transcript, &played.transcript).into())
}

/// A restart is just another call: wherever the controllers crash, the same comes of it.
fn crash_everywhere(scenario: &Scenario) -> Result<(), Failed> {
    let whole = scenario::play(scenario, None);
    let stride = whole.writes.div_ceil(MOST_CRASHES).max(1);
    for after in (1..=whole.writes).step_by(stride) {
        let crashed = scenario::play(scenario, Some(after));
        if crashed.transcript != whole.transcript {
            let difference = difference(&whole.transcript, &crashed.transcript);
            return Err(format!("crashed after write {after} of {}:\n{difference}", whole.writes).into());
        }
    }
    Ok(())
}

fn difference(expected: &str, actual: &str) -> String {
    let mut text = String::new();
    let (mut left, mut right) = (expected.lines().peekable(), actual.lines().peekable());
    while left.peek().is_some() || right.peek().is_some() {
        match (left.next(), right.next()) {
            (Some(expected), Some(actual)) if expected == actual => text.push_str(&format!("  {expected}\n")),
            (expected, actual) => {
                expected
                    .into_iter()
                    .for_each(|line| text.push_str(&format!("- {line}\n")));
                actual
                    .into_iter()
                    .for_each(|line| text.push_str(&format!("+ {line}\n")));
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
