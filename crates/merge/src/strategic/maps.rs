//! Merging maps, and the directives in them.

use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use thiserror::Error;

use crate::strategic::lists::merge_lists;
use crate::strategic::lists::set_order;
use crate::strategic::lists::without_values;
use crate::strategic::shape::DEFAULT;
use crate::strategic::shape::Merging;
use crate::strategic::shape::Shape;

pub(super) const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_VALUES: &str = "$deleteFromPrimitiveList/";

/// Why a patch does not apply. A server answers 422.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The patch is no object.
    #[error("a strategic merge patch is an object")]
    NoObject,
    /// A `$patch` says something unknown.
    #[error("unknown patch type: {directive} in {path}")]
    Directive {
        /// The place.
        path: String,
        /// What it says.
        directive: String,
    },
    /// A directive is not of the form it must have.
    #[error("{path} must be a list")]
    NoList {
        /// The place.
        path: String,
    },
    /// A field of the patch is not among those to be retained.
    #[error("unable to process {path}: $retainKeys list must contain all fields present in the patch")]
    RetainKeys {
        /// The place.
        path: String,
    },
    /// An item lacks the field by which items merge.
    #[error("an item of {path} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The place.
        path: String,
        /// The field.
        key: String,
    },
    /// A list has items that cannot be merged with each other.
    #[error("{path} has items of different types, or lists in a list, which cannot be merged")]
    Mixed {
        /// The place.
        path: String,
    },
    /// The patch's items are not in the order it asks for, or not named there.
    #[error("the order in patch list {path} doesn't match $setElementOrder list")]
    Order {
        /// The place.
        path: String,
    },
}

