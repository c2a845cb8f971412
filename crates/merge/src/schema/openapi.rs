//! From an OpenAPI or JSON schema to the types of merging.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;
use thiserror::Error;

use crate::schema::atom::Atom;
use crate::schema::atom::ListKind;
use crate::schema::atom::ListType;
use crate::schema::atom::MapType;
use crate::schema::atom::Schema;
use crate::schema::atom::TypeId;
use crate::schema::builtin::object_meta;

/// Most types in one schema. The largest of the field, Prometheus' with Pods inlined, has some 9,000.
pub const MAX_TYPES: usize = 100_000;

/// How deep a chain of references and alternatives may be.
const MAX_DEPTH: usize = 200;

/// Why a schema cannot be used for merging.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// It has too many types.
    #[error("schema has more than {MAX_TYPES} types")]
    TooManyTypes,
    /// It is too deep.
    #[error("schema is more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// A reference leads nowhere.
    #[error("schema refers to {0:?}, which is not defined")]
    Reference(String),
}

impl Schema {
    /// Builds the types from the schema of a kind.
    ///
    /// `schema` may refer to named schemas by `$ref`; they are looked up, by the last segment, in `definitions` and in
    /// `schema`'s own `$defs` and `definitions`. Read are `type`, `properties`, `additionalProperties`, `items`,
    /// `default`, `allOf`, `anyOf`, `oneOf`, and of Kubernetes' extensions `list-type`, `list-map-keys`, `map-type`,
    /// `preserve-unknown-fields`, `int-or-string`, `patch-strategy` and `patch-merge-key`. Whatever `metadata` at the
    /// top says, it is `ObjectMeta`.
    ///
    /// # Errors
    /// When a reference leads nowhere or a bound is passed.
    pub fn from_openapi(schema: &Value, definitions: &Map<String, Value>) -> Result<Self, Error> {
        let own = |name: &str| schema.get(name).and_then(Value::as_object);
        let mut builder = Builder {
            schema: Self::empty(),
            places: [Some(definitions), own("$defs"), own("definitions")],
            named: BTreeMap::new(),
        };
        let root = builder.add(schema, 0)?;
        let mut atom = builder.schema.atom(root).clone();
        if let Some(map) = &mut atom.map {
            let object_meta = object_meta(&mut builder.schema);
            map.fields.insert("metadata".to_owned(), object_meta);
            for name in ["apiVersion", "kind"] {
                map.fields.entry(name.to_owned()).or_insert(TypeId::DEDUCED);
            }
        }
        builder.schema.root = builder.schema.add(atom);
        Ok(builder.schema)
    }
}

struct Builder<'a> {
    schema: Schema,
    places: [Option<&'a Map<String, Value>>; 3],
    /// Types of named schemas, entered before they are read, so that a schema may contain itself.
    named: BTreeMap<&'a str, TypeId>,
}

