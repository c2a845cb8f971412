//! How many tasks are in which state, kept current with every change.

use crate::graph::Node;
use crate::graph::OnError;
use crate::graph::Section;
use crate::state::SkipReason;
use crate::state::State;

/// The tasks of one section by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not started yet.
    pub pending: usize,
    /// Started, not ended.
    pub running: usize,
    /// Started, told to stop, not ended.
    pub cancelling: usize,
    /// Ended well, and nobody undid them.
    pub succeeded: usize,
    /// Failed by themselves.
    pub failed: usize,
    /// Failed by themselves, with [`OnError::Continue`].
    pub ignored: usize,
    /// Cancelled by a timeout of the run.
    pub timed_out: usize,
    /// Cancelled otherwise.
    pub cancelled: usize,
    /// Never to be started.
    pub skipped: usize,
    /// Impossible to start.
    pub invalid: usize,
    /// Being undone.
    pub undoing: usize,
    /// Undone.
    pub undone: usize,
    /// Not possible to undo.
    pub undo_failed: usize,
}

impl Counts {
    /// Tasks that were started and have not ended.
    pub const fn active(&self) -> usize {
        self.running + self.cancelling
    }

    /// Tasks of which undoing began.
    pub const fn undo(&self) -> usize {
        self.undoing + self.undone + self.undo_failed
    }

    fn slot(&mut self, node: &Node, state: State) -> &mut usize {
        match state {
            State::Pending => &mut self.pending,
            State::Running => &mut self.running,
            State::Cancelling => &mut self.cancelling,
            State::Succeeded => &mut self.succeeded,
            State::Failed if node.on_error == OnError::Continue => &mut self.ignored,
            State::Failed => &mut self.failed,
            State::TimedOut => &mut self.timed_out,
            State::Cancelled => &mut self.cancelled,
            State::Skipped(_) => &mut self.skipped,
            State::Invalid => &mut self.invalid,
            State::Undoing => &mut self.undoing,
            State::Undone => &mut self.undone,
            State::UndoFailed => &mut self.undo_failed,
        }
    }
}

/// The tasks of a run by state, and what follows from them for the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The tasks of `spec.tasks`.
    pub dag: Counts,
    /// The tasks of `spec.finally`.
    pub finally: Counts,
    /// Tasks that let no further task start: failed, cancelled or invalid, and not to be ignored.
    pub stoppers: usize,
    /// Tasks outside `finally` that did not have their turn before the run ended.
    pub cut_short: usize,
    /// Tasks that succeeded and are to be undone if the run rolls back.
    pub to_undo: usize,
    /// Tasks skipped because the run had reached its timeout.
    pub past_pipeline: usize,
    /// Tasks skipped because the run had reached the timeout of its tasks.
    pub past_tasks: usize,
    /// Tasks skipped because the run had reached the timeout of its `finally`.
    pub past_finally: usize,
}

impl Tally {
    /// Both sections together.
    pub const fn all(&self) -> Counts {
        let (a, b) = (&self.dag, &self.finally);
        Counts {
            pending: a.pending + b.pending,
            running: a.running + b.running,
            cancelling: a.cancelling + b.cancelling,
            succeeded: a.succeeded + b.succeeded,
            failed: a.failed + b.failed,
            ignored: a.ignored + b.ignored,
            timed_out: a.timed_out + b.timed_out,
            cancelled: a.cancelled + b.cancelled,
            skipped: a.skipped + b.skipped,
            invalid: a.invalid + b.invalid,
            undoing: a.undoing + b.undoing,
            undone: a.undone + b.undone,
            undo_failed: a.undo_failed + b.undo_failed,
        }
    }

    /// Tasks that a timeout of the run kept from starting.
    pub const fn skipped_by_timeout(&self) -> usize {
        self.past_pipeline + self.past_tasks + self.past_finally
    }

    pub(crate) fn enter(&mut self, node: &Node, state: State) {
        self.change(node, state, |count| *count += 1);
    }

    pub(crate) fn leave(&mut self, node: &Node, state: State) {
        self.change(node, state, |count| *count -= 1);
    }

    fn change(&mut self, node: &Node, state: State, change: fn(&mut usize)) {
        let counts = match node.section {
            Section::Dag => &mut self.dag,
            Section::Finally => &mut self.finally,
        };
        change(counts.slot(node, state));
        match state {
            State::Skipped(SkipReason::PipelineTimeout) => change(&mut self.past_pipeline),
            State::Skipped(SkipReason::TasksTimeout) => change(&mut self.past_tasks),
            State::Skipped(SkipReason::FinallyTimeout) => change(&mut self.past_finally),
            State::Succeeded if node.can_be_undone() => change(&mut self.to_undo),
            _ => {}
        }
        if node.stops() && (state.is_failure() || state == State::Invalid) {
            change(&mut self.stoppers);
        }
        if node.section == Section::Dag && matches!(state, State::Skipped(reason) if reason.is_cut_short()) {
            change(&mut self.cut_short);
        }
    }
}
