//! Measures what changing an object costs: each kind of patch, on an object of 10 kB with its managed fields.
//!
//! `cargo run --release -p windlass-merge --example cost`

#![expect(
    clippy::disallowed_methods,
    reason = "measuring needs a clock; the crate itself has none"
)]

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use windlass_api::Time;
use windlass_merge::FieldSet;
use windlass_merge::Schema;
use windlass_merge::apply::Actor;
use windlass_merge::apply::apply;
use windlass_merge::apply::track_update;
use windlass_merge::diff;
use windlass_merge::json_patch;
use windlass_merge::merge_patch;
use windlass_merge::strategic;
use windlass_merge::strategic::Shape;

const ROUNDS: u32 = 2_000;

/// One row: what is done, and the doing, of which the size of the result is kept.
type Row<'a> = (
    &'static str,
    Box<dyn Fn() -> Result<usize, Box<dyn std::error::Error>> + 'a>,
);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = Schema::from_openapi(&pod_schema(), &Map::new())?;
    let ignored = FieldSet::new().with_field(&["status"]);
    let actor = |manager| Actor {
        manager,
        api_version: "v1",
        subresource: "",
        now: Time::from_millis(0),
        ignored: &ignored,
    };
    let config = pod("1");
    let live = apply(&schema, None, &config, &actor("owner"), false)?;
    let changed = pod("2");
    let patch = json!([{"op": "replace", "path": "/spec/containers/3/image", "value": "new"}]);
    let merge = json!({"metadata": {"labels": {"new": "label"}}});
    let strategic = json!({"spec": {"containers": [{"name": "c3", "image": "new"}]}});
    let shape = Shape::of("v1", "Pod").ok_or("pods have a shape")?;
    let size = |value: &Value| value.as_object().map_or(0, Map::len);

    let rows: Vec<Row<'_>> = vec![
        ("copy", Box::new(|| Ok(size(&live.clone())))),
        (
            "json patch",
            Box::new(|| Ok(size(&json_patch::apply(live.clone(), &patch)?))),
        ),
        (
            "merge patch",
            Box::new(|| Ok(size(&merge_patch::apply(live.clone(), &merge)))),
        ),
        (
            "strategic",
            Box::new(|| Ok(size(&strategic::apply(live.clone(), &strategic, shape)?))),
        ),
        (
            "track update",
            Box::new(|| {
                Ok(size(&track_update(
                    &schema,
                    Some(&live),
                    changed.clone(),
                    &actor("other"),
                )))
            }),
        ),
        (
            "apply, same",
            Box::new(|| {
                Ok(size(&apply(
                    &schema,
                    Some(&live),
                    &config,
                    &actor("owner"),
                    false,
                )?))
            }),
        ),
        (
            "apply, new values",
            Box::new(|| {
                Ok(size(&apply(
                    &schema,
                    Some(&live),
                    &changed,
                    &actor("owner"),
                    false,
                )?))
            }),
        ),
        (
            "apply, one label",
            Box::new(|| {
                Ok(size(&apply(
                    &schema,
                    Some(&live),
                    &merge,
                    &actor("other"),
                    false,
                )?))
            }),
        ),
        (
            "apply, giving up",
            Box::new(|| {
                Ok(size(&apply(
                    &schema,
                    Some(&live),
                    &merge,
                    &actor("owner"),
                    false,
                )?))
            }),
        ),
        (
            "changes",
            Box::new(|| Ok(diff::changes(&schema, &live, &changed).len())),
        ),
    ];
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "object: {} bytes, {} without entries",
        live.to_string().len(),
        config.to_string().len()
    )?;
    for (name, act) in rows {
        black_box(act()?);
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(act()?);
        }
        let each = start.elapsed() / ROUNDS;
        writeln!(out, "{name:<18} {:>8.1} µs", each.as_secs_f64() * 1e6)?;
    }
    Ok(())
}

/// A Pod of ten containers with ten variables each.
fn pod(version: &str) -> Value {
    let env = |container: usize| -> Value {
        let entries = (0..10).map(|index| json!({"name": format!("VARIABLE_{index}"), "value": format!("value of {container} in {version}")}));
        entries.collect()
    };
    let containers: Value = (0..10)
        .map(|index| {
            json!({
                "name": format!("c{index}"),
                "image": format!("registry.example.com/team/image:{version}"),
                "args": ["--first", "--second", "a longer argument for the container"],
                "env": env(index),
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
            })
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "a", "namespace": "default", "labels": {"app": "a", "version": version}},
        "spec": {"containers": containers, "serviceAccountName": "default"},
    })
}

fn pod_schema() -> Value {
    let text = json!({"type": "string"});
    let keyed = |key: &str, fields: Value| {
        json!({
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key],
            "items": {"type": "object", "properties": fields},
        })
    };
    let container = json!({
        "name": text, "image": text, "args": {"type": "array", "items": text},
        "env": keyed("name", json!({"name": text, "value": text})),
        "ports": keyed("containerPort", json!({"containerPort": {"type": "integer"}, "protocol": text})),
        "resources": {"type": "object", "properties": {"requests": {"type": "object", "additionalProperties": text}}},
    });
    json!({"type": "object", "properties": {
        "apiVersion": text, "kind": text, "metadata": {"type": "object"},
        "spec": {"type": "object", "properties": {
            "containers": keyed("name", container), "serviceAccountName": text,
        }},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }})
}
