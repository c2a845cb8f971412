//! The shape of a pipeline: its tasks as dense indices, and what stands on what.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;

/// The place of a task in its [`Graph`], counted from zero in the order of declaration.
///
/// It is meaningful for that graph alone. Every function that takes one tolerates a foreign index: it is treated as a
/// task that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The node at `index`.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The place in slices that hold one element per node.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.0)
    }
}

/// The list of a pipeline that a task belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// `spec.tasks`: ordered by edges.
    Dag,
    /// `spec.finally`: started together once every task of the other section is settled.
    Finally,
}

/// Why a task stands on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// `runAfter`: only the end of the parent matters.
    Order,
    /// The child consumes a result, so the parent must have run.
    Resource,
}

/// What the failure of a task means for the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnError {
    /// No further task starts, and the run fails (`stopAndFail`, the default).
    #[default]
    Stop,
    /// The failure is counted but ignored (`continue`).
    Continue,
}

/// A task as far as planning needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The pipeline task's name, unique in the graph.
    pub name: String,
    /// The list it stands in.
    pub section: Section,
    /// What its failure means for the run.
    pub on_error: OnError,
    /// Whether a task is declared that undoes it. Without effect in `finally`, and unless [`Policy::rollback`] is set.
    pub undoable: bool,
}

impl Node {
    /// A task of `spec.tasks` that stops the run when it fails and cannot be undone.
    pub fn dag(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            section: Section::Dag,
            on_error: OnError::Stop,
            undoable: false,
        }
    }

    /// A task of `spec.finally`.
    pub fn finally(name: impl Into<String>) -> Self {
        Self {
            section: Section::Finally,
            ..Self::dag(name)
        }
    }

    /// Whether the task may be undone once it succeeded.
    pub(crate) fn can_be_undone(&self) -> bool {
        self.undoable && self.section == Section::Dag
    }

    /// Whether a failure of this task ends the forward part of the run.
    pub(crate) fn stops(&self) -> bool {
        self.section == Section::Dag && self.on_error == OnError::Stop
    }
}

/// Choices that hold for the whole run. Upstream Tekton has neither; both are off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// When the tasks were cut short, tasks that succeeded and can be undone are undone before `finally`.
    pub rollback: bool,
    /// When a task stops the run, its running siblings are cancelled instead of awaited.
    pub fail_fast: bool,
}

/// A graph that cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two tasks share a name.
    #[error("task {0:?} is declared twice")]
    Duplicate(String),
    /// An edge names a node that was never added.
    #[error("an edge joins {parent} and {child}, of which one does not exist")]
    UnknownNode {
        /// The node to wait for.
        parent: NodeId,
        /// The node that waits.
        child: NodeId,
    },
    /// Tasks wait for each other. The wording is Tekton's.
    #[error("cycle detected; task {task:?} depends on {}", quoted(.depends_on))]
    Cycle {
        /// The first task, by name, that can never start.
        task: String,
        /// What it waits for in vain, by name.
        depends_on: Vec<String>,
    },
    /// Something is ordered before or after a task of `finally`, which knows no order.
    #[error("task {child:?} cannot be ordered after {parent:?}: tasks of finally all start together")]
    OrderedFinally {
        /// The task to wait for.
        parent: String,
        /// The task that waits.
        child: String,
    },
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(", ")
}

/// Collects nodes and edges; [`Builder::build`] checks them.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    nodes: Vec<Node>,
    edges: Vec<(NodeId, NodeId, EdgeKind)>,
    policy: Policy,
}

impl Builder {
    /// Adds a task and tells its index.
    pub fn node(&mut self, node: Node) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        id
    }

    /// Makes `child` wait for `parent`. Repeating an edge changes nothing, save that [`EdgeKind::Resource`] wins.
    pub fn edge(&mut self, parent: NodeId, child: NodeId, kind: EdgeKind) {
        self.edges.push((parent, child, kind));
    }

    /// Sets the choices for the whole run.
    pub fn policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Checks names, ends of edges, sections and cycles.
    ///
    /// # Errors
    /// The first fault found, in that order.
    pub fn build(mut self) -> Result<Graph, Error> {
        let mut names = HashMap::with_capacity(self.nodes.len());
        for (node, id) in self.nodes.iter().zip(0..) {
            if names.insert(node.name.clone(), NodeId(id)).is_some() {
                return Err(Error::Duplicate(node.name.clone()));
            }
        }
        self.check_edges()?;
        // The greatest kind of equal edges comes last and is kept.
        self.edges.sort_unstable();
        self.edges.reverse();
        self.edges.dedup_by_key(|&mut (parent, child, _)| (parent, child));
        let children = Adjacency::new(self.nodes.len(), self.edges.iter().copied());
        let turned = self
            .edges
            .iter()
            .map(|&(parent, child, kind)| (child, parent, kind));
        let parents = Adjacency::new(self.nodes.len(), turned);
        let in_section = |section| {
            let ids = self.nodes.iter().zip(0..);
            ids.filter(|(node, _)| node.section == section)
                .map(|(_, id)| NodeId(id))
                .collect()
        };
        let graph = Graph {
            dag: in_section(Section::Dag),
            finally: in_section(Section::Finally),
            topological: Vec::new(),
            nodes: self.nodes,
            names,
            parents,
            children,
            policy: self.policy,
        };
        let topological = graph.sort()?;
        Ok(Graph { topological, ..graph })
    }

    fn check_edges(&self) -> Result<(), Error> {
        for &(parent, child, kind) in &self.edges {
            let (Some(from), Some(to)) = (self.nodes.get(parent.index()), self.nodes.get(child.index()))
            else {
                return Err(Error::UnknownNode { parent, child });
            };
            let into_finally = to.section == Section::Finally && kind == EdgeKind::Order;
            if from.section == Section::Finally || into_finally {
                return Err(Error::OrderedFinally {
                    parent: from.name.clone(),
                    child: to.name.clone(),
                });
            }
        }
        Ok(())
    }
}

