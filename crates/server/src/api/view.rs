//! Objects as clients see them: in the version that they ask for, whole or in part, selected.

use std::collections::HashMap;

use serde_json::Value;
use windlass_api::Object;
use windlass_api::conversion::from_v1;
use windlass_merge::selector::FieldSelector;
use windlass_merge::selector::LabelSelector;

use super::status::Status;
use crate::resources::Resource;

/// The object in the version of a resource.
pub(super) fn json(object: &Object, resource: &Resource) -> Value {
    let mut value = object.to_json();
    let api_version = resource.api_version();
    if value.get("apiVersion").and_then(Value::as_str) != Some(&api_version) {
        if resource.group == "tekton.dev" && resource.version == "v1beta1" {
            from_v1(&mut value);
        }
        if let Some(fields) = value.as_object_mut() {
            fields.insert("apiVersion".to_owned(), Value::String(api_version));
        }
    }
    value
}

/// Which objects somebody wants to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    pub(super) labels: LabelSelector,
    pub(super) fields: FieldSelector,
}

impl Selection {
    /// Reads the selectors of a query.
    pub(super) fn of_query(query: &HashMap<String, String>) -> Result<Self, Status> {
        let read = |name: &str| query.get(name).map_or("", String::as_str);
        let labels = read("labelSelector").parse();
        let labels = labels.map_err(|error: windlass_merge::selector::Error| {
            Status::bad_request(format!("unable to parse requirement: {error}"))
        })?;
        let fields = read("fieldSelector").parse();
        let fields = fields
            .map_err(|error: windlass_merge::selector::Error| Status::bad_request(error.to_string()))?;
        Ok(Self { labels, fields })
    }

    /// Adds that the object must have a name.
    pub(super) fn named(mut self, name: &str) -> Self {
        if !name.is_empty()
            && let Ok(only) = format!("metadata.name={name}").parse()
        {
            self.fields = only;
        }
        self
    }

    /// Whether an object is wanted.
    pub(super) fn accepts(&self, object: &Object) -> bool {
        let metadata = object.metadata();
        if !self.labels.is_empty()
            && !self
                .labels
                .matches(|key| metadata.labels.get(key).map(String::as_str))
        {
            return false;
        }
        if self.fields.is_empty() {
            return true;
        }
        let mut terms = self.fields.terms().iter();
        if !terms.all(|term| term.field.starts_with("metadata.")) {
            return self.accepts_json(&object.to_json());
        }
        self.fields.matches(|field| match field {
            "metadata.name" => Some(metadata.name.as_str()),
            "metadata.namespace" => Some(metadata.namespace.as_str()),
            _ => None,
        })
    }

    /// Whether an object is wanted, given as JSON.
    pub(super) fn accepts_json(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"].get(key).and_then(Value::as_str);
        if !self.labels.is_empty() && !self.labels.matches(label) {
            return false;
        }
        self.fields.is_empty()
            || self.fields.matches(|field| {
                let mut place = object;
                for step in field.split('.') {
                    place = place.get(step)?;
                }
                place.as_str()
            })
    }
}

/// Leaves the metadata of an object only (`PartialObjectMetadata`).
pub(super) fn metadata_only(mut object: Value) -> Value {
    let metadata = object.get_mut("metadata").map(Value::take).unwrap_or_default();
    serde_json::json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
