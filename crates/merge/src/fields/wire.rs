//! `FieldsV1`: the text form of a set.
//!
//! A field is `f:name`, a keyed item `k:{…}`, an item of a set `v:…`, a position `i:0`. An element without paths below
//! it has `{}`; one that is in the set and has paths below it says so with `".": {}`.

use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;
use thiserror::Error;

use crate::fields::element::Element;
use crate::fields::element::Key;
use crate::fields::order::Quoted;
use crate::fields::set::FieldSet;
use crate::fields::set::Node;

/// Why a value is no `FieldsV1`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A set is not an object.
    #[error("field set is not an object")]
    NoObject,
    /// A key is not a path element.
    #[error("parsing key as path element: {key:?}: {fault}")]
    Element {
        /// The key.
        key: String,
        /// What is wrong.
        fault: &'static str,
    },
}

impl FieldSet {
    /// Reads a `FieldsV1`. Elements of a type that is not known are skipped.
    ///
    /// # Errors
    /// When a set is no object, or a key is malformed.
    pub fn from_fields_v1(fields: &Value) -> Result<Self, Error> {
        Ok(read(fields)?.below)
    }

    /// Writes the set as `FieldsV1`.
    pub fn to_fields_v1(&self) -> Value {
        Value::Object(write(self, false))
    }
}

fn read(fields: &Value) -> Result<Node, Error> {
    let fields = fields.as_object().ok_or(Error::NoObject)?;
    let mut member = false;
    let mut nodes = Vec::with_capacity(fields.len());
    for (key, content) in fields {
        if key == "." {
            member = true;
        } else if let Some(element) = parse(key)? {
            nodes.push((element, read(content)?));
        }
    }
    let below = FieldSet::from_nodes(nodes);
    Ok(Node {
        // What names nothing below it names itself.
        member: member || below.is_empty(),
        below,
    })
}

fn write(set: &FieldSet, member: bool) -> Map<String, Value> {
    let mut fields = Map::with_capacity(set.nodes().len() + 1);
    if member && !set.is_empty() {
        fields.insert(".".to_owned(), Value::Object(Map::new()));
    }
    for (element, node) in set.nodes() {
        fields.insert(print(element), Value::Object(write(&node.below, node.member)));
    }
    fields
}

fn print(element: &Element) -> String {
    match element {
        Element::Field(name) => {
            let mut text = String::with_capacity(name.len() + 2);
            text.push_str("f:");
            text.push_str(name);
            text
        }
        Element::Keyed(keys) => {
            let fields = keys
                .iter()
                .map(|(name, value)| format!("{}:{value}", Quoted(name)));
            let fields: Vec<String> = fields.collect();
            format!("k:{{{}}}", fields.join(","))
        }
        Element::Value(value) => format!("v:{value}"),
        Element::Index(index) => format!("i:{index}"),
    }
}

fn parse(key: &str) -> Result<Option<Element>, Error> {
    let fault = |fault| Error::Element {
        key: key.to_owned(),
        fault,
    };
    let (kind, content) = key.split_once(':').ok_or_else(|| fault("missing colon"))?;
    let value = || {
        serde_json::from_str::<Value>(content).map_err(|_error| fault("what follows the colon is no JSON"))
    };
    let element = match kind {
        "f" => Element::field(content),
        "v" => Element::Value(Key::new(value()?)),
        "i" => {
            let index = content.parse();
            Element::Index(index.map_err(|_error| fault("what follows the colon is no number"))?)
        }
        "k" => {
            let Value::Object(keys) = value()? else {
                return Err(fault("what follows the colon is no object"));
            };
            let keys = keys.into_iter();
            let mut keys: Vec<(Arc<str>, Key)> = keys
                .map(|(name, value)| (Arc::from(name), Key::new(value)))
                .collect();
            keys.sort();
            Element::Keyed(keys)
        }
        _ if kind.len() == 1 => return Ok(None),
        _ => return Err(fault("missing colon")),
    };
    Ok(Some(element))
}
