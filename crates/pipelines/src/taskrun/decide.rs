//! What a `TaskRun` needs next. Pure.

use windlass_api::Duration;
use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::reasons::labels::MANAGED_BY_PIPELINE;
use windlass_api::tekton::TaskRun;
use windlass_executor::Job;
use windlass_executor::Observation;
use windlass_executor::observation::StepEnd;
use windlass_executor::observation::StepReport;

/// What is known of the current attempt besides the object itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// No job was published for it by this process.
    Unknown,
    /// No runner has taken it yet.
    Queued,
    /// A runner has it; from now on the runner watches its timeout.
    Running,
    /// Its end was reported.
    Ended,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another controller is in charge.
    Leave,
    /// It is over: forget what is remembered of it.
    Forget,
    /// It waits for its start signal.
    Hold,
    /// It is over before anything ran.
    Abandon(Stop),
    /// Make and publish the job of its next attempt.
    Launch,
    /// Show how its attempt goes; with a stop, ask the runner to end it.
    Follow(Option<Stop>),
    /// Its attempt has ended: conclude, or try again.
    Conclude,
}

/// Why an attempt is stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `spec.status` asks for it.
    Cancelled,
    /// It ran longer than its timeout.
    TimedOut,
}

/// Decides.
pub(crate) fn next(run: &TaskRun, attempt: Attempt, timeout: Duration, now: Time) -> Next {
    if run
        .spec
        .managed_by
        .as_deref()
        .is_some_and(|manager| manager != MANAGED_BY_PIPELINE)
    {
        return Next::Leave;
    }
    if conditions::is_done(&run.status.conditions) {
        return Next::Forget;
    }
    let stop = stop(run, attempt, timeout, now);
    match (attempt, stop) {
        (Attempt::Ended, _) => Next::Conclude,
        (Attempt::Queued | Attempt::Running, stop) => Next::Follow(stop),
        (Attempt::Unknown, Some(stop)) => Next::Abandon(stop),
        (Attempt::Unknown, None) if run.spec.status == "TaskRunPending" => Next::Hold,
        (Attempt::Unknown, None) => Next::Launch,
    }
}

fn stop(run: &TaskRun, attempt: Attempt, timeout: Duration, now: Time) -> Option<Stop> {
    if run.spec.status == "TaskRunCancelled" {
        return Some(Stop::Cancelled);
    }
    if attempt == Attempt::Running {
        return None;
    }
    let started = run.status.start_time?;
    (!timeout.is_zero() && now >= started.plus(timeout)).then_some(Stop::TimedOut)
}

/// Whether a report is worth showing by itself. Where the next one follows at once, showing that one is enough.
pub(crate) fn matters(job: &Job, observation: &Observation) -> bool {
    let last = |report: &StepReport| report.end == StepEnd::Skipped || report.step + 1 == job.steps.len();
    match observation {
        Observation::Preparing => false,
        Observation::StepFinished(report) => !job.sidecars.is_empty() || !last(report),
        Observation::SidecarStarted { .. } | Observation::StepStarted { .. } | Observation::Finished(_) => {
            true
        }
    }
}

/// Whether a failed attempt is followed by another.
pub(crate) fn retries_left(run: &TaskRun) -> bool {
    let used = i32::try_from(run.status.retries_status.len()).unwrap_or(i32::MAX);
    run.spec.status != "TaskRunCancelled" && used < run.spec.retries
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_api::meta::Condition;
    use windlass_api::tekton::taskrun::TaskRunSpec;

    use super::*;

    fn run(spec: TaskRunSpec, status: &str, started: Option<i64>) -> TaskRun {
        let mut run = TaskRun {
            spec: Arc::new(spec),
            ..TaskRun::default()
        };
        run.status.start_time = started.map(Time::from_millis);
        if !status.is_empty() {
            run.status.conditions = vec![Condition {
                r#type: "Succeeded".into(),
                status: status.into(),
                ..Condition::default()
            }];
        }
        run
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn each_situation_has_one_next_step() {
        let spec = |status: &str| TaskRunSpec {
            status: status.into(),
            ..TaskRunSpec::default()
        };
        let managed = TaskRunSpec {
            managed_by: Some("other".into()),
            ..TaskRunSpec::default()
        };
        let rows = [
            (run(managed, "", None), Attempt::Unknown, Next::Leave),
            (run(spec(""), "", None), Attempt::Unknown, Next::Launch),
            (
                run(spec("TaskRunPending"), "", None),
                Attempt::Unknown,
                Next::Hold,
            ),
            (
                run(spec("TaskRunCancelled"), "", None),
                Attempt::Unknown,
                Next::Abandon(Stop::Cancelled),
            ),
            (
                run(spec(""), "Unknown", Some(0)),
                Attempt::Running,
                Next::Follow(None),
            ),
            (
                run(spec("TaskRunCancelled"), "Unknown", Some(0)),
                Attempt::Running,
                Next::Follow(Some(Stop::Cancelled)),
            ),
            (
                run(spec(""), "Unknown", Some(-9_000)),
                Attempt::Queued,
                Next::Follow(Some(Stop::TimedOut)),
            ),
            (
                run(spec(""), "Unknown", Some(-9_000)),
                Attempt::Running,
                Next::Follow(None),
            ),
            (
                run(spec(""), "Unknown", Some(-9_000)),
                Attempt::Unknown,
                Next::Abandon(Stop::TimedOut),
            ),
            (
                run(spec("TaskRunCancelled"), "Unknown", Some(0)),
                Attempt::Ended,
                Next::Conclude,
            ),
            (run(spec(""), "True", Some(0)), Attempt::Unknown, Next::Forget),
            (
                run(spec("TaskRunCancelled"), "False", Some(0)),
                Attempt::Unknown,
                Next::Forget,
            ),
        ];
        for (run, attempt, then) in rows {
            assert_eq!(
                next(&run, attempt, Duration::from_secs(5), Time::from_millis(100)),
                then,
                "{run:?}"
            );
        }
    }
}
