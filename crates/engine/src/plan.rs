//! What should happen next, given everything known.
//!
//! # Expected flow
//! Observe the runs of all tasks into states, [`plan`], carry the commands out, observe again. A restart is just
//! another call: nothing is remembered between two of them. A caller that keeps a [`Progress`] between calls pays only
//! for what changed and gets the same plans.
//!
//! ```
//! use windlass_api::Time;
//! use windlass_engine::graph::{EdgeKind, Graph, Node};
//! use windlass_engine::plan::{Command, Directive};
//! use windlass_engine::{Phase, State, plan};
//!
//! let mut builder = Graph::builder();
//! let build = builder.node(Node::dag("build"));
//! let test = builder.node(Node::dag("test"));
//! let report = builder.node(Node::finally("report"));
//! builder.edge(build, test, EdgeKind::Order);
//! let graph = builder.build()?;
//!
//! let now = Time::from_millis(0);
//! let next = |states: &[State]| plan(&graph, states, Directive::default(), &(), now);
//! assert_eq!(next(&[]).commands, [Command::Start { node: build }]);
//! assert_eq!(next(&[State::Running]).commands, []);
//! assert_eq!(next(&[State::Succeeded]).commands, [Command::Start { node: test }]);
//!
//! let last = next(&[State::Succeeded, State::Failed]);
//! assert_eq!(last.phase, Phase::Finally);
//! assert_eq!(last.commands, [Command::Start { node: report }]);
//! # Ok::<(), windlass_engine::graph::Error>(())
//! ```
//!
//! # Guarantees
//! Each is a law that the tests of this crate check on every graph of up to four tasks and on random large ones:
//! 1. *Total and deterministic*: every input has a plan, equal inputs have equal plans, and no input panics.
//! 2. *Level-triggered*: the plan depends on the states alone, not on how they came about.
//! 3. *Quiet*: what a confirmed command brought about is not asked for again, what is unconfirmed is. So commands
//!    must be idempotent.
//! 4. A task starts only when everything it stands on is settled, and never when it consumes a result of a task that
//!    was skipped.
//! 5. `finally` starts only when every other task is settled and nothing is left to undo.
//! 6. Cancelling reaches everything that runs (save undoing, which nothing interrupts).
//! 7. Undo goes from the leaves up: a task is undone only after all that was built on it, directly or through others.
//! 8. A failed undo starts no further undo.
//! 9. `wake_at` lies in the future.
//! 10. Every run ends: as long as commands are carried out and tasks end, the plan reaches [`Phase::Done`], and a plan
//!     that is done has no commands.
//!
//! # Assumptions
//! The [`Facts`] about a task do not change once everything it stands on is settled.
//!
//! # Differences from Tekton
//! - The reason why a task was skipped is decided once. Tekton derives it anew each time, so that a task skipped for
//!   its `when` is later reported as `PipelineRun was stopping` if another one fails.
//! - A task is skipped only when all it stands on is settled, not as soon as one parent was skipped. The outcome is the
//!   same; Tekton may report a reason in between that it takes back later.
//! - A run is over only when everything in it has ended. Tekton reports a cancelled or timed-out run as done while its
//!   tasks are still being stopped.
//! - A timeout counts only if it hit a task. Tekton also fails a run whose tasks all ended in time if it looks too
//!   late, and one whose `finally` goes on after the tasks' timeout.

use windlass_api::Time;

use crate::graph::Graph;
use crate::graph::NodeId;
use crate::phase::Phase;
use crate::progress::Progress;
use crate::progress::View;
use crate::state::Event;
use crate::state::SkipReason;
use crate::state::State;

/// What the owner of the run wants (`spec.status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    /// Run to the end.
    #[default]
    Run,
    /// Start nothing for now (`PipelineRunPending`).
    Pending,
    /// Stop what runs and start nothing more, not even `finally` (`Cancelled`).
    Cancel,
    /// Stop what runs, then run `finally` (`CancelledRunFinally`).
    CancelRunFinally,
    /// Let what runs finish, then run `finally` (`StoppedRunFinally`).
    StopRunFinally,
}

impl Intent {
    /// Whether the run ends as cancelled unless something failed.
    pub const fn is_graceful(self) -> bool {
        matches!(self, Self::CancelRunFinally | Self::StopRunFinally)
    }
}

