//! What a run says about itself: its condition, and the status of its tasks as `finally` may read it.
//!
//! # Differences from Tekton
//! - A cancelled run whose tasks are still being stopped is `Unknown`/`Cancelled` until they have; one that timed out is
//!   `Unknown`/`PipelineRunStopping` meanwhile.
//! - `$(tasks.status)` counts a task that could not be started as failed, where Tekton overlooks it.
//! - `RollingBack` and `RollbackFailed`, and the number of tasks undone, exist only where a run rolls back.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use windlass_api::Duration;
use windlass_api::Time;

use crate::graph::NodeId;
use crate::graph::Section;
use crate::phase::Phase;
use crate::phase::Situation;
use crate::phase::Verdict;
use crate::plan::Deadlines;
use crate::plan::Directive;
use crate::plan::Intent;
use crate::progress::View;
use crate::state::State;
use crate::tally::Counts;

/// The longest text of validation faults in a message, in bytes; Tekton's figure.
const MAX_FAULTS: usize = 1024;

/// The status of the condition `Succeeded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The run succeeded.
    True,
    /// The run ended otherwise.
    False,
    /// The run goes on.
    Unknown,
}

/// The reason of the condition `Succeeded`, as far as it follows from the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not to be started yet.
    Pending,
    /// Tasks run or are about to.
    Running,
    /// A task failed or was cancelled, and others are still running.
    Stopping,
    /// The tasks were cancelled; they are being stopped, or `finally` runs.
    CancelledRunningFinally,
    /// No more tasks are started; some still run, or `finally` does.
    StoppedRunningFinally,
    /// The tasks' timeout has passed; tasks are being stopped, or `finally` runs.
    TimedOutRunningFinally,
    /// Tasks are being undone. Not in Tekton.
    RollingBack,
    /// All tasks succeeded.
    Succeeded,
    /// All tasks succeeded or were skipped.
    Completed,
    /// A task failed.
    Failed,
    /// The run or a task was cancelled.
    Cancelled,
    /// A timeout of the run passed.
    TimedOut,
    /// A task could not be started.
    ValidationFailed,
    /// A task could not be undone. Not in Tekton.
    RollbackFailed,
}

impl Reason {
    /// The text in the condition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PipelineRunPending",
            Self::Running => "Running",
            Self::Stopping => "PipelineRunStopping",
            Self::CancelledRunningFinally => "CancelledRunningFinally",
            Self::StoppedRunningFinally => "StoppedRunningFinally",
            Self::TimedOutRunningFinally => "PipelineRunTimeoutRunningFinally",
            Self::RollingBack => "RollingBack",
            Self::Succeeded => "Succeeded",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "PipelineRunTimeout",
            Self::ValidationFailed => "PipelineValidationFailed",
            Self::RollbackFailed => "RollbackFailed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The condition `Succeeded` of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether it succeeded.
    pub status: Status,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people; Tekton's wording.
    pub message: String,
}

/// What messages name besides numbers.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The run's name.
    pub name: &'a str,
    /// The run's timeout.
    pub pipeline_timeout: Duration,
    /// The timeout of its tasks; zero without one.
    pub tasks_timeout: Duration,
    /// By name, the tasks that could not be started, each with what was wrong.
    pub faults: &'a BTreeMap<String, String>,
}

/// The status of a task for `$(tasks.<task>.status)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// It succeeded, and still stands.
    Succeeded,
    /// It failed, also if that is ignored, was cancelled, or could not be undone.
    Failed,
    /// It has not ended, was skipped, or was undone.
    None,
    /// Of all tasks together: some were skipped and none failed.
    Completed,
}

impl TaskStatus {
    /// The text that takes the variable's place.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::None => "None",
            Self::Completed => "Completed",
        }
    }
}

impl View<'_> {
    /// The value of `$(tasks.<task>.status)`.
    pub fn task_status(&self, node: NodeId) -> TaskStatus {
        match self.state(node) {
            State::Succeeded | State::Undoing => TaskStatus::Succeeded,
            State::Failed | State::TimedOut | State::Cancelled | State::UndoFailed => TaskStatus::Failed,
            _ => TaskStatus::None,
        }
    }

    /// The value of `$(tasks.status)`: all tasks outside `finally` together.
    pub fn aggregate_status(&self) -> TaskStatus {
        let dag = &self.tally().dag;
        if dag.pending + dag.active() > 0 {
            TaskStatus::None
        } else if failures(dag) + dag.ignored + dag.cancelled + dag.invalid + dag.undo() > 0 {
            TaskStatus::Failed
        } else if dag.skipped > 0 {
            TaskStatus::Completed
        } else {
            TaskStatus::Succeeded
        }
    }

    /// The condition `Succeeded` of the run.
    pub fn condition(&self, directive: Directive, now: Time, subject: &Subject<'_>) -> Condition {
        let teller = Teller {
            situation: Situation {
                tally: self.tally(),
                policy: self.graph().policy(),
                directive,
                now,
            },
            all: self.tally().all(),
            has_finally: !self.graph().section(Section::Finally).is_empty(),
            subject,
        };
        match teller.situation.phase() {
            Phase::Done(verdict) => teller.done(verdict),
            phase => teller.going_on(phase),
        }
    }
}

/// Failures that are not ignored.
const fn failures(counts: &Counts) -> usize {
    counts.failed + counts.timed_out
}

struct Teller<'a> {
    situation: Situation<'a>,
    all: Counts,
    has_finally: bool,
    subject: &'a Subject<'a>,
}

