//! What the owner of a run wants, in the engine's words. Pure.

use windlass_api::Duration;
use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::reasons::labels::MANAGED_BY_PIPELINE;
use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::PipelineRun;
use windlass_engine::plan::Directive;
use windlass_engine::plan::Intent;
use windlass_engine::timeouts::Timeouts;

/// How a reconcile begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Another controller is in charge.
    Leave,
    /// It is over: forget what is remembered of it.
    Forget,
    /// It waits for its start signal.
    Hold,
    /// It was cancelled before it started.
    Cancelled,
    /// It runs, or is about to.
    Proceed,
}

/// Decides how to begin.
pub(crate) fn beginning(run: &PipelineRun) -> Beginning {
    if run
        .spec
        .managed_by
        .as_deref()
        .is_some_and(|manager| manager != MANAGED_BY_PIPELINE)
    {
        return Beginning::Leave;
    }
    if conditions::is_done(&run.status.conditions) {
        return Beginning::Forget;
    }
    let started = run.status.pipeline_spec.is_some();
    match run.spec.status.as_str() {
        pipeline_run::REQUEST_PENDING if !started => Beginning::Hold,
        pipeline_run::REQUEST_CANCELLED if !started => Beginning::Cancelled,
        _ => Beginning::Proceed,
    }
}

/// What a run that began at `started` is to do.
pub(crate) fn directive(
    run: &PipelineRun,
    default_timeout: Duration,
    started: Option<Time>,
    finally_started: Option<Time>,
) -> Directive {
    let intent = match run.spec.status.as_str() {
        pipeline_run::REQUEST_CANCELLED => Intent::Cancel,
        pipeline_run::REQUEST_CANCELLED_RUN_FINALLY => Intent::CancelRunFinally,
        pipeline_run::REQUEST_STOPPED_RUN_FINALLY => Intent::StopRunFinally,
        pipeline_run::REQUEST_PENDING => Intent::Pending,
        _ => Intent::Run,
    };
    let deadlines = timeouts(run).deadlines(default_timeout, started, finally_started);
    Directive { intent, deadlines }
}

/// Whether a run ends as soon as what the plane itself runs has ended.
pub(crate) fn ends_now(directive: Directive, now: Time) -> bool {
    let timed_out = directive.deadlines.pipeline.is_some_and(|at| at <= now);
    directive.intent == Intent::Cancel || timed_out
}

/// The timeouts of a run, as written.
pub(crate) fn timeouts(run: &PipelineRun) -> Timeouts {
    let written = run.spec.timeouts.clone().unwrap_or_default();
    Timeouts {
        pipeline: written.pipeline,
        tasks: written.tasks,
        finally: written.finally,
    }
}

/// When the status of a run may be written again: large ones are written less often while much is happening, so that
/// the cost of writing stays a small part of the whole.
pub(crate) fn next_write(written: Option<Time>, children: usize, now: Time) -> Option<Time> {
    const SMALL: usize = 50;
    if children < SMALL {
        return None;
    }
    let pause = i64::try_from(children / 10).unwrap_or(i64::MAX).min(500);
    let due = written?.plus(Duration::from_millis(pause));
    (due > now).then_some(due)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_api::tekton::pipelinerun::PipelineRunSpec;

    use super::*;

    fn run(spec: PipelineRunSpec) -> PipelineRun {
        PipelineRun {
            spec: Arc::new(spec),
            ..PipelineRun::default()
        }
    }

    #[test]
    fn the_spec_says_how_to_begin() {
        let status = |status: &str| PipelineRunSpec {
            status: status.into(),
            ..PipelineRunSpec::default()
        };
        let managed = |by: &str| PipelineRunSpec {
            managed_by: Some(by.into()),
            ..PipelineRunSpec::default()
        };
        let rows = [
            (status(""), Beginning::Proceed),
            (status("PipelineRunPending"), Beginning::Hold),
            (status("Cancelled"), Beginning::Cancelled),
            (status("StoppedRunFinally"), Beginning::Proceed),
            (managed("tekton.dev/pipeline"), Beginning::Proceed),
            (managed("someone.else/controller"), Beginning::Leave),
        ];
        for (spec, then) in rows {
            assert_eq!(beginning(&run(spec.clone())), then, "{spec:?}");
        }
    }

    #[test]
    fn large_runs_are_written_less_often_while_much_happens() {
        let at = Time::from_millis;
        assert_eq!(next_write(Some(at(0)), 10, at(1)), None);
        assert_eq!(next_write(None, 1_000, at(1)), None);
        assert_eq!(next_write(Some(at(0)), 1_000, at(1)), Some(at(100)));
        assert_eq!(next_write(Some(at(0)), 1_000, at(100)), None);
        assert_eq!(next_write(Some(at(0)), 1_000_000, at(40)), Some(at(500)));
    }
}
