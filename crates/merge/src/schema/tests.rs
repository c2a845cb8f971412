use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use windlass_api::Kind;
use windlass_api::Time;

use super::Error;
use super::ListKind;
use super::Schema;
use super::TypeId;
use crate::apply::Actor;
use crate::apply::apply;
use crate::fields::FieldSet;
use crate::strategic::Shape;

/// The types along the fields, as short text: what a merge would do with a value there.
fn describe(schema: &Schema, id: TypeId, depth: usize) -> String {
    if id == TypeId::DEDUCED {
        return "any".to_owned();
    }
    if id == TypeId::ATOMIC {
        return "whole".to_owned();
    }
    if depth > 4 {
        return "…".to_owned();
    }
    let atom = schema.atom(id);
    let mut parts = Vec::new();
    if atom.scalar {
        parts.push("scalar".to_owned());
    }
    if let Some(list) = &atom.list {
        let kind = match &list.kind {
            ListKind::Atomic => "list".to_owned(),
            ListKind::Set => "set".to_owned(),
            ListKind::Keyed(keys) => format!("keyed({})", keys.join(",")),
        };
        parts.push(format!("{kind}[{}]", describe(schema, list.items, depth + 1)));
    }
    if let Some(map) = &atom.map {
        let fields = map.fields.iter();
        let fields = fields.map(|(name, id)| format!("{name}: {}", describe(schema, *id, depth + 1)));
        let others = map.others.iter();
        let others = others.map(|id| format!("*: {}", describe(schema, *id, depth + 1)));
        let fields: Vec<String> = fields.chain(others).collect();
        let atomic = if map.atomic { "atomic " } else { "" };
        parts.push(format!("{atomic}{{{}}}", fields.join(", ")));
    }
    parts.join(" | ")
}

fn of(spec: &Value) -> String {
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    let schema = Schema::from_openapi(&schema, definitions().as_object().unwrap()).unwrap();
    let root = schema.atom(schema.root()).map.as_ref().unwrap();
    describe(&schema, root.fields["spec"], 0)
}

fn definitions() -> Value {
    json!({
        "io.k8s.Leaf": {"type": "string"},
        "io.k8s.Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/io.k8s.Node"}}},
        "io.k8s.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn openapi_says_how_values_merge() {
    let text = json!({"type": "string"});
    let rows = [
        (text.clone(), "scalar"),
        (json!({"type": "object"}), "{*: any}"),
        (
            json!({"type": "object", "properties": {"a": text}}),
            "{a: scalar}",
        ),
        (json!({"properties": {"a": {"type": "integer"}}}), "{a: scalar}"),
        (
            json!({"type": "object", "properties": {"a": text}, "x-kubernetes-preserve-unknown-fields": true}),
            "{a: scalar, *: any}",
        ),
        (
            json!({"type": "object", "additionalProperties": text}),
            "{*: scalar}",
        ),
        (
            json!({"type": "object", "additionalProperties": true}),
            "{*: any}",
        ),
        (json!({"type": "object", "additionalProperties": false}), "{}"),
        (
            json!({"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": text}),
            "atomic {*: scalar}",
        ),
        (json!({"type": "array", "items": text}), "list[scalar]"),
        (
            json!({"type": "array", "x-kubernetes-list-type": "set", "items": text}),
            "set[scalar]",
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["b", "a"]}),
            "keyed(a,b)[any]",
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "map"}),
            "list[any]",
        ),
        (
            json!({"type": "array", "x-kubernetes-patch-strategy": "merge,retainKeys", "x-kubernetes-patch-merge-key": "k"}),
            "keyed(k)[any]",
        ),
        (json!({"x-kubernetes-int-or-string": true}), "scalar"),
        (json!({"x-kubernetes-preserve-unknown-fields": true}), "any"),
        (json!({}), "any"),
        (json!(true), "any"),
        (json!({"$ref": "#/definitions/io.k8s.Leaf"}), "scalar"),
        (
            json!({"allOf": [{"$ref": "io.k8s.Leaf"}], "default": {}}),
            "scalar",
        ),
        (
            json!({"anyOf": [{"$ref": "io.k8s.Leaf"}, {"type": "null"}]}),
            "scalar",
        ),
        (
            json!({"type": ["array", "null", "string"], "items": text}),
            "scalar | list[scalar]",
        ),
        (json!({"$ref": "io.k8s.Quantity"}), "scalar"),
        (
            json!({"$ref": "io.k8s.Node"}),
            "{next: {next: {next: {next: {next: …}}}}}",
        ),
    ];
    for (spec, expected) in rows {
        assert_eq!(of(&spec), expected, "{spec}");
    }
}

