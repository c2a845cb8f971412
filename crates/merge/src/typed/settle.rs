//! Making a set of fields fit a schema.

use crate::fields::Element;
use crate::fields::FieldSet;
use crate::fields::Node;
use crate::schema::Atom;
use crate::schema::ListKind;
use crate::schema::Schema;
use crate::schema::TypeId;

/// Makes the set one that this schema could have written; tells whether it was not. What was owned in parts and is one
/// value now is owned as a whole.
///
/// The other way round nothing is to do: whoever owned the whole goes on owning it until the next change.
pub(crate) fn settle(schema: &Schema, fields: &mut FieldSet) -> bool {
    settle_below(schema, schema.root(), fields)
}

fn settle_below(schema: &Schema, id: TypeId, fields: &mut FieldSet) -> bool {
    let atom = schema.atom(id);
    let mut changed = false;
    for (element, node) in fields.nodes_mut().filter(|(_, node)| !node.below.is_empty()) {
        let id = below(atom, element);
        if is_one_value(schema.atom(id)) {
            node.member = true;
            node.below = FieldSet::new();
            changed = true;
        } else {
            changed |= settle_below(schema, id, &mut node.below);
        }
    }
    changed
}

/// The set with every declared field that has a field of the set below it. A path through `spec` implies `spec`, but
/// one through an item or a free key does not imply that.
pub(crate) fn with_named(schema: &Schema, fields: &FieldSet) -> FieldSet {
    named(schema, schema.root(), fields)
}

fn named(schema: &Schema, id: TypeId, fields: &FieldSet) -> FieldSet {
    let atom = schema.atom(id);
    let nodes = fields.nodes().map(|(element, node)| {
        let is_named = match (element, &atom.map) {
            (Element::Field(name), Some(map)) => map.fields.contains_key(name),
            _ => false,
        };
        let child = Node {
            member: node.member || is_named,
            below: named(schema, below(atom, element), &node.below),
        };
        (element.clone(), child)
    });
    FieldSet::from_nodes(nodes.collect())
}

fn below(atom: &Atom, element: &Element) -> TypeId {
    let id = match (element, &atom.map, &atom.list) {
        (Element::Field(name), Some(map), _) => map.field(name),
        (Element::Keyed(_) | Element::Value(_), _, Some(list)) => Some(list.items),
        _ => None,
    };
    id.unwrap_or(TypeId::DEDUCED)
}

/// Whether the type is surely one value; one that may be several things is not asked.
fn is_one_value(atom: &Atom) -> bool {
    match (&atom.map, &atom.list) {
        (Some(map), None) => map.atomic,
        (None, Some(list)) => list.kind == ListKind::Atomic,
        _ => false,
    }
}
