//! Whether a run fits its task. Pure.

use std::collections::BTreeSet;

use windlass_api::names;
use windlass_api::reasons::task_run;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_engine::params::USER_ERROR;

use super::outcome::Failure;

/// No step asks for more of a resource than it may use.
pub(crate) fn requests(task: &TaskSpec) -> Result<(), Failure> {
    let template = task.step_template.as_ref();
    for step in &task.steps {
        for (name, request) in &step.compute_resources.requests {
            let own = step.compute_resources.limits.get(name);
            let limit = own.or_else(|| template?.compute_resources.limits.get(name));
            if let Some(limit) = limit
                && let (Some(least), Some(most)) = (request.millis(), limit.millis())
                && least > most
            {
                let (least, most) = (request.as_str(), limit.as_str());
                return Err(invalid(&[format!(
                    "invalid request resource value: {least} must be less or equal to limit {most}"
                )]));
            }
        }
    }
    Ok(())
}

/// What the run sets of single steps and sidecars is of those that there are.
pub(crate) fn overrides(run: &TaskRun, task: &TaskSpec) -> Result<(), Failure> {
    let steps: BTreeSet<&str> = task.steps.iter().map(|step| step.name.as_str()).collect();
    let sidecars: BTreeSet<&str> = task
        .sidecars
        .iter()
        .map(|sidecar| sidecar.name.as_str())
        .collect();
    let step_specs = run.spec.step_specs.iter().map(|set| set.name.as_str());
    let mut problems: Vec<String> = step_specs
        .filter(|name| !steps.contains(name))
        .map(|name| format!("invalid StepOverride: No Step named {name}"))
        .collect();
    let sidecar_specs = run.spec.sidecar_specs.iter().map(|set| set.name.as_str());
    problems.extend(
        sidecar_specs
            .filter(|name| !sidecars.contains(name))
            .map(|name| format!("invalid SidecarOverride: No Sidecar named {name}")),
    );
    if problems.is_empty() {
        Ok(())
    } else {
        Err(invalid(&problems))
    }
}

fn invalid(problems: &[String]) -> Failure {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{USER_ERROR}{problem}"))
        .collect();
    Failure::new(task_run::VALIDATION_FAILED, lines.join("\n"))
}

/// Every required workspace is bound, and every binding is declared; an embedded task may leave declarations out.
pub(crate) fn workspaces(run: &TaskRun, task: &TaskSpec) -> Result<(), Failure> {
    let refuse = |message| Err(invalid(&[message]));
    let bound: BTreeSet<&str> = run
        .spec
        .workspaces
        .iter()
        .map(|binding| binding.name.as_str())
        .collect();
    let missing = task
        .workspaces
        .iter()
        .find(|declared| !declared.optional && !bound.contains(declared.name.as_str()));
    if let Some(declared) = missing {
        return refuse(format!(
            "declared workspace {:?} is required but has not been bound",
            declared.name
        ));
    }
    if run.spec.task_spec.is_some() {
        return Ok(());
    }
    let declared: BTreeSet<&str> = task
        .workspaces
        .iter()
        .map(|declared| declared.name.as_str())
        .collect();
    match run
        .spec
        .workspaces
        .iter()
        .find(|binding| !declared.contains(binding.name.as_str()))
    {
        Some(binding) => refuse(format!(
            "workspace binding {:?} does not match any declared workspace",
            binding.name
        )),
        None => Ok(()),
    }
}

/// Names that become parts of paths must not lead anywhere else.
pub(crate) fn places(task: &TaskSpec) -> Result<(), Failure> {
    let refuse = |message| Err(invalid(&[message]));
    if let Some(result) = task
        .results
        .iter()
        .find(|result| !names::is_result_name(&result.name))
    {
        return refuse(format!("invalid result name {:?}", result.name));
    }
    let mounts = task.steps.iter().flat_map(|step| &step.volume_mounts);
    let mounts = mounts.chain(task.sidecars.iter().flat_map(|sidecar| &sidecar.volume_mounts));
    for mount in mounts {
        if mount.sub_path.split('/').any(|part| part == "..") || mount.sub_path.starts_with('/') {
            return refuse(format!(
                "subPath {:?} of volume {:?} must stay inside the volume",
                mount.sub_path, mount.name
            ));
        }
        if !mount.mount_path.starts_with('/') || mount.mount_path.split('/').any(|part| part == "..") {
            return refuse(format!(
                "mountPath {:?} of volume {:?} must be an absolute path",
                mount.mount_path, mount.name
            ));
        }
    }
    Ok(())
}
