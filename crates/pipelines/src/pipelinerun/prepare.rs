//! From what a run refers to, to a graph that can be planned.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::reasons::labels;
use windlass_api::reasons::pipeline_run;
use windlass_api::references::ResultRef;
use windlass_api::references::param_texts;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::task::TaskRef;
use windlass_engine::Progress;
use windlass_engine::context;
use windlass_engine::context::PipelineInputs;
use windlass_engine::params::USER_ERROR;
use windlass_engine::results::ResultsByTask;
use windlass_engine::substitution::Replacer;

use super::tracker;
use super::tracker::Knowledge;
use super::tracker::Record;
use super::tracker::Tracker;
use super::tracker::Work;
use super::validate;
use super::validate::Refusal;
use crate::definitions::Definition;
use crate::definitions::Definitions;
use crate::definitions::Error;
use crate::definitions::chain;
use crate::definitions::put_in_params;

type Outcome<T> = windlass_runtime::client::Result<Result<T, Refusal>>;

/// Whether a resolver has to find the pipeline of a run.
pub(crate) fn awaits_pipeline(run: &PipelineRun) -> bool {
    let known = run.spec.pipeline_spec.is_some() || run.status.pipeline_spec.is_some();
    let reference = run.spec.pipeline_ref.as_ref().filter(|_| !known);
    reference.is_some_and(|reference| !reference.resolver.is_empty())
}

/// Whether resolvers have to find tasks of the pipeline before its first task can start. A run that has started shows how
/// far it is instead.
pub(crate) fn awaits_tasks(run: &PipelineRun, spec: &PipelineSpec) -> bool {
    let mut references = spec
        .tasks
        .iter()
        .chain(&spec.finally)
        .filter_map(|task| task.task_ref.as_ref());
    run.status.pipeline_spec.is_none()
        && references.any(|reference| !reference.resolver.is_empty() && !waits(reference))
}

/// Finds the pipeline of a run.
pub(crate) async fn find(definitions: &Definitions, run: &PipelineRun) -> Outcome<Definition<PipelineSpec>> {
    match resolve(definitions, run).await {
        Ok(definition) => Ok(Ok(definition)),
        Err(Error::Plane(error)) => Err(error),
        Err(error) => Ok(Err(unresolved(run, &error))),
    }
}

fn unresolved(run: &PipelineRun, error: &Error) -> Refusal {
    let (namespace, name) = (&run.metadata.namespace, &run.metadata.name);
    if let Error::Refused { .. } = error {
        return Refusal::new(
            pipeline_run::VALIDATION_FAILED,
            format!("Failed dryRunValidation for PipelineRun {name}: {USER_ERROR}{error}"),
        );
    }
    let why = chain(error);
    Refusal::new(
        pipeline_run::COULDNT_GET_PIPELINE,
        format!("Error retrieving pipeline for pipelinerun {namespace}/{name}: {why}"),
    )
}

