//! `PipelineRun`: one execution of a pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::params::Param;
use super::pipeline::PipelineRef;
use super::pipeline::PipelineSpec;
use super::pipeline::PipelineTaskMetadata;
use super::provenance::Provenance;
use super::taskrun::TaskRunSidecarSpec;
use super::taskrun::TaskRunStepSpec;
use super::value::ParamValue;
use super::when::WhenExpression;
use super::workspaces::WorkspaceBinding;
use crate::core::PodTemplate;
use crate::core::ResourceRequirements;
use crate::meta::Condition;
use crate::meta::ObjectMeta;
use crate::time::Duration;
use crate::time::Time;

/// One execution of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRun {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What to execute.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: Arc<PipelineRunSpec>,
    /// What happened.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: PipelineRunStatus,
}

/// What to execute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRunSpec {
    /// The pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_ref: Option<PipelineRef>,
    /// The pipeline, written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_spec: Option<PipelineSpec>,
    /// Parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// `Cancelled`, `CancelledRunFinally`, `StoppedRunFinally` or `PipelineRunPending`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Upper bounds of duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<TimeoutFields>,
    /// Settings for all task runs.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub task_run_template: PipelineTaskRunTemplate,
    /// Content of the pipeline's workspaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceBinding>,
    /// Settings for single task runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub task_run_specs: Vec<PipelineTaskRunSpec>,
    /// Controller in charge; default `tekton.dev/pipeline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// Upper bounds of duration; 0 is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TimeoutFields {
    /// Of the whole; default one hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Duration>,
    /// Of the tasks; default the whole less `finally`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Duration>,
    /// Of `finally`; default the whole less `tasks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finally: Option<Duration>,
}

/// Settings for all task runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineTaskRunTemplate {
    /// What to say about pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
    /// Identity; default `default`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account_name: String,
}

/// Settings for the runs of one pipeline task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineTaskRunSpec {
    /// Name of the pipeline task.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline_task_name: String,
    /// Identity.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account_name: String,
    /// What to say about pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
    /// Resources of steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_specs: Vec<TaskRunStepSpec>,
    /// Resources of sidecars.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecar_specs: Vec<TaskRunSidecarSpec>,
    /// Labels and annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<PipelineTaskMetadata>,
    /// Resources of the whole task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute_resources: Option<ResourceRequirements>,
    /// Upper bound of one attempt's duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// What happened to a pipeline run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRunStatus {
    /// Generation of the object that this describes.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i64")]
    pub observed_generation: i64,
    /// Exactly one, of type `Succeeded`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Additional words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// When the run started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Values produced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<PipelineRunResult>,
    /// The pipeline after substitution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_spec: Option<Arc<PipelineSpec>>,
    /// Tasks that did not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped_tasks: Vec<SkippedTask>,
    /// Objects made for the tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub child_references: Vec<ChildStatusReference>,
    /// When `finally` started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finally_start_time: Option<Time>,
    /// Where the definition came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Trace context.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub span_context: BTreeMap<String, String>,
}

/// A value produced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRunResult {
    /// Name.
    pub name: String,
    /// The value.
    pub value: ParamValue,
}

/// A task that did not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SkippedTask {
    /// Name of the pipeline task.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Its conditions after substitution.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when_expressions: Vec<WhenExpression>,
}

/// An object made for a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ChildStatusReference {
    /// Group and version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Name of the pipeline task.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline_task_name: String,
    /// Its conditions after substitution.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when_expressions: Vec<WhenExpression>,
}