#[test]
fn metadata_is_known_whatever_the_schema_says() {
    let schema = json!({"type": "object", "properties": {"metadata": {"type": "object"}}});
    for schema in [
        Schema::from_openapi(&schema, &Map::new()).unwrap(),
        Schema::deduced(),
    ] {
        let root = schema.atom(schema.root()).map.as_ref().unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(describe(&schema, root.fields["metadata"], 0), @"{annotations: {*: scalar}, finalizers: set[scalar], labels: {*: scalar}, managedFields: list[whole], ownerReferences: keyed(uid)[atomic {*: any}], *: any}");
        }
    }
}

#[test]
fn schemas_are_bounded() {
    let of = |schema: &Value| Schema::from_openapi(schema, &Map::new()).map(|_| ());
    assert_eq!(
        of(&json!({"$ref": "#/none"})),
        Err(Error::Reference("#/none".to_owned()))
    );
    let deep = (0..500).fold(json!({}), |inner, _| json!({"type": "array", "items": inner}));
    assert_eq!(of(&deep), Err(Error::TooDeep));
    // A schema that is nothing but itself says nothing.
    let own = json!({"$ref": "a", "$defs": {"a": {"$ref": "a"}}});
    assert_eq!(of(&own), Ok(()));
    // Alternatives of alternatives without names double with every level.
    let wide = (0..18).fold(
        json!({"type": "string"}),
        |inner, _| json!({"anyOf": [inner, inner]}),
    );
    assert_eq!(of(&wide), Err(Error::TooManyTypes));
}

#[test]
fn a_shape_says_what_a_schema_does_not() {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "volumes": {"type": "array"},
        "tolerations": {"type": "array"},
        "containers": {"type": "array", "items": {"$ref": "#/$defs/Container"}},
        "other": {"$ref": "#/$defs/Container"},
    }}}, "$defs": {"Container": {"type": "object", "properties": {
        "name": {"type": "string"},
        "env": {"type": "array"},
        "ports": {
            "type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
        },
    }}}});
    let schema = Schema::from_openapi(&schema, &Map::new()).unwrap();
    let schema = schema.merging_as(Shape::of("v1", "Pod").unwrap());
    let root = schema.atom(schema.root()).map.as_ref().unwrap();
    insta::assert_snapshot!(describe(&schema, root.fields["spec"], 0), @"{containers: keyed(name)[{env: keyed(name)[any], name: scalar, ports: keyed(containerPort,protocol)[any]}], other: {env: list[any], name: scalar, ports: keyed(containerPort,protocol)[any]}, tolerations: list[any], volumes: keyed(name)[any]}");
}

#[test]
fn every_built_in_kind_has_a_schema_that_applies() {
    for kind in Kind::ALL {
        let schema = Schema::from_openapi(kind.schema().schema.as_value(), &Map::new());
        let mut schema = schema.unwrap_or_else(|error| panic!("{}: {error}", kind.as_str()));
        if let Some(shape) = Shape::of(kind.api_version(), kind.as_str()) {
            schema = schema.merging_as(shape);
        }
        let config = json!({
            "apiVersion": kind.api_version(), "kind": kind.as_str(),
            "metadata": {"name": "a", "labels": {"l": "1"}, "finalizers": ["f"]},
        });
        let ignored = FieldSet::new();
        let actor = Actor {
            manager: "one",
            api_version: kind.api_version(),
            subresource: "",
            now: Time::from_millis(0),
            ignored: &ignored,
        };
        let object = apply(&schema, None, &config, &actor, false);
        let object = object.unwrap_or_else(|error| panic!("{}: {error}", kind.as_str()));
        let fields = object.pointer("/metadata/managedFields/0/fieldsV1");
        let expected = json!({"f:metadata": {"f:finalizers": {"v:\"f\"": {}}, "f:labels": {"f:l": {}}}});
        assert_eq!(fields, Some(&expected), "{}", kind.as_str());
    }
}