/// Finds the tasks of a pipeline, validates it and puts everything in.
pub(crate) async fn complete(
    definitions: &Definitions,
    run: &PipelineRun,
    definition: &Definition<PipelineSpec>,
    fail_fast: bool,
) -> Outcome<Tracker> {
    let spec = match substituted(run, definition) {
        Ok(spec) => spec,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let work = match work(definitions, run, &definition.name, &spec).await? {
        Ok(work) => work,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if run.status.pipeline_spec.is_none()
        && let Err(refusal) = validate::together(run, &definition.spec, &spec, &work)
    {
        return Ok(Err(refusal));
    }
    Ok(assemble(run, definition, spec, work, fail_fast))
}

async fn resolve(definitions: &Definitions, run: &PipelineRun) -> Result<Definition<PipelineSpec>, Error> {
    let name = run
        .metadata
        .labels
        .get(labels::PIPELINE)
        .unwrap_or(&run.metadata.name);
    let own = |name: &str, spec: PipelineSpec| Definition {
        name: name.to_owned(),
        spec,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        ref_source: run
            .status
            .provenance
            .as_ref()
            .and_then(|provenance| provenance.ref_source.clone()),
    };
    // What was resolved once stays as it was, whatever became of the pipeline since.
    if let Some(spec) = &run.status.pipeline_spec {
        return Ok(own(name, PipelineSpec::clone(spec)));
    }
    if let Some(spec) = &run.spec.pipeline_spec {
        return Ok(own(&run.metadata.name, spec.clone()));
    }
    let mut reference = run.spec.pipeline_ref.clone().unwrap_or_default();
    put_in_params(&mut reference.params, &run.spec.params);
    definitions.pipeline(&run.metadata.namespace, &reference).await
}

/// The pipeline with everything put in; as it is when the run had started before.
fn substituted(run: &PipelineRun, definition: &Definition<PipelineSpec>) -> Result<PipelineSpec, Refusal> {
    if run.status.pipeline_spec.is_some() {
        return Ok(definition.spec.clone());
    }
    validate::run(run, &definition.name, &definition.spec)?;
    let inputs = PipelineInputs {
        pipeline_name: &definition.name,
        run_name: &run.metadata.name,
        run_namespace: &run.metadata.namespace,
        run_uid: &run.metadata.uid,
        params: &run.spec.params,
        workspaces: &run.spec.workspaces,
    };
    context::apply_pipeline(&definition.spec, &inputs).map_err(|error| {
        let namespace = &run.metadata.namespace;
        Refusal::new(
            pipeline_run::VALIDATION_FAILED,
            format!(
                "Failed to apply parameters to Pipeline {namespace}/{}: {USER_ERROR}{error}",
                definition.name
            ),
        )
    })
}

/// What each task runs; all referenced tasks must exist before anything starts.
async fn work(
    definitions: &Definitions,
    run: &PipelineRun,
    pipeline: &str,
    spec: &PipelineSpec,
) -> Outcome<Vec<Work>> {
    let mut known: HashMap<String, Arc<Definition<windlass_api::tekton::TaskSpec>>> = HashMap::new();
    let mut all = Vec::with_capacity(spec.tasks.len() + spec.finally.len());
    for task in spec.tasks.iter().chain(&spec.finally) {
        let work = match work_of(definitions, run, task, &mut known).await {
            Ok(work) => work,
            Err(Error::Plane(error)) => return Err(error),
            Err(error) => return Ok(Err(missing(run, pipeline, task, &error))),
        };
        if let Err(refusal) = validate::task(run, task, &work) {
            return Ok(Err(refusal));
        }
        all.push(work);
    }
    Ok(Ok(all))
}

fn missing(run: &PipelineRun, pipeline: &str, task: &PipelineTask, error: &Error) -> Refusal {
    let namespace = &run.metadata.namespace;
    let error = chain(error);
    match &task.pipeline_ref {
        Some(reference) => Refusal::new(
            pipeline_run::COULDNT_GET_PIPELINE,
            format!(
                "Pipeline {namespace}/{pipeline} can't be Run; it contains child Pipelines that don't exist: Couldn't \
                 retrieve Pipeline {:?}: {error}",
                reference.name
            ),
        ),
        None => {
            let name = task
                .task_ref
                .as_ref()
                .map_or("", |reference| reference.name.as_str());
            Refusal::new(
                pipeline_run::COULDNT_GET_TASK,
                format!(
                    "Pipeline {namespace}/{pipeline} can't be Run; it contains Tasks that don't exist: Couldn't \
                     retrieve Task {name:?}: {error}"
                ),
            )
        }
    }
}

async fn work_of(
    definitions: &Definitions,
    run: &PipelineRun,
    task: &PipelineTask,
    known: &mut HashMap<String, Arc<Definition<windlass_api::tekton::TaskSpec>>>,
) -> Result<Work, Error> {
    let namespace = &run.metadata.namespace;
    if let Some(reference) = &task.pipeline_ref {
        let pipeline = definitions.pipeline(namespace, reference).await?;
        return Ok(Work::Pipeline(Some(pipeline.name)));
    }
    if task.pipeline_spec.is_some() {
        return Ok(Work::Pipeline(None));
    }
    if let Some(embedded) = &task.task_spec {
        let custom = !embedded.api_version.is_empty() && !embedded.kind.is_empty();
        return Ok(if custom { Work::Custom } else { Work::Embedded });
    }
    let reference = task.task_ref.clone().unwrap_or_default();
    if !reference.api_version.is_empty() && !reference.kind.is_empty() {
        return Ok(Work::Custom);
    }
    if waits(&reference) {
        return Ok(Work::Task(None));
    }
    if !reference.resolver.is_empty() {
        return Ok(Work::Task(Some(Arc::new(
            definitions.task(namespace, &reference).await?,
        ))));
    }
    if let Some(definition) = known.get(&reference.name) {
        return Ok(Work::Task(Some(Arc::clone(definition))));
    }
    let definition = Arc::new(definitions.task(namespace, &reference).await?);
    known.insert(reference.name, Arc::clone(&definition));
    Ok(Work::Task(Some(definition)))
}

/// Whether a resolver needs results of other tasks to find a task.
fn waits(reference: &TaskRef) -> bool {
    let mut texts = reference
        .params
        .iter()
        .flat_map(|param| param_texts(&param.value));
    texts.any(|text| ResultRef::in_text(text).next().is_some())
}

fn assemble(
    run: &PipelineRun,
    definition: &Definition<PipelineSpec>,
    spec: PipelineSpec,
    work: Vec<Work>,
    fail_fast: bool,
) -> Result<Tracker, Refusal> {
    let graph = tracker::graph(&spec, fail_fast).map_err(|error| {
        Refusal::new(
            pipeline_run::INVALID_GRAPH,
            format!(
                "PipelineRun {}/{}'s Pipeline DAG is invalid: {USER_ERROR}{error}",
                run.metadata.namespace, run.metadata.name
            ),
        )
    })?;
    let count = work.len();
    Ok(Tracker {
        uid: run.metadata.uid.clone(),
        pipeline_name: definition.name.clone(),
        progress: Progress::new(Arc::new(graph)),
        knowledge: Knowledge {
            spec: Arc::new(spec),
            work,
            records: vec![Record::default(); count],
            results: ResultsByTask::new(),
            artifacts: Replacer::new(),
            finally: None,
            faults: BTreeMap::new(),
            broken_when: None,
        },
        owners: HashMap::new(),
        finally_started: run.status.finally_start_time,
        written: None,
        ends_now: false,
    })
}

/// Whether running a pipeline inside this run would go on for ever: it is the pipeline of the run or of one above it.
pub(crate) async fn is_cycle(
    definitions: &Definitions,
    run: &PipelineRun,
    pipeline: &str,
) -> windlass_runtime::client::Result<bool> {
    let mut current = Arc::new(run.clone());
    // Each level is an object of its own, so the chain is as long as the nesting at most.
    loop {
        if current
            .metadata
            .labels
            .get(labels::PIPELINE)
            .is_some_and(|name| name == pipeline)
        {
            return Ok(true);
        }
        let parent = current.metadata.owner_references.iter();
        let mut parent = parent
            .filter(|owner| owner.kind == Kind::PipelineRun.as_str())
            .map(|owner| owner.name.clone());
        let Some(parent) = parent.next() else {
            return Ok(false);
        };
        let found = definitions
            .client
            .find::<PipelineRun>(&run.metadata.namespace, &parent)
            .await?;
        let Some(found) = found else { return Ok(false) };
        current = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_that_no_plane_would_admit_fails_validation() {
        let mut run = PipelineRun::default();
        run.metadata.name = "r".into();
        let error = Error::Refused {
            name: "p".into(),
            problem: "validation failed: missing field(s): spec.tasks".into(),
        };
        let refusal = Refusal::new(
            "PipelineValidationFailed",
            "Failed dryRunValidation for PipelineRun r: [User error] validation failed for referenced object p: \
             validation failed: missing field(s): spec.tasks",
        );
        assert_eq!(unresolved(&run, &error), refusal);
    }
}