/// When the timeouts of the run strike; nothing means never. See [`Timeouts::deadlines`](crate::timeouts::Timeouts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Deadlines {
    /// Everything that runs is cancelled and nothing starts any more.
    pub pipeline: Option<Time>,
    /// Tasks outside `finally` are cancelled and no further one starts.
    pub tasks: Option<Time>,
    /// Tasks of `finally` are cancelled and no further one starts.
    pub finally: Option<Time>,
}

/// What the run is to do, from outside the graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Directive {
    /// What the owner wants.
    pub intent: Intent,
    /// Until when.
    pub deadlines: Deadlines,
}

/// The answer of a task's `when`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// All expressions hold, or there are none.
    Allows,
    /// One is false.
    Forbids,
    /// One cannot be evaluated.
    Broken,
}

/// What is known about a task beyond the graph.
///
/// It is asked only about tasks that are to be started, once all they stand on is settled, and each question only if
/// the answers before it leave the matter open. So an implementation may evaluate lazily and need not be cheap.
pub trait Facts {
    /// Whether the task's `when` expressions let it run. References that have no value are left as they are written.
    fn when(&self, _node: NodeId, _view: View<'_>) -> When {
        When::Allows
    }

    /// The task that should have produced the first reference to a result that has no value.
    fn unresolved(&self, _node: NodeId, _view: View<'_>) -> Option<NodeId> {
        None
    }

    /// Whether a matrix parameter is an empty array.
    fn matrix_is_empty(&self, _node: NodeId, _view: View<'_>) -> bool {
        false
    }
}

/// Nothing but the graph decides.
impl Facts for () {}

/// Why a task is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CancelCause {
    /// The owner of the run asked for it.
    Requested,
    /// [`Deadlines::pipeline`] has passed.
    PipelineTimeout,
    /// [`Deadlines::tasks`] has passed.
    TasksTimeout,
    /// [`Deadlines::finally`] has passed.
    FinallyTimeout,
    /// Another task failed, under [`Policy::fail_fast`](crate::graph::Policy).
    FailFast,
}

impl CancelCause {
    /// Whether the task, once ended, is to be reported as [`State::TimedOut`].
    pub const fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::PipelineTimeout | Self::TasksTimeout | Self::FinallyTimeout
        )
    }
}

/// Why a task cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Its `when` cannot be evaluated.
    When,
    /// The task at this index ended without a result that it consumes.
    Result(NodeId),
}

/// Something to do. It is asked for until [`Command::confirmation`] was applied to its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Tell the runs of a task to stop.
    Cancel {
        /// The task.
        node: NodeId,
        /// Why.
        cause: CancelCause,
    },
    /// Record that a task will not run.
    Skip {
        /// The task.
        node: NodeId,
        /// Why.
        reason: SkipReason,
    },
    /// Record that a task cannot run.
    Refuse {
        /// The task.
        node: NodeId,
        /// Why.
        refusal: Refusal,
    },
    /// Create the runs of a task.
    Start {
        /// The task.
        node: NodeId,
    },
    /// Create the run that undoes a task.
    Undo {
        /// The task.
        node: NodeId,
    },
}

impl Command {
    /// The task it is about.
    pub const fn node(self) -> NodeId {
        match self {
            Self::Cancel { node, .. }
            | Self::Skip { node, .. }
            | Self::Refuse { node, .. }
            | Self::Start { node }
            | Self::Undo { node } => node,
        }
    }

    /// The event that confirms it.
    pub const fn confirmation(self) -> Event {
        match self {
            Self::Cancel { .. } => Event::CancelRequested,
            Self::Skip { reason, .. } => Event::Skipped(reason),
            Self::Refuse { .. } => Event::Refused,
            Self::Start { .. } => Event::Started,
            Self::Undo { .. } => Event::UndoStarted,
        }
    }
}

/// What should happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the run as a whole stands.
    pub phase: Phase,
    /// What to do now, in the order of [`Command`]'s variants and then of nodes.
    pub commands: Vec<Command>,
    /// When to plan again even if nothing happens; always later than the time the plan was made for.
    pub wake_at: Option<Time>,
}

/// Plans from nothing but its arguments.
///
/// `states` holds one state per node; missing ones are [`State::Pending`]. It costs time in the size of the graph: a
/// caller that plans again and again keeps a [`Progress`].
pub fn plan(graph: &Graph, states: &[State], directive: Directive, facts: &dyn Facts, now: Time) -> Plan {
    Progress::from_states(graph, states).plan(directive, facts, now)
}
