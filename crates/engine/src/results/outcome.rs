//! How the tasks of a pipeline ended and what they produced.

use std::collections::BTreeMap;
use std::collections::HashMap;

use windlass_api::tekton::ParamValue;
use windlass_api::tekton::taskrun::TaskRunResult;

use crate::outcome::TaskStatus;

/// The tasks of a pipeline run that have ended, by name; others are absent.
pub type ResultsByTask = HashMap<String, TaskOutcome>;

/// What ran a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Producer {
    /// One `TaskRun`.
    Task,
    /// Several `TaskRun`s; the results are arrays made by [`aggregate`].
    Matrix {
        /// How many there are.
        runs: usize,
    },
    /// A `CustomRun`; its results are the strings it reported.
    Custom,
}

/// How a task ended and what it produced.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskOutcome {
    /// How it ended; `None` while it has not.
    pub status: TaskStatus,
    /// What ran it.
    pub producer: Producer,
    /// Its results by name.
    pub values: BTreeMap<String, ParamValue>,
}

/// Gathers the results of a fanned-out task: for each name an array, in the lexical order of the runs' names.
///
/// Only strings can be gathered; as upstream, a result of another type counts as an empty string.
pub fn aggregate<'a>(
    runs: impl IntoIterator<Item = (&'a str, &'a [TaskRunResult])>,
) -> BTreeMap<String, ParamValue> {
    let mut runs: Vec<_> = runs.into_iter().collect();
    runs.sort_by_key(|(name, _)| *name);
    let mut gathered: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for result in runs.into_iter().flat_map(|(_, results)| results) {
        let text = result.value.as_str().unwrap_or_default().to_owned();
        gathered.entry(result.name.clone()).or_default().push(text);
    }
    gathered
        .into_iter()
        .map(|(name, items)| (name, ParamValue::Array(items)))
        .collect()
}

/// The value that a custom run's result has for other tasks: a JSON array of strings is an array unless it is empty.
pub fn custom_value(text: &str) -> ParamValue {
    if text.trim_start().starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<String>>(text)
        && !items.is_empty()
    {
        return ParamValue::Array(items);
    }
    ParamValue::from(text)
}
