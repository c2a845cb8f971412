//! The states of all tasks, with what planning needs kept current, so that a plan costs what may change.

mod advance;
mod decide;
mod ledger;
mod unwind;

use std::ops::Deref;

use windlass_api::Time;

use crate::graph::Graph;
use crate::graph::NodeId;
use crate::phase::Phase;
use crate::phase::Situation;
use crate::plan::Directive;
use crate::plan::Facts;
use crate::plan::Plan;
use crate::state::Event;
use crate::state::IllegalTransition;
use crate::state::State;
use crate::tally::Tally;

use self::decide::Candidates;
use self::ledger::Ledger;

/// The states of all tasks of one run.
///
/// `G` is a reference or shared pointer to the graph. Making one costs time in the size of the graph. Telling it an
/// event costs time in the number of tasks that wait for that task, and a plan costs time in the number of tasks that
/// are ready, running or in `finally` and not confirmed as started or ended. The plans are those of
/// [`plan`](crate::plan::plan).
#[derive(Clone, Debug)]
pub struct Progress<G> {
    graph: G,
    ledger: Ledger,
}

impl<G: Deref<Target = Graph>> Progress<G> {
    /// A run of which nothing has started.
    pub fn new(graph: G) -> Self {
        Self::from_states(graph, &[])
    }

    /// A run whose tasks are in the given states, one per node; missing ones are pending.
    pub fn from_states(graph: G, states: &[State]) -> Self {
        let ledger = Ledger::new(&graph, states);
        Self { graph, ledger }
    }

    /// The graph it was made for.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The state of each node.
    pub fn states(&self) -> &[State] {
        self.ledger.states()
    }

    /// The state of `node`; pending when it is not in the graph.
    pub fn state(&self, node: NodeId) -> State {
        self.ledger.state(node)
    }

    /// How many tasks are in which state.
    pub fn tally(&self) -> &Tally {
        &self.ledger.tally
    }

    /// What can be known about the tasks, for [`Facts`] and for reports.
    pub fn view(&self) -> View<'_> {
        View {
            graph: &self.graph,
            states: self.states(),
            tally: self.tally(),
        }
    }

    /// Records what happened to a task and tells its new state.
    ///
    /// # Errors
    /// The event cannot happen in the task's state; nothing has changed then. A node of another graph is ignored.
    pub fn apply(&mut self, node: NodeId, event: Event) -> Result<State, IllegalTransition> {
        let Some(task) = self.graph.node(node) else {
            return Ok(State::default());
        };
        let next = self.state(node).on(event, task)?;
        self.ledger.set(&self.graph, node, next);
        Ok(next)
    }

    /// Records the state in which a task was observed, by way of the events that must have led there.
    ///
    /// # Errors
    /// No events lead there. Those that were possible have been recorded.
    pub fn observe(&mut self, node: NodeId, state: State) -> Result<(), IllegalTransition> {
        while let Some(event) = self.state(node).towards(state) {
            if self.graph.node(node).is_none() {
                break;
            }
            self.apply(node, event)?;
        }
        Ok(())
    }

    /// Where the run as a whole stands.
    pub fn phase(&self, directive: Directive, now: Time) -> Phase {
        self.situation(directive, now).phase()
    }

    /// What should happen next. It changes nothing: commands take effect when their events are applied.
    pub fn plan(&self, directive: Directive, facts: &dyn Facts, now: Time) -> Plan {
        let situation = self.situation(directive, now);
        let phase = situation.phase();
        let decider = decide::Decider {
            view: self.view(),
            ledger: &self.ledger,
            situation,
            facts,
        };
        Plan {
            phase,
            commands: decider.commands(phase, Candidates::All),
            wake_at: situation.wake_at(phase),
        }
    }

    /// Whether nothing tells the two apart, not even what is kept for planning.
    #[cfg(test)]
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.ledger == other.ledger
    }

    fn situation(&self, directive: Directive, now: Time) -> Situation<'_> {
        Situation {
            tally: &self.ledger.tally,
            policy: self.graph.policy(),
            directive,
            now,
        }
    }
}

/// The graph with the states of its tasks, to look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    graph: &'a Graph,
    states: &'a [State],
    tally: &'a Tally,
}

impl<'a> View<'a> {
    /// The graph.
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// The state of `node`; pending when it is not in the graph.
    pub fn state(&self, node: NodeId) -> State {
        self.states.get(node.index()).copied().unwrap_or_default()
    }

    /// How many tasks are in which state.
    pub fn tally(&self) -> &'a Tally {
        self.tally
    }
}

#[cfg(test)]
mod tests;
