use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::Shape;
use super::apply;
use crate::random::objects;

fn pod() -> &'static Shape {
    Shape::of("v1", "Pod").unwrap()
}

fn patched(document: &Value, patch: &Value) -> String {
    match apply(document.clone(), patch, pod()) {
        Ok(patched) => patched.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn lists_merge_by_their_keys() {
    let pod = json!({"spec": {"containers": [
        {"name": "a", "image": "1", "args": ["x"], "env": [{"name": "P", "value": "1"}]},
        {"name": "b", "image": "1"},
        {"name": "c", "image": "1"},
    ]}});
    let rows = [
        json!([{"name": "b", "image": "2"}]),
        json!([{"name": "d", "image": "2"}]),
        json!([{"name": "a", "args": ["y"], "env": [{"name": "Q", "value": "2"}]}]),
        json!([{"name": "a", "env": null, "image": null}]),
        json!([{"name": "b", "$patch": "delete"}]),
        json!([{"name": "z", "$patch": "delete"}]),
        json!([{"$patch": "replace"}, {"name": "only", "x": null}]),
        json!([{"name": "a", "$patch": "merge", "image": "3"}]),
        json!([{"name": "c", "image": "2"}, {"name": "a", "image": "2"}]),
        json!([{"name": "a", "$patch": "keep"}]),
        json!([{"image": "2"}]),
        json!([["a"]]),
        json!(["a"]),
        json!("a"),
        json!([]),
    ];
    let table: Vec<String> = rows
        .iter()
        .map(|containers| patched(&pod, &json!({"spec": {"containers": containers}})))
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    {"spec":{"containers":[{"name":"a","image":"1","args":["x"],"env":[{"name":"P","value":"1"}]},{"name":"b","image":"2"},{"name":"c","image":"1"}]}}
    {"spec":{"containers":[{"name":"d","image":"2"},{"name":"a","image":"1","args":["x"],"env":[{"name":"P","value":"1"}]},{"name":"b","image":"1"},{"name":"c","image":"1"}]}}
    {"spec":{"containers":[{"name":"a","image":"1","args":["y"],"env":[{"name":"Q","value":"2"},{"name":"P","value":"1"}]},{"name":"b","image":"1"},{"name":"c","image":"1"}]}}
    {"spec":{"containers":[{"name":"a","args":["x"]},{"name":"b","image":"1"},{"name":"c","image":"1"}]}}
    {"spec":{"containers":[{"name":"a","image":"1","args":["x"],"env":[{"name":"P","value":"1"}]},{"name":"c","image":"1"}]}}
    {"spec":{"containers":[{"name":"a","image":"1","args":["x"],"env":[{"name":"P","value":"1"}]},{"name":"b","image":"1"},{"name":"c","image":"1"}]}}
    {"spec":{"containers":[{"name":"only"}]}}
    {"spec":{"containers":[{"name":"a","image":"3","args":["x"],"env":[{"name":"P","value":"1"}]},{"name":"b","image":"1"},{"name":"c","image":"1"}]}}
    {"spec":{"containers":[{"name":"b","image":"1"},{"name":"c","image":"2"},{"name":"a","image":"2","args":["x"],"env":[{"name":"P","value":"1"}]}]}}
    error: unknown patch type: keep in .spec.containers
    error: an item of .spec.containers does not contain declared merge key: name
    error: .spec.containers has items of different types, or lists in a list, which cannot be merged
    error: .spec.containers has items of different types, or lists in a list, which cannot be merged
    {"spec":{"containers":"a"}}
    {"spec":{"containers":[{"name":"a","image":"1","args":["x"],"env":[{"name":"P","value":"1"}]},{"name":"b","image":"1"},{"name":"c","image":"1"}]}}
    "#);
}

#[test]
fn maps_and_other_lists_go_by_default() {
    let document = json!({
        "metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["p", "q", "r"]},
        "spec": {"tolerations": [1, 2], "securityContext": {"x": 1}},
        "data": {"k": "v"},
    });
    let rows = [
        json!({"metadata": {"labels": {"a": null, "c": "3"}}}),
        json!({"metadata": {"labels": {"$patch": "replace", "c": "3"}}}),
        json!({"metadata": {"labels": {"$patch": "delete"}}}),
        json!({"metadata": {"labels": {"$patch": "drop"}}}),
        json!({"metadata": {"labels": {"$retainKeys": ["b"], "b": "9"}}}),
        json!({"metadata": {"labels": {"$retainKeys": ["b"], "c": "9"}}}),
        json!({"metadata": {"finalizers": ["s", "q"]}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["q", "z"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": ["r", "p"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": ["s", "p"], "finalizers": ["s"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": ["p"], "finalizers": ["s"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": "p"}}),
        json!({"spec": {"tolerations": [3], "new": {"a": null, "$retainKeys": ["a"], "b": [{"$patch": "delete"}]}}}),
        json!({"metadata": {"annotations": {"$patch": "delete", "a": "1"}}}),
        json!({"metadata": {"annotations": {"$patch": "replace", "a": "1"}}}),
        json!({"spec": {"tolerations": [{"$patch": "merge", "a": 1}, {"$patch": "replace"}]}}),
        json!({"data": null, "spec": "text"}),
        json!({}),
        json!([]),
    ];
    let table: Vec<String> = rows.iter().map(|patch| patched(&document, patch)).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    {"metadata":{"labels":{"b":"2","c":"3"},"finalizers":["p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{"c":"3"},"finalizers":["p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{},"finalizers":["p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    error: unknown patch type: drop in .metadata.labels
    {"metadata":{"labels":{"b":"9"},"finalizers":["p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    error: unable to process .metadata.labels: $retainKeys list must contain all fields present in the patch
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["s","p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["p","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["q","r","p"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["s","p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    error: the order in patch list .metadata.finalizers doesn't match $setElementOrder list
    error: .metadata.$setElementOrder/finalizers must be a list
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["p","q","r"]},"spec":{"tolerations":[3],"securityContext":{"x":1},"new":{"b":[]}},"data":{"k":"v"}}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["p","q","r"],"annotations":{"a":"1"}},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["p","q","r"]},"spec":{"tolerations":[{"a":1}],"securityContext":{"x":1}},"data":{"k":"v"}}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["p","q","r"]},"spec":"text"}
    {"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["p","q","r"]},"spec":{"tolerations":[1,2],"securityContext":{"x":1}},"data":{"k":"v"}}
    error: a strategic merge patch is an object
    "#);
}

#[test]
fn an_order_moves_items_and_keeps_those_it_does_not_name_near() {
    let named = |names: &[&str]| -> Value { names.iter().map(|name| json!({"name": name})).collect() };
    let rows: &[(&[&str], &[&str], &[&str])] = &[
        (&["a", "b", "c"], &["c", "a"], &["b", "c", "a"]),
        (&["a", "b", "c"], &["b", "a"], &["b", "a", "c"]),
        (&["x", "a", "b"], &["b", "a"], &["x", "b", "a"]),
        (&["a"], &["a"], &["a"]),
        (&[], &["a"], &[]),
    ];
    for (live, order, expected) in rows {
        let document = json!({"spec": {"volumes": named(live)}});
        let patch = json!({"spec": {"$setElementOrder/volumes": named(order)}});
        let expected = json!({"spec": {"volumes": named(expected)}});
        assert_eq!(apply(document, &patch, pod()), Ok(expected), "{live:?} {order:?}");
    }
}

#[test]
fn only_built_in_kinds_have_a_shape() {
    let rows = [
        ("v1", "ConfigMap", true),
        ("v1", "Secret", true),
        ("rbac.authorization.k8s.io/v1", "Role", true),
        ("apps/v1", "Deployment", true),
        ("tekton.dev/v1", "Task", false),
        ("example.com/v1", "Pod", false),
    ];
    for (api_version, kind, expected) in rows {
        assert_eq!(
            Shape::of(api_version, kind).is_some(),
            expected,
            "{api_version} {kind}"
        );
    }
}

proptest! {
    #[test]
    fn without_directives_and_merging_lists_it_is_a_merge_patch(document in objects(), patch in objects()) {
        let plain = Shape::of("v1", "ConfigMap").unwrap();
        let patch = json!({"data": tidy(&patch)});
        let expected = crate::merge_patch::apply(document.clone(), &patch);
        prop_assert_eq!(apply(document, &patch, plain), Ok(expected));
    }

    #[test]
    fn an_empty_patch_changes_nothing(document in objects()) {
        prop_assert_eq!(apply(document.clone(), &json!({}), pod()), Ok(document));
    }

    #[test]
    fn any_patch_ends(document in items(), patch in items()) {
        let _ends = apply(json!({"spec": document}), &json!({"spec": patch}), pod());
    }

    #[test]
    fn a_patch_with_keys_applies_twice_as_once(document in keyed(), patch in keyed()) {
        let (document, patch) = (json!({"spec": {"volumes": document}}), json!({"spec": {"volumes": patch}}));
        let once = apply(document, &patch, pod());
        let once = once.expect("items have names");
        prop_assert_eq!(apply(once.clone(), &patch, pod()), Ok(once));
    }
}

/// The patch without null in the items of its lists, where it means nothing here and null in a merge patch.
fn tidy(patch: &Value) -> Value {
    match patch {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), tidy(value)))
            .collect(),
        other => super::maps::fresh(other).unwrap_or(Value::Null),
    }
}

/// A `spec` whose lists have items with and without names and directives.
fn items() -> impl Strategy<Value = Value> {
    let item =
        ("(name|\\$patch)", "(a|b|delete|replace|merge)", objects()).prop_map(|(key, text, object)| {
            let mut object = object;
            object[key] = text.into();
            object
        });
    let any = prop_oneof![3 => item, 1 => crate::random::values()];
    let list =
        "(volumes|containers|\\$setElementOrder/volumes|\\$retainKeys|\\$deleteFromPrimitiveList/volumes)";
    proptest::collection::btree_map(list, proptest::collection::vec(any, 0..4), 0..4).prop_map(|lists| {
        Value::Object(
            lists
                .into_iter()
                .map(|(name, items)| (name, Value::Array(items)))
                .collect(),
        )
    })
}

fn keyed() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::btree_map("[a-f]", 0..3_i64, 0..5).prop_map(|items| {
        items
            .into_iter()
            .map(|(name, value)| json!({"name": name, "x": value}))
            .collect()
    })
}
