//! What final tasks know of the tasks before them.

use windlass_api::tekton::PipelineTask;

use crate::results::Outcome;
use crate::substitution::Error;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::visit_pipeline_task;

/// How a task ended, for the final tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskStatus<'a> {
    /// Name of the pipeline task.
    pub task: &'a str,
    /// `tasks.<task>.status`.
    pub outcome: Outcome,
    /// `tasks.<task>.reason`: reason of its run's condition; empty when it never ran.
    pub reason: &'a str,
}

/// How all tasks ended: `tasks.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateStatus {
    /// All succeeded.
    Succeeded,
    /// At least one failed, even if the failure is ignored.
    Failed,
    /// None failed and at least one was skipped.
    Completed,
    /// They have not all ended.
    None,
}

impl AggregateStatus {
    /// The word that the variable becomes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Completed => "Completed",
            Self::None => "None",
        }
    }
}

/// The values that final tasks may use, made once for all of them.
pub fn finally_context<'a>(
    tasks: impl IntoIterator<Item = TaskStatus<'a>>,
    aggregate: AggregateStatus,
) -> Replacer<'static> {
    let mut values = Replacer::new();
    values.string("tasks.status", aggregate.as_str());
    for status in tasks {
        values
            .string(format!("tasks.{}.status", status.task), status.outcome.as_str())
            .string(format!("tasks.{}.reason", status.task), status.reason);
    }
    values
}

/// The final task with [`finally_context`] put in; embedded tasks are not reached, as upstream.
pub fn apply_finally_context(task: &PipelineTask, context: &Replacer<'_>) -> Result<PipelineTask, Error> {
    let mut task = task.clone();
    visit_pipeline_task(&mut Expansion::new(context), &mut task)?;
    Ok(task)
}
