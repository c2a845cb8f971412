//! Kinds of the core group that only a server needs: namespaces, events, quotas.
//!
//! Field names and meanings are those of the core `v1` API.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::core::ObjectReference;
use crate::meta::ObjectMeta;
use crate::quantity::Quantity;
use crate::time::MicroTime;
use crate::time::Time;

/// A room for objects; its deletion deletes what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Namespace {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// What keeps it from going away.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: NamespaceSpec,
    /// Whether it is going away.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: NamespaceStatus,
}

/// What keeps a namespace from going away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceSpec {
    /// Names that must be removed first; `kubernetes` stands for its content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
}

/// Whether a namespace is going away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NamespaceStatus {
    /// `Active` or `Terminating`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// Why it is not gone yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Value>,
}

/// Something that happened to an object, told to people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// The object.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub involved_object: ObjectReference,
    /// Word for programs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Sentence for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Who tells.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub source: EventSource,
    /// When it happened first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_timestamp: Option<Time>,
    /// When it happened last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<Time>,
    /// How often it happened.
    #[serde(skip_serializing_if = "crate::skip::is_zero_i32")]
    pub count: i32,
    /// `Normal` or `Warning`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// When it happened, to the microsecond.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<MicroTime>,
    /// A series that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Value>,
    /// What was done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// Another object that is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<ObjectReference>,
    /// Which controller tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reporting_component: String,
    /// Which instance of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reporting_instance: String,
}

/// Who tells of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EventSource {
    /// Component.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub component: String,
    /// Machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
}

/// Upper bounds of what a namespace may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceQuota {
    /// Name, labels and the rest.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub metadata: ObjectMeta,
    /// The bounds.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub spec: ResourceQuotaSpec,
    /// The bounds and what is used.
    #[serde(skip_serializing_if = "crate::skip::is_default")]
    pub status: ResourceQuotaStatus,
}

/// Upper bounds of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceQuotaSpec {
    /// Bound by name, for instance `count/pipelineruns.tekton.dev` or `secrets`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hard: BTreeMap<String, Quantity>,
    /// Kinds of use that count; none means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Kinds of use that count, as expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_selector: Option<Value>,
}

/// Bounds and use of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceQuotaStatus {
    /// The bounds that are enforced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hard: BTreeMap<String, Quantity>,
    /// What is used of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub used: BTreeMap<String, Quantity>,
}
