//! Conditions on running.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

/// A guard: `input operator values`, or a CEL expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WhenExpression {
    /// Left-hand side.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub input: String,
    /// `in` or `notin`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operator: String,
    /// Right-hand side.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// CEL expression used instead of the other three.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cel: String,
}
