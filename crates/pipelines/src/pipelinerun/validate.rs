//! Whether a run fits its pipeline, and the pipeline its tasks. Pure.

use std::collections::BTreeSet;

use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_engine::params;
use windlass_engine::params::USER_ERROR;

use super::tracker::Work;

/// Why a run cannot start: reason and message of its condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// Whether the run gives what the pipeline asks for.
pub(crate) fn run(run: &PipelineRun, pipeline: &str, spec: &PipelineSpec) -> Result<(), Refusal> {
    let namespace = &run.metadata.namespace;
    let (this, of) = (
        format!("{namespace}/{}", run.metadata.name),
        format!("{namespace}/{pipeline}"),
    );
    params::validate_pipeline_params(spec, &run.spec.params).map_err(|error| {
        let (reason, message) = error.pipeline_condition(&this, &of);
        Refusal::new(reason, message)
    })?;
    let bound: BTreeSet<&str> = run
        .spec
        .workspaces
        .iter()
        .map(|binding| binding.name.as_str())
        .collect();
    let unbound = spec
        .workspaces
        .iter()
        .find(|declared| !declared.optional && !bound.contains(declared.name.as_str()));
    if let Some(declared) = unbound {
        return Err(Refusal::new(
            pipeline_run::INVALID_WORKSPACE_BINDINGS,
            format!(
                "PipelineRun {this} doesn't bind Pipeline {of}'s Workspaces correctly: {USER_ERROR}pipeline requires \
                 workspace with name {:?} be provided by pipelinerun",
                declared.name
            ),
        ));
    }
    let known: BTreeSet<&str> = spec
        .tasks
        .iter()
        .chain(&spec.finally)
        .map(|task| task.name.as_str())
        .collect();
    let unknown = run
        .spec
        .task_run_specs
        .iter()
        .find(|settings| !known.contains(settings.pipeline_task_name.as_str()));
    if let Some(settings) = unknown {
        return Err(Refusal::new(
            pipeline_run::INVALID_TASK_RUN_SPECS,
            format!(
                "PipelineRun {this} doesn't define taskRunSpecs correctly: {USER_ERROR}pipelineRun's taskrunSpecs \
                 defined wrong taskName: {:?}, does not exist in Pipeline",
                settings.pipeline_task_name
            ),
        ));
    }
    Ok(())
}

/// Whether a task of the pipeline gives its definition what that asks for.
pub(crate) fn task(
    run: &PipelineRun,
    spec: &PipelineSpec,
    task: &PipelineTask,
    work: &Work,
) -> Result<(), Refusal> {
    let Work::Task(Some(definition)) = work else {
        return Ok(());
    };
    let matrix = task
        .matrix
        .as_ref()
        .map(windlass_engine::matrix::all_params)
        .unwrap_or_default();
    params::validate_task_params(&definition.name, &definition.spec.params, &task.params, &matrix).map_err(
        |error| {
            Refusal::new(
                pipeline_run::VALIDATION_FAILED,
                format!(
                    "Validation failed for pipelinerun {} with error {USER_ERROR}{error}",
                    run.metadata.name
                ),
            )
        },
    )?;
    let optional = |name: &str| {
        spec.workspaces
            .iter()
            .any(|declared| declared.name == name && declared.optional)
    };
    for binding in &task.workspaces {
        let source = if binding.workspace.is_empty() {
            &binding.name
        } else {
            &binding.workspace
        };
        let required = definition
            .spec
            .workspaces
            .iter()
            .any(|own| own.name == binding.name && !own.optional);
        if required && optional(source) {
            return Err(Refusal::new(
                pipeline_run::REQUIRED_WORKSPACE_MARKED_OPTIONAL,
                format!(
                    "Optional workspace not supported by task: {USER_ERROR}pipeline workspace {source:?} is marked \
                     optional but pipeline task {:?} requires it be provided",
                    task.name
                ),
            ));
        }
    }
    Ok(())
}
