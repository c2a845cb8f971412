//! What is known of a run between two reconciles: derived from objects alone, and made anew when it is missing.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::Time;
use windlass_api::references;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::WhenExpression;
use windlass_api::tekton::provenance::Artifacts;
use windlass_engine::Graph;
use windlass_engine::NodeId;
use windlass_engine::Progress;
use windlass_engine::State;
use windlass_engine::graph;
use windlass_engine::graph::EdgeKind;
use windlass_engine::graph::Node;
use windlass_engine::graph::OnError;
use windlass_engine::graph::Policy;
use windlass_engine::plan::CancelCause;
use windlass_engine::results::ResultsByTask;
use windlass_engine::substitution::Replacer;

use crate::definitions::Definition;

/// What a pipeline task runs.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A task of the plane or elsewhere; `None` while only its run can resolve it.
    Task(Option<Arc<Definition<TaskSpec>>>),
    /// A task written in the pipeline.
    Embedded,
    /// A custom task.
    Custom,
    /// A pipeline, with the name under which it is known, if it has one.
    Pipeline(Option<String>),
}

/// One object made for a pipeline task.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) state: State,
    /// Reason of its condition.
    pub(crate) reason: String,
}

/// What is known of one pipeline task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) children: Vec<Child>,
    /// Its guards after substitution, once they were looked at.
    pub(crate) when: Vec<WhenExpression>,
    pub(crate) cancel: Option<CancelCause>,
    /// Results of each child that has ended, by its name.
    pub(crate) produced: BTreeMap<String, Vec<windlass_api::tekton::taskrun::TaskRunResult>>,
    /// Artifacts of each child that has ended and declared some, by its name.
    pub(crate) artifacts: BTreeMap<String, Artifacts>,
}

/// What the engine's questions are answered from.
pub(crate) struct Knowledge {
    pub(crate) spec: Arc<PipelineSpec>,
    pub(crate) work: Vec<Work>,
    pub(crate) records: Vec<Record>,
    pub(crate) results: ResultsByTask,
    /// Values of `tasks.<task>.outputs.<artifact>` and the like, of tasks that have ended.
    pub(crate) artifacts: Replacer<'static>,
    /// Values of `tasks.<task>.status` and the like, once all tasks before `finally` have ended.
    pub(crate) finally: Option<Replacer<'static>>,
    /// What is wrong with tasks that could not be started, by name.
    pub(crate) faults: BTreeMap<String, String>,
    /// A guard that could not be evaluated ends the run; this is its message.
    pub(crate) broken_when: Option<String>,
}

/// Everything known of a run.
pub(crate) struct Tracker {
    pub(crate) uid: String,
    pub(crate) pipeline_name: String,
    pub(crate) progress: Progress<Arc<Graph>>,
    pub(crate) knowledge: Knowledge,
    /// Which task a child belongs to.
    pub(crate) owners: HashMap<String, NodeId>,
    pub(crate) finally_started: Option<Time>,
    pub(crate) written: Option<Time>,
    /// The run is cancelled, or out of time: it waits for nobody outside of the plane.
    pub(crate) ends_now: bool,
}

impl Knowledge {
    /// The pipeline task of a node: tasks come first, then those of `finally`.
    pub(crate) fn task(&self, node: NodeId) -> Option<&PipelineTask> {
        let index = node.index();
        let tasks = &self.spec.tasks;
        tasks
            .get(index)
            .or_else(|| self.spec.finally.get(index.checked_sub(tasks.len())?))
    }

    /// Whether a node is one of `finally`.
    pub(crate) fn is_final(&self, node: NodeId) -> bool {
        node.index() >= self.spec.tasks.len()
    }

    /// What is known of a task.
    pub(crate) fn record(&self, node: NodeId) -> Option<&Record> {
        self.records.get(node.index())
    }

    /// What is known of a task, to change.
    pub(crate) fn record_mut(&mut self, node: NodeId) -> Option<&mut Record> {
        self.records.get_mut(node.index())
    }
}

/// The graph of a substituted pipeline.
///
/// # Errors
/// When tasks wait for each other, or for tasks that do not exist.
pub(crate) fn graph(spec: &PipelineSpec, fail_fast: bool) -> Result<Graph, graph::Error> {
    let mut builder = Graph::builder();
    builder.policy(Policy {
        rollback: false,
        fail_fast,
    });
    let mut ids = HashMap::with_capacity(spec.tasks.len() + spec.finally.len());
    for (task, section) in spec
        .tasks
        .iter()
        .map(|task| (task, Node::dag as fn(String) -> Node))
        .chain(
            spec.finally
                .iter()
                .map(|task| (task, Node::finally as fn(String) -> Node)),
        )
    {
        let mut node = section(task.name.clone());
        if task.on_error == "continue" {
            node.on_error = OnError::Continue;
        }
        ids.insert(task.name.as_str(), builder.node(node));
    }
    for task in &references::edges(spec).tasks {
        let Some(child) = ids.get(task.task).copied() else {
            continue;
        };
        for parent in task.order.iter().filter_map(|name| ids.get(name)) {
            builder.edge(*parent, child, EdgeKind::Order);
        }
        for parent in task.results.iter().filter_map(|result| ids.get(result.task)) {
            builder.edge(*parent, child, EdgeKind::Resource);
        }
    }
    builder.build()
}
