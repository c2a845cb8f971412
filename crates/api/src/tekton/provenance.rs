//! Where definitions came from and what was built.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use serde_json::Value;

/// Where a definition came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Provenance {
    /// Source of a remote definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ref_source: Option<RefSource>,
    /// Flags in force; shared, because every status of a plane repeats them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_flags: Option<Arc<Value>>,
}

/// Identity of a remote definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RefSource {
    /// Where it was fetched from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Digests of its content by algorithm.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// Path inside the source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub entry_point: String,
}

/// Artifacts used and produced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Artifacts {
    /// Used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Artifact>,
    /// Produced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Artifact>,
}

/// A named artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Artifact {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ArtifactValue>,
    /// Whether it is what the task was for.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub build_output: bool,
}

/// One part of an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ArtifactValue {
    /// Digests of its content by algorithm.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// Where it can be had.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
}
