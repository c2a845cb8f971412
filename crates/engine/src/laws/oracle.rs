//! A planner that is as plain as the rules allow, and as slow: it asks every question of every task anew.

use windlass_api::Time;

use super::world::World;
use crate::graph::EdgeKind;
use crate::graph::NodeId;
use crate::graph::OnError;
use crate::graph::Section;
use crate::phase::Phase;
use crate::phase::Verdict;
use crate::plan::CancelCause;
use crate::plan::Command;
use crate::plan::Directive;
use crate::plan::Facts;
use crate::plan::Intent;
use crate::plan::Plan;
use crate::plan::Refusal;
use crate::plan::When;
use crate::progress::Progress;
use crate::state::SkipReason;
use crate::state::State;

pub(super) struct Oracle<'a> {
    pub(super) world: &'a World,
    pub(super) states: &'a [State],
    pub(super) directive: Directive,
    pub(super) now: Time,
}

impl Oracle<'_> {
    fn state(&self, id: NodeId) -> State {
        self.states[id.index()]
    }

    fn all(&self) -> Vec<NodeId> {
        self.world.graph.nodes().map(|(id, _)| id).collect()
    }

    fn is_last(&self, id: NodeId) -> bool {
        self.world.graph.node(id).unwrap().section == Section::Finally
    }

    fn tolerates(&self, id: NodeId) -> bool {
        self.world.graph.node(id).unwrap().on_error == OnError::Continue
    }

    fn tasks(&self, test: impl Fn(State) -> bool) -> bool {
        self.all()
            .iter()
            .any(|&id| !self.is_last(id) && test(self.state(id)))
    }

    fn lasts(&self, test: impl Fn(State) -> bool) -> bool {
        self.all()
            .iter()
            .any(|&id| self.is_last(id) && test(self.state(id)))
    }

    fn late(&self, deadline: Option<Time>) -> bool {
        deadline.is_some_and(|deadline| deadline <= self.now)
    }

    pub(super) fn is_stopping(&self) -> bool {
        let fatal = |id: &NodeId| {
            let ended = matches!(
                self.state(*id),
                State::Failed | State::TimedOut | State::Cancelled | State::Invalid
            );
            !self.is_last(*id) && !self.tolerates(*id) && ended
        };
        self.all().iter().any(fatal) || self.tasks(State::is_undo)
    }

    pub(super) fn rolls_back(&self) -> bool {
        let cut = |state| {
            use SkipReason as R;
            matches!(
                state,
                State::Skipped(
                    R::Stopping
                        | R::GracefullyCancelled
                        | R::GracefullyStopped
                        | R::PipelineTimeout
                        | R::TasksTimeout
                        | R::FinallyTimeout
                )
            )
        };
        let killed = self.directive.intent == Intent::Cancel;
        self.world.graph.policy().rollback
            && (self.is_stopping()
                || self.tasks(cut)
                || (killed && self.tasks(|state| state == State::Pending)))
    }

    /// Everything that was built on `id`, directly or through others.
    pub(super) fn descendants(&self, id: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for &(child, _) in self.world.graph.children(id) {
                if !found.contains(&child) {
                    found.push(child);
                    open.push(child);
                }
            }
        }
        found
    }

    pub(super) fn is_due(&self, id: NodeId) -> bool {
        self.state(id) == State::Succeeded && self.world.graph.node(id).unwrap().undoable && !self.is_last(id)
    }

    fn phase(&self) -> Phase {
        let killed = self.directive.intent == Intent::Cancel;
        let open = |state: State| state.is_active() || (state == State::Pending && !killed);
        let deadlines = self.directive.deadlines;
        if self.tasks(open) {
            let draining = self.is_stopping()
                || !matches!(self.directive.intent, Intent::Run | Intent::Pending)
                || self.late(deadlines.pipeline)
                || self.late(deadlines.tasks);
            return if draining { Phase::Draining } else { Phase::Forward };
        }
        if killed && self.lasts(State::is_active) {
            return Phase::Draining;
        }
        let undo_failed = self.tasks(|state| state == State::UndoFailed);
        let due = self.all().iter().any(|&id| self.is_due(id));
        if self.rolls_back() && (self.tasks(|state| state == State::Undoing) || (due && !undo_failed)) {
            return Phase::Unwinding;
        }
        if self.lasts(open) {
            return Phase::Finally;
        }
        Phase::Done(self.verdict())
    }

    fn verdict(&self) -> Verdict {
        let any = |test: &dyn Fn(NodeId) -> bool| self.all().into_iter().any(test);
        if self.tasks(|state| state == State::UndoFailed) {
            return Verdict::Stuck;
        }
        if self.directive.intent == Intent::Cancel {
            return Verdict::Cancelled;
        }
        let failed = any(&|id| match self.state(id) {
            State::Failed => !self.tolerates(id),
            State::TimedOut | State::Invalid => true,
            State::Skipped(reason) => reason.as_str().ends_with("timeout has been reached"),
            _ => false,
        });
        let graceful = matches!(
            self.directive.intent,
            Intent::CancelRunFinally | Intent::StopRunFinally
        );
        if failed {
            Verdict::Failed
        } else if graceful || any(&|id| self.state(id) == State::Cancelled) {
            Verdict::Cancelled
        } else {
            Verdict::Succeeded
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let phase = self.phase();
        let mut commands: Vec<Command> = self.all().iter().filter_map(|&id| self.cancel(id)).collect();
        let pending = self
            .all()
            .into_iter()
            .filter(|&id| self.state(id) == State::Pending);
        if self.directive.intent != Intent::Pending {
            match phase {
                Phase::Forward | Phase::Draining => {
                    let tasks = pending.filter(|&id| !self.is_last(id));
                    commands.extend(tasks.filter_map(|id| self.task(id)));
                }
                Phase::Finally => {
                    commands.extend(pending.filter(|&id| self.is_last(id)).map(|id| self.last(id)));
                }
                Phase::Unwinding => commands.extend(self.undos()),
                Phase::Done(_) => {}
            }
        }
        let fatal = |command: &Command| matches!(command, Command::Refuse { node, .. } if !self.is_last(*node) && !self.tolerates(*node));
        if commands.iter().any(fatal) {
            commands.retain(|command| !matches!(command, Command::Start { .. }));
        }
        commands.sort();
        Plan {
            phase,
            commands,
            wake_at: self.wake_at(phase),
        }
    }

    fn wake_at(&self, phase: Phase) -> Option<Time> {
        let deadlines = self.directive.deadlines;
        let relevant = match phase {
            Phase::Forward | Phase::Draining => vec![deadlines.pipeline, deadlines.tasks],
            Phase::Finally => vec![deadlines.pipeline, deadlines.finally],
            _ => vec![],
        };
        let mut ahead: Vec<Time> = relevant
            .into_iter()
            .flatten()
            .filter(|at| *at > self.now)
            .collect();
        ahead.sort();
        ahead.first().copied()
    }

    fn cancel(&self, node: NodeId) -> Option<Command> {
        if self.state(node) != State::Running {
            return None;
        }
        let Directive { intent, deadlines } = self.directive;
        let last = self.is_last(node);
        let cause = match intent {
            Intent::Cancel => CancelCause::Requested,
            Intent::CancelRunFinally if !last => CancelCause::Requested,
            _ if self.late(deadlines.pipeline) => CancelCause::PipelineTimeout,
            _ if !last && self.late(deadlines.tasks) => CancelCause::TasksTimeout,
            _ if last && self.late(deadlines.finally) => CancelCause::FinallyTimeout,
            _ if !last && self.world.graph.policy().fail_fast && self.is_stopping() => CancelCause::FailFast,
            _ => return None,
        };
        Some(Command::Cancel { node, cause })
    }

    fn task(&self, node: NodeId) -> Option<Command> {
        let skip = |reason| Some(Command::Skip { node, reason });
        match self.directive.intent {
            Intent::Cancel => return None,
            _ if self.is_stopping() => return skip(SkipReason::Stopping),
            Intent::CancelRunFinally => return skip(SkipReason::GracefullyCancelled),
            Intent::StopRunFinally => return skip(SkipReason::GracefullyStopped),
            Intent::Run | Intent::Pending => {}
        }
        let parents = self.world.graph.parents(node);
        if !parents.iter().all(|&(parent, _)| self.state(parent).is_settled()) {
            return None;
        }
        let progress = Progress::from_states(&self.world.graph, self.states);
        let view = progress.view();
        let refuse = |refusal| Some(Command::Refuse { node, refusal });
        let deadlines = self.directive.deadlines;
        let by_parent = parents.iter().any(|&(parent, _)| {
            let state = self.state(parent);
            matches!(state, State::Skipped(_)) && state != State::Skipped(SkipReason::When)
        });
        let missing = self.world.unresolved(node, view);
        let excused = missing.is_some_and(|producer| {
            self.tolerates(node) || self.state(producer) == State::Skipped(SkipReason::When)
        });
        match (self.world.when(node, view), missing) {
            (When::Broken, _) => refuse(Refusal::When),
            (When::Forbids, _) => skip(SkipReason::When),
            _ if by_parent => skip(SkipReason::Parent),
            _ if excused => skip(SkipReason::MissingResults),
            _ if self.late(deadlines.pipeline) => skip(SkipReason::PipelineTimeout),
            _ if self.late(deadlines.tasks) => skip(SkipReason::TasksTimeout),
            _ if self.world.matrix_is_empty(node, view) => skip(SkipReason::EmptyMatrix),
            (_, Some(producer)) => refuse(Refusal::Result(producer)),
            _ => Some(Command::Start { node }),
        }
    }

    fn last(&self, node: NodeId) -> Command {
        let progress = Progress::from_states(&self.world.graph, self.states);
        let view = progress.view();
        let skip = |reason| Command::Skip { node, reason };
        let deadlines = self.directive.deadlines;
        let parents = self.world.graph.parents(node).iter();
        let consumes_skipped = parents
            .filter(|(_, kind)| *kind == EdgeKind::Resource)
            .any(|&(parent, _)| matches!(self.state(parent), State::Skipped(_)));
        match self.world.when(node, view) {
            _ if consumes_skipped || self.world.unresolved(node, view).is_some() => {
                skip(SkipReason::MissingResults)
            }
            When::Broken => Command::Refuse {
                node,
                refusal: Refusal::When,
            },
            When::Forbids => skip(SkipReason::When),
            When::Allows if self.late(deadlines.pipeline) => skip(SkipReason::PipelineTimeout),
            When::Allows if self.late(deadlines.finally) => skip(SkipReason::FinallyTimeout),
            When::Allows if self.world.matrix_is_empty(node, view) => skip(SkipReason::EmptyMatrix),
            When::Allows => Command::Start { node },
        }
    }

    fn undos(&self) -> Vec<Command> {
        if self.tasks(|state| state == State::UndoFailed) {
            return Vec::new();
        }
        let free = |&id: &NodeId| {
            self.is_due(id)
                && !self
                    .descendants(id)
                    .into_iter()
                    .any(|below| self.is_due(below) || self.state(below) == State::Undoing)
        };
        let undo = |node| Command::Undo { node };
        self.all().into_iter().filter(free).map(undo).collect()
    }
}
