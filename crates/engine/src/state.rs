//! The state of one task, and the only place where it changes.

use std::fmt;

use crate::graph::Node;

/// Where a task stands. Attempts are not told apart: a task retries by itself and only its last outcome counts here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing was done for it yet.
    #[default]
    Pending,
    /// Started, and not known to have ended.
    Running,
    /// Running, and told to stop.
    Cancelling,
    /// Ended well.
    Succeeded,
    /// Ended badly by itself, including its own timeout.
    Failed,
    /// Ended because a timeout of the *run* cancelled it; counts as a failure.
    TimedOut,
    /// Ended because it was cancelled otherwise.
    Cancelled,
    /// Never started, and never will be.
    Skipped(SkipReason),
    /// Never started, because what it was given makes no sense (Tekton's "failed validation").
    Invalid,
    /// Had succeeded; the task that undoes it runs.
    Undoing,
    /// Had succeeded and was undone.
    Undone,
    /// Had succeeded; undoing it failed.
    UndoFailed,
}

/// Why a task was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// Another task had failed or was cancelled.
    Stopping,
    /// The run was asked to cancel and still run `finally`.
    GracefullyCancelled,
    /// The run was asked to stop starting tasks and still run `finally`.
    GracefullyStopped,
    /// A `when` expression was false.
    When,
    /// A parent was skipped for another reason than its `when`.
    Parent,
    /// A result it consumes does not exist.
    MissingResults,
    /// The run had reached its timeout.
    PipelineTimeout,
    /// The run had reached the timeout of its tasks.
    TasksTimeout,
    /// The run had reached the timeout of its `finally`.
    FinallyTimeout,
    /// A matrix parameter was an empty array.
    EmptyMatrix,
}

impl SkipReason {
    /// The text in `status.skippedTasks[].reason`, as Tekton spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopping => "PipelineRun was stopping",
            Self::GracefullyCancelled => "PipelineRun was gracefully cancelled",
            Self::GracefullyStopped => "PipelineRun was gracefully stopped",
            Self::When => "When Expressions evaluated to false",
            Self::Parent => "Parent Tasks were skipped",
            Self::MissingResults => "Results were missing",
            Self::PipelineTimeout => "PipelineRun timeout has been reached",
            Self::TasksTimeout => "PipelineRun Tasks timeout has been reached",
            Self::FinallyTimeout => "PipelineRun Finally timeout has been reached",
            Self::EmptyMatrix => "Matrix Parameters have an empty array",
        }
    }

    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Stopping,
        Self::GracefullyCancelled,
        Self::GracefullyStopped,
        Self::When,
        Self::Parent,
        Self::MissingResults,
        Self::PipelineTimeout,
        Self::TasksTimeout,
        Self::FinallyTimeout,
        Self::EmptyMatrix,
    ];

    /// The reason spelled `text`, for reading a stored status back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// Whether the task was skipped because a timeout of the run had passed.
    pub const fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::PipelineTimeout | Self::TasksTimeout | Self::FinallyTimeout
        )
    }

    /// Whether the run ended before the task had its turn, as opposed to a task whose own terms kept it from running.
    pub const fn is_cut_short(self) -> bool {
        self.is_timeout()
            || matches!(
                self,
                Self::Stopping | Self::GracefullyCancelled | Self::GracefullyStopped
            )
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What happened to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Its runs were created.
    Started,
    /// Its runs were told to stop.
    CancelRequested,
    /// Every run of it succeeded.
    Succeeded,
    /// It ended, and a run of it failed.
    Failed,
    /// It ended, and a run of it was cancelled by a timeout of the whole run.
    TimedOut,
    /// It ended, and a run of it was cancelled.
    Cancelled,
    /// It was decided never to start it.
    Skipped(SkipReason),
    /// It was found impossible to start.
    Refused,
    /// The task that undoes it was created.
    UndoStarted,
    /// The task that undoes it succeeded.
    Undone,
    /// The task that undoes it ended otherwise.
    UndoFailed,
}

/// An event that cannot happen in a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("task {task:?} is {state:?} and cannot take {event:?}")]
pub struct IllegalTransition {
    /// The task's name.
    pub task: String,
    /// Its state, which stays as it was.
    pub state: State,
    /// What was reported.
    pub event: Event,
}

