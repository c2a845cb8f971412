//! `Pipeline` and its tasks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::params::Param;
use super::params::ParamSpec;
use super::task::Sidecar;
use super::task::Step;
use super::task::StepTemplate;
use super::task::TaskRef;
use super::task::TaskResult;
use super::value::ParamValue;
use super::when::WhenExpression;
use super::workspaces::PipelineWorkspaceDeclaration;
use super::workspaces::WorkspaceDeclaration;
use super::workspaces::WorkspacePipelineTaskBinding;
use crate::core::Volume;
use crate::meta::ObjectMeta;
use crate::time::Duration;
use serde_json::Value;

/// A reusable graph of tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Pipeline {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What the pipeline does.
    pub spec: PipelineSpec,
}

/// What a pipeline does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineSpec {
    /// Name for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Nodes of the graph.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<PipelineTask>,
    /// Declared parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamSpec>,
    /// Directories that are handed to tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<PipelineWorkspaceDeclaration>,
    /// Values the pipeline produces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<PipelineResult>,
    /// Tasks that run after all others, whatever their outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<PipelineTask>,
}

/// A value that a pipeline produces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineResult {
    /// Name.
    pub name: String,
    /// `string`, `array` or `object`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Expression over task results.
    pub value: ParamValue,
}

/// Labels and annotations for the runs of a pipeline task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineTaskMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A task, or a custom task's `spec`, written inside a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EmbeddedTask {
    /// With a kind, makes it a custom task.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Kind of the custom task.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Specification of the custom task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Value>,
    /// Labels and annotations for its runs.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: PipelineTaskMetadata,
    /// Declared parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ParamSpec>,
    /// Name for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Containers that run one after another.
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

/// A node of a pipeline's graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineTask {
    /// DNS label, unique in the pipeline.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name for people; may hold variables.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The task to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_ref: Option<TaskRef>,
    /// The task to run, written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_spec: Option<EmbeddedTask>,
    /// Conditions, all of which must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<WhenExpression>,
    /// How many more times to try after a failure; default 0.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub retries: i32,
    /// Tasks that must end first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub run_after: Vec<String>,
    /// Parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Fans the task out over combinations of parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
    /// Workspaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workspaces: Vec<WorkspacePipelineTaskBinding>,
    /// Upper bound of one attempt's duration; default one hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// A pipeline to run as this node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_ref: Option<PipelineRef>,
    /// A pipeline to run as this node, written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_spec: Option<Box<PipelineSpec>>,
    /// `stopAndFail` (default) or `continue`, or a parameter reference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub on_error: String,
}

/// Combinations of parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Matrix {
    /// Array parameters whose product is taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Combinations to extend or add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<IncludeParams>,
}

/// Adds parameters to matching combinations, or a combination of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IncludeParams {
    /// Name for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// String parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
}

/// Refers to a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRef {
    /// Name in the same namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Group and version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Resolver that fetches it instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resolver: String,
    /// Parameters of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
}
