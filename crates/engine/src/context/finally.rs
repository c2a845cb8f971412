//! What final tasks know of the tasks before them.

use windlass_api::tekton::PipelineTask;

use crate::outcome::TaskStatus;
use crate::substitution::Error;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::visit_pipeline_task;

/// The values that final tasks may use, made once for all of them: for each task its name, status and the reason of its
/// run's condition, which is empty when it never ran; then the status of all together.
pub fn finally_context<'a>(
    tasks: impl IntoIterator<Item = (&'a str, TaskStatus, &'a str)>,
    aggregate: TaskStatus,
) -> Replacer<'static> {
    let mut values = Replacer::new();
    values.string("tasks.status", aggregate.as_str());
    for (task, status, reason) in tasks {
        values
            .string(format!("tasks.{task}.status"), status.as_str())
            .string(format!("tasks.{task}.reason"), reason);
    }
    values
}

/// The final task with [`finally_context`] put in; embedded tasks are not reached, as upstream.
pub fn apply_finally_context(task: &PipelineTask, context: &Replacer<'_>) -> Result<PipelineTask, Error> {
    let mut task = task.clone();
    visit_pipeline_task(&mut Expansion::new(context), &mut task)?;
    Ok(task)
}
