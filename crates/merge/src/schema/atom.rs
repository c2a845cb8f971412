//! The types of a schema, in one table, so that they may refer to each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// The types of one kind.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(super) types: Vec<Atom>,
    pub(super) root: TypeId,
}

/// A place in the table of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypeId(pub(super) usize);

impl TypeId {
    /// Anything: objects merge, lists do not. The first entry of every table.
    pub(crate) const DEDUCED: Self = Self(0);
    /// Anything, replaced as a whole. The second entry of every table.
    pub(crate) const ATOMIC: Self = Self(1);
}

/// What a value may be; more than one where the schema leaves it open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Atom {
    /// Which scalar is not asked: kinds are validated elsewhere.
    pub(crate) scalar: bool,
    pub(crate) list: Option<ListType>,
    pub(crate) map: Option<MapType>,
}

#[derive(Clone, Debug)]
pub(crate) struct ListType {
    pub(crate) items: TypeId,
    pub(crate) kind: ListKind,
}

/// How the items of a list are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// Not at all: the list is one value.
    Atomic,
    /// By their value.
    Set,
    /// By these fields of each, sorted.
    Keyed(Vec<Arc<str>>),
}

#[derive(Clone, Debug)]
pub(crate) struct MapType {
    pub(crate) fields: BTreeMap<String, TypeId>,
    /// Values that a field has when it is absent; only asked for keys of list items.
    pub(crate) defaults: BTreeMap<String, Value>,
    /// The type of fields that are not named; nothing when there may be none.
    pub(crate) others: Option<TypeId>,
    /// Whether the map is one value.
    pub(crate) atomic: bool,
}

impl Schema {
    /// The schema that knows nothing: objects merge field by field, lists are replaced, except in `metadata`.
    pub fn deduced() -> Self {
        let mut schema = Self::empty();
        let object_meta = super::builtin::object_meta(&mut schema);
        schema.root = schema.add(Atom {
            map: Some(MapType {
                fields: BTreeMap::from([("metadata".to_owned(), object_meta)]),
                defaults: BTreeMap::new(),
                others: Some(TypeId::DEDUCED),
                atomic: false,
            }),
            ..Atom::default()
        });
        schema
    }

    pub(super) fn empty() -> Self {
        let any = |items: TypeId, atomic| Atom {
            scalar: true,
            list: Some(ListType {
                items,
                kind: ListKind::Atomic,
            }),
            map: Some(MapType {
                fields: BTreeMap::new(),
                defaults: BTreeMap::new(),
                others: Some(items),
                atomic,
            }),
        };
        Self {
            types: vec![any(TypeId::DEDUCED, false), any(TypeId::ATOMIC, true)],
            root: TypeId::DEDUCED,
        }
    }

    pub(super) fn add(&mut self, atom: Atom) -> TypeId {
        self.types.push(atom);
        TypeId(self.types.len() - 1)
    }

    pub(crate) fn root(&self) -> TypeId {
        self.root
    }

    /// The type at a place; every id was made by the table it is used with.
    pub(crate) fn atom(&self, id: TypeId) -> &Atom {
        static NOTHING: Atom = Atom {
            scalar: true,
            list: None,
            map: None,
        };
        self.types.get(id.0).unwrap_or(&NOTHING)
    }
}

impl MapType {
    /// The type of a field; nothing when the map has no such field.
    pub(crate) fn field(&self, name: &str) -> Option<TypeId> {
        self.fields.get(name).copied().or(self.others)
    }
}
