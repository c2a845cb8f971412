//! `TaskRun`: one execution of a task.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::params::Param;
use super::provenance::Artifact;
use super::provenance::Artifacts;
use super::provenance::Provenance;
use super::task::TaskRef;
use super::task::TaskSpec;
use super::value::ParamValue;
use super::workspaces::WorkspaceBinding;
use crate::core::PodTemplate;
use crate::core::ResourceRequirements;
use crate::meta::Condition;
use crate::meta::ObjectMeta;
use crate::time::Duration;
use crate::time::Time;

/// One execution of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRun {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What to execute.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: Arc<TaskRunSpec>,
    /// What happened.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: TaskRunStatus,
}

/// What to execute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunSpec {
    /// Where to pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<TaskRunDebug>,
    /// Parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Identity; default `default`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account_name: String,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_ref: Option<TaskRef>,
    /// The task, written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_spec: Option<TaskSpec>,
    /// `TaskRunCancelled` or `TaskRunPending`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status_message: String,
    /// How many more times to try after a failure; default 0.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub retries: i32,
    /// Upper bound of one attempt's duration; default one hour, 0 is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// What to say about pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
    /// Content of the task's workspaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceBinding>,
    /// Resources of steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_specs: Vec<TaskRunStepSpec>,
    /// Resources of sidecars.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecar_specs: Vec<TaskRunSidecarSpec>,
    /// Resources of the whole task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute_resources: Option<ResourceRequirements>,
    /// Controller in charge; default `tekton.dev/pipeline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// Where to pause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunDebug {
    /// The places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breakpoints: Option<TaskBreakpoints>,
}

/// Places to pause at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskBreakpoints {
    /// `enabled` pauses after a failed step.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub on_failure: String,
    /// Names of steps to pause before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before_steps: Vec<String>,
}

/// Resources of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunStepSpec {
    /// Name of the step.
    pub name: String,
    /// The resources.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub compute_resources: ResourceRequirements,
}

/// Resources of a sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunSidecarSpec {
    /// Name of the sidecar.
    pub name: String,
    /// The resources.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub compute_resources: ResourceRequirements,
}

/// What happened to a task run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunStatus {
    /// Generation of the object that this describes.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i64")]
    pub observed_generation: i64,
    /// Exactly one, of type `Succeeded`, plus verification.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Additional words.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Pod of the current attempt.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pod_name: String,
    /// When the current attempt started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// State of each step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepState>,
    /// Earlier attempts, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retries_status: Vec<TaskRunStatus>,
    /// Values produced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<TaskRunResult>,
    /// Artifacts used and produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Artifacts>,
    /// State of each sidecar.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<SidecarState>,
    /// The task after substitution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_spec: Option<Arc<TaskSpec>>,
    /// Where the definition came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Trace context.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub span_context: BTreeMap<String, String>,
}

/// State of a step: `waiting`, `running` or `terminated`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepState {
    /// Set before it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ContainerStateWaiting>,
    /// Set while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<ContainerStateRunning>,
    /// Set when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminated: Option<ContainerStateTerminated>,
    /// Name of the step.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name of its container, `step-<name>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Image as resolved.
    #[serde(rename = "imageID", skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// Values the step produced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<TaskRunResult>,
    /// Where its `StepAction` came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Why it ended, more exactly than `terminated.reason`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub termination_reason: String,
    /// Artifacts used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Artifact>,
    /// Artifacts produced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Artifact>,
}

/// State of a sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarState {
    /// Set before it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ContainerStateWaiting>,
    /// Set while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<ContainerStateRunning>,
    /// Set when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminated: Option<ContainerStateTerminated>,
    /// Name of the sidecar.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name of its container, `sidecar-<name>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Image as resolved.
    #[serde(rename = "imageID", skip_serializing_if = "String::is_empty")]
    pub image_id: String,
}

/// Why a container has not started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStateWaiting {
    /// Word for programs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Sentence for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Since when a container runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStateRunning {
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStateTerminated {
    /// Exit code.
    pub exit_code: i32,
    /// Signal that ended it.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub signal: i32,
    /// Word for programs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Sentence for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Identity of the container.
    #[serde(rename = "containerID", skip_serializing_if = "String::is_empty")]
    pub container_id: String,
}

/// A value produced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunResult {
    /// Name.
    pub name: String,
    /// `string`, `array` or `object`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// The value.
    pub value: ParamValue,
}
