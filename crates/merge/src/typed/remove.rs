//! Taking fields out of a value.

use serde_json::Value;

use crate::fields::FieldSet;
use crate::schema::Schema;
use crate::schema::TypeId;
use crate::typed::item::element_or_index;
use crate::typed::view::View;
use crate::typed::view::view;

/// The value without the fields, and without what lies below them. A list or map that becomes empty stays, empty.
pub(crate) fn remove(schema: &Schema, value: &Value, fields: &FieldSet) -> Value {
    without(schema, schema.root(), value, fields)
}

fn without(schema: &Schema, id: TypeId, value: &Value, fields: &FieldSet) -> Value {
    let view = view(schema.atom(id), value);
    match (view, value) {
        _ if view.is_atomic() || fields.is_empty() => value.clone(),
        (View::Map(map), Value::Object(content)) => {
            let kept = content.iter().filter_map(|(name, content)| {
                let node = fields.field(name);
                let id = map.field(name).unwrap_or(TypeId::DEDUCED);
                let content = match node {
                    None => content.clone(),
                    Some(node) if node.member => return None,
                    Some(node) => without(schema, id, content, &node.below),
                };
                Some((name.clone(), content))
            });
            Value::Object(kept.collect())
        }
        (View::List(list), Value::Array(items)) => {
            let kept = items.iter().enumerate().filter_map(|(index, item)| {
                let node = fields.node(&element_or_index(schema, list, index, item));
                match node {
                    None => Some(item.clone()),
                    Some(node) if node.member => None,
                    Some(node) => Some(without(schema, list.items, item, &node.below)),
                }
            });
            Value::Array(kept.collect())
        }
        _ => value.clone(),
    }
}
