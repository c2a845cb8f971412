//! Workspaces: directories that tasks share.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::core::ConfigMapVolumeSource;
use crate::core::CsiVolumeSource;
use crate::core::EmptyDirVolumeSource;
use crate::core::PersistentVolumeClaim;
use crate::core::PersistentVolumeClaimVolumeSource;
use crate::core::ProjectedVolumeSource;
use crate::core::SecretVolumeSource;

/// A directory that a task needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkspaceDeclaration {
    /// Name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Absolute path; default `/workspace/<name>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mount_path: String,
    /// Refuses writes; default false.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub read_only: bool,
    /// Whether it may stay unbound; default false.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub optional: bool,
}

/// A workspace seen only by the container that names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkspaceUsage {
    /// Name of the task's workspace.
    pub name: String,
    /// Absolute path; default the declaration's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mount_path: String,
}

/// Gives a workspace its content; exactly one source is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkspaceBinding {
    /// Name of the workspace.
    pub name: String,
    /// Directory inside the volume; default its root.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sub_path: String,
    /// A claim made for this run and removed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_claim_template: Option<PersistentVolumeClaim>,
    /// An existing claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
    /// A fresh directory for each task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDirVolumeSource>,
    /// Files made from a `ConfigMap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapVolumeSource>,
    /// Files made from a `Secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVolumeSource>,
    /// Several sources in one directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projected: Option<ProjectedVolumeSource>,
    /// A volume of a CSI driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csi: Option<CsiVolumeSource>,
}

/// A directory that a pipeline hands to its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineWorkspaceDeclaration {
    /// Name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it may stay unbound; default false.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub optional: bool,
}

/// Hands a pipeline's workspace to a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkspacePipelineTaskBinding {
    /// Name of the task's workspace.
    pub name: String,
    /// Name of the pipeline's workspace; default the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workspace: String,
    /// Directory inside the volume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sub_path: String,
}
