use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::Error;
use super::MAX_DEPTH;
use super::MAX_MOVED;
use super::MAX_OPERATIONS;
use super::apply;
use crate::random::objects;
use crate::random::values;

#[test]
fn operations_change_values() {
    for (document, patch, expected) in changes() {
        assert_eq!(
            apply(document.clone(), &patch),
            Ok(expected),
            "{document} {patch}"
        );
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn changes() -> Vec<(Value, Value, Value)> {
    vec![
        (json!({"a": 1}), json!([]), json!({"a": 1})),
        (
            json!({}),
            json!([{"op": "add", "path": "/a", "value": 1}]),
            json!({"a": 1}),
        ),
        (
            json!({"a": 1}),
            json!([{"op": "add", "path": "/a", "value": 2}]),
            json!({"a": 2}),
        ),
        (
            json!({"l": [1, 3]}),
            json!([{"op": "add", "path": "/l/1", "value": 2}]),
            json!({"l": [1, 2, 3]}),
        ),
        (
            json!({"l": [1]}),
            json!([{"op": "add", "path": "/l/-", "value": 2}]),
            json!({"l": [1, 2]}),
        ),
        (
            json!({"l": [1]}),
            json!([{"op": "add", "path": "/l/1", "value": 2}]),
            json!({"l": [1, 2]}),
        ),
        (
            json!({"l": [1, 2]}),
            json!([{"op": "remove", "path": "/l/-1"}]),
            json!({"l": [1]}),
        ),
        (
            json!({"l": [1]}),
            json!([{"op": "add", "path": "/l/-1", "value": 2}]),
            json!({"l": [1, 2]}),
        ),
        (
            json!({"a": 1, "b": 2, "c": 3}),
            json!([{"op": "remove", "path": "/a"}]),
            json!({"b": 2, "c": 3}),
        ),
        (
            json!({"spec": {}}),
            json!([{"op": "replace", "path": "/spec/status", "value": "Cancelled"}]),
            json!({"spec": {"status": "Cancelled"}}),
        ),
        (
            json!({"a": 1}),
            json!([{"op": "replace", "path": "", "value": {"b": 1}}]),
            json!({"b": 1}),
        ),
        (
            json!({"a/b": {"~": 1}}),
            json!([{"op": "replace", "path": "/a~1b/~0", "value": 2}]),
            json!({"a/b": {"~": 2}}),
        ),
        (
            json!({"a": {"x": 1}, "b": {}}),
            json!([{"op": "move", "from": "/a/x", "path": "/b/y"}]),
            json!({"a": {}, "b": {"y": 1}}),
        ),
        (
            json!({"a": {"x": 1}}),
            json!([{"op": "copy", "from": "/a", "path": "/b"}]),
            json!({"a": {"x": 1}, "b": {"x": 1}}),
        ),
        (
            json!({}),
            json!([{"op": "copy", "from": "/a", "path": "/b"}]),
            json!({"b": null}),
        ),
        (
            json!({"a": {"x": [1]}}),
            json!([{"op": "test", "path": "/a", "value": {"x": [1]}}]),
            json!({"a": {"x": [1]}}),
        ),
        (
            json!({}),
            json!([{"op": "test", "path": "/a", "value": null}]),
            json!({}),
        ),
        (
            json!({}),
            json!([{"op": "add", "path": "/", "value": 1}]),
            json!({"": 1}),
        ),
    ]
}

#[test]
fn what_does_not_apply_says_why() {
    let document = json!({"a": {"x": 1}, "l": [1]});
    let rows = [
        json!([{"op": "remove", "path": "/spec"}]),
        json!([{"op": "remove", "path": "/b/c"}]),
        json!([{"op": "add", "path": "/b/c", "value": 1}]),
        json!([{"op": "add", "path": "/l/2", "value": 1}]),
        json!([{"op": "add", "path": "/l/x", "value": 1}]),
        json!([{"op": "replace", "path": "/l/1", "value": 1}]),
        json!([{"op": "test", "path": "/a/x", "value": 2}]),
        json!([{"op": "move", "from": "/b", "path": "/c"}]),
        json!([{"op": "move", "from": "/a", "path": "/a/x/y"}]),
        json!([{"op": "add", "path": "b", "value": 1}]),
        json!([{"op": "add", "path": "/b"}]),
        json!([{"op": "add", "value": 1}]),
        json!([{"op": "merge", "path": "/b"}]),
        json!([{"op": "test", "path": "/a/x", "value": 1}, {"op": "remove", "path": "/a/y"}]),
        json!([1]),
        json!({"op": "remove"}),
    ];
    let row = |patch: Value| {
        let error = apply(document.clone(), &patch).expect_err("no row applies");
        let place = match &error {
            Error::Operation { index, path, .. } => format!("{index} {path}"),
            _ => "-".to_owned(),
        };
        format!("{place}: {error}")
    };
    let table: Vec<String> = rows.into_iter().map(row).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    0 /spec: error in remove for path: '/spec': Unable to remove nonexistent key: spec: missing value
    0 /b/c: remove operation does not apply: doc is missing path: "/b/c": missing value
    0 /b/c: add operation does not apply: doc is missing path: "/b/c": missing value
    0 /l/2: error in add for path: '/l/2': Unable to access invalid index: 2: invalid index referenced
    0 /l/x: error in add for path: '/l/x': strconv.Atoi: parsing "x": invalid syntax
    0 /l/1: replace operation does not apply: doc is missing key: /l/1: missing value
    0 /a/x: testing value /a/x failed: test failed
    0 /c: error in move for path: 'b': Unable to remove nonexistent key: b: missing value
    0 /a/x/y: move operation does not apply: '/a/x/y' lies within '/a'
    0 b: add operation does not apply: "b" is no path: it does not start with "/"
    0 /b: add operation has no value
    0 : add operation failed to decode path: missing value
    0 /b: Unexpected kind: merge
    1 /a/y: error in remove for path: '/a/y': Unable to remove nonexistent key: y: missing value
    0 : an operation is an object
    -: a JSON patch is an array of operations
    "#);
}

#[test]
fn patches_are_bounded() {
    let many: Vec<Value> = vec![json!({"op": "test", "path": "", "value": {}}); MAX_OPERATIONS + 1];
    assert_eq!(
        apply(json!({}), &Value::Array(many)).map_err(|error| error.to_string()),
        Err("The allowed maximum operations in a JSON patch is 10000, got 10001".to_owned())
    );
    // Each copy doubles the document.
    let doubling = vec![json!({"op": "copy", "from": "/a", "path": "/a/-"}); 64];
    let error =
        apply(json!({"a": ["0123456789abcdef"]}), &Value::Array(doubling)).expect_err("it grows without end");
    assert!(error.to_string().contains("exceeding the limit"), "{error}");
    let list = Value::Array(vec![json!(0); MAX_MOVED / 100]);
    let front = vec![json!({"op": "add", "path": "/a/0", "value": 1}); 101];
    let error = apply(json!({"a": list}), &Value::Array(front)).expect_err("all items move each time");
    assert!(error.to_string().contains("moves more than"), "{error}");
    let path = "/a".repeat(MAX_DEPTH);
    let deep: Vec<Value> = (1..=MAX_DEPTH)
        .map(|depth| json!({"op": "add", "path": path[..depth * 2], "value": {}}))
        .collect();
    let error = apply(json!({}), &Value::Array(deep)).expect_err("it is too deep to be read again");
    assert!(error.to_string().contains("deeper than"), "{error}");
}

proptest! {
    #[test]
    fn any_patch_ends(
        document in values(),
        operations in proptest::collection::vec(
            ("(add|remove|replace|move|copy|test)", "(/([abc]|-|-?[0-3])){0,3}", "(/([abc]|-|[0-3])){0,3}", values()),
            0..8,
        ),
    ) {
        let patch: Vec<Value> = operations
            .into_iter()
            .map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}))
            .collect();
        let _ends = apply(document, &Value::Array(patch));
    }

    #[test]
    fn what_is_added_is_there(document in objects(), value in values()) {
        let patch = json!([
            {"op": "add", "path": "/new", "value": value},
            {"op": "test", "path": "/new", "value": value},
            {"op": "remove", "path": "/new"},
        ]);
        prop_assert_eq!(apply(document.clone(), &patch), Ok(document));
    }
}
