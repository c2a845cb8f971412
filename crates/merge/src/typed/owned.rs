//! Which fields a value has.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fields::Element;
use crate::fields::FieldSet;
use crate::fields::Node;
use crate::schema::MapType;
use crate::schema::Schema;
use crate::schema::TypeId;
use crate::typed::item::elements;
use crate::typed::view::View;
use crate::typed::view::view;

/// The fields that whoever applies this value owns: leaves, items of lists, and maps whose keys are free.
pub(crate) fn owned(schema: &Schema, value: &Value) -> FieldSet {
    node(schema, schema.root(), value).below
}

fn node(schema: &Schema, id: TypeId, value: &Value) -> Node {
    let view = view(schema.atom(id), value);
    let mut node = Node::default();
    match (view, value) {
        _ if view.is_atomic() => node.member = true,
        (View::Map(map), Value::Object(fields)) => {
            for (name, content) in fields {
                let child = field(schema, map, name, content);
                node.below.put(Element::field(name.as_str()), child);
            }
        }
        (View::List(list), Value::Array(items)) => {
            let mut named: BTreeMap<Element, Option<Node>> = BTreeMap::new();
            for (element, item) in elements(schema, list, items).into_iter().zip(items) {
                let seen = named.contains_key(&element);
                // Of items that are there twice only the fact is owned.
                let content = (!seen).then(|| self::node(schema, list.items, item));
                named.insert(element, content);
            }
            for (element, content) in named {
                let mut child = content.unwrap_or_default();
                child.member = true;
                node.below.put(element, child);
            }
        }
        _ => node.member = true,
    }
    node
}

fn field(schema: &Schema, map: &MapType, name: &str, content: &Value) -> Node {
    let id = map.field(name).unwrap_or(TypeId::DEDUCED);
    let mut child = node(schema, id, content);
    // Upstream leaves out lists that are empty and would merge, and so takes one away the first time it is applied
    // in place of one that was not, and puts it there the second time.
    let is_empty = match content {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    child.member |= is_empty || !map.fields.contains_key(name);
    child
}
