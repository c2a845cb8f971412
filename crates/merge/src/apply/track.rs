//! Recording what a write that is no apply changed.

use serde_json::Map;
use serde_json::Value;

use crate::apply::actor::Actor;
use crate::apply::cap::cap;
use crate::apply::identity::Identity;
use crate::apply::managers::Managers;
use crate::apply::managers::Owned;
use crate::apply::managers::with_entries;
use crate::apply::take::take;
use crate::apply::take::unowned;
use crate::schema::Schema;
use crate::typed::compare;

/// Returns the object about to be stored with its entries brought up to date: the actor owns what it changed.
///
/// `live` is the object as it was; nothing for a create. Entries that the new object brings replace those of the live
/// one, which lets clients edit them; a single empty entry deletes them all; no or unreadable entries are taken for
/// those of a client that does not know them, and the live ones stay. Through a subresource entries cannot be edited.
/// An object whose entries were deleted is not tracked until it is applied to.
///
/// Total: what cannot be read is owned by nobody.
pub fn track_update(schema: &Schema, live: Option<&Value>, new: Value, actor: &Actor<'_>) -> Value {
    let mut managers = current(live, &new, actor);
    if managers.is_empty() && live.is_some() {
        return with_entries(new, &managers);
    }
    managers.settle(schema);
    let nothing = Value::Object(Map::new());
    track(schema, live.unwrap_or(&nothing), &new, &mut managers, actor);
    with_entries(new, &managers)
}

fn current(live: Option<&Value>, new: &Value, actor: &Actor<'_>) -> Managers {
    let given = new.pointer("/metadata/managedFields");
    let of_live = || live.and_then(|live| Managers::of(live).ok()).unwrap_or_default();
    let is_reset = given.and_then(Value::as_array).is_some_and(|entries| {
        let first = entries.first().and_then(Value::as_object);
        entries.len() == 1 && first.is_some_and(Map::is_empty)
    });
    if !actor.subresource.is_empty() {
        return of_live();
    }
    if is_reset {
        return Managers::default();
    }
    match Managers::of(new) {
        Ok(managers) if !managers.is_empty() => managers,
        _ => of_live(),
    }
}

/// Gives the actor what differs between the two objects; their entries are not looked at.
pub(super) fn track(
    schema: &Schema,
    before: &Value,
    after: &Value,
    managers: &mut Managers,
    actor: &Actor<'_>,
) {
    let mut change = compare(schema, before, after);
    change.forget(actor.ignored);
    // Nothing is a conflict by force.
    let _by_force = take(managers, None, &change, true);
    let mut taken = change.modified.union(&change.added);
    taken.subtract(&unowned());
    if !taken.is_empty() {
        let identity = Identity::updater(actor.manager, actor.api_version, actor.subresource);
        let before = managers.entries.remove(&identity);
        let fields = match before {
            Some(owned) => owned.fields.union(&taken),
            None => taken,
        };
        let owned = Owned {
            fields,
            api_version: actor.api_version.to_owned(),
            time: Some(actor.now),
        };
        managers.entries.insert(identity, owned);
    }
    cap(managers);
}
