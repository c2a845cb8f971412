//! The two directions.

use serde_json::Value;

use super::fields;
use super::fields::Members;
use super::run;
use super::walk::Direction;
use super::walk::Walk;
use crate::problem::FieldPath;
use crate::problem::Problem;

const V1: &str = "tekton.dev/v1";
const V1BETA1: &str = "tekton.dev/v1beta1";

/// Rewrites a `tekton.dev/v1beta1` `Task`, `Pipeline`, `TaskRun` or `PipelineRun` as `tekton.dev/v1`.
///
/// Other kinds are left alone, and so are parts of the wrong type: decoding refuses them with a better word.
///
/// # Errors
/// Fields that v1beta1 no longer allows (`resources`, `bundle`), and fields that only v1 has.
pub fn to_v1(value: &mut Value) -> Vec<Problem> {
    convert(value, Direction::ToV1)
}

/// Rewrites a `tekton.dev/v1` object as `tekton.dev/v1beta1`, the opposite of [`to_v1`].
pub fn from_v1(value: &mut Value) {
    convert(value, Direction::FromV1);
}

fn convert(value: &mut Value, direction: Direction) -> Vec<Problem> {
    let Some(object) = value.as_object_mut() else {
        return Vec::new();
    };
    let (from, to) = match direction {
        Direction::ToV1 => (V1BETA1, V1),
        Direction::FromV1 => (V1, V1BETA1),
    };
    let kind = fields::text(object, "kind").to_owned();
    if fields::text(object, "apiVersion") != from
        || !matches!(kind.as_str(), "Task" | "Pipeline" | "TaskRun" | "PipelineRun")
    {
        return Vec::new();
    }
    fields::set_text(object, "apiVersion", to);

    let mut walk = Walk::new(direction, read_annotations(object));
    let name = fields::object(object, "metadata")
        .map(|metadata| fields::text(metadata, "name").to_owned())
        .unwrap_or_default();
    body(&mut walk, &kind, &name, object);
    write_annotations(object, walk.annotations);
    walk.problems
}

fn body(walk: &mut Walk, kind: &str, name: &str, object: &mut Members) {
    let path = FieldPath::root().field("spec");
    if let Some(spec) = fields::object(object, "spec") {
        match kind {
            "Task" => walk.task_spec(spec, name, &path),
            "Pipeline" => walk.pipeline_spec(spec, &path),
            "TaskRun" => run::task_run_spec(walk, spec, name, &path),
            _ => run::pipeline_run_spec(walk, spec, &path),
        }
    }
    let path = FieldPath::root().field("status");
    if let Some(status) = fields::object(object, "status") {
        match kind {
            "TaskRun" => run::task_run_status(walk, status, name, &path),
            "PipelineRun" => run::pipeline_run_status(walk, status, &path),
            _ => {}
        }
    }
}

fn read_annotations(object: &mut Members) -> Members {
    fields::object(object, "metadata")
        .and_then(|metadata| fields::object(metadata, "annotations"))
        .map(|annotations| annotations.clone())
        .unwrap_or_default()
}

fn write_annotations(object: &mut Members, annotations: Members) {
    if annotations.is_empty() {
        if let Some(metadata) = fields::object(object, "metadata") {
            // An empty map was there before, or the last annotation was one of ours.
            if fields::get(metadata, "annotations").is_some_and(Value::is_object) {
                fields::take(metadata, "annotations");
            }
        }
        return;
    }
    let metadata = fields::object_or_new(object, "metadata");
    if let Some(own) = metadata.and_then(|metadata| fields::object_or_new(metadata, "annotations")) {
        *own = annotations;
    }
}
