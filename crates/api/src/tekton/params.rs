//! Parameters: declarations and bindings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::value::ParamValue;

/// Declares a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ParamSpec {
    /// Name, matching `^[_a-zA-Z][_a-zA-Z0-9.-]*$`.
    pub name: String,
    /// `string`, `array` or `object`; inferred from `properties` and `default` when empty.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Keys of an object parameter.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, PropertySpec>,
    /// Value when none is given; without it the parameter is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<ParamValue>,
    /// Allowed strings; default any.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub enum_values: Vec<String>,
}

/// Declares a key of an object parameter or result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PropertySpec {
    /// Type of the value; only `string` is allowed and the default.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
}

/// Gives a parameter its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Param {
    /// Name of the parameter.
    pub name: String,
    /// The value.
    pub value: ParamValue,
}
