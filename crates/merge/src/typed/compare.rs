//! How two values differ, in fields.

use std::collections::BTreeMap;

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
use crate::typed::item::element_or_index;
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
    fn put(&mut self, element: &Element, found: Found) {
        let pairs = [
            (&mut self.removed, found.removed),
            (&mut self.modified, found.modified),
            (&mut self.added, found.added),
        ];
        for (place, node) in pairs {
            if !node.is_empty() {
                place.below.put(element.clone(), node);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
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
        let mut field = |name: &str, before: Option<&Value>, after: Option<&Value>| {
            let id = map.field(name).unwrap_or(TypeId::DEDUCED);
            let mut child = Found::default();
            self.values(id, before, after, &mut child);
            if !child.is_empty() {
                found.put(&Element::field(name), child);
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
    }

    fn lists(&self, list: &ListType, old: &[Value], new: &[Value], found: &mut Found) {
        let mut named: BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for (index, item) in old.iter().enumerate() {
            let element = element_or_index(self.schema, list, index, item);
            named.entry(element).or_default().0.push(item);
        }
        for (index, item) in new.iter().enumerate() {
            let element = element_or_index(self.schema, list, index, item);
            named.entry(element).or_default().1.push(item);
        }
        for (element, (before, after)) in named {
            let mut child = Found::default();
            match (before.as_slice(), after.as_slice()) {
                ([_, _, ..], [_, _, ..]) => {
                    // Items that are there twice are compared as one.
                    let same = before.len() == after.len()
                        && before.iter().zip(&after).all(|(left, right)| equal(left, right));
                    child.modified.member = !same;
                }
                ([_, _, ..], _) => {
                    self.values(list.items, None, after.first().copied(), &mut child);
                    child.removed.member = true;
                }
                (_, [_, _, ..]) => {
                    self.values(list.items, before.first().copied(), None, &mut child);
                    child.added.member = true;
                }
                _ => self.values(
                    list.items,
                    before.first().copied(),
                    after.first().copied(),
                    &mut child,
                ),
            }
            found.put(&element, child);
        }
    }
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn fields(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value
        .and_then(Value::as_object)
        .filter(|fields| !fields.is_empty())
}
