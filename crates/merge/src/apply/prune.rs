//! Removing what its only applier no longer wants.

use serde_json::Value;

use crate::apply::managers::Managers;
use crate::apply::take::unowned;
use crate::fields::FieldSet;
use crate::schema::Schema;
use crate::typed::owned;
use crate::typed::remove;
use crate::typed::with_named;

/// The merged object without what the applier set the last time, did not set this time, and nobody else owns.
///
/// `managers` already has the applier's new fields.
pub(super) fn prune(schema: &Schema, merged: Value, managers: &Managers, last: &FieldSet) -> Value {
    // Nearly always the applier itself goes on owning all it owned.
    if managers
        .entries
        .values()
        .any(|owner| last.is_subset(&owner.fields))
    {
        return merged;
    }
    // What names the object is nobody's, and stays.
    let managed = managers
        .entries
        .values()
        .fold(unowned(), |all, owner| all.union(&owner.fields));
    let last = with_named(schema, last);
    let managed = with_named(schema, &managed);
    let fields_of = |value: &Value| with_named(schema, &owned(schema, value));
    let all = fields_of(&merged);

    // Without all of the last configuration …
    let pruned = remove(schema, &merged, &last);
    // … but with what someone owns …
    let kept = fields_of(&pruned).union(&managed);
    let pruned = remove(schema, &merged, &all.difference(&kept));
    // … and with what was not the applier's to remove, as what others left in its items.
    let gone = all.difference(&fields_of(&pruned)).intersection(&last);
    remove(schema, &merged, &gone)
}
