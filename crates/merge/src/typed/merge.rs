//! Laying one value over another.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

use serde_json::Map;
use serde_json::Value;

use crate::fields::Element;
use crate::schema::ListType;
use crate::schema::MapType;
use crate::schema::Schema;
use crate::schema::TypeId;
use crate::typed::item::are_paired;
use crate::typed::item::elements;
use crate::typed::view::View;
use crate::typed::view::view;

/// The live object with the applied one laid over it. Nothing goes by that; where both say something, the applied one
/// holds.
pub(crate) fn merge(schema: &Schema, live: Value, applied: &Value) -> Value {
    values(schema, schema.root(), live, applied)
}

fn values(schema: &Schema, id: TypeId, live: Value, applied: &Value) -> Value {
    let view = view(schema.atom(id), applied);
    if view.is_atomic() {
        return applied.clone();
    }
    match (view, live, applied) {
        (View::Map(map), Value::Object(live), Value::Object(applied)) => {
            Value::Object(maps(schema, map, live, applied))
        }
        (View::List(list), Value::Array(live), Value::Array(applied)) => {
            Value::Array(lists(schema, list, live, applied))
        }
        // Null says that the applier has nothing to say about what is in it.
        (View::Map(_), live @ Value::Object(_), Value::Null)
        | (View::List(_), live @ Value::Array(_), Value::Null) => live,
        _ => applied.clone(),
    }
}

fn maps(
    schema: &Schema,
    map: &MapType,
    mut live: Map<String, Value>,
    applied: &Map<String, Value>,
) -> Map<String, Value> {
    for (name, content) in applied {
        match live.get_mut(name) {
            Some(place) => {
                let id = map.field(name).unwrap_or(TypeId::DEDUCED);
                *place = values(schema, id, place.take(), content);
            }
            None => {
                live.insert(name.clone(), content.clone());
            }
        }
    }
    live
}

/// Items in the applied order; those that only the live list has stay where they are relative to the others.
fn lists(schema: &Schema, list: &ListType, live: Vec<Value>, applied: &[Value]) -> Vec<Value> {
    if are_paired(list, &live, applied) {
        let pairs = live.into_iter().zip(applied);
        return pairs
            .map(|(live, applied)| values(schema, list.items, live, applied))
            .collect();
    }
    let (live_names, applied_names) = (elements(schema, list, &live), elements(schema, list, applied));
    let wanted: BTreeSet<&Element> = applied_names.iter().collect();
    // Shared items wait for their turn in the applied order. Those that are there twice are not merged but replaced.
    let mut shared: BTreeMap<&Element, Option<Value>> = BTreeMap::new();
    let mut own: Vec<(&Element, Option<Value>)> = Vec::with_capacity(live.len());
    for (name, item) in live_names.iter().zip(live) {
        if wanted.contains(name) {
            shared
                .entry(name)
                .and_modify(|item| *item = None)
                .or_insert(Some(item));
            own.push((name, None));
        } else {
            own.push((name, Some(item)));
        }
    }
    let mut order: VecDeque<&Element> = applied_names
        .iter()
        .filter(|name| shared.contains_key(name))
        .collect();
    let mut rest = own.into_iter().peekable();
    let mut merged = Vec::with_capacity(live_names.len().max(applied.len()));
    for (name, item) in applied_names.iter().zip(applied) {
        let next = order.front().copied();
        while let Some((_, item)) = rest.next_if(|(passed, _)| Some(*passed) != next) {
            merged.extend(item);
        }
        let before = shared.get_mut(name).and_then(Option::take);
        merged.push(match before {
            Some(before) => values(schema, list.items, before, item),
            None => item.clone(),
        });
        if next == Some(name) {
            order.pop_front();
            rest.next_if(|(passed, _)| *passed == name);
        }
    }
    merged.extend(rest.filter_map(|(_, item)| item));
    merged
}
