//! The order of a merged list.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fields::Key;

/// Puts the merged items into order: those of the patch as the patch has them, the others as the live list has them,
/// each of these before the first of the patch's that it stood before.
pub(super) fn ordered(merged: Vec<(Key, Value)>, patch: &[Key], live: &[Key]) -> Vec<Value> {
    let (patch, live) = (positions(patch), positions(live));
    let (mut wanted, mut others): (Vec<_>, Vec<_>) =
        merged.into_iter().partition(|(name, _)| patch.contains_key(name));
    wanted.sort_by_key(|(name, _)| patch.get(name).copied());
    others.sort_by_key(|(name, _)| live.get(name).copied());
    let mut result = Vec::with_capacity(wanted.len() + others.len());
    let mut others = others.into_iter().peekable();
    for (name, item) in wanted {
        let place = live.get(&name);
        while let Some((_, other)) = others
            .next_if(|(other, _)| place.is_some_and(|place| live.get(other).is_some_and(|own| own < place)))
        {
            result.push(other);
        }
        result.push(item);
    }
    result.extend(others.map(|(_, item)| item));
    result
}

fn positions(names: &[Key]) -> BTreeMap<&Key, usize> {
    let mut positions = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        positions.entry(name).or_insert(index);
    }
    positions
}
