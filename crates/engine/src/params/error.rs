//! What can be wrong with the parameters of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use windlass_api::reasons::pipeline_run;
use windlass_api::reasons::pipeline_run::USER_ERROR_PREFIX;
use windlass_api::reasons::task_run;

use crate::substitution;

/// Parameters that do not fit their declarations; the texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A task's required parameters have no value.
    #[error(
        "invalid input params for task {task}: missing values for these params which have no default values: {}",
        go_list(names)
    )]
    TaskMissing {
        /// Name of the task.
        task: String,
        /// The parameters, in order of declaration.
        names: Vec<String>,
    },
    /// A task's parameters have values of another type.
    #[error(
        "invalid input params for task {task}: param types don't match the user-specified type: {}",
        go_list(names)
    )]
    TaskTypes {
        /// Name of the task.
        task: String,
        /// The parameters, in the order given.
        names: Vec<String>,
    },
    /// A task's object parameters lack keys.
    #[error(
        "invalid input params for task {task}: missing keys for these params which are required in ParamSpec's properties {}",
        go_map(keys)
    )]
    TaskKeys {
        /// Name of the task.
        task: String,
        /// The keys by parameter.
        keys: BTreeMap<String, Vec<String>>,
    },
    /// A pipeline's required parameters have no value.
    #[error("pipelineRun missing parameters: {}", go_list(names))]
    PipelineMissing {
        /// The parameters, in order of declaration.
        names: Vec<String>,
    },
    /// A pipeline's parameters have values of another type.
    #[error("parameters have inconsistent types : {}", go_list(names))]
    PipelineTypes {
        /// The parameters, in the order given.
        names: Vec<String>,
    },
    /// A pipeline's object parameters lack keys.
    #[error("pipelineRun missing object keys for parameters: {}", go_map(keys))]
    PipelineKeys {
        /// The keys by parameter.
        keys: BTreeMap<String, Vec<String>>,
    },
    /// A value is not one of those allowed.
    #[error("param `{name}` value: {value} is not in the enum list")]
    Enum {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
    },
    /// A pipeline's parameter may have values that the task's may not.
    #[error("{}", subset(param, task, outer, inner))]
    EnumSubset {
        /// The pipeline's parameter.
        param: String,
        /// Name of the task.
        task: String,
        /// What the pipeline's parameter may be; empty is anything.
        outer: Vec<String>,
        /// What the task's may be.
        inner: Vec<String>,
    },
    /// An element beyond the end of an array is used.
    #[error("non-existent param references:{}", go_list(references))]
    Index {
        /// The references as written, sorted.
        references: Vec<String>,
    },
    /// A default uses a parameter that is not declared.
    #[error("parameter resolution failed: param \"{param}\" references undefined param \"{reference}\"")]
    Undefined {
        /// The parameter whose default it is.
        param: String,
        /// The parameter that is missing.
        reference: String,
    },
    /// Defaults use each other in a circle.
    #[error("parameter resolution failed: circular dependency detected in param \"{param}\"")]
    Circular {
        /// A parameter of the circle.
        param: String,
    },
    /// Defaults use each other over too many levels.
    #[error("parameter resolution failed: maximum recursion depth ({limit}) exceeded for param \"{param}\"")]
    TooDeep {
        /// The parameter at the bound.
        param: String,
        /// The bound.
        limit: usize,
    },
    /// Values could not be put in.
    #[error("parameter resolution failed: the values are too large")]
    Expand(#[source] substitution::Error),
}

impl Error {
    /// Reason and message of a `TaskRun`'s condition.
    pub fn task_condition(&self) -> (&'static str, String) {
        let reason = match self {
            Self::Enum { .. } => task_run::INVALID_PARAM_VALUE,
            _ => task_run::VALIDATION_FAILED,
        };
        (reason, format!("{USER_ERROR_PREFIX}{self}"))
    }

    /// Reason and message of a `PipelineRun`'s condition; both names are `namespace/name`.
    pub fn pipeline_condition(&self, run: &str, pipeline: &str) -> (&'static str, String) {
        let (reason, text) = match self {
            Self::PipelineMissing { .. } => (
                pipeline_run::PARAMETER_MISSING,
                format!("PipelineRun {run} is missing some parameters required by Pipeline {pipeline}"),
            ),
            Self::PipelineTypes { .. } => (
                pipeline_run::PARAMETER_TYPE_MISMATCH,
                format!(
                    "PipelineRun {run} parameters have mismatching types with Pipeline {pipeline}'s parameters"
                ),
            ),
            Self::PipelineKeys { .. } => (
                pipeline_run::OBJECT_PARAMETER_MISS_KEYS,
                format!(
                    "PipelineRun {run} parameters is missing object keys required by Pipeline {pipeline}'s parameters"
                ),
            ),
            Self::Enum { .. } => (
                pipeline_run::INVALID_PARAM_VALUE,
                format!("PipelineRun {run} parameters have invalid value"),
            ),
            Self::Index { .. } => (
                pipeline_run::PARAM_ARRAY_INDEXING_INVALID,
                format!(
                    "PipelineRun {run} failed validation: failed to validate Pipeline {pipeline}'s parameter which has an invalid index while referring to an array"
                ),
            ),
            _ => (
                pipeline_run::VALIDATION_FAILED,
                format!("Failed to apply parameters to Pipeline {pipeline}"),
            ),
        };
        (reason, format!("{USER_ERROR_PREFIX}{text}: {self}"))
    }
}

fn subset(param: &str, task: &str, outer: &[String], inner: &[String]) -> String {
    let inner = go_list(inner);
    if outer.is_empty() {
        return format!(
            "pipeline param \"{param}\" has no enum, but referenced in \"{task}\" task has enums: {inner}"
        );
    }
    let outer = go_list(outer);
    format!(
        "pipeline param \"{param}\" enum: {outer} is not a subset of the referenced in \"{task}\" task param enum: {inner}"
    )
}

/// A list as upstream's messages print it: `[a b]`.
pub(crate) fn go_list(items: &[String]) -> String {
    format!("[{}]", items.join(" "))
}

/// A map of lists as upstream's messages print it: `map[a:[b c]]`.
pub(crate) fn go_map(entries: &BTreeMap<String, Vec<String>>) -> String {
    let mut out = String::from("map[");
    for (at, (key, items)) in entries.iter().enumerate() {
        let gap = if at == 0 { "" } else { " " };
        let _ = write!(out, "{gap}{key}:{}", go_list(items));
    }
    out.push(']');
    out
}
