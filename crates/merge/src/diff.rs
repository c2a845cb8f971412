//! What differs between two values, place by place.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use crate::fields::Element;
use crate::fields::equal;
use crate::fields::path_text;
use crate::schema::ListKind;
use crate::schema::Schema;
use crate::schema::TypeId;
use crate::typed::View;
use crate::typed::element_or_index;
use crate::typed::view;

/// One place that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<'a> {
    /// The place.
    pub path: Vec<Element>,
    /// What was there; nothing when the place is new.
    pub old: Option<&'a Value>,
    /// What is there; nothing when the place has gone.
    pub new: Option<&'a Value>,
}

impl Change<'_> {
    /// The place as text, as `.spec.containers[name="a"].image`.
    pub fn place(&self) -> String {
        path_text(&self.path)
    }
}

/// The smallest places in which two values of a kind differ, in the order of the old value, then of the new.
///
/// Items of sets and keyed lists are compared by name, whatever their position; those of other lists by position.
/// Numbers are equal when their amounts are. Without a schema there is [`Schema::deduced`].
pub fn changes<'a>(schema: &Schema, old: &'a Value, new: &'a Value) -> Vec<Change<'a>> {
    let mut walk = Walk {
        schema,
        path: Vec::new(),
        changes: Vec::new(),
    };
    walk.values(schema.root(), Some(old), Some(new));
    walk.changes
}

struct Walk<'s, 'a> {
    schema: &'s Schema,
    path: Vec<Element>,
    changes: Vec<Change<'a>>,
}

impl<'a> Walk<'_, 'a> {
    fn below(&mut self, element: Element, id: TypeId, old: Option<&'a Value>, new: Option<&'a Value>) {
        self.path.push(element);
        self.values(id, old, new);
        self.path.pop();
    }

    fn values(&mut self, id: TypeId, old: Option<&'a Value>, new: Option<&'a Value>) {
        match (old, new) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                let atom = self.schema.atom(id);
                let field = |name: &str| {
                    let map = atom.map.as_ref();
                    map.and_then(|map| map.field(name)).unwrap_or(TypeId::DEDUCED)
                };
                for (name, old) in before {
                    self.below(
                        Element::field(name.as_str()),
                        field(name),
                        Some(old),
                        after.get(name),
                    );
                }
                for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                    self.below(Element::field(name.as_str()), field(name), None, Some(new));
                }
            }
            (Some(was @ Value::Array(before)), Some(Value::Array(after))) => {
                match view(self.schema.atom(id), was) {
                    View::List(list) if list.kind != ListKind::Atomic => {
                        let schema = self.schema;
                        let name = |index: usize, item: &Value| element_or_index(schema, list, index, item);
                        for (element, (old, new)) in named(before, after, name) {
                            self.below(element, list.items, old, new);
                        }
                    }
                    View::List(list) => self.positions(list.items, before, after),
                    _ => self.positions(TypeId::DEDUCED, before, after),
                }
            }
            (Some(before), Some(after)) if equal(before, after) => {}
            (None, None) => {}
            _ => self.changes.push(Change {
                path: self.path.clone(),
                old,
                new,
            }),
        }
    }

    fn positions(&mut self, items: TypeId, before: &'a [Value], after: &'a [Value]) {
        for index in 0..before.len().max(after.len()) {
            let element = Element::Index(i64::try_from(index).unwrap_or(i64::MAX));
            self.below(element, items, before.get(index), after.get(index));
        }
    }
}

type Pairs<'a> = Vec<(Element, (Option<&'a Value>, Option<&'a Value>))>;

/// Pairs the items by name. An item whose name is there before it in the same list goes by its position.
fn named<'a>(before: &'a [Value], after: &'a [Value], name: impl Fn(usize, &Value) -> Element) -> Pairs<'a> {
    let mut pairs: Pairs<'a> = Vec::new();
    let mut places: BTreeMap<Element, usize> = BTreeMap::new();
    for (index, item) in before.iter().enumerate() {
        let element = free(name(index, item), index, |element| places.contains_key(element));
        places.insert(element.clone(), pairs.len());
        pairs.push((element, (Some(item), None)));
    }
    let mut seen = BTreeSet::new();
    for (index, item) in after.iter().enumerate() {
        let element = free(name(index, item), index, |element| seen.contains(element));
        seen.insert(element.clone());
        match places.get(&element).and_then(|place| pairs.get_mut(*place)) {
            Some((_, (_, new))) => *new = Some(item),
            None => pairs.push((element, (None, Some(item)))),
        }
    }
    pairs
}

