//! Which fields a value has.

use serde_json::Value;

use crate::fields::Element;
use crate::fields::FieldSet;
use crate::fields::Node;
use crate::schema::ListType;
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
    let below = match (view, value) {
        _ if view.is_atomic() => None,
        (View::Map(map), Value::Object(fields)) => {
            let nodes = fields
                .iter()
                .map(|(name, content)| (Element::field(name.as_str()), field(schema, map, name, content)));
            Some(nodes.collect())
        }
        (View::List(list), Value::Array(items)) => Some(listed(schema, list, items)),
        _ => None,
    };
    Node {
        member: below.is_none(),
        below: FieldSet::from_nodes(below.unwrap_or_default()),
    }
}

fn listed(schema: &Schema, list: &ListType, items: &[Value]) -> Vec<(Element, Node)> {
    let mut named: Vec<(Element, &Value)> = elements(schema, list, items).into_iter().zip(items).collect();
    named.sort_by(|left, right| left.0.cmp(&right.0));
    let mut nodes: Vec<(Element, Node)> = Vec::with_capacity(named.len());
    for (element, item) in named {
        match nodes.last_mut() {
            // Of items that are there twice only the fact is owned.
            Some((last, node)) if *last == element => node.below = FieldSet::new(),
            _ => {
                let mut node = node(schema, list.items, item);
                node.member = true;
                nodes.push((element, node));
            }
        }
    }
    nodes
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
