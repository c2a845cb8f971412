//! Advice on any object, and on several.

use std::collections::HashMap;

use super::pipeline::pipeline_advice;
use super::unused::unused_params;
use crate::manifest::Entry;
use crate::object::Key;
use crate::object::Object;
use crate::problem::FieldPath;
use crate::problem::Problem;

/// Code of the warning that an object is given twice.
const REPEATED_OBJECT: &str = "repeated-object";

/// What is hardly meant in an object. Defaults should be set before.
pub fn advise(object: &Object) -> Vec<Problem> {
    let spec = FieldPath::root().field("spec");
    let mut problems = Vec::new();
    match object {
        Object::Task(task) => unused_params(&spec, &task.spec.params, &task.spec, &mut problems),
        Object::StepAction(action) => unused_params(&spec, &action.spec.params, &action.spec, &mut problems),
        Object::TaskRun(run) => {
            if let Some(task) = &run.spec.task_spec {
                unused_params(&spec.field("taskSpec"), &task.params, task, &mut problems);
            }
        }
        Object::Pipeline(pipeline) => pipeline_advice(&spec, &pipeline.spec, &mut problems),
        Object::PipelineRun(run) => {
            if let Some(pipeline) = &run.spec.pipeline_spec {
                pipeline_advice(&spec.field("pipelineSpec"), pipeline, &mut problems);
            }
        }
        _ => {}
    }
    problems
}

/// Objects that are given more than once, so that only the last of them counts.
pub fn repeated(entries: &[Entry]) -> Vec<Problem> {
    let mut first: HashMap<Key, &Entry> = HashMap::new();
    let mut problems = Vec::new();
    let named = entries
        .iter()
        .filter(|entry| !entry.object.metadata().name.is_empty());
    for entry in named {
        let key = entry.object.key();
        let path = FieldPath::root().field("metadata").field("name");
        if let Some(before) = first.get(&key) {
            let message = format!("{} {:?} is given more than once", key.kind, key.name);
            let place = before.position(&path);
            let problem = Problem::warning(REPEATED_OBJECT, path, message);
            problems.push(entry.locate(problem.hint(format!("it stands at {}:{place} too", before.file))));
        } else {
            first.insert(key, entry);
        }
    }
    problems
}