fn free(element: Element, index: usize, is_taken: impl Fn(&Element) -> bool) -> Element {
    if is_taken(&element) {
        Element::Index(i64::try_from(index).unwrap_or(i64::MAX))
    } else {
        element
    }
}

/// A JSON patch that makes the new value of the old one. Lists are compared by position.
pub fn json_patch(old: &Value, new: &Value) -> Value {
    let mut operations = Vec::new();
    operate(&mut String::new(), old, new, &mut operations);
    Value::Array(operations)
}

fn operate(path: &mut String, old: &Value, new: &Value, operations: &mut Vec<Value>) {
    let length = path.len();
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, old) in before {
                descend(path, name);
                match after.get(name) {
                    Some(new) => operate(path, old, new, operations),
                    None => operations.push(json!({"op": "remove", "path": path.as_str()})),
                }
                path.truncate(length);
            }
            for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                descend(path, name);
                operations.push(json!({"op": "add", "path": path.as_str(), "value": new}));
                path.truncate(length);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (index, (old, new)) in before.iter().zip(after).enumerate() {
                descend(path, &index.to_string());
                operate(path, old, new, operations);
                path.truncate(length);
            }
            // From the end, so that positions hold.
            for index in (after.len()..before.len()).rev() {
                operations.push(json!({"op": "remove", "path": format!("{path}/{index}")}));
            }
            for new in after.iter().skip(before.len()) {
                operations.push(json!({"op": "add", "path": format!("{path}/-"), "value": new}));
            }
        }
        _ if old == new => {}
        _ => operations.push(json!({"op": "replace", "path": path.as_str(), "value": new})),
    }
}

fn descend(path: &mut String, token: &str) {
    path.push('/');
    path.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;
    use serde_json::json;

    use super::changes;
    use super::json_patch;
    use crate::random::objects;
    use crate::schema::Schema;

    #[test]
    fn items_are_compared_by_name_where_they_have_one() {
        let schema = json!({"properties": {"spec": {"properties": {
            "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            "set": {"type": "array", "x-kubernetes-list-type": "set"},
            "plain": {"type": "array"},
        }}}});
        let schema = Schema::from_openapi(&schema, &Map::new()).unwrap();
        let old = json!({"spec": {
            "keyed": [{"name": "a", "x": 1}, {"name": "b", "x": 1}], "set": ["p", "q"], "plain": [1, 2, 3], "n": 1,
        }});
        let new = json!({"spec": {
            "keyed": [{"name": "b", "x": 2}, {"name": "a", "x": 1.0}, {"name": "c"}], "set": ["q", "r"],
            "plain": [1, 4], "m": null, "n": {"deep": true},
        }});
        let rows: Vec<String> = changes(&schema, &old, &new)
            .iter()
            .map(|change| {
                let text = |value: Option<&serde_json::Value>| {
                    value.map_or_else(|| "-".to_owned(), ToString::to_string)
                };
                format!("{}: {} → {}", change.place(), text(change.old), text(change.new))
            })
            .collect();
        insta::assert_snapshot!(rows.join("\n"), @r#"
        .spec.keyed[name="b"].x: 1 → 2
        .spec.keyed[name="c"]: - → {"name":"c"}
        .spec.set[="p"]: "p" → -
        .spec.set[="r"]: - → "r"
        .spec.plain[1]: 2 → 4
        .spec.plain[2]: 3 → -
        .spec.n: 1 → {"deep":true}
        .spec.m: - → null
        "#);
    }

    proptest! {
        #[test]
        fn a_patch_of_the_difference_makes_the_new_of_the_old(old in objects(), new in objects()) {
            let patch = json_patch(&old, &new);
            prop_assert_eq!(crate::json_patch::apply(old, &patch), Ok(new));
        }

        #[test]
        fn only_equal_values_have_no_changes(old in objects(), new in objects()) {
            let schema = Schema::deduced();
            prop_assert!(changes(&schema, &old, &old).is_empty());
            prop_assert_eq!(changes(&schema, &old, &new).is_empty(), old == new);
        }
    }
}
