//! Final tasks, and what only they may refer to.

use std::collections::HashSet;

use super::place::Place;
use super::violation::Check;
use super::violation::DISALLOWED_FIELD;
use super::violation::INVALID_VARIABLE;
use super::violation::UNKNOWN_TASK;
use super::violation::Violation;
use crate::references::ResultRef;
use crate::references::expressions;
use crate::references::param_texts;
use crate::references::when_texts;
use crate::tekton::PipelineSpec;
use crate::tekton::PipelineTask;

/// The aggregate status, known to final tasks.
const TASKS_STATUS: &str = "tasks.status";

/// The task whose status or reason an expression is; empty for the aggregate.
fn execution_status(body: &str) -> Option<&str> {
    if body == TASKS_STATUS {
        return Some("");
    }
    let rest = body.strip_prefix("tasks.")?;
    rest.strip_suffix(".status")
        .or_else(|| rest.strip_suffix(".reason"))
}

/// Calls with the expressions of each parameter and guard of a task.
fn for_expressions(at: &Place<'_>, task: &PipelineTask, call: &mut dyn FnMut(&Place<'_>, &[&str])) {
    let params_at = at.field("params");
    for (index, param) in task.params.iter().enumerate() {
        let bodies: Vec<&str> = param_texts(&param.value)
            .flat_map(expressions)
            .map(|expression| expression.body)
            .collect();
        if !bodies.is_empty() {
            call(&params_at.keyed(index, &param.name).field("value"), &bodies);
        }
    }
    let when_at = at.field("when");
    for (index, when) in task.when.iter().enumerate() {
        let bodies: Vec<&str> = when_texts(when)
            .flat_map(expressions)
            .map(|expression| expression.body)
            .collect();
        if !bodies.is_empty() {
            call(&when_at.index(index), &bodies);
        }
    }
}

impl Check<'_> {
    /// Requires that tasks of the graph do not refer to statuses, which are known when the graph is done.
    pub(super) fn execution_statuses(&mut self, at: &Place<'_>, tasks: &[PipelineTask]) {
        for (index, task) in tasks.iter().enumerate() {
            for_expressions(&at.index(index), task, &mut |at, bodies| {
                let result = bodies.iter().any(|body| ResultRef::looks_like(body));
                if !result && bodies.iter().any(|body| execution_status(body).is_some()) {
                    let value = "pipeline tasks can not refer to execution status of any other pipeline task or \
                                 aggregate status of tasks";
                    let violation = Violation::invalid(at, value).code(INVALID_VARIABLE);
                    self.add(violation.hint("only final tasks can; move the task to finally"));
                }
            });
        }
    }

    pub(super) fn final_tasks(&mut self, at: &Place<'_>, spec: &PipelineSpec) {
        let at = at.field("finally");
        if spec.tasks.is_empty() && !spec.finally.is_empty() {
            let value = format!(
                "spec.tasks is empty but spec.finally has {} tasks",
                spec.finally.len()
            );
            self.add(Violation::invalid(&at, value));
        }
        let tasks: HashSet<&str> = spec.tasks.iter().map(|task| task.name.as_str()).collect();
        let finals: HashSet<&str> = spec.finally.iter().map(|task| task.name.as_str()).collect();
        for (index, task) in spec.finally.iter().enumerate() {
            let at = at.index(index);
            if !task.run_after.is_empty() {
                let value = format!(
                    "no runAfter allowed under spec.finally, final task {} has runAfter specified",
                    task.name
                );
                let mut violation = Violation::invalid(&at, value).code(DISALLOWED_FIELD);
                violation.path = at.field("runAfter").path();
                self.add(violation.hint("final tasks all start at once, when the others are done"));
            }
            for_expressions(&at, task, &mut |at, bodies| {
                self.final_expressions(at, bodies, &tasks, &finals);
            });
        }
    }

    fn final_expressions(
        &mut self,
        at: &Place<'_>,
        bodies: &[&str],
        tasks: &HashSet<&str>,
        finals: &HashSet<&str>,
    ) {
        let results = bodies.iter().any(|body| ResultRef::looks_like(body));
        for body in bodies {
            if let Some(ResultRef { task, .. }) = ResultRef::parse(body) {
                let invalid = "invalid task result reference, final task has task result reference from a";
                if finals.contains(task) {
                    let violation = Violation::invalid(at, format!("{invalid} final task {task}"));
                    self.add(violation.code(INVALID_VARIABLE));
                } else if !tasks.contains(task) {
                    let value = format!("{invalid} task {task} which is not defined in the pipeline");
                    self.unknown_task(at, task, value, tasks);
                }
            } else if let Some(task) = execution_status(body).filter(|task| !results && !task.is_empty())
                && !tasks.contains(task)
            {
                let value = format!("pipeline task {task} is not defined in the pipeline");
                self.unknown_task(at, task, value, tasks);
            }
        }
    }

    fn unknown_task(&mut self, at: &Place<'_>, name: &str, value: String, tasks: &HashSet<&str>) {
        let near = self.near(name, || tasks.iter().copied().collect());
        self.add(Violation::invalid(at, value).code(UNKNOWN_TASK).meant(near));
    }
}
