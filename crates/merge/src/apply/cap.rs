//! Bounding the number of entries.

use std::collections::BTreeMap;

use crate::apply::identity::Identity;
use crate::apply::identity::Operation;
use crate::apply::managers::Managers;

/// Most entries of managers that update; the figure of the API server. Appliers are not bounded: they chose their name.
const MAX_UPDATERS: usize = 10;

/// Owns what was merged.
const ANCIENT_CHANGES: &str = "ancient-changes";

/// Merges the oldest updaters of each version into one entry, until few enough are left.
pub(super) fn cap(managers: &mut Managers) {
    let mut updaters: Vec<(i64, Identity)> = managers
        .entries
        .iter()
        .filter(|(identity, _)| identity.operation == Operation::Update)
        .map(|(identity, owned)| {
            let seconds = owned.time.map_or(0, |time| time.as_millis().div_euclid(1000));
            (seconds, identity.clone())
        })
        .collect();
    let mut count = updaters.len();
    if count <= MAX_UPDATERS {
        return;
    }
    updaters.sort();
    let mut firsts: BTreeMap<String, Identity> = BTreeMap::new();
    for (_, identity) in updaters {
        if count <= MAX_UPDATERS {
            return;
        }
        let version = identity.api_version.clone();
        // The oldest of a version waits for a second one: to rename it alone would gain nothing.
        let Some(first) = firsts.get(&version) else {
            firsts.insert(version, identity);
            continue;
        };
        let bucket = Identity::updater(ANCIENT_CHANGES, &version, "");
        if !managers.entries.contains_key(&bucket)
            && let Some(owned) = managers.entries.remove(first)
        {
            managers.entries.insert(bucket.clone(), owned);
        }
        if identity == bucket {
            continue;
        }
        if let Some(merged) = managers.entries.remove(&identity)
            && let Some(owned) = managers.entries.get_mut(&bucket)
        {
            owned.fields = std::mem::take(&mut owned.fields).union(&merged.fields);
            owned.time = merged.time;
        }
        count -= 1;
    }
}