impl Teller<'_> {
    fn done(&self, verdict: Verdict) -> Condition {
        let name = self.subject.name;
        let cancelled = || format!("PipelineRun {name:?} was cancelled");
        let (reason, message) = if verdict == Verdict::Stuck {
            (Reason::RollbackFailed, self.totals())
        } else if self.situation.is_killed() {
            (Reason::Cancelled, cancelled())
        } else if self.pipeline_timed_out() {
            let timeout = self.subject.pipeline_timeout.to_string();
            (
                Reason::TimedOut,
                format!("PipelineRun {name:?} failed to finish within {timeout:?}"),
            )
        } else if self.tasks_timed_out() {
            let timeout = self.subject.tasks_timeout.to_string();
            (
                Reason::TimedOut,
                format!("PipelineRun {name:?} failed due to tasks failed to finish within {timeout:?}"),
            )
        } else if self.all.invalid > 0 {
            (Reason::ValidationFailed, self.totals())
        } else if failures(&self.all) + self.situation.tally.skipped_by_timeout() > 0 {
            (Reason::Failed, self.totals())
        } else if self.situation.directive.intent.is_graceful() {
            (Reason::Cancelled, cancelled())
        } else if self.all.cancelled > 0 {
            (Reason::Cancelled, self.totals())
        } else if self.all.skipped > 0 {
            (Reason::Completed, self.totals())
        } else {
            (Reason::Succeeded, self.totals())
        };
        let status = match reason {
            Reason::Completed | Reason::Succeeded => Status::True,
            _ => Status::False,
        };
        Condition {
            status,
            reason,
            message,
        }
    }

    fn going_on(&self, phase: Phase) -> Condition {
        let Situation { directive, tally, .. } = self.situation;
        let finally_open = tally.finally.pending + tally.finally.active() > 0;
        let reason = match directive.intent {
            Intent::Pending => Reason::Pending,
            _ if phase == Phase::Unwinding => Reason::RollingBack,
            Intent::Cancel => Reason::Cancelled,
            _ if self.pipeline_is_timing_out() => Reason::Stopping,
            _ if self.tasks_are_timing_out() && self.has_finally => Reason::TimedOutRunningFinally,
            _ if self.tasks_are_timing_out() => Reason::Stopping,
            Intent::CancelRunFinally => Reason::CancelledRunningFinally,
            Intent::StopRunFinally => Reason::StoppedRunningFinally,
            Intent::Run if self.all.cancelled > 0 => Reason::Stopping,
            Intent::Run if failures(&self.all) > 0 && !finally_open => Reason::Stopping,
            Intent::Run => Reason::Running,
        };
        let message = match reason {
            Reason::Pending => format!("PipelineRun {:?} is pending", self.subject.name),
            _ => format!(
                "Tasks Completed: {} (Failed: {}, Cancelled {}), Incomplete: {}, Skipped: {}",
                self.completed(),
                failures(&self.all),
                self.all.cancelled,
                self.all.pending + self.all.active(),
                self.all.skipped,
            ),
        };
        Condition {
            status: Status::Unknown,
            reason,
            message,
        }
    }

    fn totals(&self) -> String {
        let (all, ignored) = (&self.all, self.all.ignored);
        let failed = failures(all) + ignored;
        let failed = if ignored > 0 {
            format!("{failed} (Ignored: {ignored})")
        } else {
            failed.to_string()
        };
        let mut message = format!(
            "Tasks Completed: {} (Failed: {failed}, Cancelled {}), Skipped: {}",
            self.completed(),
            all.cancelled,
            all.skipped
        );
        let mut add = |label: &str, count: usize| {
            if count > 0 {
                // Writing to a string cannot fail.
                let _ = write!(message, ", {label}: {count}");
            }
        };
        add("Undone", all.undone);
        add("Failed Undo", all.undo_failed);
        add("Failed Validation", all.invalid);
        if all.invalid > 0 && !self.subject.faults.is_empty() {
            let faults: Vec<&str> = self.subject.faults.values().map(String::as_str).collect();
            let _ = write!(message, " ({})", shortened(faults.join("; ")));
        }
        message
    }

    fn completed(&self) -> usize {
        let all = &self.all;
        all.succeeded + all.undo() + failures(all) + all.ignored + all.cancelled
    }

    /// Whether the run's own timeout hit a task.
    ///
    /// A task that timed out does not say by which limit, but the earlier one of those that bind it strikes first.
    fn pipeline_timed_out(&self) -> bool {
        let tally = self.situation.tally;
        let Deadlines {
            pipeline,
            tasks,
            finally,
        } = self.situation.directive.deadlines;
        let before = |other: Option<Time>| {
            pipeline.is_some_and(|pipeline| other.is_none_or(|other| pipeline <= other))
        };
        tally.past_pipeline > 0
            || (tally.dag.timed_out > 0 && before(tasks))
            || (tally.finally.timed_out > 0 && before(finally))
    }

    /// Whether the timeout of the tasks hit one of them.
    fn tasks_timed_out(&self) -> bool {
        self.situation.tally.past_tasks + self.situation.tally.dag.timed_out > 0
    }

    fn tasks_are_timing_out(&self) -> bool {
        let Situation { directive, tally, .. } = self.situation;
        let open = tally.dag.pending + tally.dag.active() > 0;
        self.tasks_timed_out() || (open && self.situation.has_passed(directive.deadlines.tasks))
    }

    fn pipeline_is_timing_out(&self) -> bool {
        self.pipeline_timed_out()
            || self
                .situation
                .has_passed(self.situation.directive.deadlines.pipeline)
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_FAULTS {
        text.truncate(text.floor_char_boundary(MAX_FAULTS));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests;
