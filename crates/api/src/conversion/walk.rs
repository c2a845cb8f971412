//! Renamed fields of tasks and pipelines.

use serde_json::Value;

use super::deprecations;
use super::fields;
use super::fields::Members;
use crate::decode::UNKNOWN_FIELD;
use crate::problem::FieldPath;
use crate::problem::Problem;
use crate::reasons::annotations;

/// Code of the problem that a field may not be set.
const DISALLOWED_FIELD: &str = "disallowed-field";

/// Which way an object is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToV1,
    FromV1,
}

/// One conversion under way.
pub(super) struct Walk {
    pub(super) direction: Direction,
    pub(super) annotations: Members,
    pub(super) problems: Vec<Problem>,
}

impl Walk {
    pub(super) fn new(direction: Direction, annotations: Members) -> Self {
        Self {
            direction,
            annotations,
            problems: Vec::new(),
        }
    }

    /// Renames a field, in the direction of the walk.
    pub(super) fn rename(&mut self, members: &mut Members, old: &str, new: &'static str, path: &FieldPath) {
        if self.direction == Direction::FromV1 {
            move_field(members, new, old);
            return;
        }
        if fields::get(members, new).is_some() {
            let problem = Problem::error(UNKNOWN_FIELD, path.field(new), format!("unknown field {new:?}"));
            self.problems
                .push(problem.hint(format!("tekton.dev/v1beta1 calls it {old:?}")));
        }
        move_field(members, old, new);
    }

    /// Refuses a field that v1beta1 only has in old objects.
    pub(super) fn refuse(&mut self, members: &mut Members, name: &'static str, hint: &str, path: &FieldPath) {
        if self.direction == Direction::ToV1 && fields::take(members, name).is_some() {
            let problem = Problem::error(DISALLOWED_FIELD, path.field(name), "must not set the field(s)");
            self.problems.push(problem.hint(hint));
        }
    }

    /// Keeps a field that v1 lacks in an annotation, or brings it back from there.
    pub(super) fn park(&mut self, members: &mut Members, name: &str, key: &str) {
        match self.direction {
            Direction::ToV1 => {
                if let Some(value) = fields::take(members, name) {
                    self.annotations
                        .insert(key.to_owned(), Value::String(value.to_string()));
                }
            }
            Direction::FromV1 => {
                let parked = self.annotations.shift_remove(key);
                let parsed = parked.as_ref().and_then(Value::as_str).map(serde_json::from_str);
                if let Some(Ok(value)) = parsed {
                    members.insert(name.to_owned(), value);
                }
            }
        }
    }

    pub(super) fn task_spec(&mut self, spec: &mut Members, task: &str, path: &FieldPath) {
        self.refuse(
            spec,
            "resources",
            "pipeline resources are gone; use workspaces, params and results",
            path,
        );
        if self.direction == Direction::ToV1 {
            deprecations::park(spec, task, &mut self.annotations);
        }
        for (list, step) in [("steps", true), ("sidecars", false)] {
            let path = path.field(list);
            for (index, container) in fields::objects(spec, list).enumerate() {
                let path = path.index(index);
                self.rename(container, "resources", "computeResources", &path);
                if step {
                    self.reference(container, "ref", &path);
                }
            }
        }
        if let Some(template) = fields::object(spec, "stepTemplate") {
            self.rename(
                template,
                "resources",
                "computeResources",
                &path.field("stepTemplate"),
            );
        }
        if self.direction == Direction::FromV1 {
            deprecations::restore(spec, task, &mut self.annotations);
        }
    }

    pub(super) fn pipeline_spec(&mut self, spec: &mut Members, path: &FieldPath) {
        self.refuse(
            spec,
            "resources",
            "pipeline resources are gone; use workspaces, params and results",
            path,
        );
        for list in ["tasks", "finally"] {
            let path = path.field(list);
            for (index, task) in fields::objects(spec, list).enumerate() {
                self.pipeline_task(task, &path.index(index));
            }
        }
    }

    fn pipeline_task(&mut self, task: &mut Members, path: &FieldPath) {
        self.refuse(
            task,
            "resources",
            "pipeline resources are gone; use workspaces, params and results",
            path,
        );
        self.reference(task, "taskRef", path);
        self.reference(task, "pipelineRef", path);
        let name = fields::text(task, "name").to_owned();
        if let Some(spec) = fields::object(task, "taskSpec") {
            self.task_spec(spec, &name, &path.field("taskSpec"));
        }
        if let Some(spec) = fields::object(task, "pipelineSpec") {
            self.pipeline_spec(spec, &path.field("pipelineSpec"));
        }
    }

    /// A reference to a definition elsewhere.
    pub(super) fn reference(&mut self, members: &mut Members, name: &'static str, path: &FieldPath) {
        if let Some(reference) = fields::object(members, name) {
            let hint = "use resolver: bundles with the params bundle, name and kind";
            self.refuse(reference, "bundle", hint, &path.field(name));
        }
    }

    /// `resourcesResult` and `cloudEvents` of a `TaskRun`'s status.
    pub(super) fn park_task_run_status(&mut self, status: &mut Members) {
        self.park(status, "cloudEvents", annotations::V1BETA1_CLOUD_EVENTS);
        self.park(status, "resourcesResult", annotations::V1BETA1_RESOURCES_RESULT);
    }
}

/// Gives a field another name in the same place, so that what is shown keeps its order.
fn move_field(members: &mut Members, from: &str, to: &str) {
    if fields::get(members, from).is_none() {
        return;
    }
    let renamed = std::mem::take(members).into_iter().map(|(key, value)| {
        if key.eq_ignore_ascii_case(from) {
            (to.to_owned(), value)
        } else {
            (key, value)
        }
    });
    *members = renamed.collect();
}
