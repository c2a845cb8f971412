//! What a process is told to do.

use std::path::PathBuf;
use std::time::Duration;

use crate::job::Process;

/// The behaviour that the environment of a process asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) output: Vec<u8>,
    pub(super) error_output: Vec<u8>,
    pub(super) flood: usize,
    /// `None` runs until it is killed.
    pub(super) runs_for: Option<Duration>,
    pub(super) exit_code: i32,
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    pub(super) ignores_term: bool,
    pub(super) out_of_memory: bool,
    pub(super) start_failure: Option<String>,
    pub(super) pull_failure: Option<String>,
    pub(super) lost: Option<String>,
    pub(super) ready_after: Option<Duration>,
}

impl Script {
    /// Reads the environment; what cannot be understood fails the start with a sentence, so that a typing error in a test
    /// is seen.
    pub(super) fn new(container: &str, process: &Process) -> Self {
        let mut script = Self {
            runs_for: Some(Duration::ZERO),
            ..Self::default()
        };
        for variable in &process.env {
            if let Some(name) = variable.name.strip_prefix("FAKE_")
                && let Err(problem) = script.set(container, name, &variable.value)
            {
                script.start_failure = Some(format!("{}: {problem}", variable.name));
            }
        }
        script
    }

    fn set(&mut self, container: &str, name: &str, value: &str) -> Result<(), String> {
        match name {
            "OUTPUT" => self.output = value.into(),
            "ERROR_OUTPUT" => self.error_output = value.into(),
            "FLOOD" => self.flood = value.parse().map_err(|_| "is no number of bytes".to_owned())?,
            "SLEEP" => {
                self.runs_for = if value == "forever" {
                    None
                } else {
                    Some(duration(value)?)
                }
            }
            "EXIT_CODE" => self.exit_code = value.parse().map_err(|_| "is no exit code".to_owned())?,
            "IGNORE_TERM" => self.ignores_term = true,
            "OOM" => self.out_of_memory = true,
            "PULL_FAIL" => self.pull_failure = Some(value.to_owned()),
            "START_FAIL" => self.start_failure = Some(value.to_owned()),
            "LOST" => self.lost = Some(value.to_owned()),
            "READY_AFTER" => self.ready_after = Some(duration(value)?),
            "FILE" => {
                let (path, content) = value.split_once('=').ok_or("is not <path>=<content>")?;
                self.files.push((path.into(), content.into()));
            }
            other => {
                let path = if let Some(result) = other.strip_prefix("RESULT_") {
                    format!("/tekton/results/{result}")
                } else if let Some(result) = other.strip_prefix("STEP_RESULT_") {
                    format!("/tekton/steps/{container}/results/{result}")
                } else {
                    return Err("is no variable of the fake".to_owned());
                };
                self.files.push((path.into(), value.into()));
            }
        }
        Ok(())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = if let Some(number) = text.strip_suffix("ms") {
        number.parse().ok().map(Duration::from_millis)
    } else {
        text.strip_suffix('s')
            .and_then(|number| number.parse().ok())
            .map(Duration::from_secs)
    };
    parsed.ok_or_else(|| format!("`{text}` is neither <n>ms nor <n>s"))
}
