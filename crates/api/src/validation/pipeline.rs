//! Pipelines, whether they stand alone or inside a run or another pipeline.

use std::collections::HashSet;

use super::params::Scope;
use super::place::Place;
use super::step::artifacts_disabled;
use super::step::refers_to_artifact;
use super::violation::Check;
use super::violation::DUPLICATE_NAME;
use super::violation::MISSING_FIELD;
use super::violation::UNKNOWN_TASK;
use super::violation::UNKNOWN_WORKSPACE;
use super::violation::Violation;
use crate::references::ResultRef;
use crate::references::edges;
use crate::references::expressions;
use crate::references::param_texts;
use crate::tekton::PipelineSpec;
use crate::tekton::PipelineTask;
use crate::tekton::pipeline::PipelineResult;

/// The two lists of tasks of a pipeline, by their fields.
pub(super) fn sections(spec: &PipelineSpec) -> [(&'static str, &[PipelineTask]); 2] {
    [("tasks", &spec.tasks), ("finally", &spec.finally)]
}

impl Check<'_> {
    /// What holds for every pipeline. Parameters and workspaces that are used without being declared are looked at by
    /// [`Check::pipeline_usage`], because an embedded pipeline may get them from around it.
    pub(super) fn pipeline_spec(&mut self, at: &Place<'_>, spec: &PipelineSpec) {
        if spec == &PipelineSpec::default() {
            let fields = ["description", "params", "resources", "tasks", "workspaces"];
            let violation = Violation::one_of(at, &fields, "expected at least one, got none", true);
            self.add(violation.code(MISSING_FIELD));
        }
        let mut names = HashSet::new();
        for (field, tasks) in sections(spec) {
            let at = at.field(field);
            for (index, task) in tasks.iter().enumerate() {
                let at = at.index(index);
                if !names.insert(task.name.as_str()) {
                    let violation = Violation::both(&at, &["name"]).code(DUPLICATE_NAME);
                    self.add(violation.hint(format!("another task is called {:?}", task.name)));
                }
                self.pipeline_task(&at, task);
                self.artifact_params(&at, task);
            }
        }
        self.param_specs(at, &spec.params);
        self.pipeline_workspaces(at, spec);
        let edges = edges(spec);
        self.graph(&at.field("tasks"), spec, &edges.tasks);
        self.child_pipeline_results(at, spec, &edges);
        self.final_tasks(at, spec);
        self.execution_statuses(&at.field("tasks"), &spec.tasks);
        self.pipeline_results(&at.field("results"), spec);
        for (field, tasks) in sections(spec) {
            self.matrices(&at.field(field), tasks);
        }
    }

    fn artifact_params(&mut self, at: &Place<'_>, task: &PipelineTask) {
        if self.flags.enable_artifacts {
            return;
        }
        let mut texts = task.params.iter().flat_map(|param| param_texts(&param.value));
        if texts.any(|text| refers_to_artifact(text, "tasks")) {
            self.add(artifacts_disabled(&at.field("params")));
        }
    }

    fn pipeline_workspaces(&mut self, at: &Place<'_>, spec: &PipelineSpec) {
        let at = at.field("workspaces");
        let mut names = HashSet::new();
        for (index, workspace) in spec.workspaces.iter().enumerate() {
            if workspace.name.is_empty() {
                let value = format!("workspace {index} has empty name");
                self.add(Violation::invalid(&at.index(index), value));
            }
            if !names.insert(workspace.name.as_str()) {
                let value = format!("workspace with name {:?} appears more than once", workspace.name);
                self.add(Violation::invalid(&at.index(index), value).code(DUPLICATE_NAME));
            }
        }
    }

    /// The results of a pipeline are those of its tasks.
    fn pipeline_results(&mut self, at: &Place<'_>, spec: &PipelineSpec) {
        let tasks: HashSet<&str> = spec.tasks.iter().map(|task| task.name.as_str()).collect();
        let finally: HashSet<&str> = spec.finally.iter().map(|task| task.name.as_str()).collect();
        for (index, result) in spec.results.iter().enumerate() {
            let at = at.index(index);
            self.pipeline_result(&at.field("value"), result, &tasks, &finally);
        }
    }

    fn pipeline_result(
        &mut self,
        at: &Place<'_>,
        result: &PipelineResult,
        tasks: &HashSet<&str>,
        finally: &HashSet<&str>,
    ) {
        let bodies: Vec<&str> = param_texts(&result.value)
            .flat_map(expressions)
            .map(|expression| expression.body)
            .collect();
        let expected = "expected pipeline results to be task result expressions but";
        if bodies.is_empty() {
            self.add(Violation::invalid(
                at,
                format!("{expected} no expressions were found"),
            ));
        }
        let results = |body: &&str| ResultRef::looks_like(body) || ResultRef::parse(body).is_some();
        if !bodies.iter().any(results) {
            self.add(Violation::invalid(
                at,
                format!("{expected} an invalid expressions was found"),
            ));
        }
        let meant: Vec<&str> = bodies.iter().copied().filter(results).collect();
        let read: Vec<ResultRef<'_>> = meant.iter().copied().filter_map(ResultRef::parse).collect();
        if meant.len() != read.len() {
            let words: Vec<String> = read
                .iter()
                .map(|read| format!("tasks.{}.results.{}", read.task, read.result))
                .collect();
            self.add(Violation::invalid(
                at,
                format!(
                    "expected all of the expressions [{}] to be result expressions but only [{}] were",
                    meant.join(" "),
                    words.join(" ")
                ),
            ));
        }
        let text = result.value.as_str().unwrap_or_default();
        if let Some(name) = missing_task(text, tasks, finally) {
            let near = self.near(name, || tasks.iter().chain(finally).copied().collect());
            let violation = Violation::invalid(at, "referencing a nonexistent task").code(UNKNOWN_TASK);
            self.add(violation.meant(near));
        }
    }

    /// Requires that everything a pipeline uses is declared in it: parameters of the scope, workspaces.
    pub(super) fn pipeline_usage(&mut self, at: &Place<'_>, spec: &PipelineSpec) {
        let scope = Scope::of(&spec.params, None);
        let workspaces: HashSet<&str> = spec
            .workspaces
            .iter()
            .map(|workspace| workspace.name.as_str())
            .collect();
        for (field, tasks) in sections(spec) {
            let at = at.field(field);
            for (index, task) in tasks.iter().enumerate() {
                let at = at.index(index);
                self.pipeline_task_params(&at, task, &scope);
                if let Some(embedded) = &task.task_spec {
                    self.task_usage(&at.field("taskSpec"), embedded.into(), Some(&scope));
                }
                self.pipeline_task_workspaces(&at, task, &workspaces);
            }
        }
        self.object_params_have_properties(at, &spec.params);
    }

    fn pipeline_task_workspaces(&mut self, at: &Place<'_>, task: &PipelineTask, declared: &HashSet<&str>) {
        let at = at.field("workspaces");
        let mut names = HashSet::new();
        for (index, binding) in task.workspaces.iter().enumerate() {
            let at = at.index(index);
            if !names.insert(binding.name.as_str()) {
                let message = format!("workspace name {:?} must be unique", binding.name);
                self.add(Violation::new(DUPLICATE_NAME, &at, message));
            }
            let wanted = if binding.workspace.is_empty() {
                &binding.name
            } else {
                &binding.workspace
            };
            if !declared.contains(wanted.as_str()) {
                let near = self.near(wanted, || declared.iter().copied().collect());
                let value = format!(
                    "pipeline task {:?} expects workspace with name {wanted:?} but none exists in pipeline spec",
                    task.name
                );
                let hint = format!("declare workspace {wanted:?} in the pipeline");
                self.add(
                    Violation::invalid(&at, value)
                        .code(UNKNOWN_WORKSPACE)
                        .hint(hint)
                        .meant(near),
                );
            }
        }
    }
}

/// The first thing in the value of a pipeline's result that is no result of one of its tasks.
fn missing_task<'a>(text: &'a str, tasks: &HashSet<&str>, finally: &HashSet<&str>) -> Option<&'a str> {
    text.split('$')
        .filter(|piece| !piece.is_empty())
        .find_map(|piece| {
            let body = piece.strip_prefix('(').unwrap_or(piece);
            let body = body.strip_suffix(')').unwrap_or(body);
            let mut words = body.split('.');
            let section = match words.next() {
                Some("tasks") => tasks,
                Some("finally") => finally,
                _ => return Some(piece),
            };
            let task = words.next().unwrap_or_default();
            let well_formed = ResultRef::looks_like(body) && matches!(words.count(), 2 | 3);
            (!section.contains(task) || !(well_formed || ResultRef::parse(body).is_some())).then_some(task)
        })
}
