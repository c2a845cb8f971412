//! Merging lists, and the directives in their items.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::fields::Key;
use crate::strategic::maps::Error;
use crate::strategic::maps::PATCH;
use crate::strategic::maps::fresh;
use crate::strategic::maps::merge_maps;
use crate::strategic::order::ordered;
use crate::strategic::shape::Merging;
use crate::strategic::shape::Shape;

/// Merges the items of a patch into a list that merges.
pub(super) fn merge_lists(
    old: Vec<Value>,
    patch: &[Value],
    merging: Merging,
    shape: &'static Shape,
    path: &str,
) -> Result<Vec<Value>, Error> {
    check_types(&old, patch, path)?;
    let maps = old.iter().chain(patch).any(Value::is_object);
    match merging {
        Merging::Key(key) if maps => merge_items(old, patch, key, shape, path),
        _ if maps => Err(Error::NoMergeKey {
            path: path.to_owned(),
            key: "none is declared".to_owned(),
        }),
        _ => Ok(merge_values(old, patch)),
    }
}

fn check_types(old: &[Value], patch: &[Value], path: &str) -> Result<(), Error> {
    let kind = |value: &Value| match value {
        Value::Object(_) => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        // Neither can be told apart from others of their kind.
        Value::Array(_) | Value::Null => 4,
    };
    let kinds: BTreeSet<i32> = old.iter().chain(patch).map(kind).collect();
    if kinds.len() > 1 || kinds.contains(&4) {
        return Err(Error::Mixed {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn merge_values(old: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    let live: Vec<Key> = old.iter().cloned().map(Key::new).collect();
    let wanted: Vec<Key> = patch.iter().cloned().map(Key::new).collect();
    let mut seen = BTreeSet::new();
    let all = live.iter().chain(&wanted);
    let merged = all
        .filter(|key| seen.insert((*key).clone()))
        .map(|key| (key.clone(), key.clone().into()))
        .collect();
    drop(old);
    ordered(merged, &wanted, &live)
}

/// Takes values out of a list: `$deleteFromPrimitiveList`.
pub(super) fn without_values(items: &mut Vec<Value>, values: &[Value]) {
    let values: BTreeSet<Key> = values.iter().cloned().map(Key::new).collect();
    items.retain(|item| !values.contains(&Key::new(item.clone())));
}

fn merge_items(
    old: Vec<Value>,
    patch: &[Value],
    key: &'static str,
    shape: &'static Shape,
    path: &str,
) -> Result<Vec<Value>, Error> {
    let (old, patch) = carry_out(old, patch, key, path)?;
    let live = names(old.iter(), key, path)?;
    let wanted = names(patch.iter().copied(), key, path)?;
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut merged: Vec<(Key, Value)> = live.iter().cloned().zip(old).collect();
    for (index, (name, _)) in merged.iter().enumerate() {
        places.entry(name.clone()).or_insert(index);
    }
    for (name, item) in wanted.iter().zip(patch) {
        let place = places.get(name).copied();
        match place.and_then(|place| merged.get_mut(place)) {
            Some((_, place)) => {
                if let (Value::Object(old), Value::Object(change)) = (place.take(), item) {
                    let at = format!("{path}[{key}={name}]");
                    *place = Value::Object(merge_maps(old, change, shape, &at)?);
                }
            }
            None => {
                places.insert(name.clone(), merged.len());
                // Items that delete were taken out before.
                merged.extend(fresh(item).map(|item| (name.clone(), item)));
            }
        }
    }
    Ok(ordered(merged, &wanted, &live))
}

/// Carries out the directives among the items: the list without what they delete, and the items that are none.
fn carry_out<'a>(
    mut old: Vec<Value>,
    patch: &'a [Value],
    key: &'static str,
    path: &str,
) -> Result<(Vec<Value>, Vec<&'a Value>), Error> {
    let mut deleted = BTreeSet::new();
    let mut plain = Vec::new();
    let mut replace = false;
    for item in patch {
        match item
            .get(PATCH)
            .map(|directive| directive.as_str().unwrap_or_default())
        {
            None | Some("merge") => plain.push(item),
            Some("replace") => replace = true,
            Some("delete") => {
                deleted.extend(names([item].into_iter(), key, path)?);
            }
            Some(other) => {
                return Err(Error::Directive {
                    path: path.to_owned(),
                    directive: other.to_owned(),
                });
            }
        }
    }
    if replace {
        return Ok((Vec::new(), plain));
    }
    if !deleted.is_empty() {
        old.retain(|item| {
            let name = item.get(key).cloned().map(Key::new);
            name.is_none_or(|name| !deleted.contains(&name))
        });
    }
    Ok((old, plain))
}

fn names<'a>(
    items: impl Iterator<Item = &'a Value>,
    key: &'static str,
    path: &str,
) -> Result<Vec<Key>, Error> {
    let name = |item: &Value| {
        let name = item.get(key).cloned().map(Key::new);
        name.ok_or_else(|| Error::NoMergeKey {
            path: path.to_owned(),
            key: key.to_owned(),
        })
    };
    items.map(name).collect()
}

/// Merges a list and puts it into the order that `$setElementOrder` asks for.
pub(super) fn set_order(
    old: Vec<Value>,
    patch: Option<&[Value]>,
    order: &[Value],
    merging: Merging,
    shape: &'static Shape,
    path: &str,
) -> Result<Vec<Value>, Error> {
    let key = match merging {
        Merging::Key(key) => Some(key),
        _ => None,
    };
    let named = |items: &[Value]| match key {
        Some(key) => names(items.iter(), key, path),
        None => Ok(items.iter().cloned().map(Key::new).collect()),
    };
    let wanted = named(order)?;
    check_order(patch.unwrap_or_default(), &wanted, key, path)?;
    let live = named(&old)?;
    let merged = match patch {
        None => old,
        Some(patch) if merging == Merging::Replace => patch.iter().filter_map(fresh).collect(),
        Some(patch) => merge_lists(old, patch, merging, shape, path)?,
    };
    let merged = named(&merged)?.into_iter().zip(merged).collect();
    Ok(ordered(merged, &wanted, &live))
}

/// Refuses a patch whose items are not named by the order, or stand in another one.
fn check_order(patch: &[Value], order: &[Key], key: Option<&'static str>, path: &str) -> Result<(), Error> {
    let items = patch.iter().filter(|item| item.get(PATCH).is_none());
    let mut rest = order.iter();
    for item in items {
        let name = match key {
            Some(key) => item.get(key).cloned().map(Key::new),
            None => Some(Key::new(item.clone())),
        };
        if !rest.any(|wanted| Some(wanted) == name.as_ref()) {
            return Err(Error::Order {
                path: path.to_owned(),
            });
        }
    }
    Ok(())
}
