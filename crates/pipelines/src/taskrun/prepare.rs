//! From what a `TaskRun` refers to, to a task that is ready to become a job.

use std::collections::BTreeSet;
use std::sync::Arc;

use windlass_api::core::PodTemplate;
use windlass_api::reasons::labels;
use windlass_api::reasons::task_run;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::provenance::RefSource;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_engine::context;
use windlass_engine::context::TaskInputs;
use windlass_engine::context::WorkspaceValue;
use windlass_engine::params;
use windlass_engine::params::USER_ERROR;
use windlass_engine::steps;

use super::outcome::Failure;
use super::validate;
use crate::definitions::Definition;
use crate::definitions::Definitions;
use crate::definitions::Error;
use crate::definitions::chain;
use crate::definitions::put_in_params;

/// A task ready to become a job.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// The task with everything put in.
    pub(crate) spec: Arc<TaskSpec>,
    /// The run's workspaces with parameters put in.
    pub(crate) workspaces: Vec<WorkspaceBinding>,
    /// The run's pod template with parameters put in.
    pub(crate) template: PodTemplate,
    /// Where the actions of steps came from, for each step; `None` for one that is written in the task.
    pub(crate) step_sources: Vec<Option<RefSource>>,
}

type Outcome<T> = windlass_runtime::client::Result<Result<T, Failure>>;

/// Whether a resolver has to find the task of a run.
pub(crate) fn awaits_task(run: &TaskRun) -> bool {
    let known = run.spec.task_spec.is_some() || run.status.task_spec.is_some();
    let reference = run.spec.task_ref.as_ref().filter(|_| !known);
    reference.is_some_and(|reference| !reference.resolver.is_empty())
}

/// Whether resolvers have to find actions of a task's steps.
pub(crate) fn awaits_actions(task: &TaskSpec) -> bool {
    let mut references = task.steps.iter().filter_map(|step| step.r#ref.as_ref());
    references.any(|reference| !reference.resolver.is_empty())
}

/// Finds the task of a run.
pub(crate) async fn find(definitions: &Definitions, run: &TaskRun) -> Outcome<Definition<TaskSpec>> {
    match resolve(definitions, run).await {
        Ok(definition) => Ok(Ok(definition)),
        Err(Error::Plane(error)) => Err(error),
        Err(error) => Ok(Err(unresolved(run, &error))),
    }
}

/// Finds the actions of a task's steps, validates the task and puts everything in.
pub(crate) async fn complete(
    definitions: &Definitions,
    run: &TaskRun,
    bindings: &[WorkspaceBinding],
    definition: &Definition<TaskSpec>,
) -> Outcome<Prepared> {
    let mut task = definition.spec.clone();
    let step_sources = match merge_step_actions(definitions, run, &mut task).await {
        Ok(Ok(sources)) => sources,
        Ok(Err(failure)) => return Ok(Err(failure)),
        Err(Error::Plane(error)) => return Err(error),
        Err(error) => return Ok(Err(unresolved(run, &error))),
    };
    Ok(substitute(run, bindings, definition, &task, step_sources))
}

async fn resolve(definitions: &Definitions, run: &TaskRun) -> Result<Definition<TaskSpec>, Error> {
    if let Some(spec) = &run.spec.task_spec {
        return Ok(own(run, spec.clone()));
    }
    // A definition that was resolved once stays as it was for all further attempts.
    if let Some(spec) = &run.status.task_spec {
        return Ok(own(run, TaskSpec::clone(spec)));
    }
    let mut reference = run.spec.task_ref.clone().unwrap_or_default();
    put_in_params(&mut reference.params, &run.spec.params);
    definitions.task(&run.metadata.namespace, &reference).await
}

/// An embedded task is known by the name of its run, another one that was found before by the name it had then.
fn own(run: &TaskRun, spec: TaskSpec) -> Definition<TaskSpec> {
    let found = run.metadata.labels.get(labels::TASK);
    let found = found.filter(|_| run.spec.task_spec.is_none());
    Definition {
        name: found.unwrap_or(&run.metadata.name).clone(),
        spec,
        labels: std::collections::BTreeMap::new(),
        annotations: std::collections::BTreeMap::new(),
        ref_source: run
            .status
            .provenance
            .as_ref()
            .and_then(|provenance| provenance.ref_source.clone()),
    }
}

fn unresolved(run: &TaskRun, error: &Error) -> Failure {
    if let Error::Refused { .. } = error {
        return Failure::new(task_run::TASK_VALIDATION_FAILED, error.to_string());
    }
    let name = &run.metadata.name;
    let what = run
        .spec
        .task_ref
        .as_ref()
        .map_or("", |reference| reference.name.as_str());
    let error = chain(error);
    let message = if what.is_empty() {
        error
    } else {
        format!("error when listing tasks for taskRun {name}: {error}")
    };
    Failure::new("TaskRunResolutionFailed", message)
}

/// Replaces steps that refer to step actions by what those do, and says where each action came from.
async fn merge_step_actions(
    definitions: &Definitions,
    run: &TaskRun,
    task: &mut TaskSpec,
) -> Result<Result<Vec<Option<RefSource>>, Failure>, Error> {
    let mut sources = vec![None; task.steps.len()];
    for (index, source) in sources.iter_mut().enumerate() {
        let Some(step) = task.steps.get(index) else { break };
        let Some(reference) = step.r#ref.clone() else {
            continue;
        };
        let action = match definitions.step_action(&run.metadata.namespace, &reference).await {
            Ok(action) => action,
            Err(error @ Error::Plane(_)) => return Err(error),
            Err(error @ Error::Refused { .. }) => return Ok(Err(unresolved(run, &error))),
            Err(error) => {
                let message = format!(
                    "failed to resolve step ref for step {:?} (index {index}): {}",
                    step.name,
                    chain(&error)
                );
                return Ok(Err(Failure::new("TaskRunResolutionFailed", message)));
            }
        };
        source.clone_from(&action.ref_source);
        match steps::merge_step_action(step, &action.spec, &task.params, &run.spec.params) {
            Ok(merged) => task.steps.splice(index..=index, [merged]).for_each(drop),
            Err(error) => {
                let message = error.message(&step.name, index);
                return Ok(Err(Failure::new("TaskRunResolutionFailed", message)));
            }
        }
    }
    Ok(Ok(sources))
}

