//! Fields of v1beta1 steps and step templates that v1 lacks, kept in one annotation by name of task.

use serde_json::Value;
use serde_json::json;

use super::fields;
use super::fields::Members;
use crate::reasons::annotations::V1BETA1_TASK_DEPRECATIONS;

/// In the order of the type, so that the annotation's text is upstream's.
const STEP_FIELDS: [&str; 10] = [
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "stdin",
    "stdinOnce",
    "tty",
];

const STEPS: &str = "deprecatedSteps";
const TEMPLATE: &str = "deprecatedStepTemplate";

/// Moves the fields of a task into the annotation. A task that has none leaves it as it is.
pub(super) fn park(spec: &mut Members, task: &str, annotations: &mut Members) {
    let mut found = false;
    let steps: Vec<Value> = fields::objects(spec, "steps")
        .map(|step| parked(step, false, &mut found))
        .collect();
    let template = fields::object(spec, "stepTemplate").map(|template| parked(template, true, &mut found));
    if !found {
        return;
    }
    let mut entry = Members::new();
    if !steps.is_empty() {
        entry.insert(STEPS.to_owned(), Value::Array(steps));
    }
    if let Some(template) = template {
        entry.insert(TEMPLATE.to_owned(), template);
    }
    let mut all = read(annotations);
    all.insert(task.to_owned(), Value::Object(entry));
    write(annotations, all);
}

/// One step or template with nothing but its deprecated fields.
fn parked(container: &mut Members, template: bool, found: &mut bool) -> Value {
    let mut kept = Members::new();
    if !template {
        // Upstream's type always writes a step's name, and the resources of either.
        kept.insert("name".to_owned(), json!(""));
    } else if let Some(name) = fields::take(container, "name") {
        kept.insert("name".to_owned(), name);
        *found = true;
    }
    for name in STEP_FIELDS {
        if let Some(value) = fields::take(container, name) {
            kept.insert(name.to_owned(), value);
            *found = true;
        }
        if name == "ports" {
            kept.insert("resources".to_owned(), json!({}));
        }
    }
    Value::Object(kept)
}

/// Brings the fields of a task back.
pub(super) fn restore(spec: &mut Members, task: &str, annotations: &mut Members) {
    let mut all = read(annotations);
    let Some(Value::Object(mut entry)) = all.shift_remove(task) else {
        return;
    };
    let kept: Vec<Value> = match fields::take(&mut entry, STEPS) {
        Some(Value::Array(kept)) => kept,
        _ => Vec::new(),
    };
    for (step, kept) in fields::objects(spec, "steps").zip(kept) {
        restored(step, kept, false);
    }
    if let Some(kept) = fields::take(&mut entry, TEMPLATE)
        && let Some(template) = fields::object_or_new(spec, "stepTemplate")
    {
        restored(template, kept, true);
    }
    write(annotations, all);
}

fn restored(container: &mut Members, kept: Value, template: bool) {
    let Value::Object(kept) = kept else { return };
    for (name, value) in kept {
        if STEP_FIELDS.contains(&name.as_str()) || template && name == "name" {
            container.insert(name, value);
        }
    }
}

fn read(annotations: &Members) -> Members {
    let text = annotations
        .get(V1BETA1_TASK_DEPRECATIONS)
        .and_then(Value::as_str)
        .unwrap_or("{}");
    // A text that someone else wrote is replaced, as it means nothing.
    serde_json::from_str(text).unwrap_or_default()
}

fn write(annotations: &mut Members, all: Members) {
    if all.is_empty() {
        annotations.shift_remove(V1BETA1_TASK_DEPRECATIONS);
    } else {
        let text = Value::Object(all).to_string();
        annotations.insert(V1BETA1_TASK_DEPRECATIONS.to_owned(), Value::String(text));
    }
}