/// Returns the document with the patch applied.
///
/// # Errors
/// See [`enum@Error`].
pub fn apply(document: Value, patch: &Value, shape: &'static Shape) -> Result<Value, Error> {
    let Value::Object(patch) = patch else {
        return Err(Error::NoObject);
    };
    let fields = match document {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    Ok(Value::Object(merge_maps(fields, patch, shape, "")?))
}

pub(super) fn merge_maps(
    mut fields: Map<String, Value>,
    patch: &Map<String, Value>,
    shape: &'static Shape,
    path: &str,
) -> Result<Map<String, Value>, Error> {
    match patch.get(PATCH) {
        None => {}
        Some(Value::String(directive)) if directive == "merge" => {}
        Some(Value::String(directive)) if directive == "replace" => return Ok(fresh_fields(patch)),
        Some(Value::String(directive)) if directive == "delete" => return Ok(Map::new()),
        Some(other) => {
            return Err(Error::Directive {
                path: path.to_owned(),
                directive: other.as_str().unwrap_or("no text").to_owned(),
            });
        }
    }
    retain(&mut fields, patch, path)?;
    let ordered = order_lists(&mut fields, patch, shape, path)?;
    if patch.values().any(Value::is_null) {
        // In one pass: to take a field out and keep the order of the others costs as much as to look at each.
        fields.retain(|key, _| !patch.get(key).is_some_and(Value::is_null));
    }
    for (key, change) in patch {
        if key == PATCH || key == RETAIN_KEYS || key.starts_with(SET_ORDER) || ordered.contains(key.as_str())
        {
            continue;
        }
        if let Some(name) = key.strip_prefix(DELETE_VALUES) {
            let values = list(change, &format!("{path}.{key}"))?;
            if let Some(Value::Array(items)) = fields.get_mut(name) {
                without_values(items, values);
            }
        } else if !change.is_null() {
            let at = format!("{path}.{key}");
            match merge_field(fields.get_mut(key).map(Value::take), change, key, shape, &at)? {
                Some(merged) => {
                    fields.insert(key.clone(), merged);
                }
                None => {
                    fields.shift_remove(key);
                }
            }
        }
    }
    Ok(fields)
}

fn merge_field(
    old: Option<Value>,
    change: &Value,
    key: &str,
    shape: &'static Shape,
    path: &str,
) -> Result<Option<Value>, Error> {
    let (merging, below) = rules(shape, key);
    Ok(match (old, change) {
        (Some(Value::Object(old)), Value::Object(change)) => {
            Some(Value::Object(merge_maps(old, change, below, path)?))
        }
        (Some(Value::Array(old)), Value::Array(change)) if merging != Merging::Replace => {
            Some(Value::Array(merge_lists(old, change, merging, below, path)?))
        }
        _ => fresh(change),
    })
}

pub(super) fn rules(shape: &'static Shape, key: &str) -> (Merging, &'static Shape) {
    match shape.field(key) {
        Some(field) => (field.merging, field.shape),
        None => (Merging::Replace, &DEFAULT),
    }
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Error> {
    let items = value.as_array().map(Vec::as_slice);
    items.ok_or_else(|| Error::NoList {
        path: path.to_owned(),
    })
}

/// Carries out `$retainKeys`: fields that are not named go.
fn retain(fields: &mut Map<String, Value>, patch: &Map<String, Value>, path: &str) -> Result<(), Error> {
    let Some(directive) = patch.get(RETAIN_KEYS) else {
        return Ok(());
    };
    let keys = list(directive, &format!("{path}.{RETAIN_KEYS}"))?;
    let keys: BTreeSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    let is_named = |key: &str| key.starts_with('$') || keys.contains(key);
    if !patch.keys().all(|key| is_named(key)) {
        return Err(Error::RetainKeys {
            path: path.to_owned(),
        });
    }
    fields.retain(|key, _| keys.contains(key.as_str()));
    Ok(())
}

/// Carries out every `$setElementOrder/`, and the changes of the lists they are about; answers with the names of these.
fn order_lists<'a>(
    fields: &mut Map<String, Value>,
    patch: &'a Map<String, Value>,
    shape: &'static Shape,
    path: &str,
) -> Result<BTreeSet<&'a str>, Error> {
    let mut done = BTreeSet::new();
    for (key, directive) in patch {
        let Some(name) = key.strip_prefix(SET_ORDER) else {
            continue;
        };
        let order = list(directive, &format!("{path}.{key}"))?;
        let at = format!("{path}.{name}");
        let empty = Vec::new();
        let change = match patch.get(name) {
            Some(change) => Some(list(change, &at)?),
            None => None,
        };
        let old = match fields.get(name) {
            Some(old) => Some(list(old, &at)?),
            None => None,
        };
        if old.is_none() && change.is_none() {
            continue;
        }
        let (merging, below) = rules(shape, name);
        let old = old.map_or(empty, <[Value]>::to_vec);
        let merged = set_order(old, change, order, merging, below, &at)?;
        fields.insert(name.to_owned(), Value::Array(merged));
        done.insert(name);
    }
    Ok(done)
}

/// The value without directives, and without the nulls that would have removed something; nothing when it is there only
/// to delete or replace what is not there.
pub(super) fn fresh(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Object(fields) => {
            if fields.get(PATCH).and_then(Value::as_str) == Some("delete") {
                return None;
            }
            Value::Object(fresh_fields(fields))
        }
        Value::Array(items) => {
            let is_marker = |item: &&Value| item.get(PATCH).and_then(Value::as_str) == Some("replace");
            let plain = items.iter().filter(|item| !is_marker(item));
            Value::Array(plain.filter_map(fresh).collect())
        }
        scalar => scalar.clone(),
    })
}

fn fresh_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    let is_directive = |key: &str| {
        key == PATCH || key == RETAIN_KEYS || key.starts_with(SET_ORDER) || key.starts_with(DELETE_VALUES)
    };
    let kept = fields
        .iter()
        .filter(|(key, value)| !is_directive(key) && !value.is_null());
    kept.filter_map(|(key, value)| Some((key.clone(), fresh(value)?)))
        .collect()
}
