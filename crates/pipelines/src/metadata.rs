//! What one object hands on to another: labels, annotations, and that it belongs to it. Pure.

use std::collections::BTreeMap;

use windlass_api::Resource;
use windlass_api::meta::OwnerReference;

/// How the runs of this plane say which release looked after them.
pub(crate) const RELEASE: &str = concat!("windlass-", env!("CARGO_PKG_VERSION"));

/// Adds what is not there yet, and says whether that was anything; what the object says itself wins.
pub(crate) fn add_missing(own: &mut BTreeMap<String, String>, handed_on: &BTreeMap<String, String>) -> bool {
    let before = own.len();
    for (key, value) in handed_on {
        own.entry(key.clone()).or_insert_with(|| value.clone());
    }
    own.len() != before
}

/// The reference by which an object belongs to the run that made it.
pub(crate) fn owner<T: Resource>(run: &T) -> OwnerReference {
    OwnerReference {
        api_version: T::KIND.api_version().to_owned(),
        kind: T::KIND.as_str().to_owned(),
        name: run.metadata().name.clone(),
        uid: run.metadata().uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