fn substitute(
    run: &TaskRun,
    bindings: &[WorkspaceBinding],
    definition: &Definition<TaskSpec>,
    task: &TaskSpec,
    step_sources: Vec<Option<RefSource>>,
) -> Result<Prepared, Failure> {
    let given = &run.spec.params;
    let refuse = |error: params::Error| {
        let (reason, message) = error.task_condition();
        Failure::new(reason, message)
    };
    validate::requests(task)?;
    params::validate_task_params(&definition.name, &task.params, given, &[]).map_err(refuse)?;
    params::validate_enum(&task.params, given).map_err(refuse)?;
    params::validate_task_indexing(task, given).map_err(refuse)?;
    validate::workspaces(run, task)?;
    validate::overrides(run, task)?;
    let invalid =
        |error: context::Error| Failure::new("TaskRunValidationFailed", format!("{USER_ERROR}{error}"));
    let workspaces = context::apply_task_bindings(&task.params, given, bindings).map_err(invalid)?;
    let values: Vec<WorkspaceValue> = workspaces.iter().map(workspace_value).collect();
    let inputs = TaskInputs {
        task_name: if run.spec.task_spec.is_some() {
            &run.metadata.name
        } else {
            &definition.name
        },
        run_name: &run.metadata.name,
        run_namespace: &run.metadata.namespace,
        run_uid: &run.metadata.uid,
        retry_count: run.status.retries_status.len(),
        params: given,
        workspaces: &values,
    };
    let spec = context::apply_task(task, &inputs).map_err(invalid)?;
    validate::places(&spec)?;
    let template = match &run.spec.pod_template {
        Some(template) => context::apply_pod_template(template, &task.params, given).map_err(invalid)?,
        None => PodTemplate::default(),
    };
    Ok(Prepared {
        spec: Arc::new(spec),
        workspaces,
        template,
        step_sources,
    })
}

