//! `CustomRun`: one execution of a custom task, carried out by whoever knows its kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::params::Param;
use super::pipeline::PipelineTaskMetadata;
use super::task::TaskRef;
use super::workspaces::WorkspaceBinding;
use crate::meta::Condition;
use crate::meta::ObjectMeta;
use crate::time::Duration;
use crate::time::Time;
use serde_json::Value;

/// One execution of a custom task (`tekton.dev/v1beta1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomRun {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What to execute.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: CustomRunSpec,
    /// What happened.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: CustomRunStatus,
}

/// What to execute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomRunSpec {
    /// The custom task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_ref: Option<TaskRef>,
    /// The custom task, written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_spec: Option<EmbeddedCustomRunSpec>,
    /// Parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// `RunCancelled` asks to stop.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status_message: String,
    /// How many more times to try; up to the custom task.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub retries: i32,
    /// Identity; default `default`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account_name: String,
    /// Upper bound of the duration; up to the custom task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Content of the workspaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspaceBinding>,
}

/// A custom task written inside a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EmbeddedCustomRunSpec {
    /// Group and version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Labels and annotations.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: PipelineTaskMetadata,
    /// Specification, as the kind defines it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Value>,
}

/// What happened to a custom run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomRunStatus {
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
    pub results: Vec<CustomRunResult>,
    /// Earlier attempts, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retries_status: Vec<CustomRunStatus>,
    /// Whatever the custom task adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_fields: Option<Value>,
}

/// A value produced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomRunResult {
    /// Name.
    pub name: String,
    /// The value; a JSON array stands for an array.
    pub value: String,
}
