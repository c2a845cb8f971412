//! The annotation of client-side apply, as far as clients move from that to server-side apply.

use serde_json::Map;
use serde_json::Value;

use crate::apply::actor::Actor;
use crate::apply::conflict::Conflicts;
use crate::schema::Schema;
use crate::typed::compare;
use crate::typed::owned;

/// Where `kubectl apply` keeps what it applied.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The manager for which the annotation is honoured and kept up to date; any other name opts out.
const KUBECTL: &str = "kubectl";

/// Most bytes of all annotations of an object in Kubernetes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Whether conflicts may be what client-side apply left.
pub(super) fn may_migrate(live: &Value, actor: &Actor<'_>) -> bool {
    actor.manager == KUBECTL && annotation(live).is_some()
}

/// The conflicts that remain when fields that client-side apply set, and nobody changed since, are none; nothing when
/// none remain.
pub(super) fn remaining(schema: &Schema, live: &Value, conflicts: Conflicts) -> Option<Conflicts> {
    let applied = annotation(live).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(applied) = applied.filter(Value::is_object) else {
        return Some(conflicts);
    };
    let change = compare(schema, &applied, live);
    let unchanged = owned(schema, &applied)
        .difference(&change.modified)
        .difference(&change.removed);
    let contested = conflicts.0.into_iter();
    let remaining: Vec<_> = contested
        .filter(|conflict| !unchanged.contains(&conflict.path))
        .collect();
    (!remaining.is_empty()).then_some(Conflicts(remaining))
}

/// Writes the applied configuration into the annotation, when there is one, so that client-side apply may follow;
/// tells whether that changed it.
pub(super) fn refresh(object: &mut Value, config: &Value, actor: &Actor<'_>) -> bool {
    if actor.manager != KUBECTL || annotation(object).is_none() {
        return false;
    }
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = config.pointer_mut("/metadata/annotations") {
        annotations.shift_remove(ANNOTATION);
    }
    let text = format!("{}\n", sorted(&config));
    let annotations = object.pointer_mut("/metadata/annotations");
    let Some(Value::Object(annotations)) = annotations else {
        return false;
    };
    let others = annotations.iter().filter(|(name, _)| *name != ANNOTATION);
    let size: usize = others
        .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len))
        .sum();
    let text = if size + ANNOTATION.len() + text.len() > MAX_ANNOTATIONS {
        // An empty one tells client-side apply that it cannot know.
        String::new()
    } else {
        text
    };
    let text = Value::from(text);
    let last = annotations.insert(ANNOTATION.to_owned(), text.clone());
    last != Some(text)
}

fn annotation(object: &Value) -> Option<&str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(ANNOTATION)?
        .as_str()
}

/// The value with the fields of every object sorted, as Go writes them.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<(&String, &Value)> = fields.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            let sorted = entries
                .into_iter()
                .map(|(name, value)| (name.clone(), sorted(value)));
            Value::Object(sorted.collect::<Map<String, Value>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}
