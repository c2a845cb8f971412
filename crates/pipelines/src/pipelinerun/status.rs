//! The status that follows from what is known. Pure.

use windlass_api::Duration;
use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::conditions::SUCCEEDED;
use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::pipelinerun::ChildStatusReference;
use windlass_api::tekton::pipelinerun::PipelineRunStatus;
use windlass_api::tekton::pipelinerun::SkippedTask;
use windlass_engine::NodeId;
use windlass_engine::Phase;
use windlass_engine::State;
use windlass_engine::outcome::Status;
use windlass_engine::outcome::Subject;
use windlass_engine::plan::CancelCause;
use windlass_engine::plan::Directive;
use windlass_engine::results::pipeline_results;
use windlass_runtime::client;

use super::decide::timeouts;
use super::tracker::Child;
use super::tracker::Tracker;
use super::validate::Refusal;

/// The first thing that is ever written: the run was seen, and its clock runs.
pub(crate) fn start(status: &mut PipelineRunStatus, now: Time) {
    if status.start_time.is_none() {
        status.start_time = Some(now);
    }
    let pending =
        conditions::get(&status.conditions, SUCCEEDED).is_none_or(|old| old.reason == "PipelineRunPending");
    if pending {
        conditions::set(&mut status.conditions, SUCCEEDED, "Unknown", "Started", "", now);
    }
}

/// Says what a run waits for.
pub(crate) fn ongoing(status: &mut PipelineRunStatus, reason: &str, message: &str, now: Time) {
    conditions::set(&mut status.conditions, SUCCEEDED, "Unknown", reason, message, now);
}

/// Why a run ends that gets no claim for a workspace.
pub(crate) fn without_claim(run: &PipelineRun, refused: &str) -> Refusal {
    Refusal::new(
        pipeline_run::COULDNT_CREATE_WORKSPACE_PVC,
        format!(
            "Failed to create PVC for PipelineRun {}/{} correctly: {refused}",
            run.metadata.namespace, run.metadata.name
        ),
    )
}

/// Children that could not be asked to stop.
#[derive(Debug, Default)]
pub(crate) struct Uncancelled {
    /// What went wrong with each, in upstream's words.
    pub(crate) problems: Vec<String>,
    is_timeout: bool,
}

impl Uncancelled {
    /// Adds a child.
    pub(crate) fn add(&mut self, child: &Child, cause: CancelCause, error: &client::Error) {
        self.is_timeout |= cause.is_timeout();
        let (kind, name) = (child.kind, &child.name);
        self.problems.push(format!(
            "failed to patch {kind} `{name}` with cancellation: {error}"
        ));
    }

    /// Reason and message of the run.
    pub(crate) fn condition(&self, run: &str) -> (&'static str, String) {
        let (reason, was, to) = if self.is_timeout {
            (pipeline_run::COULDNT_TIME_OUT, "timed out", "time out")
        } else {
            (pipeline_run::COULDNT_CANCEL, "cancelled", "cancel")
        };
        let problems = self.problems.join("\n");
        let message = format!(
            "PipelineRun {run:?} was {was} but had errors trying to {to} TaskRuns and/or Runs: {problems}"
        );
        (reason, message)
    }
}

/// Ends a run that cannot start or go on.
pub(crate) fn refuse(status: &mut PipelineRunStatus, refusal: &Refusal, now: Time) {
    conditions::set(
        &mut status.conditions,
        SUCCEEDED,
        "False",
        refusal.reason,
        &refusal.message,
        now,
    );
    status.completion_time = Some(now);
}

/// Shows how far the run is; ends it when it is done.
pub(crate) fn show(
    run: &PipelineRun,
    status: &mut PipelineRunStatus,
    tracker: &Tracker,
    directive: Directive,
    default_timeout: Duration,
    now: Time,
) {
    status.child_references = child_references(tracker);
    status.skipped_tasks = skipped_tasks(tracker);
    status.finally_start_time = tracker.finally_started;
    let written = timeouts(run);
    let subject = Subject {
        name: &run.metadata.name,
        pipeline_timeout: written.pipeline(default_timeout),
        tasks_timeout: written.tasks().unwrap_or(Duration::ZERO),
        faults: &tracker.knowledge.faults,
    };
    let condition = tracker.progress.view().condition(directive, now, &subject);
    let (mut state, mut reason, mut message) =
        (condition.status, condition.reason.as_str(), condition.message);
    if matches!(tracker.progress.phase(directive, now), Phase::Done(_)) {
        status.completion_time = Some(now);
        match pipeline_results(&tracker.knowledge.spec.results, &tracker.knowledge.results) {
            Ok(results) => {
                if let Some(problem) = results.message(&run.metadata.name) {
                    (state, reason, message) = (Status::False, "CouldntGetPipelineResult", problem);
                }
                status.results = results.values;
            }
            Err(error) => {
                (state, reason, message) = (Status::False, "CouldntGetPipelineResult", error.to_string());
            }
        }
    }
    if let Some(problem) = &tracker.knowledge.broken_when
        && state != Status::Unknown
    {
        (state, reason, message) = (Status::False, "CELEvaluationFailed", problem.clone());
    }
    let state = match state {
        Status::True => "True",
        Status::False => "False",
        Status::Unknown => "Unknown",
    };
    conditions::set(&mut status.conditions, SUCCEEDED, state, reason, &message, now);
}

fn child_references(tracker: &Tracker) -> Vec<ChildStatusReference> {
    let knowledge = &tracker.knowledge;
    let mut references = Vec::with_capacity(tracker.owners.len());
    for (index, record) in knowledge.records.iter().enumerate() {
        let task = knowledge.task(NodeId::new(u32::try_from(index).unwrap_or(u32::MAX)));
        references.extend(record.children.iter().map(|child| ChildStatusReference {
            api_version: child.kind.api_version().to_owned(),
            kind: child.kind.as_str().to_owned(),
            name: child.name.clone(),
            display_name: child.display_name.clone(),
            pipeline_task_name: task.map(|task| task.name.clone()).unwrap_or_default(),
            when_expressions: record.when.clone(),
        }));
    }
    references
}

fn skipped_tasks(tracker: &Tracker) -> Vec<SkippedTask> {
    let knowledge = &tracker.knowledge;
    let states = tracker
        .progress
        .states()
        .iter()
        .zip(&knowledge.records)
        .enumerate();
    states
        .filter_map(|(index, (state, record))| {
            let State::Skipped(reason) = state else {
                return None;
            };
            Some(SkippedTask {
                name: knowledge
                    .task(NodeId::new(u32::try_from(index).ok()?))?
                    .name
                    .clone(),
                reason: reason.as_str().to_owned(),
                when_expressions: record.when.clone(),
            })
        })
        .collect()
}
