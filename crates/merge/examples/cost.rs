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

type Outcome = Result<Value, Box<dyn std::error::Error>>;

/// One row: what is done, and the doing.
type Row<'a> = (&'static str, Box<dyn Fn() -> Outcome + 'a>);

/// The objects of all rows.
struct Scene {
    schema: Schema,
    live: Value,
    config: Value,
    changed: Value,
    ignored: FieldSet,
}

impl Scene {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let mut scene = Self {
            schema: Schema::from_openapi(&pod_schema(), &Map::new())?,
            live: Value::Null,
            config: pod("1"),
            changed: pod("2"),
            ignored: FieldSet::new().with_field(&["status"]),
        };
        scene.live = apply(&scene.schema, None, &scene.config, &scene.actor("owner"), false)?;
        Ok(scene)
    }

    fn actor<'a>(&'a self, manager: &'a str) -> Actor<'a> {
        Actor {
            manager,
            api_version: "v1",
            subresource: "",
            now: Time::from_millis(0),
            ignored: &self.ignored,
        }
    }

    fn patches(&self) -> Vec<Row<'_>> {
        let patch = json!([{"op": "replace", "path": "/spec/containers/3/image", "value": "new"}]);
        let merge = json!({"metadata": {"labels": {"new": "label"}}});
        let strategic = json!({"spec": {"containers": [{"name": "c3", "image": "new"}]}});
        let live = || self.live.clone();
        vec![
            ("copy", Box::new(move || Ok(live()))),
            (
                "json patch",
                Box::new(move || Ok(json_patch::apply(live(), &patch)?)),
            ),
            (
                "merge patch",
                Box::new(move || Ok(merge_patch::apply(live(), &merge))),
            ),
            (
                "strategic",
                Box::new(move || {
                    let shape = Shape::of("v1", "Pod").ok_or("pods have a shape")?;
                    Ok(strategic::apply(live(), &strategic, shape)?)
                }),
            ),
            (
                "changes",
                Box::new(|| {
                    Ok(diff::changes(&self.schema, &self.live, &self.changed)
                        .len()
                        .into())
                }),
            ),
        ]
    }

    fn writes(&self) -> Vec<Row<'_>> {
        let label = json!({"metadata": {"labels": {"new": "label"}}});
        let others = label.clone();
        let apply = |config: &Value, manager: &str| -> Outcome {
            let actor = self.actor(manager);
            Ok(apply(&self.schema, Some(&self.live), config, &actor, false)?)
        };
        vec![
            (
                "track update",
                Box::new(|| {
                    let actor = self.actor("other");
                    Ok(track_update(
                        &self.schema,
                        Some(&self.live),
                        self.changed.clone(),
                        &actor,
                    ))
                }),
            ),
            ("apply, same", Box::new(move || apply(&self.config, "owner"))),
            (
                "apply, new values",
                Box::new(move || apply(&self.changed, "owner")),
            ),
            ("apply, one label", Box::new(move || apply(&others, "other"))),
            ("apply, giving up", Box::new(move || apply(&label, "owner"))),
        ]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scene = Scene::new()?;
    let mut out = std::io::stdout().lock();
    let (whole, bare) = (scene.live.to_string().len(), scene.config.to_string().len());
    writeln!(out, "object: {whole} bytes, {bare} without entries")?;
    for (name, act) in scene.patches().into_iter().chain(scene.writes()) {
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
