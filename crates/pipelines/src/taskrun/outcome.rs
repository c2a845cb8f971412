//! How an attempt's end reads as a condition. Pure.

use windlass_api::Duration;
use windlass_api::reasons::pipeline_run::COULDNT_CREATE_WORKSPACE_PVC;
use windlass_api::reasons::task_run;
use windlass_api::tekton::TaskRun;
use windlass_executor::Job;
use windlass_executor::observation::AttemptEnd;
use windlass_executor::observation::Outcome;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;
use windlass_executor::observation::StepEnd;
use windlass_executor::observation::StepReport;
use windlass_executor::runner::MOST_RESULT_BYTES;

use super::decide::Stop;
use super::status::Reports;
use super::status::manner;

/// Reason and message of an ended attempt that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Word for programs.
    pub(crate) reason: &'static str,
    /// Sentence for people.
    pub(crate) message: String,
    /// Whether a container failed, which `onError: continue` of a pipeline task forgives; a refusal is not forgiven.
    pub(crate) ignorable: bool,
}

impl Failure {
    /// A failure that `onError: continue` does not cover.
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            ignorable: false,
        }
    }
}

/// Reason and message of a run that was stopped from outside; `timeout` is the run's.
pub(crate) fn stopped(run: &TaskRun, stop: Stop, timeout: Duration) -> Failure {
    let name = &run.metadata.name;
    match stop {
        Stop::Cancelled => Failure::new(
            task_run::CANCELLED,
            format!("TaskRun {name:?} was cancelled. {}", run.spec.status_message),
        ),
        Stop::TimedOut => Failure::new(
            task_run::TIMED_OUT,
            format!("TaskRun {name:?} failed to finish within \"{timeout}\""),
        ),
    }
}

/// Reason and message of a run that gets no claim for a workspace.
pub(crate) fn without_claim(run: &TaskRun, refused: &str) -> Failure {
    Failure::new(
        COULDNT_CREATE_WORKSPACE_PVC,
        format!(
            "failed to create PVC for TaskRun {}/{} workspaces correctly: {refused}",
            run.metadata.namespace, run.metadata.name
        ),
    )
}

/// Why an ended attempt failed; `None` when it succeeded. `timeout` is the run's, for messages.
pub(crate) fn failure(
    run: &TaskRun,
    timeout: Duration,
    job: &Job,
    reports: &Reports,
    outcome: &Outcome,
) -> Option<Failure> {
    match &outcome.end {
        AttemptEnd::Succeeded | AttemptEnd::Failed => container_failure(job, reports, outcome),
        AttemptEnd::Cancelled => Some(stopped(run, Stop::Cancelled, timeout)),
        AttemptEnd::TimedOut => Some(stopped(run, Stop::TimedOut, timeout)),
        AttemptEnd::ResultTooLarge { step, bytes } => Some(Failure::new(
            "TaskRunResultLargerThanAllowedLimit",
            format!(
                "\"step-{step}\" exited with code 1: Termination message is above max allowed size {}, caused by \
                 large task result ({bytes} bytes).",
                job.max_result_bytes.unwrap_or(MOST_RESULT_BYTES)
            ),
        )),
        AttemptEnd::CouldNotStart(start) => Some(start_failure(&run.metadata.name, job, reports, start)),
        AttemptEnd::Lost(why) => Some(Failure {
            reason: "Failed",
            message: why.clone(),
            ignorable: true,
        }),
    }
}

fn start_failure(run: &str, job: &Job, reports: &Reports, start: &StartFailure) -> Failure {
    let why = &start.message;
    let (role, name, image) = reports.not_started(job);
    match start.kind {
        StartFailureKind::ImagePull => Failure::new(
            "TaskRunImagePullFailed",
            format!(
                "the {role} {name:?} in TaskRun {run:?} failed to pull the image {image:?}. The pod errored with the \
                 message: \"{why}.\""
            ),
        ),
        StartFailureKind::ContainerConfig => Failure::new(
            "CreateContainerConfigError",
            format!(
                "the {role} {name:?} in TaskRun {run:?} failed to start. The pod errored with the message: \"{why}.\""
            ),
        ),
        StartFailureKind::Sandbox => Failure::new(
            "PodCreationFailed",
            format!("failed to create task run pod {run:?}: {why}"),
        ),
    }
}

/// The failed container that explains the rest: memory before exit codes, sidecars before steps.
fn container_failure(job: &Job, reports: &Reports, outcome: &Outcome) -> Option<Failure> {
    let sidecar = |out_of_memory: bool| {
        let reports = job.sidecars.iter().zip(&outcome.sidecars);
        reports
            .filter(move |(_, report)| report.out_of_memory == out_of_memory)
            .find(|(_, report)| report.out_of_memory || report.exit_code.is_some_and(|code| code != 0))
            .map(|(sidecar, report)| (sidecar.name.as_str(), report.exit_code.unwrap_or(137)))
    };
    let step = |fails: fn(&StepReport) -> bool| {
        let failed = reports.finished().filter(|report| {
            let forgiven = job
                .steps
                .get(report.step)
                .is_some_and(|step| step.continue_on_error);
            fails(report) && !(forgiven && matches!(report.end, StepEnd::Exited(_)))
        });
        failed.min_by_key(|report| report.step)
    };
    let failure = |reason, message| {
        Some(Failure {
            reason,
            message,
            ignorable: true,
        })
    };
    if let Some((name, code)) = sidecar(true) {
        return failure("SidecarOOM", exited("sidecar", name, code, "OOMKilled"));
    }
    if let Some(report) = step(|report| report.end == StepEnd::OutOfMemory) {
        return failure(
            "StepOOM",
            exited("step", step_name(job, report), 137, "OOMKilled"),
        );
    }
    if let Some((name, code)) = sidecar(false) {
        return failure("SidecarFailed", exited("sidecar", name, code, "Error"));
    }
    let fails = |report: &StepReport| match report.end {
        StepEnd::TimedOut => true,
        StepEnd::Exited(code) => code != 0,
        _ => false,
    };
    if let Some(report) = step(fails) {
        return failure("StepFailed", step_message(job, report));
    }
    if outcome.end == AttemptEnd::Failed {
        return failure("Failed", "build failed for unspecified reasons.".to_owned());
    }
    None
}

fn step_name<'a>(job: &'a Job, report: &StepReport) -> &'a str {
    job.steps.get(report.step).map_or("", |step| step.name.as_str())
}

fn step_message(job: &Job, report: &StepReport) -> String {
    let name = step_name(job, report);
    if report.end == StepEnd::TimedOut {
        return format!("\"step-{name}\" exited because the step exceeded the specified timeout limit");
    }
    let (code, reason, _) = manner(report.end, false);
    exited("step", name, code, reason)
}

fn exited(role: &str, name: &str, code: i32, reason: &str) -> String {
    format!("\"{role}-{name}\" exited with code {code}: {reason}")
}
