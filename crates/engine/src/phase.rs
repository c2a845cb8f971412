//! Where a run as a whole stands: derived from its tasks, never stored.

use windlass_api::Time;

use crate::graph::Policy;
use crate::plan::Deadlines;
use crate::plan::Directive;
use crate::plan::Intent;
use crate::tally::Tally;

/// Where a run as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Tasks are started as they become ready.
    Forward,
    /// Nothing more is started; what runs is awaited.
    Draining,
    /// Tasks that succeeded are being undone.
    Unwinding,
    /// The tasks of `finally` run.
    Finally,
    /// Everything has ended.
    Done(Verdict),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// All tasks succeeded, were skipped on their own terms, or failed in a way that is ignored.
    Succeeded,
    /// A task failed, could not be started, or was hit by a timeout of the run.
    Failed,
    /// The run or a task of it was cancelled, and nothing failed.
    Cancelled,
    /// A task could not be undone, so the world is neither as before nor as wanted.
    Stuck,
}

/// Everything that the phase depends on; all of it is at hand without a look at single tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) policy: Policy,
    pub(crate) directive: Directive,
    pub(crate) now: Time,
}

impl Situation<'_> {
    pub(crate) fn phase(&self) -> Phase {
        let Tally { dag, finally, .. } = self.tally;
        let killed = self.is_killed();
        if dag.active() > 0 || (dag.pending > 0 && !killed) {
            return if self.is_halting() {
                Phase::Draining
            } else {
                Phase::Forward
            };
        }
        if killed && finally.active() > 0 {
            return Phase::Draining;
        }
        let undo_goes_on = dag.undoing > 0 || (dag.undo_failed == 0 && self.tally.to_undo > 0);
        if self.is_rolling_back() && undo_goes_on {
            return Phase::Unwinding;
        }
        if !killed && finally.pending + finally.active() > 0 {
            return Phase::Finally;
        }
        Phase::Done(self.verdict())
    }

    /// Whether everything is to stop, `finally` included.
    pub(crate) fn is_killed(&self) -> bool {
        self.directive.intent == Intent::Cancel
    }

    /// Whether a task has ended in a way that lets no further task start, or undoing began.
    pub(crate) fn is_stopping(&self) -> bool {
        self.tally.stoppers > 0 || self.tally.dag.undo() > 0
    }

    fn is_halting(&self) -> bool {
        self.is_stopping()
            || self.is_killed()
            || self.directive.intent.is_graceful()
            || self.has_passed(self.directive.deadlines.pipeline)
            || self.has_passed(self.directive.deadlines.tasks)
    }

    /// Whether the tasks ended before they had done all they should, so that what they did is to be undone.
    fn is_rolling_back(&self) -> bool {
        let cut_short = self.tally.cut_short > 0 || (self.is_killed() && self.tally.dag.pending > 0);
        self.policy.rollback && (self.is_stopping() || cut_short)
    }

    pub(crate) fn has_passed(&self, deadline: Option<Time>) -> bool {
        deadline.is_some_and(|deadline| self.now >= deadline)
    }

    fn verdict(&self) -> Verdict {
        let all = self.tally.all();
        if all.undo_failed > 0 {
            Verdict::Stuck
        } else if self.is_killed() {
            Verdict::Cancelled
        } else if all.invalid > 0 || all.failed + all.timed_out > 0 || self.tally.skipped_by_timeout() > 0 {
            Verdict::Failed
        } else if self.directive.intent.is_graceful() || all.cancelled > 0 {
            Verdict::Cancelled
        } else {
            Verdict::Succeeded
        }
    }

    /// The next deadline that can still change something in `phase`.
    pub(crate) fn wake_at(&self, phase: Phase) -> Option<Time> {
        let Deadlines {
            pipeline,
            tasks,
            finally,
        } = self.directive.deadlines;
        let relevant = match phase {
            Phase::Forward | Phase::Draining => [pipeline, tasks],
            Phase::Finally => [pipeline, finally],
            Phase::Unwinding | Phase::Done(_) => [None, None],
        };
        let ahead = relevant
            .into_iter()
            .flatten()
            .filter(|&deadline| deadline > self.now);
        ahead.min()
    }
}
