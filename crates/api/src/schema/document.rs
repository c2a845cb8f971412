//! One schema out of many.

use schemars::JsonSchema;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The schema of one kind in one version.
#[derive(Clone, Debug)]
pub struct KindSchema {
    /// Group and version, such as `tekton.dev/v1`.
    pub api_version: String,
    /// The kind, such as `Task`.
    pub kind: String,
    /// The root schema of its type, definitions included.
    pub schema: Schema,
}

impl KindSchema {
    /// The schema of a Rust type, as the decoder reads it.
    pub fn of<T: JsonSchema>(api_version: &str, kind: &str) -> Self {
        let schema = SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<T>();
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            schema,
        }
    }
}

/// Joins the schemas of all kinds into one document (JSON Schema, draft 2020-12).
///
/// An object is checked against the kind that its `apiVersion` and `kind` name; others are refused.
/// Objects with known fields take no unknown ones, so that an editor marks them. The document names itself
/// by `id`, a URI.
pub fn document(id: &str, kinds: &[KindSchema]) -> Value {
    let mut definitions = Map::new();
    let mut cases = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let name = format!("{}.{}", kind.api_version.replace('/', "."), kind.kind);
        let own = kind.schema.as_value();
        let renamed = adopt_definitions(own, &name, &mut definitions);
        let mut schema = own.clone();
        if let Some(members) = schema.as_object_mut() {
            members.remove("$defs");
            members.remove("$schema");
            admit_type_meta(members, kind);
        }
        refine(&mut schema, &renamed);
        definitions.insert(name.clone(), schema);
        cases.push(case(&kind.api_version, &kind.kind, &name));
    }
    let (name, list, case) = list_case();
    definitions.insert(name, list);
    cases.push(case);
    let pairs: Vec<_> = kinds
        .iter()
        .map(|kind| (kind.api_version.as_str(), kind.kind.as_str()))
        .chain([("v1", "List")])
        .collect();
    let versions = distinct(pairs.iter().map(|&(version, _)| version));
    for version in &versions {
        let kinds = distinct(
            pairs
                .iter()
                .filter(|(of, _)| of == version)
                .map(|&(_, kind)| kind),
        );
        cases.push(json!({
            "if": {"properties": {"apiVersion": {"const": version}}, "required": ["apiVersion"]},
            "then": {"properties": {"kind": {"enum": kinds}}},
        }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": id,
        "title": "Windlass objects",
        "description": "Any object that `windlass run`, `windlass validate` and the API accept.",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"description": "Group and version of the kind.", "enum": versions},
            "kind": {"description": "What the object is.", "type": "string"},
        },
        "allOf": cases,
        "$defs": definitions,
    })
}

/// The rule for an object of one kind: where its schema is.
fn case(api_version: &str, kind: &str, definition: &str) -> Value {
    json!({
        "if": {
            "properties": {"apiVersion": {"const": api_version}, "kind": {"const": kind}},
            "required": ["apiVersion", "kind"],
        },
        "then": {"$ref": format!("#/$defs/{definition}")},
    })
}

/// A `List` holds objects of any kind, one document among the others.
fn list_case() -> (String, Value, Value) {
    let name = "v1.List".to_owned();
    let schema = json!({
        "title": "List",
        "description": "Several objects in one document.",
        "type": "object",
        "properties": {
            "apiVersion": {"const": "v1"},
            "kind": {"const": "List"},
            "metadata": {"type": "object"},
            "items": {"description": "The objects.", "type": "array", "items": {"$ref": "#"}},
        },
        "required": ["items"],
        "additionalProperties": false,
    });
    let case = case("v1", "List", &name);
    (name, schema, case)
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for text in texts {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct
}

/// Takes over a kind's definitions. Returns the new names of those whose name has another meaning already.
fn adopt_definitions(
    schema: &Value,
    kind: &str,
    definitions: &mut Map<String, Value>,
) -> Vec<(String, String)> {
    let Some(own) = schema.get("$defs").and_then(Value::as_object) else {
        return Vec::new();
    };
    // A definition may only be shared if all it refers to means the same, too. Comparing the refined texts
    // does not show that, so one difference makes the kind keep all its definitions to itself.
    let is_shared = own.iter().all(|(name, definition)| {
        let mut refined = definition.clone();
        refine(&mut refined, &[]);
        definitions.get(name).is_none_or(|known| *known == refined)
    });
    let renamed: Vec<_> = if is_shared {
        Vec::new()
    } else {
        own.keys()
            .map(|name| (name.clone(), format!("{kind}.{name}")))
            .collect()
    };
    for (name, definition) in own {
        let mut definition = definition.clone();
        refine(&mut definition, &renamed);
        let new_name = renamed
            .iter()
            .find(|(old, _)| old == name)
            .map_or(name, |(_, new)| new);
        definitions.insert(new_name.clone(), definition);
    }
    renamed
}

/// Every object says its `apiVersion` and `kind`, which its Rust type need not hold.
fn admit_type_meta(schema: &mut Map<String, Value>, kind: &KindSchema) {
    schema
        .entry("title")
        .or_insert_with(|| Value::from(kind.kind.clone()));
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, value) in [("apiVersion", &kind.api_version), ("kind", &kind.kind)] {
        properties.insert(name.to_owned(), json!({"const": value}));
    }
}

/// Closes objects with known fields, and follows definitions to their new names.
fn refine(schema: &mut Value, renamed: &[(String, String)]) {
    match schema {
        Value::Object(members) => {
            let is_open = members.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
            if members.get("properties").is_some_and(Value::is_object)
                && !members.contains_key("additionalProperties")
                && !is_open
            {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/$defs/")
                && let Some((_, new)) = renamed.iter().find(|(old, _)| old == name)
            {
                *reference = format!("#/$defs/{new}");
            }
            for (key, value) in members.iter_mut() {
                match (key.as_str(), value) {
                    // Their values are data, not schemas.
                    ("default" | "const" | "enum" | "examples", _) => {}
                    // Their keys are names of fields, whatever these are called.
                    ("properties" | "$defs", Value::Object(inner)) => {
                        inner.values_mut().for_each(|schema| refine(schema, renamed));
                    }
                    (_, value) => refine(value, renamed),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refine(item, renamed)),
        _ => {}
    }
}
