//! What only this program understands.

use windlass_api::Object;
use windlass_api::manifest::Entry;
use windlass_api::problem::FieldPath;
use windlass_api::problem::Problem;
use windlass_api::tekton::PipelineSpec;

/// Code of the problem that upstream does not know something.
const NOT_PORTABLE: &str = "not-portable";

/// Group of this program's own kinds.
const OWN_GROUP: &str = "windlass.dev/";

/// Custom tasks of an object that only this program carries out.
pub(crate) fn own_references(entry: &Entry) -> Vec<Problem> {
    let spec = FieldPath::root().field("spec");
    let mut problems = Vec::new();
    match &entry.object {
        Object::Pipeline(pipeline) => of_pipeline(&pipeline.spec, &spec, &mut problems),
        Object::PipelineRun(run) => {
            if let Some(pipeline) = &run.spec.pipeline_spec {
                of_pipeline(pipeline, &spec.field("pipelineSpec"), &mut problems);
            }
        }
        Object::CustomRun(run) => {
            if let Some(reference) = &run.spec.custom_ref {
                check(
                    &reference.api_version,
                    &reference.kind,
                    &spec.field("customRef"),
                    &mut problems,
                );
            }
            if let Some(embedded) = &run.spec.custom_spec {
                check(
                    &embedded.api_version,
                    &embedded.kind,
                    &spec.field("customSpec"),
                    &mut problems,
                );
            }
        }
        _ => {}
    }
    problems
        .into_iter()
        .map(|problem| entry.locate(problem))
        .collect()
}

fn of_pipeline(spec: &PipelineSpec, path: &FieldPath, problems: &mut Vec<Problem>) {
    for (section, tasks) in [("tasks", &spec.tasks), ("finally", &spec.finally)] {
        for (index, task) in tasks.iter().enumerate() {
            let path = path.field(section).index(index);
            if let Some(reference) = &task.task_ref {
                check(
                    &reference.api_version,
                    &reference.kind,
                    &path.field("taskRef"),
                    problems,
                );
            }
            if let Some(embedded) = &task.task_spec {
                check(
                    &embedded.api_version,
                    &embedded.kind,
                    &path.field("taskSpec"),
                    problems,
                );
            }
            if let Some(embedded) = &task.pipeline_spec {
                of_pipeline(embedded, &path.field("pipelineSpec"), problems);
            }
        }
    }
}

fn check(api_version: &str, kind: &str, path: &FieldPath, problems: &mut Vec<Problem>) {
    if api_version.starts_with(OWN_GROUP) {
        let message = format!("{api_version} {kind} is known to Windlass only");
        let problem = Problem::error(NOT_PORTABLE, path.field("apiVersion"), message);
        problems.push(problem.hint("on a cluster, a controller for this custom task is needed"));
    }
}
