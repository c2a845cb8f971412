//! Small worlds: a graph, what is known about its tasks, and everything that can happen next.

use windlass_api::Time;

use crate::graph::EdgeKind;
use crate::graph::Graph;
use crate::graph::Node;
use crate::graph::NodeId;
use crate::graph::OnError;
use crate::graph::Policy;
use crate::plan::Command;
use crate::plan::Deadlines;
use crate::plan::Directive;
use crate::plan::Facts;
use crate::plan::Intent;
use crate::plan::Plan;
use crate::plan::When;
use crate::plan::plan;
use crate::progress::View;
use crate::state::Event;
use crate::state::State;

/// What is special about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    Plain,
    WhenForbids,
    WhenBroken,
    /// It never has the result that its consumers ask for.
    NoResult,
    EmptyMatrix,
}

impl Quirk {
    pub(super) const ALL: [Self; 5] = [
        Self::Plain,
        Self::WhenForbids,
        Self::WhenBroken,
        Self::NoResult,
        Self::EmptyMatrix,
    ];
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) graph: Graph,
    pub(super) quirks: Vec<Quirk>,
    pub(super) deadlines: Deadlines,
    /// The times that pass, one after the other, at any moment.
    pub(super) times: Vec<Time>,
    /// Whether the owner may change his mind once.
    pub(super) may_cancel: bool,
}

impl Facts for World {
    fn when(&self, node: NodeId, _view: View<'_>) -> When {
        match self.quirks[node.index()] {
            Quirk::WhenForbids => When::Forbids,
            Quirk::WhenBroken => When::Broken,
            _ => When::Allows,
        }
    }

    fn unresolved(&self, node: NodeId, view: View<'_>) -> Option<NodeId> {
        let parents = self.graph.parents(node).iter();
        let mut producers = parents
            .filter(|(_, kind)| *kind == EdgeKind::Resource)
            .map(|&(id, _)| id);
        producers.find(|&id| {
            self.quirks[id.index()] == Quirk::NoResult || matches!(view.state(id), State::Skipped(_))
        })
    }

    fn matrix_is_empty(&self, node: NodeId, _view: View<'_>) -> bool {
        self.quirks[node.index()] == Quirk::EmptyMatrix
    }
}

/// A moment in the life of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Moment {
    pub(super) states: Vec<State>,
    pub(super) intent: Intent,
    /// Place in [`World::times`].
    pub(super) time: usize,
}

/// One thing that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Confirm(Command),
    Report(NodeId, Event),
    Intend(Intent),
    Tick,
}

pub(super) fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

impl World {
    pub(super) fn new(graph: Graph) -> Self {
        Self {
            quirks: vec![Quirk::Plain; graph.len()],
            graph,
            deadlines: Deadlines::default(),
            times: vec![at(0)],
            may_cancel: true,
        }
    }

    pub(super) fn start(&self) -> Moment {
        Moment {
            states: vec![State::Pending; self.graph.len()],
            intent: Intent::Run,
            time: 0,
        }
    }

    pub(super) fn directive(&self, moment: &Moment) -> Directive {
        Directive {
            intent: moment.intent,
            deadlines: self.deadlines,
        }
    }

    pub(super) fn now(&self, moment: &Moment) -> Time {
        self.times[moment.time]
    }

    pub(super) fn plan(&self, moment: &Moment) -> Plan {
        plan(
            &self.graph,
            &moment.states,
            self.directive(moment),
            self,
            self.now(moment),
        )
    }

    /// Everything that can happen at a moment: commands are confirmed and reports arrive in any order.
    pub(super) fn steps(&self, moment: &Moment, plan: &Plan) -> Vec<Step> {
        let mut steps: Vec<Step> = plan.commands.iter().copied().map(Step::Confirm).collect();
        let timed = self.times.len() > 1;
        for (&state, (id, _)) in moment.states.iter().zip(self.graph.nodes()) {
            let events: &[Event] = match state {
                State::Running => &[Event::Succeeded, Event::Failed],
                State::Cancelling if timed => &[Event::Succeeded, Event::TimedOut, Event::Cancelled],
                State::Cancelling => &[Event::Succeeded, Event::Cancelled],
                State::Undoing => &[Event::Undone, Event::UndoFailed],
                _ => &[],
            };
            steps.extend(events.iter().map(|&event| Step::Report(id, event)));
        }
        if self.may_cancel && moment.intent == Intent::Run {
            let intents = [Intent::Cancel, Intent::CancelRunFinally, Intent::StopRunFinally];
            steps.extend(intents.map(Step::Intend));
        }
        if moment.time + 1 < self.times.len() {
            steps.push(Step::Tick);
        }
        steps
    }

    pub(super) fn after(&self, moment: &Moment, step: Step) -> Moment {
        let mut next = moment.clone();
        match step {
            Step::Confirm(command) => {
                next.report(&self.graph, command.node(), command.confirmation());
            }
            Step::Report(id, event) => next.report(&self.graph, id, event),
            Step::Intend(intent) => next.intent = intent,
            Step::Tick => next.time += 1,
        }
        next
    }
}

impl Moment {
    fn report(&mut self, graph: &Graph, id: NodeId, event: Event) {
        let node = graph.node(id).expect("commands name nodes of the graph");
        let state = &mut self.states[id.index()];
        *state = state.on(event, node).expect("the world offers legal events only");
    }
}

/// Every graph of `tasks` tasks: bit `i` of `edges` is the `i`-th pair of a task and an earlier one.
///
/// All acyclic graphs are among them, save for the names of their nodes.
pub(super) fn shape(tasks: &[Node], finally: usize, edges: usize, kind: EdgeKind, policy: Policy) -> Graph {
    let mut builder = Graph::builder();
    let ids: Vec<NodeId> = tasks.iter().map(|task| builder.node(task.clone())).collect();
    let mut bit = 0;
    for (place, &child) in ids.iter().enumerate() {
        for &parent in &ids[..place] {
            if edges >> bit & 1 == 1 {
                builder.edge(parent, child, kind);
            }
            bit += 1;
        }
    }
    for place in 0..finally {
        let last = builder.node(Node::finally(format!("f{place}")));
        if let (Some(&first), EdgeKind::Resource) = (ids.first(), kind) {
            builder.edge(first, last, kind);
        }
    }
    builder.policy(policy);
    builder.build().expect("edges lead from earlier to later tasks")
}

pub(super) const fn shapes(tasks: usize) -> usize {
    1 << (tasks * tasks.saturating_sub(1) / 2)
}

/// `tasks` tasks; bit `2i` of `mix` lets task `i` fail, bit `2i + 1` lets it be undone.
pub(super) fn mixed(tasks: usize, mix: usize) -> Vec<Node> {
    let task = |place: usize| Node {
        on_error: if mix >> (2 * place) & 1 == 1 {
            OnError::Continue
        } else {
            OnError::Stop
        },
        undoable: mix >> (2 * place + 1) & 1 == 1,
        ..Node::dag(format!("t{place}"))
    };
    (0..tasks).map(task).collect()
}
