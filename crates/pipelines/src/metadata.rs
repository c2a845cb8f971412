//! Labels and annotations that one object hands on to another. Pure.

use std::collections::BTreeMap;

/// Adds what is not there yet, and says whether that was anything; what the object says itself wins.
pub(crate) fn add_missing(own: &mut BTreeMap<String, String>, handed_on: &BTreeMap<String, String>) -> bool {
    let before = own.len();
    for (key, value) in handed_on {
        own.entry(key.clone()).or_insert_with(|| value.clone());
    }
    own.len() != before
}
