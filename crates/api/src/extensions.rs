//! Kinds that users define (`apiextensions.k8s.io/v1`).

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::meta::ObjectMeta;

/// Defines a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomResourceDefinition {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// The kind.
    pub spec: CustomResourceDefinitionSpec,
    /// What is served of it.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: CustomResourceDefinitionStatus,
}

/// A kind: its names, its scope, its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomResourceDefinitionSpec {
    /// Group; the object is called `<plural>.<group>`.
    pub group: String,
    /// Its names.
    pub names: CustomResourceNames,
    /// `Namespaced` or `Cluster`.
    pub scope: String,
    /// Its versions, of which exactly one is stored.
    pub versions: Vec<CustomResourceVersion>,
    /// How versions are converted; `None` changes `apiVersion` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Value>,
    /// Whether unknown fields are kept; must be false.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub preserve_unknown_fields: bool,
}

/// Names of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomResourceNames {
    /// Name in paths.
    pub plural: String,
    /// Name for one object; default the kind in lower case.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub singular: String,
    /// Short names for the command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub short_names: Vec<String>,
    /// Name of the kind.
    pub kind: String,
    /// Name of its list; default the kind with `List`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub list_kind: String,
    /// Groups of kinds that it is part of, for instance `all`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// One version of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomResourceVersion {
    /// Name, for instance `v1`.
    pub name: String,
    /// Whether it is served.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// Whether its users are warned.
    #[serde(skip_serializing_if = "crate::skip::is_false")]
    pub deprecated: bool,
    /// What they are warned of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation_warning: Option<String>,
    /// Its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<CustomResourceValidation>,
    /// Its subresources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subresources: Option<CustomResourceSubresources>,
    /// Columns of its tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_printer_columns: Vec<PrinterColumn>,
    /// Fields usable in field selectors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selectable_fields: Vec<SelectableField>,
}

/// Fields of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomResourceValidation {
    /// Structural schema.
    #[serde(rename = "openAPIV3Schema", skip_serializing_if = "Option::is_none")]
    pub open_apiv3_schema: Option<Value>,
}

/// Subresources of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomResourceSubresources {
    /// Whether the status is written apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    /// Where replicas are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Value>,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PrinterColumn {
    /// Heading.
    pub name: String,
    /// `integer`, `number`, `string`, `boolean` or `date`.
    #[serde(rename = "type")]
    pub r#type: String,
    /// Format of the type.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub format: String,
    /// What it shows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Shown only in wide tables when above 0.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub priority: i32,
    /// Where the value is.
    pub json_path: String,
}

/// A field usable in field selectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SelectableField {
    /// Where it is.
    pub json_path: String,
}

/// What is served of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomResourceDefinitionStatus {
    /// `NamesAccepted` and `Established`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Value>,
    /// The names that are served.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub accepted_names: CustomResourceNames,
    /// Versions in which objects were ever stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stored_versions: Vec<String>,
}
