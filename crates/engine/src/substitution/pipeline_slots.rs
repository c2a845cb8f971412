//! The fields of a pipeline task that accept variables.

use windlass_api::tekton::PipelineTask;

use super::slots::Visitor;
use super::slots::visit_params;

/// Visits every field of a pipeline task except what an embedded task or pipeline holds.
pub fn visit_pipeline_task<V: Visitor>(visitor: &mut V, task: &mut PipelineTask) -> Result<(), V::Error> {
    visit_params(visitor, &mut task.params)?;
    if let Some(matrix) = &mut task.matrix {
        visit_params(visitor, &mut matrix.params)?;
        for include in &mut matrix.include {
            visit_params(visitor, &mut include.params)?;
        }
    }
    visitor.text(&mut task.display_name)?;
    for workspace in &mut task.workspaces {
        visitor.text(&mut workspace.sub_path)?;
    }
    task.when.iter_mut().try_for_each(|when| visitor.when(when))?;
    if let Some(reference) = &mut task.task_ref {
        visitor.text(&mut reference.name)?;
        visit_params(visitor, &mut reference.params)?;
    }
    if let Some(reference) = &mut task.pipeline_ref {
        visitor.text(&mut reference.name)?;
        visit_params(visitor, &mut reference.params)?;
    }
    visitor.text(&mut task.on_error)
}
