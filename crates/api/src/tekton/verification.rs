//! `VerificationPolicy`: which definitions must be signed, and by whom.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::meta::ObjectMeta;

/// Which definitions must be signed (`tekton.dev/v1alpha1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VerificationPolicy {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// The rule.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: VerificationPolicySpec,
}

/// Which definitions, and whose signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VerificationPolicySpec {
    /// Patterns of the sources that it covers.
    pub resources: Vec<ResourcePattern>,
    /// Keys of which one must have signed.
    pub authorities: Vec<Authority>,
    /// `enforce` (default) or `warn`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
}

/// A pattern of sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourcePattern {
    /// Regular expression over the source's address.
    pub pattern: String,
}

/// A key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Authority {
    /// Its name.
    pub name: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
}
