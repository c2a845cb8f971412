//! Tasks, whether they stand alone or inside a run or pipeline.

use std::collections::HashSet;

use super::flags::Stability;
use super::params::Scope;
use super::place::Place;
use super::step::clean;
use super::violation::Check;
use super::violation::DUPLICATE_NAME;
use super::violation::INVALID_VALUE;
use super::violation::UNKNOWN_WORKSPACE;
use super::violation::Violation;
use crate::core::Volume;
use crate::tekton::EmbeddedTask;
use crate::tekton::ParamSpec;
use crate::tekton::ParamType;
use crate::tekton::Step;
use crate::tekton::TaskSpec;
use crate::tekton::task::Sidecar;
use crate::tekton::task::StepTemplate;
use crate::tekton::task::TaskResult;
use crate::tekton::workspaces::WorkspaceDeclaration;
use crate::tekton::workspaces::WorkspaceUsage;

/// A task's specification, of either form it comes in.
#[derive(Clone, Copy)]
pub(super) struct TaskView<'a> {
    pub(super) params: &'a [ParamSpec],
    pub(super) steps: &'a [Step],
    pub(super) volumes: &'a [Volume],
    pub(super) template: Option<&'a StepTemplate>,
    pub(super) sidecars: &'a [Sidecar],
    pub(super) workspaces: &'a [WorkspaceDeclaration],
    pub(super) results: &'a [TaskResult],
}

impl<'a> From<&'a TaskSpec> for TaskView<'a> {
    fn from(spec: &'a TaskSpec) -> Self {
        Self {
            params: &spec.params,
            steps: &spec.steps,
            volumes: &spec.volumes,
            template: spec.step_template.as_ref(),
            sidecars: &spec.sidecars,
            workspaces: &spec.workspaces,
            results: &spec.results,
        }
    }
}

impl<'a> From<&'a EmbeddedTask> for TaskView<'a> {
    fn from(spec: &'a EmbeddedTask) -> Self {
        Self {
            params: &spec.params,
            steps: &spec.steps,
            volumes: &spec.volumes,
            template: spec.step_template.as_ref(),
            sidecars: &spec.sidecars,
            workspaces: &spec.workspaces,
            results: &spec.results,
        }
    }
}

