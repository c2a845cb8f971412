//! Which tasks may be undone next.
//!
//! A task is *unwound* when nothing of it is left to undo and everything built on it is unwound. It may be undone when
//! it succeeded and everything built on it is unwound. Both follow from a count of children that are not unwound; a
//! change travels towards the roots and stops where nothing changes, so every node is passed at most twice in the life
//! of a run.

use std::collections::BTreeSet;

use crate::graph::Graph;
use crate::graph::NodeId;
use crate::state::State;

use super::ledger::place;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unwind {
    nodes: Vec<Standing>,
    /// Nodes to undo on which nothing is built that is not unwound.
    pub(super) leaves: BTreeSet<NodeId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    /// Children that are not unwound.
    held_by: usize,
    /// Waits to be undone.
    due: bool,
    /// Is being undone, or could not be.
    stuck: bool,
}

impl Standing {
    const fn is_unwound(self) -> bool {
        self.held_by == 0 && !self.due && !self.stuck
    }
}

impl Unwind {
    pub(super) fn new(graph: &Graph) -> Self {
        Self {
            nodes: vec![Standing::default(); graph.len()],
            leaves: BTreeSet::new(),
        }
    }

    /// Takes notice of the new state of a node.
    pub(super) fn changed(&mut self, graph: &Graph, id: NodeId, state: State) {
        let undoable = graph.node(id).is_some_and(crate::graph::Node::can_be_undone);
        if !graph.policy().rollback || !undoable {
            return;
        }
        let (due, stuck) = (
            state == State::Succeeded,
            matches!(state, State::Undoing | State::UndoFailed),
        );
        let mut changed = vec![(id, Change::Own { due, stuck })];
        while let Some((id, change)) = changed.pop() {
            let Some(standing) = self.nodes.get_mut(id.index()) else {
                continue;
            };
            let before = standing.is_unwound();
            match change {
                Change::Own { due, stuck } => (standing.due, standing.stuck) = (due, stuck),
                Change::Held => standing.held_by += 1,
                Change::Freed => standing.held_by -= 1,
            }
            let standing = *standing;
            place(&mut self.leaves, id, standing.due && standing.held_by == 0);
            let change = match (before, standing.is_unwound()) {
                (true, false) => Change::Held,
                (false, true) => Change::Freed,
                _ => continue,
            };
            changed.extend(graph.parents(id).iter().map(|&(parent, _)| (parent, change)));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Own { due: bool, stuck: bool },
    Held,
    Freed,
}
