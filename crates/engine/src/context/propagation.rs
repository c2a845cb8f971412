//! What reaches the task that is written inside a pipeline.

use windlass_api::tekton::PipelineTask;

use crate::params::pipeline_bases;
use crate::substitution::Error;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::TaskParts;
use crate::substitution::visit_task;

/// Puts a pipeline's values into an embedded task.
///
/// A parameter that the pipeline task itself gives hides the pipeline's: its variable stays, and the task's own run puts
/// the value in. A default of the embedded task hides nothing, as upstream: what the run gives wins over defaults.
///
/// What is added counts against the pass over the pipeline.
pub(super) fn propagate(
    task: &mut PipelineTask,
    values: &Replacer<'_>,
    whole: &mut Expansion<'_>,
) -> Result<(), Error> {
    let Some(embedded) = &mut task.task_spec else {
        return Ok(());
    };
    let mut inner = Replacer::in_front_of(values);
    let fanned = task.matrix.iter().flat_map(|matrix| {
        matrix
            .params
            .iter()
            .chain(matrix.include.iter().flat_map(|include| &include.params))
    });
    for param in task.params.iter().chain(fanned) {
        for base in pipeline_bases(&param.name) {
            inner.hide(base);
        }
    }
    whole.with(&inner, |pass| visit_task(pass, TaskParts::from(embedded)))
}
