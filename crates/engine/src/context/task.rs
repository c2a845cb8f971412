//! The passes over a task.

use windlass_api::tekton::Param;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_api::tekton::workspaces::WorkspaceDeclaration;
use windlass_api::tekton::workspaces::WorkspaceUsage;

use super::error::Error;
use crate::params;
use crate::params::Scope;
use crate::substitution;
use crate::substitution::Expansion;
use crate::substitution::Replacer;
use crate::substitution::TaskParts;
use crate::substitution::bindings;
use crate::substitution::visit_sidecar;
use crate::substitution::visit_step;
use crate::substitution::visit_task;

/// Directory of what steps tell each other.
const STEPS: &str = "/tekton/steps";
/// Directory of a task's results.
const RESULTS: &str = "/tekton/results";
/// File of a task's artifacts.
const ARTIFACTS: &str = "/tekton/artifacts/provenance.json";
/// Directory of credentials.
const CREDENTIALS: &str = "/tekton/creds";

/// What a task knows of its run.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskInputs<'a> {
    /// `context.task.name`: name of the referenced task; for an embedded one upstream uses the run's name.
    pub task_name: &'a str,
    /// `context.taskRun.name`.
    pub run_name: &'a str,
    /// `context.taskRun.namespace`.
    pub run_namespace: &'a str,
    /// `context.taskRun.uid`.
    pub run_uid: &'a str,
    /// `context.task.retry-count`: archived attempts.
    pub retry_count: usize,
    /// Parameters of the run.
    pub params: &'a [Param],
    /// Workspaces that the run binds.
    pub workspaces: &'a [WorkspaceValue],
}

/// A workspace that a run binds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceValue {
    /// Name of the task's workspace.
    pub name: String,
    /// `workspaces.<name>.claim`: name of the claim behind it; empty when there is none.
    pub claim: String,
    /// `workspaces.<name>.volume`: name of the volume behind it.
    pub volume: String,
}

/// The task with everything put in that is known before its first step starts.
///
/// The passes follow one another in this order: parameters, context, results, artifacts, exit codes, workspaces,
/// credentials. A value of an earlier pass may hold variables of a later one. Workspaces that the run binds and the
/// task does not declare are added to its declarations. Validate parameters first: what does not fit is put in as is.
pub fn apply_task(spec: &TaskSpec, inputs: &TaskInputs<'_>) -> Result<TaskSpec, Error> {
    let mut spec = spec.clone();
    let values = params::replacer(Scope::Task, &spec.params, inputs.params)?;
    whole(&values, &mut spec)?;
    whole(&context(inputs), &mut spec)?;
    step_paths(&mut spec)?;
    whole(&result_paths(&spec), &mut spec)?;
    artifact_paths(&mut spec)?;
    whole(&exit_codes(&spec), &mut spec)?;
    declare_workspaces(&mut spec, inputs.workspaces);
    workspace_overrides(&mut spec)?;
    whole(&workspaces(&spec, inputs.workspaces), &mut spec)?;
    let mut credentials = Replacer::new();
    credentials.string("credentials.path", CREDENTIALS);
    whole(&credentials, &mut spec)?;
    Ok(spec)
}

/// The sources of a `TaskRun`'s workspaces with its parameters put in.
pub fn apply_task_bindings(
    declared: &[ParamSpec],
    given: &[Param],
    workspaces: &[WorkspaceBinding],
) -> Result<Vec<WorkspaceBinding>, Error> {
    let values = params::replacer(Scope::Task, declared, given)?;
    let mut workspaces = workspaces.to_vec();
    bindings(&mut Expansion::new(&values), &mut workspaces)?;
    Ok(workspaces)
}

/// Name of a step's directory below `/tekton/steps`, which is the name of its container.
pub fn step_directory(name: &str, index: usize) -> String {
    if name.is_empty() {
        format!("step-unnamed-{index}")
    } else {
        format!("step-{name}")
    }
}

fn whole(values: &Replacer<'_>, spec: &mut TaskSpec) -> Result<(), substitution::Error> {
    if values.is_empty() {
        return Ok(());
    }
    visit_task(&mut Expansion::new(values), TaskParts::from(spec))
}

