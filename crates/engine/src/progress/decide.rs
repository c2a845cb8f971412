//! From a phase to commands: what Tekton's reconciler asks of each task, in its order.

use std::collections::BTreeSet;

use crate::graph::EdgeKind;
use crate::graph::Node;
use crate::graph::NodeId;
use crate::graph::OnError;
use crate::graph::Section;
use crate::phase::Phase;
use crate::phase::Situation;
use crate::plan::CancelCause;
use crate::plan::Command;
use crate::plan::Facts;
use crate::plan::Intent;
use crate::plan::Refusal;
use crate::plan::When;
use crate::state::SkipReason;
use crate::state::State;

use super::View;
use super::ledger::Ledger;

/// The ready tasks to look at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Candidates<'a> {
    All,
    /// These, and nothing but starting and skipping them.
    Only(&'a BTreeSet<NodeId>),
}

#[derive(Clone, Copy)]
pub(super) struct Decider<'a> {
    pub(super) view: View<'a>,
    pub(super) ledger: &'a Ledger,
    pub(super) situation: Situation<'a>,
    pub(super) facts: &'a dyn Facts,
}

impl Decider<'_> {
    /// The commands for a phase, sorted.
    ///
    /// A refusal that stops the run also keeps tasks from starting that are ready in the same plan.
    pub(super) fn commands(&self, phase: Phase, candidates: Candidates<'_>) -> Vec<Command> {
        let mut commands = match candidates {
            Candidates::All => self.cancels(),
            Candidates::Only(_) => Vec::new(),
        };
        if self.situation.directive.intent != Intent::Pending {
            match (phase, candidates) {
                (Phase::Forward | Phase::Draining, Candidates::All) => {
                    self.tasks(&self.ledger.ready, &mut commands);
                }
                (Phase::Forward | Phase::Draining, Candidates::Only(ready)) => {
                    self.tasks(ready, &mut commands);
                }
                (Phase::Unwinding, Candidates::All) => self.undos(&mut commands),
                (Phase::Finally, Candidates::All) => self.finally(&mut commands),
                _ => {}
            }
        }
        if commands.iter().any(|&command| self.is_stopper(command)) {
            commands.retain(|command| !matches!(command, Command::Start { .. }));
        }
        commands.sort_unstable();
        commands
    }

    fn is_stopper(&self, command: Command) -> bool {
        match command {
            Command::Refuse { node, .. } => self.view.graph.node(node).is_some_and(Node::stops),
            _ => false,
        }
    }

    fn undos(&self, commands: &mut Vec<Command>) {
        if self.situation.tally.dag.undo_failed == 0 {
            commands.extend(
                self.ledger
                    .unwind
                    .leaves
                    .iter()
                    .map(|&node| Command::Undo { node }),
            );
        }
    }

    fn cancels(&self) -> Vec<Command> {
        let by_section = [Section::Dag, Section::Finally].map(|section| self.cancel_cause(section));
        let [dag, finally] = by_section;
        if dag.is_none() && finally.is_none() {
            return Vec::new();
        }
        let running = self.ledger.running.iter();
        let cancels = running.filter_map(|&node| {
            let cause = match self.view.graph.node(node)?.section {
                Section::Dag => dag,
                Section::Finally => finally,
            }?;
            Some(Command::Cancel { node, cause })
        });
        cancels.collect()
    }

    /// Why the running tasks of a section are to be cancelled, if they are.
    fn cancel_cause(&self, section: Section) -> Option<CancelCause> {
        let Situation {
            directive, policy, ..
        } = self.situation;
        let passed = |deadline| self.situation.has_passed(deadline);
        let in_dag = section == Section::Dag;
        if directive.intent == Intent::Cancel || (in_dag && directive.intent == Intent::CancelRunFinally) {
            Some(CancelCause::Requested)
        } else if passed(directive.deadlines.pipeline) {
            Some(CancelCause::PipelineTimeout)
        } else if in_dag && passed(directive.deadlines.tasks) {
            Some(CancelCause::TasksTimeout)
        } else if !in_dag && passed(directive.deadlines.finally) {
            Some(CancelCause::FinallyTimeout)
        } else if in_dag && policy.fail_fast && self.situation.is_stopping() {
            Some(CancelCause::FailFast)
        } else {
            None
        }
    }

    fn tasks(&self, ready: &BTreeSet<NodeId>, commands: &mut Vec<Command>) {
        if self.situation.is_killed() {
            return;
        }
        if let Some(reason) = self.blanket() {
            if self.situation.tally.dag.pending > 0 {
                commands.extend(
                    self.pending(Section::Dag)
                        .map(|node| Command::Skip { node, reason }),
                );
            }
            return;
        }
        commands.extend(ready.iter().map(|&node| self.task(node)));
    }

    /// Why no pending task will ever start, if that is so.
    fn blanket(&self) -> Option<SkipReason> {
        if self.situation.is_stopping() {
            return Some(SkipReason::Stopping);
        }
        match self.situation.directive.intent {
            Intent::CancelRunFinally => Some(SkipReason::GracefullyCancelled),
            Intent::StopRunFinally => Some(SkipReason::GracefullyStopped),
            _ => None,
        }
    }

    fn task(&self, node: NodeId) -> Command {
        let skip = |reason| Command::Skip { node, reason };
        let refuse = |refusal| Command::Refuse { node, refusal };
        let deadlines = self.situation.directive.deadlines;
        match self.facts.when(node, self.view) {
            When::Broken => return refuse(Refusal::When),
            When::Forbids => return skip(SkipReason::When),
            When::Allows => {}
        }
        if self.has_skipped_parent(node) {
            return skip(SkipReason::Parent);
        }
        let unresolved = self.unresolved(node);
        if unresolved.is_some_and(|producer| self.is_excused(node, producer)) {
            skip(SkipReason::MissingResults)
        } else if self.situation.has_passed(deadlines.pipeline) {
            skip(SkipReason::PipelineTimeout)
        } else if self.situation.has_passed(deadlines.tasks) {
            skip(SkipReason::TasksTimeout)
        } else if self.facts.matrix_is_empty(node, self.view) {
            skip(SkipReason::EmptyMatrix)
        } else if let Some(producer) = unresolved {
            refuse(Refusal::Result(producer))
        } else {
            Command::Start { node }
        }
    }

    fn finally(&self, commands: &mut Vec<Command>) {
        if self.situation.tally.finally.pending > 0 {
            commands.extend(self.pending(Section::Finally).map(|node| self.last_task(node)));
        }
    }

    fn last_task(&self, node: NodeId) -> Command {
        let skip = |reason| Command::Skip { node, reason };
        let deadlines = self.situation.directive.deadlines;
        if self.unresolved(node).is_some() {
            return skip(SkipReason::MissingResults);
        }
        match self.facts.when(node, self.view) {
            When::Broken => {
                return Command::Refuse {
                    node,
                    refusal: Refusal::When,
                };
            }
            When::Forbids => return skip(SkipReason::When),
            When::Allows => {}
        }
        if self.situation.has_passed(deadlines.pipeline) {
            skip(SkipReason::PipelineTimeout)
        } else if self.situation.has_passed(deadlines.finally) {
            skip(SkipReason::FinallyTimeout)
        } else if self.facts.matrix_is_empty(node, self.view) {
            skip(SkipReason::EmptyMatrix)
        } else {
            Command::Start { node }
        }
    }

    /// Whether a parent was skipped for another reason than its `when`, which concerns nobody else.
    fn has_skipped_parent(&self, node: NodeId) -> bool {
        let parents = self.view.graph.parents(node).iter();
        let mut states = parents.map(|&(parent, _)| self.view.state(parent));
        states.any(|state| matches!(state, State::Skipped(reason) if reason != SkipReason::When))
    }

    /// The producer of a result that `node` consumes and does not get. A skipped producer has none, whatever the facts.
    fn unresolved(&self, node: NodeId) -> Option<NodeId> {
        self.facts.unresolved(node, self.view).or_else(|| {
            let parents = self.view.graph.parents(node).iter();
            let mut producers = parents
                .filter(|(_, kind)| *kind == EdgeKind::Resource)
                .map(|&(id, _)| id);
            producers.find(|&id| matches!(self.view.state(id), State::Skipped(_)))
        })
    }

    /// Whether a missing result merely skips the consumer, instead of failing the run.
    fn is_excused(&self, node: NodeId, producer: NodeId) -> bool {
        let tolerant = self
            .view
            .graph
            .node(node)
            .is_some_and(|node| node.on_error == OnError::Continue);
        tolerant || self.view.state(producer) == State::Skipped(SkipReason::When)
    }

    fn pending(&self, section: Section) -> impl Iterator<Item = NodeId> {
        let nodes = self.view.graph.section(section).iter().copied();
        nodes.filter(|&node| self.view.state(node) == State::Pending)
    }
}
