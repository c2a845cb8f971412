//! Writes that change nothing but the time of a write.

use serde_json::Value;

use crate::apply::managers::Managers;
use crate::apply::managers::without_entries;
use crate::apply::managers::without_entries_equal;

/// Returns the live object where the new one differs from it in nothing but the times of its entries, else the new one.
///
/// For servers that decode, default and prune between [`apply`](super::apply) or [`track_update`](super::track_update)
/// and the store: what was new to those may then be what was there before, and is not to be stored again. Total: entries
/// that cannot be read are compared as they are.
pub fn keep_times(live: &Value, new: Value) -> Value {
    let same_owners = match (Managers::of(live), Managers::of(&new)) {
        (Ok(before), Ok(after)) => before.own_the_same(&after),
        _ => live.pointer("/metadata/managedFields") == new.pointer("/metadata/managedFields"),
    };
    if same_owners && without_entries_equal(live, &without_entries(&new)) {
        return live.clone();
    }
    new
}
