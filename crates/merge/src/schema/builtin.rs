//! The type of `metadata`, which every object has and few schemas spell out.

use std::collections::BTreeMap;

use crate::schema::atom::Atom;
use crate::schema::atom::ListKind;
use crate::schema::atom::ListType;
use crate::schema::atom::MapType;
use crate::schema::atom::Schema;
use crate::schema::atom::TypeId;

/// Adds `ObjectMeta`: labels and annotations merge, finalizers are a set, owners are told apart by `uid`.
pub(super) fn object_meta(schema: &mut Schema) -> TypeId {
    let text = schema.add(Atom {
        scalar: true,
        ..Atom::default()
    });
    let texts = schema.add(map(BTreeMap::new(), Some(text), false));
    let owner = schema.add(map(BTreeMap::new(), Some(TypeId::DEDUCED), true));
    let owners = schema.add(list(owner, ListKind::Keyed(vec!["uid".into()])));
    let finalizers = schema.add(list(text, ListKind::Set));
    let managed = schema.add(list(TypeId::ATOMIC, ListKind::Atomic));
    let fields = [
        ("annotations", texts),
        ("finalizers", finalizers),
        ("labels", texts),
        ("managedFields", managed),
        ("ownerReferences", owners),
    ];
    let fields = fields.map(|(name, id)| (name.to_owned(), id));
    schema.add(map(BTreeMap::from(fields), Some(TypeId::DEDUCED), false))
}

fn map(fields: BTreeMap<String, TypeId>, others: Option<TypeId>, atomic: bool) -> Atom {
    Atom {
        map: Some(MapType {
            fields,
            defaults: BTreeMap::new(),
            others,
            atomic,
        }),
        ..Atom::default()
    }
}

fn list(items: TypeId, kind: ListKind) -> Atom {
    Atom {
        list: Some(ListType { items, kind }),
        ..Atom::default()
    }
}
