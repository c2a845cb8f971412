//! Whether a run fits its task. Pure.

use std::collections::BTreeSet;

use windlass_api::names;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_engine::params::USER_ERROR;

use super::outcome::Failure;

/// Every required workspace is bound, and every binding is declared; an embedded task may leave declarations out.
pub(crate) fn workspaces(run: &TaskRun, task: &TaskSpec) -> Result<(), Failure> {
    let refuse = |message: String| {
        Err(Failure::new(
            "TaskRunValidationFailed",
            format!("{USER_ERROR}{message}"),
        ))
    };
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
    let refuse = |message: String| {
        Err(Failure::new(
            "TaskRunValidationFailed",
            format!("{USER_ERROR}{message}"),
        ))
    };
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
