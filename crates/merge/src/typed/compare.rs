//! How two values differ, in fields.

use serde_json::Map;
use serde_json::Value;

use crate::fields::Element;
use crate::fields::FieldSet;
use crate::fields::Node;
use crate::fields::equal;
use crate::schema::ListType;
use crate::schema::MapType;
use crate::schema::Schema;
use crate::schema::TypeId;
use crate::typed::item::are_paired;
use crate::typed::item::element_or_index;
use crate::typed::item::elements;
use crate::typed::view::View;
use crate::typed::view::view;

/// The fields in which one value differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Only in the old one.
    pub(crate) removed: FieldSet,
    /// In both, with different content.
    pub(crate) modified: FieldSet,
    /// Only in the new one.
    pub(crate) added: FieldSet,
}

impl Comparison {
    /// Forgets these fields and all below them.
    pub(crate) fn forget(&mut self, fields: &FieldSet) {
        for set in [&mut self.removed, &mut self.modified, &mut self.added] {
            set.subtract_with_below(fields);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }
}

/// Compares two values of the schema's kind.
pub(crate) fn compare(schema: &Schema, old: &Value, new: &Value) -> Comparison {
    let mut found = Found::default();
    Comparing { schema }.values(schema.root(), Some(old), Some(new), &mut found);
    Comparison {
        removed: found.removed.below,
        modified: found.modified.below,
        added: found.added.below,
    }
}

#[derive(Default)]
struct Found {
    removed: Node,
    modified: Node,
    added: Node,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// What was found at the elements below a place, in any order.
    fn gather(&mut self, found: Vec<(Element, Found)>) {
        if found.is_empty() {
            return;
        }
        let mut nodes = [Vec::new(), Vec::new(), Vec::new()];
        for (element, found) in found {
            for (nodes, node) in nodes.iter_mut().zip([found.removed, found.modified, found.added]) {
                if !node.is_empty() {
                    nodes.push((element.clone(), node));
                }
            }
        }
        let [removed, modified, added] = nodes;
        let places = [&mut self.removed, &mut self.modified, &mut self.added];
        for (place, nodes) in places.into_iter().zip([removed, modified, added]) {
            if place.below.is_empty() {
                place.below = FieldSet::from_nodes(nodes);
            } else {
                // A value that became something else was read as both.
                place.below = std::mem::take(&mut place.below).union(&FieldSet::from_nodes(nodes));
            }
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.added.member = true,
            (_, None) => self.removed.member = true,
            (Some(old), Some(new)) => self.modified.member |= !equal(old, new),
        }
    }
}

struct Comparing<'a> {
    schema: &'a Schema,
}

impl Comparing<'_> {
    fn values(&self, id: TypeId, old: Option<&Value>, new: Option<&Value>, found: &mut Found) {
        let atom = self.schema.atom(id);
        let views = (
            old.map(|value| view(atom, value)),
            new.map(|value| view(atom, value)),
        );
        let is_leaf = match views {
            (None, None) => return,
            (Some(before), None) => self.viewed(before, old, new, found),
            (Some(before), Some(after)) if !before.is_same(after) => {
                // What the old one was has gone, and what the new one is has come.
                self.viewed(before, old, new, found);
                self.viewed(after, old, new, found)
            }
            (_, Some(after)) => self.viewed(after, old, new, found),
        };
        if !is_leaf {
            found.added.member |= old.is_none();
            found.removed.member |= new.is_none();
        }
    }

    /// Whether the values were compared as a whole.
    fn viewed(&self, view: View<'_>, old: Option<&Value>, new: Option<&Value>, found: &mut Found) -> bool {
        if view.is_atomic() {
            found.leaf(old, new);
            return true;
        }
        match view {
            View::Map(map) => {
                let (before, after) = (fields(old), fields(new));
                if before.is_some() || after.is_some() {
                    self.maps(map, before, after, found);
                    return false;
                }
            }
            View::List(list) => {
                let (before, after) = (items(old), items(new));
                if !before.is_empty() || !after.is_empty() {
                    self.lists(list, before, after, found);
                    return false;
                }
            }
            View::Scalar => {}
        }
        // That nothing became an empty map, or the other way round, is a difference as well.
        found.leaf(old, new);
        true
    }

    fn maps(
        &self,
        map: &MapType,
        old: Option<&Map<String, Value>>,
        new: Option<&Map<String, Value>>,
        found: &mut Found,
    ) {
        let mut all = Vec::new();
        let mut field = |name: &str, before: Option<&Value>, after: Option<&Value>| {
            let id = map.field(name).unwrap_or(TypeId::DEDUCED);
            let mut child = Found::default();
            self.values(id, before, after, &mut child);
            if !child.is_empty() {
                all.push((Element::field(name), child));
            }
        };
        for (name, before) in old.into_iter().flatten() {
            field(name, Some(before), new.and_then(|new| new.get(name)));
        }
        for (name, after) in new.into_iter().flatten() {
            if old.is_none_or(|old| !old.contains_key(name)) {
                field(name, None, Some(after));
            }
        }
        found.gather(all);
    }

    fn lists(&self, list: &ListType, old: &[Value], new: &[Value], found: &mut Found) {
        if are_paired(list, old, new) {
            let pairs = old.iter().zip(new).enumerate();
            let all = pairs.filter_map(|(index, (old, new))| {
                let mut child = Found::default();
                self.values(list.items, Some(old), Some(new), &mut child);
                let is_empty = child.is_empty();
                (!is_empty).then(|| (element_or_index(self.schema, list, index, new), child))
            });
            found.gather(all.collect());
            return;
        }
        let name = |items| elements(self.schema, list, items).into_iter();
        let old = name(old)
            .zip(old)
            .map(|(element, item)| (element, Side::Old, item));
        let new = name(new)
            .zip(new)
            .map(|(element, item)| (element, Side::New, item));
        let mut named: Vec<Named<'_>> = old.chain(new).collect();
        named.sort_by(|left, right| left.0.cmp(&right.0).then(left.1.cmp(&right.1)));
        let mut all = Vec::new();
        for group in named.chunk_by(|left, right| left.0 == right.0) {
            let (before, after) = group.split_at(group.partition_point(|(_, side, _)| *side == Side::Old));
            let mut child = Found::default();
            self.items(list.items, before, after, &mut child);
            if let Some((element, ..)) = group.first()
                && !child.is_empty()
            {
                all.push((element.clone(), child));
            }
        }
        found.gather(all);
    }

    /// Compares the items that have one name: one on a side, or more where they are there twice.
    fn items(&self, id: TypeId, old: &[Named<'_>], new: &[Named<'_>], found: &mut Found) {
        match (old, new) {
            ([_, _, ..], [_, _, ..]) => {
                // They are compared as one.
                let mut pairs = old.iter().zip(new);
                let same = pairs.all(|(left, right)| equal(left.2, right.2));
                found.modified.member = old.len() != new.len() || !same;
            }
            ([_, _, ..], _) => {
                self.values(id, None, first(new), found);
                found.removed.member = true;
            }
            (_, [_, _, ..]) => {
                self.values(id, first(old), None, found);
                found.added.member = true;
            }
            _ => self.values(id, first(old), first(new), found),
        }
    }
}

fn first<'a>(items: &[Named<'a>]) -> Option<&'a Value> {
    items.first().map(|(.., item)| *item)
}

/// An item with its name, and which list it is from.
type Named<'a> = (Element, Side, &'a Value);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Old,
    New,
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn fields(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value
        .and_then(Value::as_object)
        .filter(|fields| !fields.is_empty())
}
