//! What a run shows of itself. Pure.

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::meta::Condition;
use windlass_api::meta::ObjectMeta;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::TaskRun;

/// A run, as one that looks from outside needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a> {
    pub(super) kind: Kind,
    pub(super) metadata: &'a ObjectMeta,
    /// The condition `Succeeded`.
    pub(super) condition: Option<&'a Condition>,
    pub(super) started: Option<Time>,
    pub(super) ended: Option<Time>,
    /// When its first step or sidecar ran, for task runs.
    pub(super) first_step: Option<Time>,
}

impl<'a> Run<'a> {
    /// The run in an object, if it is one.
    pub(super) fn of(object: &'a Object) -> Option<Self> {
        if let Some(run) = object.get::<TaskRun>() {
            let steps = run.status.steps.iter().filter_map(|step| {
                let running = step.running.as_ref().and_then(|state| state.started_at);
                running.or_else(|| step.terminated.as_ref().and_then(|state| state.started_at))
            });
            return Some(Self {
                kind: Kind::TaskRun,
                metadata: &run.metadata,
                condition: conditions::get(&run.status.conditions, conditions::SUCCEEDED),
                started: run.status.start_time,
                ended: run.status.completion_time,
                first_step: steps.min(),
            });
        }
        let run = object.get::<PipelineRun>()?;
        Some(Self {
            kind: Kind::PipelineRun,
            metadata: &run.metadata,
            condition: conditions::get(&run.status.conditions, conditions::SUCCEEDED),
            started: run.status.start_time,
            ended: run.status.completion_time,
            first_step: None,
        })
    }

    /// Whether it has ended.
    pub(super) fn is_done(&self) -> bool {
        self.condition
            .is_some_and(|condition| condition.status != "Unknown")
    }

    /// Name of the definition that it runs; empty for one that is written in the run.
    pub(super) fn definition(&self) -> &'a str {
        let label = match self.kind {
            Kind::TaskRun => "tekton.dev/task",
            _ => "tekton.dev/pipeline",
        };
        self.metadata.labels.get(label).map_or("", String::as_str)
    }

    /// Name of the pipeline that it is part of.
    pub(super) fn pipeline(&self) -> &'a str {
        self.metadata
            .labels
            .get("tekton.dev/pipeline")
            .map_or("", String::as_str)
    }
}
