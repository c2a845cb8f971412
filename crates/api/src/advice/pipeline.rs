//! Advice on pipelines.

use std::collections::HashMap;

use super::unused::unused_params;
use crate::decode::nearest;
use crate::problem::FieldPath;
use crate::problem::Problem;
use crate::references::TaskEdges;
use crate::references::edges;
use crate::tekton::PipelineSpec;
use crate::tekton::PipelineTask;

/// Code of the warning that a task produces no such result.
const UNKNOWN_RESULT: &str = "unknown-result";
/// Code of the warning that a reference means a custom task.
const CUSTOM_TASK: &str = "custom-task";

pub(super) fn pipeline_advice(at: &FieldPath, spec: &PipelineSpec, problems: &mut Vec<Problem>) {
    unused_params(at, &spec.params, spec, problems);
    let producers: HashMap<&str, &PipelineTask> =
        spec.tasks.iter().map(|task| (task.name.as_str(), task)).collect();
    let edges = edges(spec);
    for (field, tasks, edges) in [
        ("tasks", &spec.tasks, &edges.tasks),
        ("finally", &spec.finally, &edges.finally),
    ] {
        let at = at.field(field);
        for (index, (task, edges)) in tasks.iter().zip(edges).enumerate() {
            let at = at.index(index);
            unknown_results(&at, edges, &producers, problems);
            not_a_task(&at, task, problems);
            if let Some(task) = &task.task_spec {
                unused_params(&at.field("taskSpec"), &task.params, task, problems);
            }
            if let Some(pipeline) = &task.pipeline_spec {
                pipeline_advice(&at.field("pipelineSpec"), pipeline, problems);
            }
        }
    }
}

/// The results of an embedded task are known before it runs.
fn unknown_results(
    at: &FieldPath,
    edges: &TaskEdges<'_>,
    producers: &HashMap<&str, &PipelineTask>,
    problems: &mut Vec<Problem>,
) {
    for reference in &edges.results {
        let producer = producers
            .get(reference.task)
            .and_then(|task| task.task_spec.as_ref());
        let Some(producer) = producer.filter(|task| !task.steps.is_empty()) else {
            continue;
        };
        let mut names = producer.results.iter().map(|result| result.name.as_str());
        if names.clone().any(|name| name == reference.result) {
            continue;
        }
        let message = format!("task {:?} has no result {:?}", reference.task, reference.result);
        let problem = Problem::warning(UNKNOWN_RESULT, at.clone(), message);
        let near = nearest(reference.result, names.by_ref());
        problems.push(match near {
            Some(near) => problem.hint(format!("did you mean {near:?}?")),
            None => problem.hint("the run will fail; declare the result in the task"),
        });
    }
}

/// `apiVersion` makes a custom task of any reference, even of one that looks like a `Task`.
fn not_a_task(at: &FieldPath, task: &PipelineTask, problems: &mut Vec<Problem>) {
    let Some(reference) = &task.task_ref else { return };
    if reference.api_version.starts_with("tekton.dev/") && reference.kind == "Task" {
        let path = at.field("taskRef").field("apiVersion");
        let message = "a reference with an apiVersion is a custom task, which nothing carries out";
        let problem = Problem::warning(CUSTOM_TASK, path, message);
        problems.push(problem.hint("leave apiVersion out to refer to a Task"));
    }
}
