//! JSON merge patch (RFC 7396).

use serde_json::Map;
use serde_json::Value;

/// Returns the document with the patch merged: `null` removes a field, objects merge, anything else replaces.
///
/// Total: every patch applies to every document.
pub fn apply(document: Value, patch: &Value) -> Value {
    let mut document = document;
    merge(&mut document, patch);
    document
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    if changes.values().any(Value::is_null) {
        // In one pass: to take a field out and keep the order of the others costs as much as to look at each.
        fields.retain(|key, _| !changes.get(key).is_some_and(Value::is_null));
    }
    for (key, change) in changes.iter().filter(|(_, change)| !change.is_null()) {
        merge(fields.entry(key.as_str()).or_insert(Value::Null), change);
    }
}

/// The smallest patch that makes the new value of the old one.
///
/// A patch cannot set a field to `null`: where the new value has one, the patch removes the field.
pub fn between(old: &Value, new: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return new.clone();
    };
    let mut patch = Map::new();
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, content) in after {
        match before.get(name) {
            Some(old) if old == content => {}
            Some(old) => {
                patch.insert(name.clone(), between(old, content));
            }
            None => {
                patch.insert(name.clone(), content.clone());
            }
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::apply;
    use super::between;
    use crate::random::objects;
    use crate::random::values;
    use crate::random::without_null;

    #[test]
    fn patches_merge_as_the_rfc_says() {
        let rows: &[(Value, Value, Value)] = &[
            (json!({"a": 1}), json!({}), json!({"a": 1})),
            (json!({"a": 1}), json!({"a": null}), json!({})),
            (
                json!({"a": 1, "b": 2, "c": 3}),
                json!({"a": null}),
                json!({"b": 2, "c": 3}),
            ),
            (json!({}), json!({"a": {"b": null}}), json!({"a": {}})),
            (json!({"a": "x"}), json!({"a": {"b": 1}}), json!({"a": {"b": 1}})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (
                json!({"a": {"b": 1}}),
                json!({"a": {"c": 2}}),
                json!({"a": {"b": 1, "c": 2}}),
            ),
            (json!({"a": 1}), json!(["x"]), json!(["x"])),
            (json!([1]), json!({"a": 1}), json!({"a": 1})),
            (
                json!({"a": [{"b": null}]}),
                json!({"a": [null]}),
                json!({"a": [null]}),
            ),
        ];
        for (document, patch, expected) in rows {
            assert_eq!(&apply(document.clone(), patch), expected, "{document} + {patch}");
        }
    }

    proptest! {
        #[test]
        fn the_patch_between_makes_the_new_of_the_old(old in objects(), new in objects()) {
            let new = without_null(&new);
            let patch = between(&old, &new);
            prop_assert_eq!(apply(old, &patch), new);
        }

        #[test]
        fn applying_twice_is_applying_once(old in values(), patch in values()) {
            let once = apply(old, &patch);
            prop_assert_eq!(apply(once.clone(), &patch), once);
        }

        #[test]
        fn an_empty_patch_changes_nothing(old in objects()) {
            prop_assert_eq!(apply(old.clone(), &json!({})), old);
        }
    }
}
