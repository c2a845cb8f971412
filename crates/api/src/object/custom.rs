//! Objects of kinds that users defined.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::LazyLock;
use std::sync::PoisonError;
use std::sync::RwLock;

use serde_json::Map;
use serde_json::Value;

use super::Scope;
use crate::decode::INVALID_VALUE;
use crate::decode::WRONG_TYPE;
use crate::meta::ObjectMeta;
use crate::problem::FieldPath;
use crate::problem::Problem;

/// Kinds that one process may come to know; each stays known for as long as it lives.
const MOST_KINDS: usize = 10_000;

/// Kinds whose status is written apart from the rest.
static WITH_STATUS: LazyLock<RwLock<HashSet<CustomKind>>> = LazyLock::new(RwLock::default);

/// Names of a kind that users defined.
#[derive(Debug)]
pub struct Definition {
    /// Group.
    pub group: Box<str>,
    /// Group and the version in which objects were stored when the kind became known.
    pub api_version: Box<str>,
    /// Name of the kind.
    pub kind: Box<str>,
    /// Name in paths.
    pub plural: Box<str>,
    /// Whether objects live in namespaces.
    pub scope: Scope,
}

/// A kind that users defined, as cheap to copy as a built-in one. Two are the same when group, name in paths, kind and
/// scope are.
#[derive(Clone, Copy)]
pub struct CustomKind(&'static Definition);

impl CustomKind {
    /// Makes a kind known, or finds it if it is; `version` is without the group.
    ///
    /// `None` when too many kinds are known (10,000).
    pub fn intern(group: &str, version: &str, kind: &str, plural: &str, scope: Scope) -> Option<Self> {
        type Known = HashMap<(Box<str>, Box<str>, Box<str>, bool), CustomKind>;
        static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);
        let key = (
            group.into(),
            plural.into(),
            kind.into(),
            scope == Scope::Namespaced,
        );
        if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(*known);
        }
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KINDS && !known.contains_key(&key) {
            return None;
        }
        let made = *known.entry(key).or_insert_with(|| {
            Self(Box::leak(Box::new(Definition {
                group: group.into(),
                api_version: format!("{group}/{version}").into(),
                kind: kind.into(),
                plural: plural.into(),
                scope,
            })))
        });
        Some(made)
    }

    /// Its names.
    pub fn definition(self) -> &'static Definition {
        self.0
    }

    /// Whether the status is written apart from the rest; false until its definition says so.
    pub fn has_status(self) -> bool {
        let known = WITH_STATUS.read().unwrap_or_else(PoisonError::into_inner);
        known.contains(&self)
    }

    /// Says whether the status is written apart from the rest.
    pub fn set_has_status(self, has_status: bool) {
        let mut known = WITH_STATUS.write().unwrap_or_else(PoisonError::into_inner);
        if has_status {
            known.insert(self);
        } else {
            known.remove(&self);
        }
    }

    fn names(self) -> (&'static str, &'static str, &'static str) {
        (&self.0.group, &self.0.plural, &self.0.kind)
    }
}

impl PartialEq for CustomKind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for CustomKind {}

impl Hash for CustomKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names().hash(state);
    }
}

impl PartialOrd for CustomKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CustomKind {
    fn cmp(&self, other: &Self) -> Ordering {
        let scope = |kind: &Self| kind.0.scope == Scope::Namespaced;
        (self.names(), scope(self)).cmp(&(other.names(), scope(other)))
    }
}

impl std::fmt::Debug for CustomKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.0.plural, self.0.group)
    }
}

/// An object of a kind that users defined: metadata, and whatever else its definition allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// Its kind.
    pub kind: CustomKind,
    /// Group and version in which it is stored.
    pub api_version: String,
    /// Name, labels and the rest.
    pub metadata: ObjectMeta,
    /// Every other field, without `apiVersion` and `kind`.
    pub body: Map<String, Value>,
}

impl Custom {
    /// Takes an object apart. Its schema is not checked here.
    ///
    /// # Errors
    /// When it is no object or its metadata is malformed.
    pub fn from_json(kind: CustomKind, value: Value) -> Result<Self, Vec<Problem>> {
        let Value::Object(mut body) = value else {
            let message = "expected an object";
            return Err(vec![Problem::error(WRONG_TYPE, FieldPath::root(), message)]);
        };
        body.shift_remove("kind");
        let api_version = match body.shift_remove("apiVersion") {
            Some(Value::String(text)) => text,
            _ => kind.definition().api_version.to_string(),
        };
        let metadata = body.shift_remove("metadata").unwrap_or(Value::Object(Map::new()));
        let metadata = serde_json::from_value(metadata).map_err(|error| {
            let path = FieldPath::root().field("metadata");
            vec![Problem::error(INVALID_VALUE, path, error.to_string())]
        })?;
        Ok(Self {
            kind,
            api_version,
            metadata,
            body,
        })
    }

    /// The object as JSON, with `apiVersion` and `kind`.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("apiVersion".to_owned(), Value::String(self.api_version.clone()));
        fields.insert(
            "kind".to_owned(),
            Value::String(self.kind.definition().kind.to_string()),
        );
        // Metadata is a struct with text keys, which cannot fail to serialise.
        fields.insert(
            "metadata".to_owned(),
            serde_json::to_value(&self.metadata).unwrap_or_default(),
        );
        fields.extend(
            self.body
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        Value::Object(fields)
    }
}
