//! Lists that merge by the table of strategic merge patch, for schemas that do not say it themselves.

use crate::schema::atom::ListKind;
use crate::schema::atom::Schema;
use crate::schema::atom::TypeId;
use crate::strategic::Merging;
use crate::strategic::Shape;

impl Schema {
    /// The schema in which the lists that merge in `shape` merge by the same keys; lists of which the schema says itself
    /// how they merge are left alone.
    ///
    /// The built-in kinds of Kubernetes declare both, and declare the same, but for the ports of containers, which apply
    /// tells apart by protocol as well.
    #[must_use]
    pub fn merging_as(mut self, shape: &'static Shape) -> Self {
        self.root = self.shaped(self.root, shape);
        self
    }

    /// A copy of a type with the shape laid over it: the type itself may stand in other places, too.
    fn shaped(&mut self, id: TypeId, shape: &'static Shape) -> TypeId {
        if shape.fields.is_empty() {
            return id;
        }
        let mut atom = self.atom(id).clone();
        let Some(map) = &mut atom.map else { return id };
        for (name, field) in shape.fields {
            let Some(child) = map.fields.get_mut(*name) else {
                continue;
            };
            *child = self.shaped(*child, field.shape);
            let mut atom = self.atom(*child).clone();
            let Some(list) = &mut atom.list else { continue };
            list.items = self.shaped(list.items, field.shape);
            if list.kind == ListKind::Atomic {
                list.kind = match field.merging {
                    Merging::Replace => ListKind::Atomic,
                    Merging::Values => ListKind::Set,
                    Merging::Key(key) => ListKind::Keyed(vec![key.into()]),
                };
            }
            *child = self.add(atom);
        }
        self.add(atom)
    }
}
