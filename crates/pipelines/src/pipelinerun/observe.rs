//! Folding what children say into what is known of their run. Pure.

use std::collections::BTreeMap;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::meta::Condition;
use windlass_api::reasons::labels;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::provenance::Artifacts;
use windlass_api::tekton::taskrun::TaskRunResult;
use windlass_engine::NodeId;
use windlass_engine::State;
use windlass_engine::plan::CancelCause;
use windlass_engine::results::ArtifactScope;
use windlass_engine::results::Producer;
use windlass_engine::results::TaskOutcome;
use windlass_engine::results::aggregate;
use windlass_engine::results::bind_artifacts;
use windlass_engine::results::merge_artifacts;
use windlass_engine::state::Event;
use windlass_engine::state::SkipReason;

use super::apply::is_timeout;
use super::tracker::Child;
use super::tracker::Record;
use super::tracker::Tracker;

/// What a child says, whatever its kind.
struct Report<'a> {
    conditions: &'a [Condition],
    /// What was asked of it.
    asked: &'a str,
    asked_because: &'a str,
}

fn report(object: &Object) -> Option<Report<'_>> {
    Some(match object {
        Object::TaskRun(run) => Report {
            conditions: &run.status.conditions,
            asked: &run.spec.status,
            asked_because: &run.spec.status_message,
        },
        Object::CustomRun(run) => Report {
            conditions: &run.status.conditions,
            asked: &run.spec.status,
            asked_because: &run.spec.status_message,
        },
        Object::PipelineRun(run) => Report {
            conditions: &run.status.conditions,
            asked: &run.spec.status,
            asked_because: "",
        },
        _ => return None,
    })
}

