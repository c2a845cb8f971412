//! Fields of undecoded objects, whose names match in any case.

use serde_json::Map;
use serde_json::Value;

/// An undecoded object.
pub(super) type Members = Map<String, Value>;

fn key_of(members: &Members, name: &str) -> Option<String> {
    if members.contains_key(name) {
        return Some(name.to_owned());
    }
    members.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned()
}

/// The value of a field.
pub(super) fn get<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members
        .get(name)
        .or_else(|| {
            members
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        })
        .filter(|value| !value.is_null())
}

/// A field that is an object, to change.
pub(super) fn object<'a>(members: &'a mut Members, name: &str) -> Option<&'a mut Members> {
    let key = key_of(members, name)?;
    members.get_mut(&key)?.as_object_mut()
}

/// The objects of a field that is a list, to change.
pub(super) fn objects<'a>(members: &'a mut Members, name: &str) -> impl Iterator<Item = &'a mut Members> {
    let list = key_of(members, name)
        .and_then(|key| members.get_mut(&key))
        .and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Takes a field out; `null` counts as absent. The order of the others stays.
pub(super) fn take(members: &mut Members, name: &str) -> Option<Value> {
    let key = key_of(members, name)?;
    members.shift_remove(&key).filter(|value| !value.is_null())
}

/// A field that is an object, made if it is missing; `None` when it is something else.
pub(super) fn object_or_new<'a>(members: &'a mut Members, name: &str) -> Option<&'a mut Members> {
    let key = key_of(members, name).unwrap_or_else(|| name.to_owned());
    let value = members.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Members::new());
    }
    value.as_object_mut()
}

/// The text of a field; empty when there is none.
pub(super) fn text<'a>(members: &'a Members, name: &str) -> &'a str {
    get(members, name).and_then(Value::as_str).unwrap_or_default()
}

/// Replaces the text of a field, in its place.
pub(super) fn set_text(members: &mut Members, name: &str, text: &str) {
    let key = key_of(members, name).unwrap_or_else(|| name.to_owned());
    members.insert(key, Value::String(text.to_owned()));
}