impl State {
    /// The state after `event`: the only place where the state of a task changes.
    ///
    /// # Errors
    /// Every pair of state and event that is not listed here is an [`IllegalTransition`].
    pub fn on(self, event: Event, node: &Node) -> Result<State, IllegalTransition> {
        Ok(match (self, event) {
            (Self::Pending, Event::Started) => Self::Running,
            (Self::Pending, Event::Skipped(reason)) => Self::Skipped(reason),
            (Self::Pending, Event::Refused) => Self::Invalid,
            (Self::Running, Event::CancelRequested) => Self::Cancelling,
            (Self::Running | Self::Cancelling, Event::Succeeded) => Self::Succeeded,
            (Self::Running | Self::Cancelling, Event::Failed) => Self::Failed,
            (Self::Running | Self::Cancelling, Event::TimedOut) => Self::TimedOut,
            (Self::Running | Self::Cancelling, Event::Cancelled) => Self::Cancelled,
            (Self::Succeeded, Event::UndoStarted) if node.can_be_undone() => Self::Undoing,
            (Self::Undoing, Event::Undone) => Self::Undone,
            (Self::Undoing, Event::UndoFailed) => Self::UndoFailed,
            (state, event) => {
                return Err(IllegalTransition {
                    task: node.name.clone(),
                    state,
                    event,
                });
            }
        })
    }

    /// The next event on the way to `goal`, for an observer that saw only where the task arrived.
    ///
    /// Nothing when the task is there. An event that leads nowhere comes back as an illegal transition from
    /// [`State::on`].
    pub fn towards(self, goal: State) -> Option<Event> {
        if self == goal {
            return None;
        }
        Some(match (self, goal) {
            (Self::Pending, Self::Skipped(reason)) => Event::Skipped(reason),
            (Self::Pending, Self::Invalid) => Event::Refused,
            (Self::Running, Self::Cancelling) => Event::CancelRequested,
            (Self::Running | Self::Cancelling, Self::Failed) => Event::Failed,
            (Self::Running | Self::Cancelling, Self::TimedOut) => Event::TimedOut,
            (Self::Running | Self::Cancelling, Self::Cancelled) => Event::Cancelled,
            (
                Self::Running | Self::Cancelling,
                Self::Succeeded | Self::Undoing | Self::Undone | Self::UndoFailed,
            ) => Event::Succeeded,
            (Self::Succeeded, Self::Undoing | Self::Undone | Self::UndoFailed) => Event::UndoStarted,
            (Self::Undoing, Self::Undone) => Event::Undone,
            (Self::Undoing, Self::UndoFailed) => Event::UndoFailed,
            _ => Event::Started,
        })
    }

    /// The state of a task that fans out into several runs, each given as the state of a task of its own.
    ///
    /// It is pending while all are (or there is none) and runs until all have ended. Then one timed-out run outweighs a
    /// cancelled one, that a failed one, and a task succeeds only if all did.
    pub fn of_runs(runs: impl IntoIterator<Item = State>) -> State {
        let (mut pending, mut worst) = (false, None);
        for state in runs {
            pending |= state == Self::Pending;
            worst = worst.max((state != Self::Pending).then(|| (state.weight(), state)));
        }
        match worst {
            None => Self::Pending,
            Some(_) if pending => Self::Running,
            Some((_, state)) => state,
        }
    }

    /// How much a run counts among its siblings.
    const fn weight(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Cancelled => 2,
            Self::TimedOut => 3,
            Self::Cancelling => 4,
            Self::Running => 5,
            _ => 0,
        }
    }

    /// Whether it was started and has not ended.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Cancelling)
    }

    /// Whether its forward part is over: it ended, or never will start.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Cancelling)
    }

    /// Whether it was started at some time.
    pub const fn has_started(self) -> bool {
        !matches!(self, Self::Pending | Self::Skipped(_) | Self::Invalid)
    }

    /// Whether it ended other than well. An ignored failure is one too.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Cancelled)
    }

    /// Whether undoing began.
    pub const fn is_undo(self) -> bool {
        matches!(self, Self::Undoing | Self::Undone | Self::UndoFailed)
    }
}

#[cfg(test)]
mod tests;
