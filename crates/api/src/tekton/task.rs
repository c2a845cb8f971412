//! `Task`, its steps and sidecars.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::params::Param;
use super::params::ParamSpec;
use super::params::PropertySpec;
use super::value::ParamValue;
use super::when::WhenExpression;
use super::workspaces::WorkspaceDeclaration;
use super::workspaces::WorkspaceUsage;
use crate::core::EnvFromSource;
use crate::core::EnvVar;
use crate::core::Probe;
use crate::core::ResourceRequirements;
use crate::core::SecurityContext;
use crate::core::Volume;
use crate::core::VolumeDevice;
use crate::core::VolumeMount;
use crate::meta::ObjectMeta;
use crate::time::Duration;
use serde_json::Value;

/// A reusable sequence of steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Task {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What the task does.
    pub spec: TaskSpec,
}

/// What a task does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskSpec {
    /// Declared parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamSpec>,
    /// Name for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Containers that run one after another; at least one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Volumes that steps mount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Defaults for every step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_template: Option<StepTemplate>,
    /// Containers that run beside the steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<Sidecar>,
    /// Directories the task needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceDeclaration>,
    /// Values the task produces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<TaskResult>,
}

/// One container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Step {
    /// DNS label; unnamed steps appear as `unnamed-<index>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Image reference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Replaces the image's entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Working directory; default the image's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Objects whose keys become variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_from: Vec<EnvFromSource>,
    /// Variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Resources asked for and allowed.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub compute_resources: ResourceRequirements,
    /// Where volumes appear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Where block devices appear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_devices: Vec<VolumeDevice>,
    /// `Always`, `IfNotPresent` or `Never`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_pull_policy: String,
    /// Identity and privileges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
    /// Text of an executable file to run instead of `command`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub script: String,
    /// Upper bound of the step's duration; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Workspaces that only the steps naming them see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceUsage>,
    /// `stopAndFail` (default) or `continue`, or a parameter reference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub on_error: String,
    /// File that receives a copy of standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_config: Option<StepOutputConfig>,
    /// File that receives a copy of standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_config: Option<StepOutputConfig>,
    /// A `StepAction` to run.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<StepRef>,
    /// Parameters of the `StepAction`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Values the step produces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<StepResult>,
    /// Conditions on results of earlier steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<WhenExpression>,
}

/// Where output is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepOutputConfig {
    /// Absolute path of the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// Refers to a `StepAction`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepRef {
    /// Name in the same namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Resolver that fetches it instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resolver: String,
    /// Parameters of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
}

/// Defaults for every step of a task; a step's own fields win.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepTemplate {
    /// Image reference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Replaces the image's entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Objects whose keys become variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_from: Vec<EnvFromSource>,
    /// Variables, merged by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Resources asked for and allowed.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub compute_resources: ResourceRequirements,
    /// Where volumes appear, merged by mount path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Where block devices appear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_devices: Vec<VolumeDevice>,
    /// `Always`, `IfNotPresent` or `Never`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_pull_policy: String,
    /// Identity and privileges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
}

/// A container that runs beside the steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Sidecar {
    /// DNS label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Image reference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Replaces the image's entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Ports it listens on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ContainerPort>,
    /// Objects whose keys become variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_from: Vec<EnvFromSource>,
    /// Variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Resources asked for and allowed.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub compute_resources: ResourceRequirements,
    /// Where volumes appear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Where block devices appear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_devices: Vec<VolumeDevice>,
    /// Check that it still works; recorded only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,
    /// Check that must hold before the first step starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,
    /// Check that it has started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_probe: Option<Probe>,
    /// Hooks, recorded only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Value>,
    /// Recorded only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub termination_message_path: String,
    /// Recorded only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub termination_message_policy: String,
    /// `Always`, `IfNotPresent` or `Never`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image_pull_policy: String,
    /// Identity and privileges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
    /// Recorded only.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub stdin: bool,
    /// Recorded only.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub stdin_once: bool,
    /// Recorded only.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub tty: bool,
    /// Text of an executable file to run instead of `command`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub script: String,
    /// Workspaces that only the containers naming them see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceUsage>,
    /// `Always` marks a native sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<String>,
}

/// A port a container listens on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerPort {
    /// Name that probes may use.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Port of the machine.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub host_port: i32,
    /// Port of the container.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub container_port: i32,
    /// `TCP` (default), `UDP` or `SCTP`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// Address of the machine.
    #[serde(rename = "hostIP", skip_serializing_if = "String::is_empty")]
    pub host_ip: String,
}

/// Refers to a task or a custom task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRef {
    /// Name in the same namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Kind; default `Task`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// With a kind, makes it a custom task.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Resolver that fetches it instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resolver: String,
    /// Parameters of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
}

/// Declares a value that a task produces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskResult {
    /// Name.
    pub name: String,
    /// `string` (default), `array` or `object`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// Keys of an object result.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, PropertySpec>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A step result to take it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ParamValue>,
}

/// Declares a value that a step produces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepResult {
    /// Name.
    pub name: String,
    /// `string` (default), `array` or `object`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// Keys of an object result.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, PropertySpec>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A reusable step (`tekton.dev/v1beta1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepAction {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What the step does.
    pub spec: StepActionSpec,
}

/// What a reusable step does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepActionSpec {
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Image reference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Replaces the image's entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Text of an executable file to run instead of `command`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub script: String,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Declared parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamSpec>,
    /// Values the step produces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<StepResult>,
    /// Identity and privileges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
    /// Where volumes appear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
}
