//! Renamed fields of runs.

use serde_json::Value;

use super::fields;
use super::fields::Members;
use super::walk::Direction;
use super::walk::Walk;
use crate::problem::FieldPath;
use crate::problem::Problem;

pub(super) fn task_run_spec(walk: &mut Walk, spec: &mut Members, name: &str, path: &FieldPath) {
    walk.refuse(
        spec,
        "resources",
        "pipeline resources are gone; use workspaces, params and results",
        path,
    );
    walk.reference(spec, "taskRef", path);
    if let Some(task) = fields::object(spec, "taskSpec") {
        walk.task_spec(task, name, &path.field("taskSpec"));
    }
    overrides(walk, spec, path);
}

/// `stepOverrides` and `sidecarOverrides`, which v1 calls specs.
fn overrides(walk: &mut Walk, members: &mut Members, path: &FieldPath) {
    for (old, new) in [
        ("stepOverrides", "stepSpecs"),
        ("sidecarOverrides", "sidecarSpecs"),
    ] {
        walk.rename(members, old, new, path);
        let list = if walk.direction == Direction::ToV1 {
            new
        } else {
            old
        };
        let path = path.field(old);
        for (index, item) in fields::objects(members, list).enumerate() {
            walk.rename(item, "resources", "computeResources", &path.index(index));
        }
    }
}

pub(super) fn task_run_status(walk: &mut Walk, status: &mut Members, name: &str, path: &FieldPath) {
    walk.park_task_run_status(status);
    attempt(walk, status, name, path);
}

fn attempt(walk: &mut Walk, status: &mut Members, name: &str, path: &FieldPath) {
    walk.rename(status, "taskResults", "results", path);
    if let Some(task) = fields::object(status, "taskSpec") {
        walk.task_spec(task, name, &path.field("taskSpec"));
    }
    for step in fields::objects(status, "steps") {
        termination_reason(walk.direction, step);
    }
    let path = path.field("retriesStatus");
    for (index, retry) in fields::objects(status, "retriesStatus").enumerate() {
        attempt(walk, retry, name, &path.index(index));
    }
}

/// v1beta1 has no `terminationReason`; the container's reason stands in for it.
fn termination_reason(direction: Direction, step: &mut Members) {
    if direction == Direction::FromV1 {
        fields::take(step, "terminationReason");
        return;
    }
    let reason = fields::object(step, "terminated").and_then(|state| fields::get(state, "reason").cloned());
    if let Some(reason) = reason {
        step.insert("terminationReason".to_owned(), reason);
    }
}

pub(super) fn pipeline_run_spec(walk: &mut Walk, spec: &mut Members, path: &FieldPath) {
    walk.refuse(
        spec,
        "resources",
        "pipeline resources are gone; use workspaces, params and results",
        path,
    );
    walk.reference(spec, "pipelineRef", path);
    if let Some(pipeline) = fields::object(spec, "pipelineSpec") {
        walk.pipeline_spec(pipeline, &path.field("pipelineSpec"));
    }
    match walk.direction {
        Direction::ToV1 => {
            timeout(walk, spec, path);
            into_template(walk, spec, path);
        }
        Direction::FromV1 => out_of_template(spec),
    }
    let path = path.field("taskRunSpecs");
    for (index, item) in fields::objects(spec, "taskRunSpecs").enumerate() {
        let path = path.index(index);
        walk.rename(item, "taskServiceAccountName", "serviceAccountName", &path);
        walk.rename(item, "taskPodTemplate", "podTemplate", &path);
        overrides(walk, item, &path);
    }
}

/// `timeout` is `timeouts.pipeline`; one of the two may be given.
fn timeout(walk: &mut Walk, spec: &mut Members, path: &FieldPath) {
    let Some(timeout) = fields::take(spec, "timeout") else {
        return;
    };
    if fields::get(spec, "timeouts").is_some() {
        let problem = Problem::error(
            "disallowed-field",
            path.field("timeout"),
            "must not set the field(s)",
        );
        walk.problems
            .push(problem.hint("\"timeout\" is \"timeouts.pipeline\"; keep only \"timeouts\""));
        return;
    }
    if let Some(timeouts) = fields::object_or_new(spec, "timeouts") {
        timeouts.insert("pipeline".to_owned(), timeout);
    }
}

const TEMPLATE: &str = "taskRunTemplate";
const TEMPLATE_FIELDS: [&str; 2] = ["serviceAccountName", "podTemplate"];

fn into_template(walk: &mut Walk, spec: &mut Members, path: &FieldPath) {
    if fields::take(spec, TEMPLATE).is_some() {
        let message = format!("unknown field {TEMPLATE:?}");
        let problem = Problem::error(crate::decode::UNKNOWN_FIELD, path.field(TEMPLATE), message);
        walk.problems.push(
            problem.hint("tekton.dev/v1beta1 has serviceAccountName and podTemplate in the spec itself"),
        );
    }
    for name in TEMPLATE_FIELDS {
        if let Some(value) = fields::take(spec, name)
            && let Some(template) = fields::object_or_new(spec, TEMPLATE)
        {
            template.insert(name.to_owned(), value);
        }
    }
}

fn out_of_template(spec: &mut Members) {
    if let Some(Value::Object(mut template)) = fields::take(spec, TEMPLATE) {
        for name in TEMPLATE_FIELDS {
            if let Some(value) = fields::take(&mut template, name) {
                spec.insert(name.to_owned(), value);
            }
        }
    }
}

pub(super) fn pipeline_run_status(walk: &mut Walk, status: &mut Members, path: &FieldPath) {
    walk.rename(status, "pipelineResults", "results", path);
    if let Some(pipeline) = fields::object(status, "pipelineSpec") {
        walk.pipeline_spec(pipeline, &path.field("pipelineSpec"));
    }
    if walk.direction == Direction::ToV1 {
        // Full copies of the children's statuses; `childReferences` has replaced them.
        fields::take(status, "taskRuns");
        fields::take(status, "runs");
    }
}
