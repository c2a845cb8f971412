//! Which workspaces a pipeline task hands to its run. Pure.

use std::collections::BTreeSet;

use windlass_api::references::expressions;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_api::tekton::workspaces::WorkspacePipelineTaskBinding;
use windlass_engine::substitution::Collect;
use windlass_engine::substitution::TaskParts;
use windlass_engine::substitution::visit_task;

/// The bindings of a task's run. `bound` are the pipeline run's, claim templates already replaced by claims.
///
/// # Errors
/// The workspace that the run does not bind although the task needs it.
pub(crate) fn bindings(
    task: &PipelineTask,
    definition: Option<&TaskSpec>,
    bound: &[WorkspaceBinding],
) -> Result<Vec<WorkspaceBinding>, String> {
    let mut wanted = task.workspaces.clone();
    propagate(task, bound, &mut wanted);
    let mut all = Vec::with_capacity(wanted.len());
    for workspace in &wanted {
        let source = if workspace.workspace.is_empty() {
            &workspace.name
        } else {
            &workspace.workspace
        };
        if let Some(binding) = bound.iter().find(|binding| binding.name == *source) {
            all.push(WorkspaceBinding {
                name: workspace.name.clone(),
                sub_path: joined(&binding.sub_path, &workspace.sub_path),
                ..binding.clone()
            });
        } else if !is_optional(task, definition, &workspace.name) {
            return Err(format!(
                "expected workspace {source:?} to be provided by pipelinerun for pipeline task {:?}",
                task.name
            ));
        }
    }
    Ok(all)
}

/// An embedded task may use the run's workspaces without saying so twice.
fn propagate(
    task: &PipelineTask,
    bound: &[WorkspaceBinding],
    wanted: &mut Vec<WorkspacePipelineTaskBinding>,
) {
    let Some(embedded) = &task.task_spec else { return };
    let mut used = BTreeSet::new();
    let mut copy = embedded.clone();
    let mut look = Collect(|text: &str| {
        for expression in expressions(text) {
            let name = expression
                .body
                .strip_prefix("workspaces.")
                .and_then(|rest| rest.rsplit_once('.'));
            used.extend(name.map(|(name, _)| name.to_owned()));
        }
    });
    let Ok(()) = visit_task(&mut look, TaskParts::from(&mut copy));
    let isolated = embedded.steps.iter().flat_map(|step| &step.workspaces);
    used.extend(isolated.map(|usage| usage.name.clone()));
    for name in used {
        let known = wanted.iter().any(|workspace| workspace.name == name);
        if !known && bound.iter().any(|binding| binding.name == name) {
            wanted.push(WorkspacePipelineTaskBinding {
                name,
                ..WorkspacePipelineTaskBinding::default()
            });
        }
    }
}

fn is_optional(task: &PipelineTask, definition: Option<&TaskSpec>, name: &str) -> bool {
    let declared = match (&task.task_spec, definition) {
        (Some(embedded), _) => embedded.workspaces.as_slice(),
        (None, Some(definition)) => definition.workspaces.as_slice(),
        (None, None) => &[],
    };
    declared
        .iter()
        .any(|declared| declared.name == name && declared.optional)
}

fn joined(outer: &str, inner: &str) -> String {
    match (outer.is_empty(), inner.is_empty()) {
        (_, true) => outer.to_owned(),
        (true, false) => inner.to_owned(),
        (false, false) => format!(
            "{}/{}",
            outer.trim_end_matches('/'),
            inner.trim_start_matches('/')
        ),
    }
}
