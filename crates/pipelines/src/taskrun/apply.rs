//! The status that follows from what happened. Pure.

use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::conditions::SUCCEEDED;
use windlass_api::reasons::annotations::PIPELINE_TASK_ON_ERROR;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::provenance::Provenance;
use windlass_api::tekton::provenance::RefSource;
use windlass_api::tekton::taskrun::ContainerStateTerminated;
use windlass_api::tekton::taskrun::StepState;
use windlass_api::tekton::taskrun::TaskRunResult;
use windlass_api::tekton::taskrun::TaskRunStatus;
use windlass_engine::results;
use windlass_executor::Job;

use super::decide::retries_left;
use super::outcome::Failure;
use super::status::Reports;

/// The first thing that is ever written: the run was seen, and its clock runs.
pub(crate) fn start(status: &mut TaskRunStatus, now: Time) {
    if status.start_time.is_none() {
        status.start_time = Some(now);
    }
    if status.conditions.is_empty() {
        conditions::set(&mut status.conditions, SUCCEEDED, "Unknown", "Started", "", now);
    }
}

/// Notes where the actions of steps came from, before anything is known of the steps.
pub(crate) fn note_step_sources(status: &mut TaskRunStatus, sources: Vec<Option<RefSource>>) {
    // Later attempts execute what the first one resolved, and refer to nothing any more.
    if sources.iter().all(Option::is_none) {
        return;
    }
    let step = |source: Option<RefSource>| StepState {
        provenance: source.map(|source| Provenance {
            ref_source: Some(source),
            feature_flags: None,
        }),
        ..StepState::default()
    };
    status.steps = sources.into_iter().map(step).collect();
}

/// Notes the pod of an attempt; what steps of an earlier attempt did is not of this one.
pub(crate) fn name_pod(status: &mut TaskRunStatus, job: &Job) {
    if status.pod_name != job.pod {
        status.pod_name.clone_from(&job.pod);
        for step in &mut status.steps {
            step.running = None;
            step.terminated = None;
        }
    }
}

/// Shows how an attempt goes. What an earlier process showed of it stays until its runner has told everything again.
pub(crate) fn follow(status: &mut TaskRunStatus, job: &Job, reports: &Reports, now: Time) {
    let was_shown = |step: &StepState| step.running.is_some() || step.terminated.is_some();
    if !reports.is_running() && reports.outcome().is_none() && status.steps.iter().any(was_shown) {
        return;
    }
    let before = std::mem::replace(&mut status.steps, reports.steps(job));
    for (step, before) in status.steps.iter_mut().zip(before) {
        step.provenance = before.provenance;
    }
    status.sidecars = reports.sidecars(job);
    let (reason, message) = if reports.is_running() {
        ("Running", "Not all Steps in the Task have finished executing")
    } else {
        ("Pending", "Pending")
    };
    conditions::set(&mut status.conditions, SUCCEEDED, "Unknown", reason, message, now);
}

/// Ends the run, or archives the attempt and asks for another.
pub(crate) fn conclude(run: &TaskRun, status: &mut TaskRunStatus, failure: Option<Failure>, now: Time) {
    status.completion_time = Some(now);
    let Some(failure) = failure else {
        let done = "All Steps have completed executing";
        conditions::set(&mut status.conditions, SUCCEEDED, "True", "Succeeded", done, now);
        return;
    };
    let ignored = failure.ignorable
        && run
            .metadata
            .annotations
            .get(PIPELINE_TASK_ON_ERROR)
            .is_some_and(|value| value == "continue");
    let reason = if ignored { "FailureIgnored" } else { failure.reason };
    terminate_rest(status, failure.reason, now);
    conditions::set(
        &mut status.conditions,
        SUCCEEDED,
        "False",
        reason,
        &failure.message,
        now,
    );
    if retries_left(run) {
        archive(status, &failure.message, now);
    }
}

/// Ends what still seems to run: it went with its pod.
fn terminate_rest(status: &mut TaskRunStatus, reason: &str, now: Time) {
    for step in &mut status.steps {
        if step.terminated.is_some() {
            continue;
        }
        let running = step.running.take();
        step.waiting = None;
        reason.clone_into(&mut step.termination_reason);
        step.terminated = Some(ContainerStateTerminated {
            exit_code: 1,
            reason: reason.to_owned(),
            message: format!(
                "Step {} terminated as pod {} is terminated",
                step.name, status.pod_name
            ),
            started_at: running.and_then(|running| running.started_at).or(Some(now)),
            finished_at: Some(now),
            ..ContainerStateTerminated::default()
        });
    }
    for sidecar in &mut status.sidecars {
        if let Some(running) = sidecar.running.take() {
            sidecar.terminated = Some(ContainerStateTerminated {
                reason: "Completed".to_owned(),
                started_at: running.started_at,
                finished_at: Some(now),
                ..ContainerStateTerminated::default()
            });
        }
    }
}

fn archive(status: &mut TaskRunStatus, message: &str, now: Time) {
    let mut attempt = status.clone();
    attempt.retries_status = Vec::new();
    status.retries_status.push(attempt);
    status.start_time = None;
    status.completion_time = None;
    status.pod_name = String::new();
    status.results = Vec::new();
    conditions::set(
        &mut status.conditions,
        SUCCEEDED,
        "Unknown",
        "ToBeRetried",
        message,
        now,
    );
}

/// Fills in the task's results, and says which of them do not fit their declaration.
pub(crate) fn results(
    status: &mut TaskRunStatus,
    task: &TaskSpec,
    job: &Job,
    reports: &Reports,
) -> Option<Failure> {
    for (index, step) in task.steps.iter().enumerate() {
        let Some(report) = reports.finished().find(|report| report.step == index) else {
            continue;
        };
        let declared = step.results.iter().filter_map(|declared| {
            let text = report.results.get(&declared.name)?;
            Some(result(
                &declared.name,
                results::task_result(&declared.r#type, text),
            ))
        });
        if let Some(state) = status.steps.get_mut(index) {
            state.results = declared.collect();
        }
    }
    let written = reports.task_results();
    let mut all: Vec<TaskRunResult> = Vec::new();
    for declared in &task.results {
        let from_step =
            results::step_result_of(declared).and_then(|(step, name)| step_value(job, reports, step, name));
        let text = match &declared.value {
            Some(_) => from_step,
            None => written.get(declared.name.as_str()).copied(),
        };
        if let Some(text) = text {
            let value = if declared.properties.is_empty() {
                results::task_result(&declared.r#type, text)
            } else {
                results::from_file(text)
            };
            all.push(result(&declared.name, value));
        }
    }
    let checked = results::check_results(&task.results, &mut all);
    status.results = all;
    status.artifacts = reports.artifacts();
    checked
        .err()
        .map(|mismatch| Failure::new("TaskRunValidationFailed", mismatch.message()))
}

fn step_value<'a>(job: &Job, reports: &'a Reports, step: &str, name: &str) -> Option<&'a str> {
    let index = job.steps.iter().position(|known| known.name == step)?;
    let report = reports.finished().find(|report| report.step == index)?;
    report.results.get(name).map(String::as_str)
}

fn result(name: &str, value: ParamValue) -> TaskRunResult {
    TaskRunResult {
        name: name.to_owned(),
        r#type: value.kind().as_str().to_owned(),
        value,
    }
}
