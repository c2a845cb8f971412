//! What a pipeline task knows of itself and of the matrices of others.

use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;

use crate::matrix;
use crate::results::Producer;
use crate::results::ResultsByTask;
use crate::substitution::Collect;
use crate::substitution::Error;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::variables;
use crate::substitution::visit_pipeline_task;

/// The task with `context.pipelineTask.retries` and the lengths of other tasks' matrices put in.
///
/// `tasks.t.matrix.length` is how many runs `t` fans out to, `tasks.t.matrix.r.length` how many of them produced `r`.
pub fn apply_pipeline_task_context(
    task: &PipelineTask,
    pipeline: &PipelineSpec,
    results: &ResultsByTask,
) -> Result<PipelineTask, Error> {
    let mut task = task.clone();
    let mut values = Replacer::new();
    values.string("context.pipelineTask.retries", task.retries.to_string());
    let mut look = Collect(|text: &str| {
        for variable in variables(text) {
            if let Some(length) = length(variable, pipeline, results) {
                values.string(variable, length.to_string());
            }
        }
    });
    let Ok(()) = visit_pipeline_task(&mut look, &mut task);
    visit_pipeline_task(&mut Expansion::new(&values), &mut task)?;
    Ok(task)
}

fn length(variable: &str, pipeline: &PipelineSpec, results: &ResultsByTask) -> Option<usize> {
    let (task, rest) = variable.strip_prefix("tasks.")?.split_once(".matrix.")?;
    let outcome = results.get(task);
    let Some(result) = rest.strip_suffix(".length") else {
        if rest != "length" {
            return None;
        }
        if let Some(Producer::Matrix { runs }) = outcome.map(|outcome| outcome.producer) {
            return Some(runs);
        }
        let matrix = pipeline
            .tasks
            .iter()
            .find(|other| other.name == task)?
            .matrix
            .as_ref()?;
        return Some(matrix::count(matrix));
    };
    match outcome?.values.get(result) {
        Some(ParamValue::Array(items)) => Some(items.len()),
        Some(ParamValue::String(_) | ParamValue::Object(_)) | None => Some(0),
    }
}
