//! Random values for tests of properties.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

/// Any small value.
pub(crate) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        (0..3_i64).prop_map(|number| json!(number)),
        "[xy]".prop_map(|text| json!(text)),
        any::<bool>().prop_map(|truth| json!(truth)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            fields(inner),
        ]
    })
}

fn fields(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[ab/~c]", inner, 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// Any small object.
pub(crate) fn objects() -> impl Strategy<Value = Value> {
    fields(values())
}

/// An object without null anywhere, which is what a merge patch can make.
pub(crate) fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(name, value)| (name.clone(), without_null(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}