/// A checked pipeline graph: names are unique, there is no cycle, and `finally` has no order.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    names: HashMap<String, NodeId>,
    parents: Adjacency,
    children: Adjacency,
    topological: Vec<NodeId>,
    dag: Vec<NodeId>,
    finally: Vec<NodeId>,
    policy: Policy,
}

impl Graph {
    /// Starts an empty graph.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The number of tasks in both sections.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no task at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The task at `id`, or nothing when `id` belongs to another graph.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index())
    }

    /// The index of the task called `name`.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// All tasks in the order of declaration.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        (0..).map(NodeId).zip(&self.nodes)
    }

    /// The tasks of one section in the order of declaration.
    pub fn section(&self, section: Section) -> &[NodeId] {
        match section {
            Section::Dag => &self.dag,
            Section::Finally => &self.finally,
        }
    }

    /// What `id` waits for, by index.
    pub fn parents(&self, id: NodeId) -> &[(NodeId, EdgeKind)] {
        self.parents.of(id)
    }

    /// What waits for `id`, by index.
    pub fn children(&self, id: NodeId) -> &[(NodeId, EdgeKind)] {
        self.children.of(id)
    }

    /// All tasks, each after everything it waits for.
    pub fn topological(&self) -> &[NodeId] {
        &self.topological
    }

    /// The choices for the whole run.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    fn sort(&self) -> Result<Vec<NodeId>, Error> {
        let mut waiting: Vec<usize> = self.nodes().map(|(id, _)| self.parents(id).len()).collect();
        let mut free: VecDeque<NodeId> = self
            .nodes()
            .map(|(id, _)| id)
            .filter(|&id| self.parents(id).is_empty())
            .collect();
        let mut sorted = Vec::with_capacity(self.len());
        while let Some(id) = free.pop_front() {
            sorted.push(id);
            for &(child, _) in self.children(id) {
                if let Some(left) = waiting.get_mut(child.index()) {
                    *left -= 1;
                    if *left == 0 {
                        free.push_back(child);
                    }
                }
            }
        }
        match self.cycle(&sorted) {
            None => Ok(sorted),
            Some(error) => Err(error),
        }
    }

    /// The fault of the tasks that did not make it into `sorted`, if there are any.
    fn cycle(&self, sorted: &[NodeId]) -> Option<Error> {
        let done: BTreeSet<NodeId> = sorted.iter().copied().collect();
        let stuck = self.nodes().filter(|(id, _)| !done.contains(id));
        let (id, node) = stuck.min_by_key(|(_, node)| &node.name)?;
        let waits = self
            .parents(id)
            .iter()
            .filter(|(parent, _)| !done.contains(parent));
        let mut depends_on: Vec<String> = waits
            .filter_map(|&(parent, _)| self.node(parent))
            .map(|parent| parent.name.clone())
            .collect();
        depends_on.sort_unstable();
        Some(Error::Cycle {
            task: node.name.clone(),
            depends_on,
        })
    }
}

/// Neighbours of all nodes in one allocation: those of node `n` lie between `starts[n]` and `starts[n + 1]`.
#[derive(Clone, Debug)]
struct Adjacency {
    starts: Vec<usize>,
    ends: Vec<(NodeId, EdgeKind)>,
}

impl Adjacency {
    fn new(nodes: usize, edges: impl Iterator<Item = (NodeId, NodeId, EdgeKind)>) -> Self {
        let mut edges: Vec<_> = edges.collect();
        edges.sort_unstable();
        let mut starts = Vec::with_capacity(nodes + 1);
        let mut place = 0;
        for node in 0..=nodes {
            place += edges
                .get(place..)
                .unwrap_or_default()
                .iter()
                .take_while(|(from, ..)| from.index() < node)
                .count();
            starts.push(place);
        }
        let ends = edges.into_iter().map(|(_, to, kind)| (to, kind)).collect();
        Self { starts, ends }
    }

    fn of(&self, id: NodeId) -> &[(NodeId, EdgeKind)] {
        let place = id.index();
        match (self.starts.get(place), self.starts.get(place + 1)) {
            (Some(&from), Some(&to)) => self.ends.get(from..to).unwrap_or_default(),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests;
