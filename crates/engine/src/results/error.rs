//! Results that cannot be had.

use crate::outcome::TaskStatus;
use crate::substitution;

/// A task uses results that it cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A result is not there.
    #[error(transparent)]
    Missing(#[from] MissingResult),
    /// An element beyond the end of an array is used.
    #[error("array Result Index {index} for Task {task} Result {result} is out of bound of size {size}")]
    Index {
        /// The pipeline task.
        task: String,
        /// Its result.
        result: String,
        /// The element.
        index: usize,
        /// How many there are.
        size: usize,
    },
    /// Values could not be put in.
    #[error("the results of tasks are too large to be put in")]
    Expand(#[source] substitution::Error),
}

/// A result that is not there; the texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingResult {
    /// The task that should have produced it never ran or has not ended.
    #[error("task \"{task}\" referenced by result was not finished")]
    NotFinished {
        /// The pipeline task.
        task: String,
    },
    /// The task ended without producing it.
    #[error("Invalid task result reference: Could not find result with name {result} for {} {task}", noun(*matrixed))]
    NotProduced {
        /// The pipeline task.
        task: String,
        /// The result.
        result: String,
        /// How the task ended.
        status: TaskStatus,
        /// Whether the task was fanned out.
        matrixed: bool,
    },
}

impl MissingResult {
    /// The pipeline task that should have produced it.
    pub fn task(&self) -> &str {
        match self {
            Self::NotFinished { task } | Self::NotProduced { task, .. } => task,
        }
    }

    /// Whether the task succeeded all the same: then the consumer is invalid, otherwise it is skipped.
    pub fn after_success(&self) -> bool {
        matches!(
            self,
            Self::NotProduced {
                status: TaskStatus::Succeeded,
                ..
            }
        )
    }
}

fn noun(matrixed: bool) -> &'static str {
    if matrixed { "task" } else { "pipeline task" }
}
