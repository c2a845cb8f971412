//! The entries of an object: who owns which fields.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use windlass_api::Time;

use crate::apply::identity::Identity;
use crate::apply::identity::Operation;
use crate::fields;
use crate::fields::FieldSet;
use crate::fields::equal;
use crate::schema::Schema;
use crate::typed::settle;

/// The field of `metadata` with the entries.
const ENTRIES: &str = "managedFields";

/// The managers of an object and what each owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers {
    pub(super) entries: BTreeMap<Identity, Owned>,
}

/// What one manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The fields.
    pub fields: FieldSet,
    /// The version in which it wrote them.
    pub api_version: String,
    /// When it last took a field.
    pub time: Option<Time>,
}

impl Managers {
    /// Reads the entries of an object; none when it has none.
    ///
    /// # Errors
    /// When an entry's fields cannot be read.
    pub fn of(object: &Value) -> Result<Self, fields::Error> {
        let entries = object.pointer("/metadata/managedFields");
        Self::decode(entries.unwrap_or(&Value::Null))
    }

    fn decode(entries: &Value) -> Result<Self, fields::Error> {
        let mut managers = Self::default();
        for entry in entries.as_array().into_iter().flatten() {
            if let Some((identity, owned)) = decode_entry(entry)? {
                managers.entries.insert(identity, owned);
            }
        }
        Ok(managers)
    }

    /// The entries, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Identity, &Owned)> {
        self.entries.iter()
    }

    /// Whether nobody owns anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of `metadata.managedFields`: appliers first, then by time.
    pub fn to_value(&self) -> Value {
        let mut entries: Vec<(&Identity, &Owned)> = self.entries.iter().collect();
        entries.sort_by(|(left, left_owned), (right, right_owned)| {
            let key = |identity: &Identity, owned: &Owned| {
                let seconds = owned.time.map_or(0, |time| time.as_millis().div_euclid(1000));
                (identity.operation, seconds)
            };
            key(left, left_owned)
                .cmp(&key(right, right_owned))
                .then_with(|| left.manager.cmp(&right.manager))
                .then_with(|| left_owned.api_version.cmp(&right_owned.api_version))
                .then_with(|| left.subresource.cmp(&right.subresource))
        });
        let encoded = entries
            .into_iter()
            .map(|(identity, owned)| encode(identity, owned));
        Value::Array(encoded.collect())
    }

    /// Whether the same managers own the same fields, whenever they took them.
    pub(super) fn own_the_same(&self, other: &Managers) -> bool {
        let same = |((left, before), (right, after)): ((&Identity, &Owned), (&Identity, &Owned))| {
            left == right && before.fields == after.fields && before.api_version == after.api_version
        };
        self.entries.len() == other.entries.len() && self.entries.iter().zip(&other.entries).all(same)
    }

    /// Makes the entries fit a schema; tells whether they did not.
    pub(super) fn settle(&mut self, schema: &Schema) -> bool {
        let mut changed = false;
        for owner in self.entries.values_mut() {
            changed |= settle(schema, &mut owner.fields);
        }
        changed
    }

    pub(super) fn drop_empty(&mut self) {
        self.entries.retain(|_, owned| !owned.fields.is_empty());
    }
}

/// Reads one entry; nothing when it is not of a known operation, which says that it is of no use here.
fn decode_entry(entry: &Value) -> Result<Option<(Identity, Owned)>, fields::Error> {
    let text = |name: &str| {
        let text = entry.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let operation = match text("operation").as_str() {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Ok(None),
    };
    let fields = match entry.get("fieldsV1") {
        None | Some(Value::Null) => FieldSet::new(),
        Some(fields) => FieldSet::from_fields_v1(fields)?,
    };
    let api_version = text("apiVersion");
    let identity = Identity {
        manager: text("manager"),
        operation,
        api_version: match operation {
            Operation::Apply => String::new(),
            Operation::Update => api_version.clone(),
        },
        subresource: text("subresource"),
    };
    let owned = Owned {
        fields,
        api_version,
        time: text("time").parse().ok(),
    };
    Ok(Some((identity, owned)))
}

fn encode(identity: &Identity, owned: &Owned) -> Value {
    let mut entry = Map::new();
    let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
    put("manager", identity.manager.as_str().into());
    put("operation", identity.operation.as_str().into());
    put("apiVersion", owned.api_version.as_str().into());
    if let Some(time) = owned.time {
        put("time", time.truncated_to_seconds().to_string().into());
    }
    put("fieldsType", "FieldsV1".into());
    put("fieldsV1", owned.fields.to_fields_v1());
    if !identity.subresource.is_empty() {
        put("subresource", identity.subresource.as_str().into());
    }
    Value::Object(entry)
}

/// A copy of the object without its entries, which are not copied first.
pub(super) fn without_entries(object: &Value) -> Value {
    let Value::Object(fields) = object else {
        return object.clone();
    };
    let copied = fields.iter().map(|(name, content)| {
        let content = match content {
            Value::Object(metadata) if name == "metadata" => {
                let others = metadata.iter().filter(|(name, _)| *name != ENTRIES);
                Value::Object(
                    others
                        .map(|(name, content)| (name.clone(), content.clone()))
                        .collect(),
                )
            }
            other => other.clone(),
        };
        (name.clone(), content)
    });
    Value::Object(copied.collect())
}

/// Whether two objects are the same but for their entries; the second has none.
pub(super) fn without_entries_equal(object: &Value, bare: &Value) -> bool {
    let (Value::Object(fields), Value::Object(bare)) = (object, bare) else {
        return equal(object, bare);
    };
    let same = |(name, content): (&String, &Value)| match (content, bare.get(name)) {
        (Value::Object(metadata), Some(Value::Object(bare))) if name == "metadata" => {
            let mut others = metadata.iter().filter(|(name, _)| *name != ENTRIES);
            let count = metadata.len() - usize::from(metadata.contains_key(ENTRIES));
            count == bare.len()
                && others.all(|(name, content)| bare.get(name).is_some_and(|other| equal(content, other)))
        }
        (content, other) => other.is_some_and(|other| equal(content, other)),
    };
    fields.len() == bare.len() && fields.iter().all(same)
}

/// The object with these entries; without the field when there are none.
pub(super) fn with_entries(mut object: Value, managers: &Managers) -> Value {
    let Value::Object(fields) = &mut object else {
        return object;
    };
    let metadata = fields
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata {
        if managers.is_empty() {
            metadata.shift_remove(ENTRIES);
        } else {
            metadata.insert(ENTRIES.to_owned(), managers.to_value());
        }
    }
    object
}