/// The task with its template in every step and the resources that the run sets; what is executed, where
/// `status.taskSpec` shows what was written.
pub(crate) fn merged(task: &TaskSpec, run: &TaskRun) -> TaskSpec {
    let mut merged = task.clone();
    let whole = run.spec.compute_resources.as_ref();
    let whole = whole.filter(|whole| !(whole.limits.is_empty() && whole.requests.is_empty()));
    for step in &mut merged.steps {
        *step = steps::merge_step_template(task.step_template.as_ref(), step);
        if let Some(set) = run.spec.step_specs.iter().find(|set| set.name == step.name) {
            step.compute_resources = steps::merge_resources(&step.compute_resources, &set.compute_resources);
        }
        if let Some(whole) = whole {
            // Steps run one after another, so each may use all that the task may.
            step.compute_resources.limits.clone_from(&whole.limits);
        }
    }
    merged.step_template = None;
    for sidecar in &mut merged.sidecars {
        if let Some(set) = run.spec.sidecar_specs.iter().find(|set| set.name == sidecar.name) {
            sidecar.compute_resources =
                steps::merge_resources(&sidecar.compute_resources, &set.compute_resources);
        }
    }
    merged
}

/// Why no pod can be made of the task, when admission could not see it: `onError` may be a parameter, and a step may have the
/// very name that another one gets for having none.
pub(crate) fn refuse_pod(run: &TaskRun, task: &TaskSpec) -> Option<Failure> {
    let known = ["", "continue", "stopAndFail"];
    let misnamed = task
        .steps
        .iter()
        .find(|step| !known.contains(&step.on_error.as_str()));
    let why = match misnamed {
        Some(step) => format!(
            "task step onError must be either \"continue\" or \"stopAndFail\" but it is set to an invalid value {:?}",
            step.on_error
        ),
        None => format!("two containers are called {:?}", twin(task)?),
    };
    let perhaps = match &run.spec.task_ref {
        Some(reference) => format!(
            "missing or invalid Task {}/{}",
            run.metadata.namespace, reference.name
        ),
        None => "invalid TaskSpec".to_owned(),
    };
    Some(Failure::new(
        "PodCreationFailed",
        format!(
            "failed to create task run pod {:?}: {why}. Maybe {perhaps}",
            run.metadata.name
        ),
    ))
}

/// The first name that two containers would have.
fn twin(task: &TaskSpec) -> Option<String> {
    let steps = task.steps.iter().enumerate();
    let steps = steps.map(|(index, step)| match step.name.as_str() {
        "" => format!("step-unnamed-{index}"),
        name => format!("step-{name}"),
    });
    let sidecars = task
        .sidecars
        .iter()
        .map(|sidecar| format!("sidecar-{}", sidecar.name));
    let mut seen = BTreeSet::new();
    steps.chain(sidecars).find(|name| !seen.insert(name.clone()))
}

fn workspace_value(binding: &WorkspaceBinding) -> WorkspaceValue {
    let claim = binding
        .persistent_volume_claim
        .as_ref()
        .map(|claim| claim.claim_name.clone());
    WorkspaceValue {
        name: binding.name.clone(),
        volume: claim.as_ref().map_or_else(
            || format!("workspace-{}", binding.name),
            |claim| format!("claim-{claim}"),
        ),
        claim: claim.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_no_plane_would_admit_fails_validation() {
        let error = Error::Refused {
            name: "t".into(),
            problem: "validation failed: missing field(s): spec.steps".into(),
        };
        let failure = Failure::new(
            "TaskValidationFailed",
            "validation failed for referenced object t: validation failed: missing field(s): spec.steps",
        );
        assert_eq!(unresolved(&TaskRun::default(), &error), failure);
    }

    #[test]
    fn a_task_that_was_found_before_keeps_its_name() {
        let mut run = TaskRun::default();
        run.metadata.name = "r".into();
        assert_eq!(own(&run, TaskSpec::default()).name, "r");
        run.metadata.labels.insert(labels::TASK.into(), "t".into());
        assert_eq!(own(&run, TaskSpec::default()).name, "t");
        Arc::make_mut(&mut run.spec).task_spec = Some(TaskSpec::default());
        assert_eq!(own(&run, TaskSpec::default()).name, "r");
    }
}