impl Check<'_> {
    /// What holds for every task. Parameters that are used without being declared are looked at by
    /// [`Check::task_usage`], because an embedded task may get them from around it.
    pub(super) fn task_spec(&mut self, at: &Place<'_>, task: TaskView<'_>) {
        let steps_at = at.field("steps");
        if task.steps.is_empty() {
            self.add(Violation::missing(&steps_at).hint("a task needs at least one step"));
        }
        self.volumes(&at.field("volumes"), task.volumes);
        self.declared_workspaces(&at.field("workspaces"), task);
        self.used_workspaces(at, task);
        self.steps(&steps_at, task.steps, task.template);
        if let Some(template) = task.template {
            let at = at.field("stepTemplate");
            self.mounts(&at.field("volumeMounts"), &template.volume_mounts);
        }
        self.sidecars(&at.field("sidecars"), task.sidecars);
        self.param_specs(at, task.params);
        let scope = Scope::of(task.params, None);
        let results: HashSet<&str> = task.results.iter().map(|result| result.name.as_str()).collect();
        for (index, step) in task.steps.iter().enumerate() {
            let at = steps_at.index(index);
            self.step_arrays(&at, step, &|name| scope.is(name, ParamType::Array));
            self.step_context(&at, step);
            self.known_variables(&at.field("script"), &step.script, "results", &results);
        }
        self.task_results(&at.field("results"), task.results);
    }

    /// Requires that every parameter used is declared in the scope, and objects with their properties.
    pub(super) fn task_usage(&mut self, at: &Place<'_>, task: TaskView<'_>, outer: Option<&Scope<'_>>) {
        let scope = Scope::of(task.params, outer);
        let steps_at = at.field("steps");
        for (index, step) in task.steps.iter().enumerate() {
            self.step_params(&steps_at.index(index), step, &scope);
        }
        self.object_params_have_properties(at, task.params);
    }

    /// As [`Check::task_usage`], and arrays of the scope around only where arrays can be.
    pub(super) fn task_usage_with_arrays(&mut self, at: &Place<'_>, task: TaskView<'_>, outer: &Scope<'_>) {
        self.task_usage(at, task, Some(outer));
        let own: HashSet<&str> = task.params.iter().map(|param| param.name.as_str()).collect();
        let is_array = |name: &str| !own.contains(name) && outer.is(name, ParamType::Array);
        let steps_at = at.field("steps");
        for (index, step) in task.steps.iter().enumerate() {
            self.step_arrays(&steps_at.index(index), step, &is_array);
        }
    }

    fn step_context(&mut self, at: &Place<'_>, step: &Step) {
        self.step_variables(
            at,
            step,
            "context.taskRun",
            &HashSet::from(["name", "namespace", "uid"]),
        );
        self.step_variables(at, step, "context.task", &HashSet::from(["name", "retry-count"]));
    }

    fn volumes(&mut self, at: &Place<'_>, volumes: &[Volume]) {
        let mut names = HashSet::new();
        for (index, volume) in volumes.iter().enumerate() {
            if !names.insert(volume.name.as_str()) {
                let message = format!("multiple volumes with same name {:?}", volume.name);
                self.add(Violation::new(
                    DUPLICATE_NAME,
                    &at.index(index).field("name"),
                    message,
                ));
            }
            if leaves_its_directory(&volume.name) {
                // Upstream leaves this to the cluster, which wants a DNS label; here a variable may stand in it.
                let message = format!(
                    "invalid value: volume name {:?} is no name of a directory",
                    volume.name
                );
                self.add(Violation::new(
                    INVALID_VALUE,
                    &at.index(index).field("name"),
                    message,
                ));
            }
        }
    }

    fn declared_workspaces(&mut self, at: &Place<'_>, task: TaskView<'_>) {
        let template = task
            .template
            .into_iter()
            .flat_map(|template| &template.volume_mounts);
        let mounts = task
            .steps
            .iter()
            .flat_map(|step| &step.volume_mounts)
            .chain(template);
        let mut paths: HashSet<String> = mounts
            .map(|mount| clean(&mount.mount_path).into_owned())
            .collect();
        let mut names = HashSet::new();
        for (index, workspace) in task.workspaces.iter().enumerate() {
            let at = at.index(index);
            if !names.insert(workspace.name.as_str()) {
                let message = format!("workspace name {:?} must be unique", workspace.name);
                self.add(Violation::new(DUPLICATE_NAME, &at.field("name"), message));
            }
            if leaves_its_directory(&workspace.name) {
                // Upstream makes a path of any name; here it has to stay below /workspace.
                let message = format!(
                    "invalid value: workspace name {:?} is no name of a directory",
                    workspace.name
                );
                self.add(Violation::new(INVALID_VALUE, &at.field("name"), message));
            }
            let path = if workspace.mount_path.is_empty() {
                format!("/workspace/{}", workspace.name)
            } else {
                workspace.mount_path.clone()
            };
            let path = clean(&path).into_owned();
            if paths.contains(&path) {
                let message = format!("workspace mount path {path:?} must be unique");
                self.add(Violation::new(
                    DUPLICATE_NAME,
                    &at.spelt("mountPath", "mountpath"),
                    message,
                ));
            }
            paths.insert(path);
        }
    }

    /// Workspaces of steps and sidecars are those of the task.
    fn used_workspaces(&mut self, at: &Place<'_>, task: TaskView<'_>) {
        let names: HashSet<&str> = task
            .workspaces
            .iter()
            .map(|workspace| workspace.name.as_str())
            .collect();
        let steps_at = at.field("steps");
        for (index, step) in task.steps.iter().enumerate() {
            self.workspace_usages(
                &steps_at.index(index),
                &step.workspaces,
                "step workspaces",
                &names,
            );
        }
        let sidecars_at = at.field("sidecars");
        for (index, sidecar) in task.sidecars.iter().enumerate() {
            self.workspace_usages(
                &sidecars_at.index(index),
                &sidecar.workspaces,
                "sidecar workspaces",
                &names,
            );
        }
    }

    fn workspace_usages(
        &mut self,
        at: &Place<'_>,
        usages: &[WorkspaceUsage],
        feature: &str,
        names: &HashSet<&str>,
    ) {
        let at = at.field("workspaces");
        if !usages.is_empty() {
            self.feature(&at, feature, Stability::Beta);
        }
        for (index, usage) in usages.iter().enumerate() {
            if !names.contains(usage.name.as_str()) {
                let near = self.near(&usage.name, || names.iter().copied().collect());
                let message = format!("undefined workspace {:?}", usage.name);
                self.add(
                    Violation::new(UNKNOWN_WORKSPACE, &at.index(index).field("name"), message).meant(near),
                );
            }
        }
    }
}

/// Whether a name, used as the name of a directory, would lie elsewhere.
pub(super) fn leaves_its_directory(name: &str) -> bool {
    name.contains(['/', '\0']) || name == "." || name == ".."
}