/// What a child produced, in the form of a task's results.
fn produced(object: &Object) -> Vec<TaskRunResult> {
    let named = |name: &str, value: ParamValue| TaskRunResult {
        name: name.to_owned(),
        r#type: value.kind().as_str().to_owned(),
        value,
    };
    match object {
        Object::TaskRun(run) => run.status.results.clone(),
        Object::CustomRun(run) => run
            .status
            .results
            .iter()
            .map(|r| named(&r.name, r.value.as_str().into()))
            .collect(),
        Object::PipelineRun(run) => run
            .status
            .results
            .iter()
            .map(|r| named(&r.name, r.value.clone()))
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether an object was made by this very run, and not by another of its name.
pub(crate) fn belongs_to(object: &Object, uid: &str) -> bool {
    object
        .metadata()
        .owner_references
        .iter()
        .any(|owner| owner.uid == uid)
}

impl Tracker {
    /// Takes note of a child and what follows for its task.
    pub(crate) fn fold(&mut self, object: &Object) {
        if let Some(node) = self.note(object) {
            self.settle(node);
        }
    }

    /// Takes note of a child; returns its task, whose own state may have to follow.
    pub(crate) fn note(&mut self, object: &Object) -> Option<NodeId> {
        if !belongs_to(object, &self.uid) {
            return None;
        }
        let report = report(object)?;
        let metadata = object.metadata();
        let node = self.owners.get(&metadata.name).copied().or_else(|| {
            let task = metadata.labels.get(labels::PIPELINE_TASK)?;
            self.progress.graph().find(task)
        })?;
        self.owners.insert(metadata.name.clone(), node);
        let ends_now = self.ends_now;
        let record = self.knowledge.record_mut(node)?;
        if is_timeout(report.asked_because) && record.cancel.is_none() {
            record.cancel = Some(CancelCause::PipelineTimeout);
        }
        let mut state = child_state(&report, record.cancel);
        if ends_now && object.kind() == Kind::CustomRun && state == State::Cancelling {
            // Whoever carries it out may never answer, and the run does not wait for that.
            state = if record.cancel.is_some_and(CancelCause::is_timeout) {
                State::TimedOut
            } else {
                State::Cancelled
            };
        }
        let reason =
            conditions::get(report.conditions, "Succeeded").map_or("", |condition| condition.reason.as_str());
        match record
            .children
            .iter_mut()
            .find(|child| child.name == metadata.name)
        {
            Some(child) => {
                child.state = state;
                reason.clone_into(&mut child.reason);
            }
            None => record.children.push(Child {
                kind: object.kind(),
                name: metadata.name.clone(),
                display_name: String::new(),
                state,
                reason: reason.to_owned(),
            }),
        }
        if state.is_settled() {
            record.produced.insert(metadata.name.clone(), produced(object));
            if let Object::TaskRun(run) = object
                && let Some(artifacts) = &run.status.artifacts
            {
                record.artifacts.insert(metadata.name.clone(), artifacts.clone());
            }
        }
        Some(node)
    }

    /// Settles every task that has children, in a tracker that was just made. A matrix is left alone where it may start
    /// again: not all of its children need exist, and starting creates those that are missing.
    pub(crate) fn settle_all(&mut self, matrices: bool) {
        for index in 0..self.knowledge.records.len() {
            let node = NodeId::new(u32::try_from(index).unwrap_or(u32::MAX));
            let has_children = self
                .knowledge
                .record(node)
                .is_some_and(|record| !record.children.is_empty());
            let fans_out = self
                .knowledge
                .task(node)
                .is_some_and(|task| task.matrix.is_some());
            if has_children && fans_out == matrices {
                self.settle(node);
            }
        }
    }

    /// Brings a task's own state in line with its children's.
    pub(crate) fn settle(&mut self, node: NodeId) {
        let Some(record) = self.knowledge.record(node) else {
            return;
        };
        let state = State::of_runs(record.children.iter().map(|child| child.state));
        if let Err(error) = self.progress.observe(node, state) {
            // Children never change their outcome, so this is a fault of whoever wrote them.
            tracing::warn!(%error, "a child contradicts what was known of its task");
        }
        if self.progress.state(node).is_settled() {
            self.keep_results(node);
        }
    }

    fn keep_results(&mut self, node: NodeId) {
        let status = self.progress.view().task_status(node);
        let (Some(task), Some(record)) = (self.knowledge.task(node), self.knowledge.record(node)) else {
            return;
        };
        let name = task.name.clone();
        let fanned_out = task.matrix.is_some();
        let (producer, values) = outcome_of(record, fanned_out);
        let artifacts = artifacts_of(record);
        if let Some(artifacts) = artifacts {
            bind_artifacts(
                &mut self.knowledge.artifacts,
                ArtifactScope::Tasks,
                &name,
                &artifacts,
            );
        }
        self.knowledge.results.insert(
            name,
            TaskOutcome {
                status,
                producer,
                values,
            },
        );
    }

    /// Takes note of what a stored status says of tasks that have no children.
    pub(crate) fn recall(&mut self, run: &PipelineRun) {
        for skipped in &run.status.skipped_tasks {
            let node = self.progress.graph().find(&skipped.name);
            let (Some(node), Some(reason)) = (node, SkipReason::parse(&skipped.reason)) else {
                continue;
            };
            if let Some(record) = self.knowledge.record_mut(node) {
                record.when.clone_from(&skipped.when_expressions);
            }
            // A task that is known otherwise keeps what is known of it.
            let _ = self.progress.apply(node, Event::Skipped(reason));
            self.keep_results(node);
        }
    }

    /// Takes note of a task that will not run.
    pub(crate) fn pass_over(&mut self, node: NodeId) {
        self.keep_results(node);
    }

    /// Takes note of when `finally` began, and makes what its tasks may ask about the others.
    pub(crate) fn begin_finally(&mut self, now: Time) {
        if self.finally_started.is_none() {
            self.finally_started = Some(now);
        }
        if self.knowledge.finally.is_some() {
            return;
        }
        let values = self.knowledge.finally_values(self.progress.view());
        self.knowledge.finally = Some(values);
    }
}

fn outcome_of(record: &Record, fanned_out: bool) -> (Producer, BTreeMap<String, ParamValue>) {
    let single = record.children.first().filter(|_| !fanned_out);
    match single {
        Some(child) => {
            let results = record.produced.get(&child.name).into_iter().flatten();
            let values = results
                .map(|result| (result.name.clone(), result.value.clone()))
                .collect();
            let producer = match child.kind {
                windlass_api::Kind::CustomRun => Producer::Custom,
                _ => Producer::Task,
            };
            (producer, values)
        }
        None if fanned_out => {
            let runs = record
                .produced
                .iter()
                .map(|(name, results)| (name.as_str(), results.as_slice()));
            (
                Producer::Matrix {
                    runs: record.children.len(),
                },
                aggregate(runs),
            )
        }
        None => (Producer::Task, BTreeMap::new()),
    }
}

/// The artifacts of all children of a task, in the order in which those were made.
fn artifacts_of(record: &Record) -> Option<Artifacts> {
    let children = record.children.iter();
    let mut declared = children
        .filter_map(|child| record.artifacts.get(&child.name))
        .peekable();
    declared.peek()?;
    Some(merge_artifacts(declared))
}

fn child_state(report: &Report<'_>, cancel: Option<CancelCause>) -> State {
    let Some(condition) = conditions::get(report.conditions, "Succeeded") else {
        return if report.asked.is_empty() {
            State::Running
        } else {
            State::Cancelling
        };
    };
    match condition.status.as_str() {
        "True" => State::Succeeded,
        "False" => {
            let cancelled = matches!(
                condition.reason.as_str(),
                "TaskRunCancelled" | "CustomRunCancelled" | "RunCancelled" | "Cancelled"
            );
            match cancel {
                Some(cause) if cancelled && cause.is_timeout() => State::TimedOut,
                Some(_) | None if cancelled => State::Cancelled,
                Some(_) | None => State::Failed,
            }
        }
        _ if matches!(report.asked, "TaskRunCancelled" | "RunCancelled" | "Cancelled") => State::Cancelling,
        _ => State::Running,
    }
}
