//! From the bytes of a file to objects.

use std::sync::Arc;

use serde_json::Value;

use super::decoding;
use super::entry::Entry;
use super::entry::Manifest;
use super::entry::located;
use super::kinds::Known;
use super::kinds::known;
use crate::decode::WRONG_TYPE;
use crate::decode::type_meta;
use crate::object::Kind;
use crate::problem::FieldPath;
use crate::problem::Problem;
use crate::yaml;
use crate::yaml::Document;
use crate::yaml::Spans;

impl Manifest {
    /// Reads every object of a YAML or JSON file. `file` is the name that problems carry.
    ///
    /// Lists are expanded, old versions converted. A file that is no YAML at all yields problems only.
    pub fn read(file: &str, bytes: &[u8]) -> Self {
        let file: Arc<str> = file.into();
        let mut manifest = Self::default();
        let documents = match yaml::load(bytes) {
            Ok(documents) => documents,
            Err(mut problems) => {
                problems.name_file(&file);
                manifest.problems.extend(problems);
                return manifest;
            }
        };
        for (document, Document { value, spans }) in documents.into_iter().enumerate() {
            let mut reader = Reader {
                file: &file,
                document,
                spans: Arc::new(spans),
                manifest: &mut manifest,
            };
            reader.read(value, None, &FieldPath::root());
        }
        manifest
    }
}

/// Reads the objects of one document.
struct Reader<'a> {
    file: &'a Arc<str>,
    document: usize,
    spans: Arc<Spans>,
    manifest: &'a mut Manifest,
}

impl Reader<'_> {
    /// Reads an object or list; `default` is the kind of one that does not say it.
    fn read(&mut self, mut value: Value, default: Option<(Kind, &str)>, base: &FieldPath) {
        if let (Some((kind, api_version)), Some(members)) = (default, value.as_object_mut()) {
            for (name, text) in [("apiVersion", api_version), ("kind", kind.as_str())] {
                members
                    .entry(name)
                    .or_insert_with(|| Value::String(text.to_owned()));
            }
        }
        if !value.is_object() {
            let message = format!("expected an object, got {}", form(&value));
            self.report(Problem::error(WRONG_TYPE, FieldPath::root(), message), base);
            return;
        }
        let (api_version, kind) = type_meta(&value);
        let api_version = api_version.to_owned();
        match known(&api_version, kind) {
            Known::Kind(kind) => match decoding::read(kind, value) {
                Ok(object) => self.manifest.entries.push(Entry {
                    object,
                    file: Arc::clone(self.file),
                    document: self.document,
                    api_version,
                    spans: Arc::clone(&self.spans),
                    base: base.clone(),
                }),
                Err(problems) => problems
                    .into_iter()
                    .for_each(|problem| self.report(problem, base)),
            },
            Known::List(kind) => self.read_items(value, kind.map(|kind| (kind, api_version.as_str())), base),
            Known::Not(problem) => self.report(*problem, base),
        }
    }

    fn read_items(&mut self, list: Value, default: Option<(Kind, &str)>, base: &FieldPath) {
        let items = match list {
            Value::Object(mut members) => members.shift_remove("items").unwrap_or_default(),
            _ => Value::Null,
        };
        match items {
            Value::Array(items) => {
                let base = base.field("items");
                for (index, item) in items.into_iter().enumerate() {
                    self.read(item, default, &base.index(index));
                }
            }
            Value::Null => {}
            other => {
                let message = format!("expected a list, got {}", form(&other));
                self.report(
                    Problem::error(WRONG_TYPE, FieldPath::root().field("items"), message),
                    base,
                );
            }
        }
    }

    fn report(&mut self, problem: Problem, base: &FieldPath) {
        self.manifest
            .problems
            .push(located(problem, self.file, &self.spans, base));
    }
}

fn form(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
