//! What a runner reported, as a `TaskRun` shows it. Pure.

use std::collections::BTreeMap;

use serde_json::json;
use windlass_api::Time;
use windlass_api::tekton::provenance::Artifacts;
use windlass_api::tekton::taskrun::ContainerStateRunning;
use windlass_api::tekton::taskrun::ContainerStateTerminated;
use windlass_api::tekton::taskrun::ContainerStateWaiting;
use windlass_api::tekton::taskrun::SidecarState;
use windlass_api::tekton::taskrun::StepState;
use windlass_engine::results::merge_artifacts;
use windlass_executor::Job;
use windlass_executor::Observation;
use windlass_executor::observation::Outcome;
use windlass_executor::observation::SidecarReport;
use windlass_executor::observation::StepEnd;
use windlass_executor::observation::StepReport;

/// How upstream marks a task's result in a termination message.
const TASK_RESULT: u8 = 1;

/// Everything reported about one attempt, in order of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports {
    started: BTreeMap<usize, Time>,
    finished: BTreeMap<usize, StepReport>,
    sidecars: BTreeMap<usize, (Time, String)>,
    outcome: Option<Outcome>,
    preparing: bool,
}

impl Reports {
    /// Adds a report.
    pub(crate) fn add(&mut self, observation: Observation) {
        match observation {
            Observation::Preparing => self.preparing = true,
            Observation::SidecarStarted {
                sidecar,
                at,
                image_id,
            } => {
                self.sidecars.insert(sidecar, (at.into(), image_id));
            }
            Observation::StepStarted { step, at } => {
                self.started.insert(step, at.into());
            }
            Observation::StepFinished(report) => {
                self.finished.insert(report.step, report);
            }
            Observation::Finished(outcome) => self.outcome = Some(outcome),
        }
    }

    /// How the attempt ended, once it has.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether a runner works on it.
    pub(crate) fn is_running(&self) -> bool {
        self.preparing || !self.started.is_empty() || !self.finished.is_empty()
    }

    /// Reports of ended steps, in order.
    pub(crate) fn finished(&self) -> impl Iterator<Item = &StepReport> {
        self.finished.values()
    }

    /// The first container that has not started: its role, name and image.
    pub(crate) fn not_started<'a>(&self, job: &'a Job) -> (&'static str, &'a str, &'a str) {
        let sidecars = job.sidecars.iter().enumerate();
        let mut sidecars = sidecars.filter(|(index, _)| !self.sidecars.contains_key(index));
        if let Some((_, sidecar)) = sidecars.next() {
            return ("sidecar", &sidecar.name, &sidecar.process.image);
        }
        let steps = job.steps.iter().enumerate();
        let mut steps = steps.filter(|(index, _)| !self.finished.contains_key(index));
        steps.next().map_or(("step", "", ""), |(_, step)| {
            ("step", &step.name, &step.process.image)
        })
    }

    /// The last value of each of the task's results, by name.
    pub(crate) fn task_results(&self) -> BTreeMap<&str, &str> {
        let all = self.finished.values().flat_map(|report| &report.task_results);
        all.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The state of every step.
    pub(crate) fn steps(&self, job: &Job) -> Vec<StepState> {
        let states = job.steps.iter().enumerate();
        states
            .map(|(index, step)| self.step(job, index, &step.name, &step.process.image))
            .collect()
    }

    fn step(&self, job: &Job, index: usize, name: &str, image: &str) -> StepState {
        let mut state = StepState {
            name: name.to_owned(),
            container: format!("step-{name}"),
            image_id: image.to_owned(),
            ..StepState::default()
        };
        match (self.finished.get(&index), self.started.get(&index)) {
            (Some(report), _) => terminate(&mut state, job, report),
            (None, Some(at)) => {
                state.running = Some(ContainerStateRunning {
                    started_at: Some(*at),
                });
            }
            (None, None) => {
                state.waiting = Some(ContainerStateWaiting {
                    reason: "PodInitializing".to_owned(),
                    message: String::new(),
                });
            }
        }
        state
    }

    /// The state of every sidecar.
    pub(crate) fn sidecars(&self, job: &Job) -> Vec<SidecarState> {
        let ended = self
            .outcome
            .as_ref()
            .map(|outcome| outcome.sidecars.as_slice())
            .unwrap_or_default();
        let states = job.sidecars.iter().enumerate();
        states
            .map(|(index, sidecar)| {
                let mut state = SidecarState {
                    name: sidecar.name.clone(),
                    container: format!("sidecar-{}", sidecar.name),
                    image_id: sidecar.process.image.clone(),
                    ..SidecarState::default()
                };
                match (ended.get(index), self.sidecars.get(&index)) {
                    (Some(report), _) => {
                        state.image_id.clone_from(&report.image_id);
                        state.terminated = Some(sidecar_end(report));
                    }
                    (None, Some((at, image_id))) => {
                        state.image_id.clone_from(image_id);
                        state.running = Some(ContainerStateRunning {
                            started_at: Some(*at),
                        });
                    }
                    (None, None) => {
                        state.waiting = Some(ContainerStateWaiting {
                            reason: "PodInitializing".to_owned(),
                            message: String::new(),
                        });
                    }
                }
                state
            })
            .collect()
    }

    /// The artifacts that the task and its steps declared, as one; what is no artifacts document is ignored, as upstream
    /// does.
    pub(crate) fn artifacts(&self) -> Option<Artifacts> {
        let mut last = None;
        let documents = self.finished.values().flat_map(|report| {
            // The task's document is there after every step, and seldom a new one.
            let new = report
                .task_artifacts
                .as_deref()
                .filter(|text| last != Some(*text));
            last = new.or(last);
            [new, report.artifacts.as_deref()]
        });
        let declared: Vec<Artifacts> = documents
            .flatten()
            .filter_map(|text| serde_json::from_str(text).ok())
            .collect();
        (!declared.is_empty()).then(|| merge_artifacts(&declared))
    }
}

