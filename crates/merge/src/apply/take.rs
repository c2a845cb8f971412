//! What a change means for those who own the changed fields.

use crate::apply::conflict::Conflicts;
use crate::apply::identity::Identity;
use crate::apply::managers::Managers;
use crate::fields::FieldSet;
use crate::typed::Comparison;

/// Takes the changed fields away from everyone but `actor`; tells whether anyone had one.
///
/// # Errors
/// Without `force`, when someone owns a field that the change sets. Fields that it removes are no conflict.
pub(super) fn take(
    managers: &mut Managers,
    actor: Option<&Identity>,
    change: &Comparison,
    force: bool,
) -> Result<bool, Conflicts> {
    if change.is_empty() {
        managers.drop_empty();
        return Ok(false);
    }
    let mut taken = false;
    let mut conflicts = Vec::new();
    for (identity, owned) in &mut managers.entries {
        if actor == Some(identity) {
            continue;
        }
        let modified = owned.fields.intersection(&change.modified);
        let contested = modified.union(&owned.fields.intersection(&change.added));
        if !contested.is_empty() {
            conflicts.extend(Conflicts::of(identity, &contested));
            owned.fields.subtract(&contested);
            taken = true;
        }
        if !owned.fields.intersection(&change.removed).is_empty() {
            owned.fields.subtract(&change.removed);
            taken = true;
        }
    }
    if !force && !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    managers.drop_empty();
    Ok(taken)
}

/// The fields that nobody owns, because the server sets them or they name the object.
pub(super) fn unowned() -> FieldSet {
    let of_metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let fields = ["apiVersion", "kind", "metadata"].iter();
    let fields = fields.fold(FieldSet::new(), |set, name| set.with_field(&[*name]));
    of_metadata
        .iter()
        .fold(fields, |set, name| set.with_field(&["metadata", *name]))
}
