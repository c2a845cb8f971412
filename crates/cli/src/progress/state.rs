//! Where a run stands, in one word.

use windlass_api::Duration;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::meta::Condition;

use crate::terminal::Paint;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    /// Seen, and nothing of it runs.
    Pending,
    /// Runs.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Was stopped by somebody.
    Cancelled,
    /// Was stopped by its time.
    TimedOut,
    /// Did not have to run.
    Skipped,
    /// Did not get to run.
    NotStarted,
}

/// How many states there are.
pub(crate) const STATES: usize = 8;

impl State {
    /// The state that a run's object shows.
    pub(crate) fn of(object: &Object) -> Self {
        let Some(condition) = succeeded(object) else {
            return Self::Pending;
        };
        let reason = condition.reason.as_str();
        match condition.status.as_str() {
            "True" => Self::Succeeded,
            "False" if reason.contains("Cancelled") => Self::Cancelled,
            "False" if reason.contains("Timeout") || reason.contains("TimedOut") => Self::TimedOut,
            "False" => Self::Failed,
            _ if matches!(
                reason,
                "Pending" | "Started" | "PipelineRunPending" | "TaskRunPending"
            ) =>
            {
                Self::Pending
            }
            _ => Self::Running,
        }
    }

    /// Whether nothing more will happen.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// Its place in a list of counts.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed out",
            Self::Skipped => "skipped",
            Self::NotStarted => "not started",
        }
    }

    /// The sign beside the word; what runs has a moving one of its own.
    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Pending | Self::NotStarted => "○",
            Self::Running => "●",
            Self::Succeeded => "✔",
            Self::Failed => "✘",
            Self::Cancelled => "⊘",
            Self::TimedOut => "⧗",
            Self::Skipped => "↷",
        }
    }

    /// How it looks.
    pub(crate) fn paint(self) -> Paint {
        match self {
            Self::Pending | Self::Skipped | Self::NotStarted => Paint::Faint,
            Self::Running => Paint::Active,
            Self::Succeeded => Paint::Good,
            Self::Failed | Self::TimedOut => Paint::Bad,
            Self::Cancelled => Paint::Notice,
        }
    }
}

/// The one condition of a run.
pub(crate) fn succeeded(object: &Object) -> Option<&Condition> {
    let conditions = match object {
        Object::TaskRun(run) => &run.status.conditions,
        Object::PipelineRun(run) => &run.status.conditions,
        Object::CustomRun(run) => &run.status.conditions,
        _ => return None,
    };
    conditions::get(conditions, conditions::SUCCEEDED)
}

/// When a run started and ended; of a repeated one, when the first attempt started.
pub(crate) fn times(object: &Object) -> (Option<Time>, Option<Time>) {
    match object {
        Object::TaskRun(run) => {
            let first = run
                .status
                .retries_status
                .first()
                .and_then(|attempt| attempt.start_time);
            (first.or(run.status.start_time), run.status.completion_time)
        }
        Object::PipelineRun(run) => (run.status.start_time, run.status.completion_time),
        Object::CustomRun(run) => (run.status.start_time, run.status.completion_time),
        _ => (None, None),
    }
}

/// A duration for people: `15ms`, `1.2s`, `1m05s`, `2h03m`.
pub(crate) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis().max(0);
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}.{}s", millis % 1_000 / 100),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}