fn context(inputs: &TaskInputs<'_>) -> Replacer<'static> {
    let mut values = Replacer::new();
    values
        .string("context.taskRun.name", inputs.run_name)
        .string("context.taskRun.namespace", inputs.run_namespace)
        .string("context.taskRun.uid", inputs.run_uid)
        .string("context.task.name", inputs.task_name)
        .string("context.task.retry-count", inputs.retry_count.to_string());
    values
}

/// The three ways to write where a result goes.
fn path_names(prefix: &str, result: &str) -> [String; 3] {
    [
        format!("{prefix}.{result}.path"),
        format!("{prefix}[\"{result}\"].path"),
        format!("{prefix}['{result}'].path"),
    ]
}

fn step_paths(spec: &mut TaskSpec) -> Result<(), substitution::Error> {
    for (index, step) in spec.steps.iter_mut().enumerate() {
        let directory = step_directory(&step.name, index);
        let mut values = Replacer::new();
        for result in &step.results {
            for name in path_names("step.results", &result.name) {
                values.string(name, format!("{STEPS}/{directory}/results/{}", result.name));
            }
        }
        if !values.is_empty() {
            visit_step(&mut Expansion::new(&values), step)?;
        }
    }
    Ok(())
}

fn result_paths(spec: &TaskSpec) -> Replacer<'static> {
    let mut values = Replacer::new();
    for result in &spec.results {
        for name in path_names("results", &result.name) {
            values.string(name, format!("{RESULTS}/{}", result.name));
        }
    }
    values
}

fn artifact_paths(spec: &mut TaskSpec) -> Result<(), substitution::Error> {
    for (index, step) in spec.steps.iter_mut().enumerate() {
        let directory = step_directory(&step.name, index);
        let mut values = Replacer::new();
        values
            .string(
                "step.artifacts.path",
                format!("{STEPS}/{directory}/artifacts/provenance.json"),
            )
            .string("artifacts.path", ARTIFACTS);
        visit_step(&mut Expansion::new(&values), step)?;
    }
    Ok(())
}

fn exit_codes(spec: &TaskSpec) -> Replacer<'static> {
    let mut values = Replacer::new();
    for (index, step) in spec.steps.iter().enumerate() {
        let directory = step_directory(&step.name, index);
        values.string(
            format!("steps.{directory}.exitCode.path"),
            format!("{STEPS}/{directory}/exitCode"),
        );
    }
    values
}

fn declare_workspaces(spec: &mut TaskSpec, bound: &[WorkspaceValue]) {
    for workspace in bound {
        if !spec
            .workspaces
            .iter()
            .any(|declared| declared.name == workspace.name)
        {
            spec.workspaces.push(WorkspaceDeclaration {
                name: workspace.name.clone(),
                ..WorkspaceDeclaration::default()
            });
        }
    }
}

/// A step or sidecar that names a mount path of its own sees that one.
fn workspace_overrides(spec: &mut TaskSpec) -> Result<(), substitution::Error> {
    for step in &mut spec.steps {
        if let Some(values) = overrides(&step.workspaces) {
            visit_step(&mut Expansion::new(&values), step)?;
        }
    }
    for sidecar in &mut spec.sidecars {
        if let Some(values) = overrides(&sidecar.workspaces) {
            visit_sidecar(&mut Expansion::new(&values), sidecar)?;
        }
    }
    Ok(())
}

fn overrides(usages: &[WorkspaceUsage]) -> Option<Replacer<'static>> {
    let mut values = Replacer::new();
    for usage in usages.iter().filter(|usage| !usage.mount_path.is_empty()) {
        values.string(
            format!("workspaces.{}.path", usage.name),
            usage.mount_path.clone(),
        );
    }
    (!values.is_empty()).then_some(values)
}

fn workspaces(spec: &TaskSpec, bound: &[WorkspaceValue]) -> Replacer<'static> {
    let mut values = Replacer::new();
    for declared in &spec.workspaces {
        let name = &declared.name;
        let unbound = declared.optional && !bound.iter().any(|workspace| workspace.name == *name);
        let path = if unbound {
            String::new()
        } else if declared.mount_path.is_empty() {
            format!("/workspace/{name}")
        } else {
            declared.mount_path.clone()
        };
        values.string(format!("workspaces.{name}.path"), path).string(
            format!("workspaces.{name}.bound"),
            if unbound { "false" } else { "true" },
        );
    }
    for workspace in bound {
        let name = &workspace.name;
        values
            .string(format!("workspaces.{name}.volume"), workspace.volume.clone())
            .string(format!("workspaces.{name}.claim"), workspace.claim.clone());
    }
    values
}
