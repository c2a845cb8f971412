//! Whether a run fits its pipeline, and the pipeline its tasks. Pure.

use std::collections::BTreeSet;

use windlass_api::reasons::pipeline_run;
use windlass_api::references;
use windlass_api::references::ResultRef;
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
pub(crate) fn task(run: &PipelineRun, task: &PipelineTask, work: &Work) -> Result<(), Refusal> {
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
    Ok(())
}

/// Whether the tasks of a pipeline fit each other and it. `written` is the pipeline before anything was put in.
pub(crate) fn together(
    run: &PipelineRun,
    written: &PipelineSpec,
    spec: &PipelineSpec,
    work: &[Work],
) -> Result<(), Refusal> {
    let tasks: Vec<(&PipelineTask, &Work)> = spec.tasks.iter().chain(&spec.finally).zip(work).collect();
    for (task, (_, work)) in written.tasks.iter().chain(&written.finally).zip(&tasks) {
        enums(written, task, work)?;
    }
    for (task, _) in &tasks {
        for reference in references::task_edges(task).results {
            produced(&tasks, &reference).map_err(|problem| {
                let message = format!(
                    "{USER_ERROR}invalid result reference in pipeline task {:?}: {problem}",
                    task.name
                );
                Refusal::new(pipeline_run::INVALID_TASK_RESULT_REFERENCE, message)
            })?;
        }
    }
    for result in &spec.results {
        for reference in references::param_texts(&result.value).flat_map(ResultRef::in_text) {
            produced(&tasks, &reference).map_err(|problem| {
                let message = format!(
                    "Failed to resolve pipeline result reference for {:?} with error invalid pipeline result {:?}: \
                     {problem}",
                    run.metadata.name, result.name
                );
                Refusal::new(pipeline_run::INVALID_PIPELINE_RESULT_REFERENCE, message)
            })?;
        }
    }
    tasks
        .iter()
        .try_for_each(|(task, work)| optional_workspaces(spec, task, work))
}

/// Whether the task gets no parameter of the pipeline that may have values which it refuses.
fn enums(written: &PipelineSpec, task: &PipelineTask, work: &Work) -> Result<(), Refusal> {
    let (name, declared) = match (work, &task.task_spec) {
        (Work::Task(Some(definition)), _) => (&definition.name, &definition.spec.params),
        (Work::Embedded, Some(embedded)) => (&task.name, &embedded.params),
        _ => return Ok(()),
    };
    params::validate_enum_subset(name, &task.params, &written.params, declared).map_err(|error| {
        let message = format!("Validation failed for pipelinerun with error {USER_ERROR}{error}");
        Refusal::new(pipeline_run::VALIDATION_FAILED, message)
    })
}

/// Whether the result that is referred to will be produced, as far as that can be known before anything ran.
fn produced(tasks: &[(&PipelineTask, &Work)], reference: &ResultRef<'_>) -> Result<(), String> {
    let producer = tasks.iter().find(|(task, _)| task.name == reference.task);
    let Some((task, work)) = producer else {
        return Err(format!(
            "referenced pipeline task {:?} does not exist",
            reference.task
        ));
    };
    let declared = match (work, &task.task_spec) {
        (Work::Task(Some(definition)), _) => &definition.spec.results,
        (Work::Embedded, Some(embedded)) => &embedded.results,
        // What custom tasks, pipelines and tasks that are resolved later produce is known when they have run.
        _ => return Ok(()),
    };
    if declared.iter().any(|result| result.name == reference.result) {
        return Ok(());
    }
    Err(format!(
        "{:?} is not a named result returned by pipeline task {:?}",
        reference.result, reference.task
    ))
}

/// Whether the task requires no workspace that the pipeline may be without.
fn optional_workspaces(spec: &PipelineSpec, task: &PipelineTask, work: &Work) -> Result<(), Refusal> {
    let declared = match (work, &task.task_spec) {
        (Work::Task(Some(definition)), _) => &definition.spec.workspaces,
        (Work::Embedded, Some(embedded)) => &embedded.workspaces,
        _ => return Ok(()),
    };
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
        let required = declared
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
