//! Which task of a pipeline waits for which.

use indexmap::IndexSet;

use super::result::ResultRef;
use super::texts::param_texts;
use super::texts::pipeline_task_params;
use super::texts::sidecar_texts;
use super::texts::step_texts;
use super::texts::when_texts;
use crate::tekton::PipelineSpec;
use crate::tekton::PipelineTask;

/// What one task of a pipeline waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskEdges<'a> {
    /// Name of the task.
    pub task: &'a str,
    /// Tasks named in `runAfter`: they only have to be done.
    pub order: Vec<&'a str>,
    /// Results it uses, each once: the tasks have to be done, and to have produced them.
    pub results: Vec<ResultRef<'a>>,
}

impl<'a> TaskEdges<'a> {
    /// Every task it waits for, each once.
    pub fn parents(&self) -> IndexSet<&'a str> {
        self.order
            .iter()
            .copied()
            .chain(self.results.iter().map(|result| result.task))
            .collect()
    }
}

/// What the tasks of a pipeline wait for, in the order of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges<'a> {
    /// The tasks of the graph.
    pub tasks: Vec<TaskEdges<'a>>,
    /// The final tasks. They all start when the graph is done, so that these edges order nothing: they say which
    /// results are used.
    pub finally: Vec<TaskEdges<'a>>,
}

/// Reads all edges of a pipeline.
///
/// Edges are `runAfter` and the references to results in parameters, matrix, `when`, and in the steps and sidecars of
/// an embedded task. References in workspaces' `subPath` and in a resolver's parameters order nothing, as upstream.
/// Names that no task has are kept; admission refuses them.
pub fn edges(spec: &PipelineSpec) -> Edges<'_> {
    Edges {
        tasks: spec.tasks.iter().map(task_edges).collect(),
        finally: spec.finally.iter().map(task_edges).collect(),
    }
}

/// Reads the edges of one task.
pub fn task_edges(task: &PipelineTask) -> TaskEdges<'_> {
    let order: IndexSet<&str> = task.run_after.iter().map(String::as_str).collect();
    let results: IndexSet<ResultRef<'_>> = texts(task).flat_map(ResultRef::in_text).collect();
    TaskEdges {
        task: &task.name,
        order: order.into_iter().collect(),
        results: results.into_iter().collect(),
    }
}

fn texts(task: &PipelineTask) -> impl Iterator<Item = &str> {
    let embedded = task.task_spec.iter();
    let steps = embedded.clone().flat_map(|spec| &spec.steps).flat_map(step_texts);
    let sidecars = embedded.flat_map(|spec| &spec.sidecars).flat_map(sidecar_texts);
    pipeline_task_params(task)
        .flat_map(|param| param_texts(&param.value))
        .chain(task.when.iter().flat_map(when_texts))
        .chain(steps)
        .chain(sidecars)
}
