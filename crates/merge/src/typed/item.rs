//! What names an item of a list.

use std::sync::Arc;

use serde_json::Value;

use crate::fields::Element;
use crate::fields::Key;
use crate::fields::compare;
use crate::fields::equal;
use crate::schema::Atom;
use crate::schema::ListKind;
use crate::schema::ListType;
use crate::schema::Schema;

/// The element that names an item of a list that is not atomic.
///
/// # Errors
/// When the item has none of the keys, or is of a kind that cannot be in such a list.
pub(super) fn element(schema: &Schema, list: &ListType, item: &Value) -> Result<Element, String> {
    match &list.kind {
        ListKind::Keyed(keys) => keyed(schema, list, keys, item),
        ListKind::Set => match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(Element::Value(Key::new(scalar.clone()))),
        },
        ListKind::Atomic => Err("invalid indexing of non-associative list".to_owned()),
    }
}

fn keyed(schema: &Schema, list: &ListType, keys: &[Arc<str>], item: &Value) -> Result<Element, String> {
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let Atom { map, .. } = schema.atom(list.items);
    let default = |name: &str| map.as_ref().and_then(|map| map.defaults.get(name));
    // A key that is absent is part of the name, too: such an item is another one than those that have it.
    let named = keys.iter().filter_map(|name| {
        let value = fields.get(&**name).or_else(|| default(name))?;
        Some((name.clone(), Key::new(value.clone())))
    });
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        return Err(format!(
            "associative list with keys has an element that omits all key fields {keys:?} (and doesn't have default \
             values for any key fields)"
        ));
    }
    Ok(Element::Keyed(named))
}

/// The element that names an item; its position where nothing else does.
///
/// Such items get in by writes that were not checked against this schema, and must not make an object unusable.
pub(crate) fn element_or_index(schema: &Schema, list: &ListType, index: usize, item: &Value) -> Element {
    let fallback = |_| Element::Index(i64::try_from(index).unwrap_or(i64::MAX));
    element(schema, list, item).unwrap_or_else(fallback)
}

/// The elements of all items, in order.
pub(super) fn elements(schema: &Schema, list: &ListType, items: &[Value]) -> Vec<Element> {
    let named = items.iter().enumerate();
    named
        .map(|(index, item)| element_or_index(schema, list, index, item))
        .collect()
}

/// Whether two lists have items with the same names in the same order, and none of them twice.
///
/// Says no where it does not know, which costs time and nothing else. Names are not copied for it.
pub(super) fn are_paired(list: &ListType, left: &[Value], right: &[Value]) -> bool {
    let (Some(left), Some(mut right)) = (simple_names(list, left), simple_names(list, right)) else {
        return false;
    };
    if left.len() != right.len() || !left.iter().zip(&right).all(|(left, right)| equal(left, right)) {
        return false;
    }
    right.sort_by(|left, right| compare(left, right));
    right.is_sorted_by(|left, right| compare(left, right).is_lt())
}

/// The names of the items where these are one scalar each.
fn simple_names<'a>(list: &ListType, items: &'a [Value]) -> Option<Vec<&'a Value>> {
    let is_scalar = |value: &&Value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
    match &list.kind {
        ListKind::Set => items.iter().map(|item| Some(item).filter(is_scalar)).collect(),
        ListKind::Keyed(keys) => match keys.as_slice() {
            [key] => items
                .iter()
                .map(|item| item.get(&**key).filter(is_scalar))
                .collect(),
            _ => None,
        },
        ListKind::Atomic => None,
    }
}
