//! What reaches the task that is written inside a pipeline.

use windlass_api::tekton::ParamValue;
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
/// the value in. Keys that an object of the pipeline has and the task's does not are still the pipeline's. A default of
/// the embedded task hides nothing, as upstream: what the run gives wins over defaults.
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
        let bases = pipeline_bases(&param.name);
        if let (ParamValue::Object(own), Some(base)) = (&param.value, bases.first())
            && let Some(all) = values.get_object(base)
        {
            for (key, text) in all.iter().filter(|(key, _)| !own.contains_key(*key)) {
                inner.string(format!("{base}.{key}"), text.clone());
            }
        }
        for base in bases {
            inner.hide(base);
        }
    }
    whole.with(&inner, |pass| visit_task(pass, TaskParts::from(embedded)))
}
