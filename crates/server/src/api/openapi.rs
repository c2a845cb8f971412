//! The schemas of everything that is served (`/openapi/v3`), for `kubectl explain` and for what clients check themselves.

use std::fmt::Write as _;

use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::Api;
use super::status::Status;
use crate::resources::Resource;
use crate::resources::Source;

/// The answer to a path at or below `/openapi`.
pub(super) fn answer(api: &Api, path: &str) -> Result<Response, Status> {
    let all = api.registry.all();
    let place = path.trim_start_matches("/openapi/v3").trim_matches('/');
    if !path.starts_with("/openapi/v3") {
        return Err(Status::no_path());
    }
    if place.is_empty() {
        return Ok(axum::Json(index(&all)).into_response());
    }
    let of_place: Vec<_> = all
        .iter()
        .filter(|resource| self::place(resource) == place)
        .collect();
    if of_place.is_empty() {
        return Err(Status::no_path());
    }
    Ok(axum::Json(document(&of_place)).into_response())
}

/// Where the document of a resource is.
fn place(resource: &Resource) -> String {
    if resource.group.is_empty() {
        format!("api/{}", resource.version)
    } else {
        format!("apis/{}/{}", resource.group, resource.version)
    }
}

fn index(all: &[std::sync::Arc<Resource>]) -> Value {
    let mut paths = Map::new();
    for resource in all {
        let place = place(resource);
        if !paths.contains_key(&place) {
            // The address changes with what it answers, so that clients may keep the answer.
            let mut digest = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
            for other in all.iter().filter(|other| self::place(other) == place) {
                digest.update(format!("{other:?}"));
            }
            let digest = digest.finalize();
            let hash = digest.iter().take(16).fold(String::new(), |mut text, byte| {
                // Writing to a text cannot fail.
                let _ = write!(text, "{byte:02X}");
                text
            });
            let url = format!("/openapi/v3/{place}?hash={hash}");
            paths.insert(place, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// The document of one group and version.
fn document(resources: &[&std::sync::Arc<Resource>]) -> Value {
    let mut schemas = Map::new();
    let mut paths = Map::new();
    for resource in resources {
        let name = component(resource);
        add_schema(resource, &name, &mut schemas);
        add_paths(resource, &name, &mut paths);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Windlass", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// Name of the schema of a resource: group from back to front, version, kind.
fn component(resource: &Resource) -> String {
    let mut group: Vec<&str> = resource
        .group
        .split('.')
        .filter(|part| !part.is_empty())
        .collect();
    group.reverse();
    if group.is_empty() {
        group = vec!["core"];
    }
    format!("{}.{}.{}", group.join("."), resource.version, resource.kind)
}

fn add_schema(resource: &Resource, name: &str, schemas: &mut Map<String, Value>) {
    let mut schema = match resource.source {
        Source::Stored(kind) => kind.schema().schema.as_value().clone(),
        Source::Pods | Source::Empty => {
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
        }
    };
    let definitions = schema.as_object_mut().and_then(|fields| {
        fields.remove("$schema");
        fields.remove("$defs")
    });
    let prefix = format!("{name}.");
    if let Some(Value::Object(definitions)) = definitions {
        for (of, mut definition) in definitions {
            refine(&mut definition, &prefix);
            schemas.insert(format!("{prefix}{of}"), definition);
        }
    }
    refine(&mut schema, &prefix);
    schema["x-kubernetes-group-version-kind"] =
        json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}]);
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let about = "APIVersion defines the group and version of the object.";
    schema["properties"]["apiVersion"] = json!({"type": "string", "description": about});
    schema["properties"]["kind"] = json!({"type": "string", "description": "Kind of the object."});
    schemas.insert(name.to_owned(), schema);
}

/// Turns JSON Schema into what `OpenAPI` 3.0 takes.
fn refine(schema: &mut Value, prefix: &str) {
    match schema {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            if let Some(reference) = reference.filter(|text| text.starts_with("#/$defs/")) {
                let name = reference.rsplit('/').next().unwrap_or_default();
                let reference = format!("#/components/schemas/{prefix}{name}");
                fields.insert("$ref".to_owned(), Value::String(reference));
                // Nothing may stand beside a reference.
                if fields.len() > 1
                    && let Some(reference) = fields.remove("$ref")
                {
                    fields.insert("allOf".to_owned(), json!([{"$ref": reference}]));
                    fields.entry("default").or_insert_with(|| json!({}));
                }
            }
            if let Some(Value::Array(types)) = fields.get("type") {
                let only = types.iter().find(|name| *name != "null").cloned();
                if let Some(only) = only {
                    fields.insert("type".to_owned(), only);
                }
            }
            let nullable = fields.get("anyOf").and_then(Value::as_array).and_then(|all| {
                let rest: Vec<&Value> = all.iter().filter(|one| one["type"] != "null").collect();
                (rest.len() == 1 && all.len() == 2).then(|| rest[0].clone())
            });
            if let Some(only) = nullable {
                fields.remove("anyOf");
                if let Value::Object(only) = only {
                    for (name, value) in only {
                        if name == "$ref" {
                            fields.insert("allOf".to_owned(), json!([{"$ref": value}]));
                        } else {
                            fields.entry(name).or_insert(value);
                        }
                    }
                }
            }
            for (name, value) in fields.iter_mut() {
                match (name.as_str(), &*value) {
                    // A schema that takes anything.
                    ("properties" | "additionalProperties" | "items", Value::Bool(_)) => *value = json!({}),
                    _ => refine(value, prefix),
                }
                if name == "properties"
                    && let Some(properties) = value.as_object_mut()
                {
                    for property in properties.values_mut().filter(|property| property.is_boolean()) {
                        *property = json!({"x-kubernetes-preserve-unknown-fields": true});
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refine(item, prefix)),
        _ => {}
    }
}

fn add_paths(resource: &Resource, name: &str, paths: &mut Map<String, Value>) {
    let scope = if resource.namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    let base = format!("/{}/{scope}{}", place(resource), resource.plural);
    let action = |action: &str, parameters: &[&str]| {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}))
            .collect();
        let answer = json!({"description": "OK", "content": {"application/json": {
            "schema": {"$ref": format!("#/components/schemas/{name}")}}}});
        json!({
            "parameters": parameters,
            "responses": {"200": answer},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind":
                {"group": resource.group, "version": resource.version, "kind": resource.kind},
        })
    };
    let writing = ["dryRun", "fieldManager", "fieldValidation"];
    paths.insert(
        base.clone(),
        json!({"get": action("list", &["labelSelector", "fieldSelector", "limit", "continue", "watch"]),
            "post": action("post", &writing)}),
    );
    let one = json!({
        "get": action("get", &[]),
        "put": action("put", &writing),
        "patch": action("patch", &["dryRun", "fieldManager", "fieldValidation", "force"]),
        "delete": action("delete", &["dryRun", "propagationPolicy"]),
    });
    paths.insert(format!("{base}/{{name}}"), one);
}