impl<'a> Builder<'a> {
    fn add(&mut self, schema: &'a Value, depth: usize) -> Result<TypeId, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        if self.schema.types.len() > MAX_TYPES {
            return Err(Error::TooManyTypes);
        }
        let Some(keywords) = schema.as_object() else {
            // `true` is the schema of anything.
            return Ok(TypeId::DEDUCED);
        };
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            return self.named(reference, depth);
        }
        if let Some([only]) = keywords.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
            && !keywords.contains_key("properties")
        {
            return self.add(only, depth + 1);
        }
        let atom = self.read(keywords, depth)?;
        Ok(match atom {
            Some(atom) => self.schema.add(atom),
            None => TypeId::DEDUCED,
        })
    }

    fn named(&mut self, reference: &'a str, depth: usize) -> Result<TypeId, Error> {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        if let Some(id) = self.named.get(name) {
            return Ok(*id);
        }
        let mut places = self.places.iter().flatten();
        let found = places.find_map(|place| place.get(name));
        let schema = found.ok_or_else(|| Error::Reference(reference.to_owned()))?;
        let id = self.schema.add(Atom::default());
        self.named.insert(name, id);
        let target = self.add(schema, depth + 1)?;
        let atom = self.schema.atom(target).clone();
        if let Some(place) = self.schema.types.get_mut(id.0) {
            *place = atom;
        }
        Ok(id)
    }

    /// The type a schema describes; nothing when it does not say.
    fn read(&mut self, keywords: &'a Map<String, Value>, depth: usize) -> Result<Option<Atom>, Error> {
        if is_set(keywords, "x-kubernetes-int-or-string") {
            return Ok(Some(Atom {
                scalar: true,
                ..Atom::default()
            }));
        }
        let mut atom = Atom::default();
        let types = match keywords.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ if keywords.contains_key("properties") || keywords.contains_key("additionalProperties") => {
                vec!["object"]
            }
            _ if keywords.contains_key("items") => vec!["array"],
            _ => Vec::new(),
        };
        for name in types {
            match name {
                "object" => atom.map = Some(self.map(keywords, depth)?),
                "array" => atom.list = Some(self.list(keywords, depth)?),
                "string" | "boolean" | "integer" | "number" => atom.scalar = true,
                _ => {}
            }
        }
        if is_empty(&atom) {
            for keyword in ["anyOf", "oneOf"] {
                let branches = keywords.get(keyword).and_then(Value::as_array);
                for branch in branches.into_iter().flatten() {
                    let is_null = branch.get("type").and_then(Value::as_str) == Some("null");
                    if !is_null {
                        let id = self.add(branch, depth + 1)?;
                        join(&mut atom, self.schema.atom(id).clone());
                    }
                }
            }
        }
        Ok(Some(atom).filter(|atom| !is_empty(atom)))
    }

    fn map(&mut self, keywords: &'a Map<String, Value>, depth: usize) -> Result<MapType, Error> {
        let mut map = MapType {
            fields: BTreeMap::new(),
            defaults: BTreeMap::new(),
            others: None,
            atomic: text(keywords, "x-kubernetes-map-type") == Some("atomic"),
        };
        let properties = keywords.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let id = self.add(property, depth + 1)?;
            map.fields.insert(name.clone(), id);
            if let Some(default) = property.get("default") {
                map.defaults.insert(name.clone(), default.clone());
            }
        }
        map.others = match keywords.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(others) => Some(self.add(others, depth + 1)?),
            None => {
                let open = map.fields.is_empty() || is_set(keywords, "x-kubernetes-preserve-unknown-fields");
                open.then_some(TypeId::DEDUCED)
            }
        };
        Ok(map)
    }

    fn list(&mut self, keywords: &'a Map<String, Value>, depth: usize) -> Result<ListType, Error> {
        let items = match keywords.get("items") {
            Some(items) => self.add(items, depth + 1)?,
            None => TypeId::DEDUCED,
        };
        let keys = || {
            let names = keywords
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array);
            let mut keys: Vec<Arc<str>> = names
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(Arc::from))
                .collect();
            keys.sort();
            keys
        };
        let kind = match text(keywords, "x-kubernetes-list-type") {
            Some("set") => ListKind::Set,
            Some("map") => ListKind::Keyed(keys()),
            None if merges(keywords) => match text(keywords, "x-kubernetes-patch-merge-key") {
                Some(key) => ListKind::Keyed(vec![key.into()]),
                None => ListKind::Set,
            },
            _ => ListKind::Atomic,
        };
        // A list told apart by no key would have no items.
        let kind = match kind {
            ListKind::Keyed(keys) if keys.is_empty() => ListKind::Atomic,
            kind => kind,
        };
        Ok(ListType { items, kind })
    }
}

fn merges(keywords: &Map<String, Value>) -> bool {
    let strategy = text(keywords, "x-kubernetes-patch-strategy").unwrap_or_default();
    strategy.split(',').any(|name| name == "merge")
}

fn text<'a>(keywords: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    keywords.get(name).and_then(Value::as_str)
}

fn is_set(keywords: &Map<String, Value>, name: &str) -> bool {
    keywords.get(name).and_then(Value::as_bool) == Some(true)
}

fn is_empty(atom: &Atom) -> bool {
    !atom.scalar && atom.list.is_none() && atom.map.is_none()
}

/// What either type accepts; of two lists or two maps, the first.
fn join(atom: &mut Atom, other: Atom) {
    atom.scalar |= other.scalar;
    atom.list = atom.list.take().or(other.list);
    atom.map = atom.map.take().or(other.map);
}
