//! Whether a value fits its type, as far as ownership depends on it.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::schema::ListKind;
use crate::schema::ListType;
use crate::schema::Schema;
use crate::schema::TypeId;
use crate::typed::item::are_paired;
use crate::typed::item::element;
use crate::typed::item::element_or_index;
use crate::typed::view::View;
use crate::typed::view::view;

/// Most problems that are reported; whoever has more sees the rest after fixing these.
const MAX_PROBLEMS: usize = 50;

/// One place that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    path: String,
    fault: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return formatter.write_str(&self.fault);
        }
        write!(formatter, "{}: {}", self.path, self.fault)
    }
}

/// What does not fit: fields that are not declared, lists or maps that are something else, items without a key or with
/// one that was there before.
pub(crate) fn check(schema: &Schema, value: &Value) -> Vec<Problem> {
    let mut checking = Checking {
        schema,
        path: Vec::new(),
        problems: Vec::new(),
    };
    checking.value(schema.root(), value);
    checking.problems
}

struct Checking<'a> {
    schema: &'a Schema,
    path: Vec<Step<'a>>,
    problems: Vec<Problem>,
}

/// A step of a path; most paths are never shown, so names are not copied.
enum Step<'a> {
    Field(&'a str),
    Item(&'a ListType, usize, &'a Value),
}

impl<'a> Checking<'a> {
    fn value(&mut self, id: TypeId, value: &'a Value) {
        if value.is_null() {
            return;
        }
        let schema = self.schema;
        match (view(schema.atom(id), value), value) {
            (View::Map(map), Value::Object(fields)) => {
                for (name, content) in fields {
                    self.path.push(Step::Field(name));
                    match map.field(name) {
                        Some(id) => self.value(id, content),
                        None => self.report("field not declared in schema".to_owned()),
                    }
                    self.path.pop();
                }
            }
            (View::List(list), Value::Array(items)) => self.items(list, items),
            (View::Scalar, Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
            (View::Map(_), _) => self.mismatch("map", value),
            (View::List(_), _) => self.mismatch("list", value),
            (View::Scalar, _) => self.mismatch("scalar", value),
        }
    }

    fn items(&mut self, list: &'a ListType, items: &'a [Value]) {
        let is_named =
            list.kind == ListKind::Atomic || are_paired(list, items, items) || self.names(list, items);
        if !is_named {
            return;
        }
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Item(list, index, item));
            self.value(list.items, item);
            self.path.pop();
        }
    }

    /// Whether every item has a name. That none has the name of one before it is checked, too.
    fn names(&mut self, list: &ListType, items: &[Value]) -> bool {
        let mut all = true;
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            match element(self.schema, list, item) {
                Ok(named) if seen.contains(&named) => {
                    self.report(format!("duplicate entries for key {named}"));
                }
                Ok(named) => {
                    seen.insert(named);
                }
                Err(fault) => {
                    self.report(format!("element {index}: {fault}"));
                    all = false;
                }
            }
        }
        all
    }

    fn mismatch(&mut self, wanted: &str, value: &Value) {
        self.report(format!("expected {wanted}, got {}", kind(value)));
    }

    fn report(&mut self, fault: String) {
        if self.problems.len() < MAX_PROBLEMS {
            let path = self.path.iter().map(|step| match step {
                Step::Field(name) => format!(".{name}"),
                Step::Item(list, index, item) => {
                    element_or_index(self.schema, list, *index, item).to_string()
                }
            });
            let path = path.collect();
            self.problems.push(Problem { path, fault });
        }
    }
}

/// What the value is. Its content is not told: it may be a secret.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}