fn sidecar_end(report: &SidecarReport) -> ContainerStateTerminated {
    let exit_code = report.exit_code.unwrap_or(0);
    let reason = match (report.out_of_memory, exit_code) {
        (true, _) => "OOMKilled",
        (false, 0) => "Completed",
        (false, _) => "Error",
    };
    ContainerStateTerminated {
        exit_code,
        reason: reason.to_owned(),
        started_at: Some(report.started_at.into()),
        finished_at: Some(report.finished_at.into()),
        ..ContainerStateTerminated::default()
    }
}

/// Exit code, reason and termination reason that a step's end shows.
pub(crate) fn manner(end: StepEnd, continue_on_error: bool) -> (i32, &'static str, &'static str) {
    match end {
        StepEnd::Exited(0) => (0, "Completed", "Completed"),
        StepEnd::Exited(code) if continue_on_error => (code, "Completed", "Continued"),
        StepEnd::Exited(code) => (code, "Error", "Error"),
        StepEnd::OutOfMemory => (137, "OOMKilled", "OOMKilled"),
        StepEnd::TimedOut => (1, "Error", "TimeoutExceeded"),
        StepEnd::WhenFalse => (0, "Completed", "Skipped"),
        StepEnd::Skipped => (1, "Error", "Skipped"),
        StepEnd::Cancelled => (1, "TaskRunCancelled", "TaskRunCancelled"),
        StepEnd::AttemptTimedOut => (1, "TaskRunTimeout", "TaskRunTimeout"),
    }
}

fn terminate(state: &mut StepState, job: &Job, report: &StepReport) {
    let continue_on_error = job
        .steps
        .get(report.step)
        .is_some_and(|step| step.continue_on_error);
    let (exit_code, reason, termination_reason) = manner(report.end, continue_on_error);
    let message = match report.end {
        StepEnd::Cancelled | StepEnd::AttemptTimedOut => {
            format!("Step {} terminated as pod {} is terminated", state.name, job.pod)
        }
        _ => results_message(report),
    };
    if !report.image_id.is_empty() {
        state.image_id.clone_from(&report.image_id);
    }
    termination_reason.clone_into(&mut state.termination_reason);
    state.terminated = Some(ContainerStateTerminated {
        exit_code,
        reason: reason.to_owned(),
        message,
        started_at: Some(report.started_at.into()),
        finished_at: Some(report.finished_at.into()),
        ..ContainerStateTerminated::default()
    });
    if let Some(artifacts) = &report.artifacts
        && let Ok(artifacts) = serde_json::from_str::<Artifacts>(artifacts)
    {
        state.inputs = artifacts.inputs;
        state.outputs = artifacts.outputs;
    }
}

/// The termination message by which clients know a step's results.
fn results_message(report: &StepReport) -> String {
    if report.task_results.is_empty() {
        return String::new();
    }
    let results = report.task_results.iter();
    let results: Vec<_> = results
        .map(|(name, value)| json!({ "key": name, "value": value, "type": TASK_RESULT }))
        .collect();
    json!(results).to_string()
}
