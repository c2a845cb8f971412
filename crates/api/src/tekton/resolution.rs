//! `ResolutionRequest`: a definition that somebody asked to be fetched (`resolution.tekton.dev/v1beta1`).

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::meta::Condition;
use crate::meta::ObjectMeta;
use crate::tekton::Param;

/// A definition that somebody asked to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResolutionRequest {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What to fetch.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: ResolutionRequestSpec,
    /// What was fetched.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: ResolutionRequestStatus,
}

/// What to fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResolutionRequestSpec {
    /// Parameters of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// Address to fetch from instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// What was fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResolutionRequestStatus {
    /// `Succeeded`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Notes of the resolver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Value>,
    /// The definition in base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// Where it came from; deprecated spelling of `refSource`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ref_source: Option<Value>,
    /// Generation that was handled.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i64")]
    pub observed_generation: i64,
}
