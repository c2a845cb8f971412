//! States, and the counters and sets that follow from them.

use std::collections::BTreeSet;

use crate::graph::Graph;
use crate::graph::NodeId;
use crate::graph::Section;
use crate::state::State;
use crate::tally::Tally;

use super::unwind::Unwind;

/// The states of all tasks, and what follows from them. Equal states have equal ledgers, whatever led there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ledger {
    states: Vec<State>,
    /// For each node, how many of those it stands on are not settled.
    waiting: Vec<usize>,
    /// Pending nodes outside `finally` that wait for nothing.
    pub(super) ready: BTreeSet<NodeId>,
    /// Nodes that run and were not told to stop.
    pub(super) running: BTreeSet<NodeId>,
    pub(super) tally: Tally,
    pub(super) unwind: Unwind,
}

impl Ledger {
    pub(super) fn new(graph: &Graph, states: &[State]) -> Self {
        let mut ledger = Self {
            states: vec![State::Pending; graph.len()],
            waiting: graph.nodes().map(|(id, _)| graph.parents(id).len()).collect(),
            ready: BTreeSet::new(),
            running: BTreeSet::new(),
            tally: Tally::default(),
            unwind: Unwind::new(graph),
        };
        for (id, node) in graph.nodes() {
            ledger.tally.enter(node, State::Pending);
            ledger.refresh(graph, id);
        }
        for ((id, _), &state) in graph.nodes().zip(states) {
            ledger.set(graph, id, state);
        }
        ledger
    }

    pub(super) fn states(&self) -> &[State] {
        &self.states
    }

    pub(super) fn state(&self, id: NodeId) -> State {
        self.states.get(id.index()).copied().unwrap_or_default()
    }

    /// Puts a node into a state; tells which nodes became ready by it.
    pub(super) fn set(&mut self, graph: &Graph, id: NodeId, state: State) -> Vec<NodeId> {
        let (Some(node), Some(slot)) = (graph.node(id), self.states.get_mut(id.index())) else {
            return Vec::new();
        };
        let before = std::mem::replace(slot, state);
        self.tally.leave(node, before);
        self.tally.enter(node, state);
        self.refresh(graph, id);
        self.unwind.changed(graph, id, state);
        // No event makes a settled task unsettled again.
        if before.is_settled() || !state.is_settled() {
            return Vec::new();
        }
        self.release(graph, id)
    }

    fn release(&mut self, graph: &Graph, settled: NodeId) -> Vec<NodeId> {
        let mut ready = Vec::new();
        for &(child, _) in graph.children(settled) {
            if let Some(waiting) = self.waiting.get_mut(child.index()) {
                *waiting -= 1;
            }
            if self.refresh(graph, child) {
                ready.push(child);
            }
        }
        ready
    }

    /// Puts a node into the sets where it belongs; tells whether it became ready.
    fn refresh(&mut self, graph: &Graph, id: NodeId) -> bool {
        let state = self.state(id);
        let in_dag = graph.node(id).is_some_and(|node| node.section == Section::Dag);
        let free = self.waiting.get(id.index()) == Some(&0);
        place(&mut self.running, id, state == State::Running);
        place(&mut self.ready, id, in_dag && free && state == State::Pending)
    }
}

/// Makes `set` hold `id` or not; tells whether it was added.
pub(super) fn place(set: &mut BTreeSet<NodeId>, id: NodeId, belongs: bool) -> bool {
    if belongs {
        set.insert(id)
    } else {
        set.remove(&id);
        false
    }
}
