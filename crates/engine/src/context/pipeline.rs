//! The passes over a pipeline.

use std::collections::HashSet;

use windlass_api::references::ResultRef;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::workspaces::WorkspaceBinding;

use super::error::Error;
use super::propagation::propagate;
use crate::params;
use crate::params::Scope;
use crate::results::Producer;
use crate::results::ResultsByTask;
use crate::substitution;
use crate::substitution::Collect;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::bindings;
use crate::substitution::visit_pipeline_task;

/// What a pipeline knows of its run.
#[derive(Clone, Copy, Debug, Default)]
pub struct PipelineInputs<'a> {
    /// `context.pipeline.name`: name of the referenced pipeline; for an embedded one upstream uses the run's name.
    pub pipeline_name: &'a str,
    /// `context.pipelineRun.name`.
    pub run_name: &'a str,
    /// `context.pipelineRun.namespace`.
    pub run_namespace: &'a str,
    /// `context.pipelineRun.uid`.
    pub run_uid: &'a str,
    /// Parameters of the run.
    pub params: &'a [Param],
    /// Workspaces that the run binds.
    pub workspaces: &'a [WorkspaceBinding],
}

/// The pipeline with everything put in that is known before its first task starts.
///
/// The passes follow one another: parameters, context, `workspaces.<name>.bound`. They reach embedded tasks, but not
/// referenced ones; there a parameter that the pipeline task gives keeps the run's from being put in.
pub fn apply_pipeline(spec: &PipelineSpec, inputs: &PipelineInputs<'_>) -> Result<PipelineSpec, Error> {
    let mut spec = spec.clone();
    let values = params::replacer(Scope::Pipeline, &spec.params, inputs.params)?;
    let context = context(inputs);
    let workspaces = bound(&spec, inputs.workspaces);
    let mut passes =
        [&values, &context, &workspaces].map(|values| Expansion::with_limit(values, MAX_PIPELINE_EXPANSION));
    for task in spec.tasks.iter_mut().chain(&mut spec.finally) {
        for (at, (pass, values)) in passes
            .iter_mut()
            .zip([&values, &context, &workspaces])
            .enumerate()
        {
            // A fanned-out task's display name is made for each of its runs, from their parameters.
            let keep = (at != CONTEXT && task.matrix.is_some()).then(|| task.display_name.clone());
            apply(task, pass, values)?;
            if let Some(name) = keep {
                task.display_name = name;
            }
        }
    }
    Ok(spec)
}

/// Upper bound, in bytes, of what one pass adds to a pipeline: 64 MiB, 6 KiB for each of 10,000 tasks.
const MAX_PIPELINE_EXPANSION: usize = 64 << 20;

/// Place of the context among the passes.
const CONTEXT: usize = 1;

/// The sources of a `PipelineRun`'s workspaces with its parameters put in; defaults are not, as upstream.
pub fn apply_pipeline_bindings(
    given: &[Param],
    workspaces: &[WorkspaceBinding],
) -> Result<Vec<WorkspaceBinding>, Error> {
    let values = params::replacer(Scope::Pipeline, &[], given)?;
    let mut workspaces = workspaces.to_vec();
    bindings(&mut Expansion::new(&values), &mut workspaces)?;
    Ok(workspaces)
}

/// The sources of a `PipelineRun`'s workspaces with the results of its tasks put in: strings and keys of objects.
pub fn apply_result_bindings(
    results: &ResultsByTask,
    workspaces: &[WorkspaceBinding],
) -> Result<Vec<WorkspaceBinding>, substitution::Error> {
    let mut workspaces = workspaces.to_vec();
    let mut values = Replacer::new();
    let mut look = Collect(|text: &str| {
        for reference in ResultRef::in_text(text) {
            let outcome = results
                .get(reference.task)
                .filter(|outcome| outcome.producer != Producer::Custom);
            let value = outcome.and_then(|outcome| outcome.values.get(reference.result));
            if let Some(value) = value.filter(|value| !matches!(value, ParamValue::Array(_))) {
                values.value(
                    &[format!("tasks.{}.results.{}", reference.task, reference.result)],
                    value,
                );
            }
        }
    });
    let Ok(()) = bindings(&mut look, &mut workspaces);
    bindings(&mut Expansion::new(&values), &mut workspaces)?;
    Ok(workspaces)
}

fn apply(task: &mut PipelineTask, pass: &mut Expansion<'_>, values: &Replacer<'_>) -> Result<(), Error> {
    if values.is_empty() {
        return Ok(());
    }
    visit_pipeline_task(pass, task)?;
    propagate(task, values, pass)?;
    Ok(())
}

fn context(inputs: &PipelineInputs<'_>) -> Replacer<'static> {
    let mut values = Replacer::new();
    values
        .string("context.pipelineRun.name", inputs.run_name)
        .string("context.pipelineRun.namespace", inputs.run_namespace)
        .string("context.pipelineRun.uid", inputs.run_uid)
        .string("context.pipeline.name", inputs.pipeline_name);
    values
}

fn bound(spec: &PipelineSpec, workspaces: &[WorkspaceBinding]) -> Replacer<'static> {
    let names: HashSet<&str> = workspaces
        .iter()
        .map(|workspace| workspace.name.as_str())
        .collect();
    let declared = spec.workspaces.iter().map(|workspace| workspace.name.as_str());
    let mut values = Replacer::new();
    for name in declared.chain(names.iter().copied()) {
        let bound = if names.contains(name) { "true" } else { "false" };
        values.string(format!("workspaces.{name}.bound"), bound);
    }
    values
}
