//! Brings a value into the exact form of a type, noting all that cannot be.

use serde_json::Map;
use serde_json::Value;

use crate::decode::INVALID_VALUE;
use crate::decode::MISSING_FIELD;
use crate::decode::REPEATED_FIELD;
use crate::decode::UNKNOWN_FIELD;
use crate::decode::WRONG_TYPE;
use crate::decode::nearest;
use crate::decode::shape::Fields;
use crate::decode::shape::Shape;
use crate::decode::shape::ShapeId;
use crate::decode::shape::Shapes;
use crate::problem::FieldPath;
use crate::problem::Problem;

/// The path to the value in hand, kept on the stack because most values have no problem.
#[derive(Clone, Copy)]
pub(super) enum Trail<'a> {
    Root,
    Field(&'a Trail<'a>, &'a str),
    Key(&'a Trail<'a>, &'a str),
    Index(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    fn path(&self) -> FieldPath {
        match *self {
            Self::Root => FieldPath::root(),
            Self::Field(parent, name) => parent.path().field(name.to_owned()),
            Self::Key(parent, key) => parent.path().key(key),
            Self::Index(parent, index) => parent.path().index(index),
        }
    }
}

/// Walks a value along its type's shapes.
pub(super) struct Walker<'a> {
    shapes: &'a Shapes,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(shapes: &'a Shapes) -> Self {
        Self {
            shapes,
            problems: Vec::new(),
        }
    }

    /// Normalises a value in place: exact spelling of keys, no `null` fields.
    pub(super) fn walk(&mut self, id: ShapeId, value: &mut Value, trail: Trail<'_>) {
        match (self.shapes.get(id), value) {
            (Shape::Any, _)
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Number, Value::Number(_))
            | (Shape::Text { allowed: None }, Value::String(_)) => {}
            (Shape::Integer { min, max }, Value::Number(number)) => {
                self.check_integer(*min, *max, number, trail);
            }
            (
                Shape::Text {
                    allowed: Some(allowed),
                },
                Value::String(text),
            ) => self.check_text(allowed, text, trail),
            (Shape::List(item), Value::Array(items)) => {
                for (index, value) in items.iter_mut().enumerate() {
                    self.walk_element(*item, value, Trail::Index(&trail, index));
                }
            }
            (Shape::Map(shape), Value::Object(members)) => {
                if !matches!(self.shapes.get(*shape), Shape::Any) {
                    for (key, value) in members.iter_mut() {
                        self.walk_element(*shape, value, Trail::Key(&trail, key));
                    }
                }
            }
            (Shape::Object(fields), Value::Object(members)) => self.walk_object(fields, members, trail),
            (Shape::Union(alternatives), value) => self.walk_union(alternatives, value, trail),
            (shape, value) => {
                let problem = mismatch(
                    &expectation(self.shapes, shape),
                    shape_takes_text(shape),
                    value,
                    trail,
                );
                self.problems.push(problem);
            }
        }
    }

    /// A `null` in a list or map is the type's zero value, as in Go.
    fn walk_element(&mut self, id: ShapeId, value: &mut Value, trail: Trail<'_>) {
        if value.is_null() {
            *value = match self.shapes.get(id) {
                Shape::Any | Shape::Union(_) | Shape::Same(_) => return,
                Shape::Bool => Value::Bool(false),
                Shape::Integer { .. } | Shape::Number => Value::from(0),
                Shape::Text { .. } => Value::String(String::new()),
                Shape::List(_) => Value::Array(Vec::new()),
                Shape::Map(_) | Shape::Object(_) => Value::Object(Map::new()),
            };
        }
        self.walk(id, value, trail);
    }

    fn walk_object(&mut self, fields: &Fields, members: &mut Map<String, Value>, trail: Trail<'_>) {
        if members
            .iter()
            .any(|(name, value)| value.is_null() || fields.exact(name).is_none())
        {
            self.respell(fields, members, trail);
        }
        for (name, value) in members.iter_mut() {
            if let Some(shape) = fields.exact(name) {
                self.walk(shape, value, Trail::Field(&trail, name));
            }
        }
        for name in &fields.required {
            if !members.contains_key(name.as_ref()) {
                let message = format!("missing field {name:?}");
                self.problems
                    .push(Problem::error(MISSING_FIELD, trail.path(), message));
            }
        }
    }

    /// Spells all names as the type does; drops `null`s and what is unknown.
    fn respell(&mut self, fields: &Fields, members: &mut Map<String, Value>, trail: Trail<'_>) {
        let mut respelled = Map::new();
        for (name, value) in std::mem::take(members) {
            let known = fields.exact(&name).map(|_| name.as_str());
            let Some(exact) = known.or_else(|| fields.folded(&name)) else {
                self.problems.push(unknown_field(fields, &name, trail));
                continue;
            };
            if value.is_null() {
                continue;
            }
            if respelled.contains_key(exact) {
                let message = format!("field {exact:?} is given twice, in different spellings");
                let path = Trail::Field(&trail, &name).path();
                self.problems
                    .push(Problem::error(REPEATED_FIELD, path, message).hint("keep one of the two"));
                continue;
            }
            respelled.insert(exact.to_owned(), value);
        }
        *members = respelled;
    }

    fn walk_union(&mut self, alternatives: &[ShapeId], value: &mut Value, trail: Trail<'_>) {
        let shapes = self.shapes;
        let mut fitting = alternatives
            .iter()
            .copied()
            .filter(|&id| takes(shapes, id, value));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => self.walk(only, value, trail),
            // Several alternatives of one JSON type: only the type itself can tell them apart.
            (Some(_), Some(_)) => {}
            (None, _) => {
                let names: Vec<_> = alternatives
                    .iter()
                    .map(|&id| expectation(shapes, shapes.get(id)))
                    .collect();
                let takes_text = alternatives.iter().any(|&id| shape_takes_text(shapes.get(id)));
                self.problems
                    .push(mismatch(&names.join(" or "), takes_text, value, trail));
            }
        }
    }

    fn check_integer(
        &mut self,
        min: Option<i64>,
        max: Option<u64>,
        number: &serde_json::Number,
        trail: Trail<'_>,
    ) {
        let fits = match (number.as_i64(), number.as_u64()) {
            (_, Some(positive)) => {
                max.is_none_or(|max| positive <= max)
                    && min.is_none_or(|min| i64::try_from(positive).map_or(true, |n| n >= min))
            }
            (Some(negative), None) => min.is_none_or(|min| negative >= min),
            (None, None) => {
                let message = "expected an integer, found a number with a fraction".to_owned();
                self.problems
                    .push(Problem::error(WRONG_TYPE, trail.path(), message));
                return;
            }
        };
        if !fits {
            let message = match (min, max) {
                (Some(min), Some(max)) => format!("{number} is out of range: it must be from {min} to {max}"),
                (Some(min), None) => format!("{number} is out of range: it must be at least {min}"),
                (None, Some(max)) => format!("{number} is out of range: it must be at most {max}"),
                (None, None) => return,
            };
            self.problems
                .push(Problem::error(INVALID_VALUE, trail.path(), message));
        }
    }

    fn check_text(&mut self, allowed: &[Box<str>], text: &str, trail: Trail<'_>) {
        if allowed.iter().any(|value| **value == *text) {
            return;
        }
        let hint = match nearest(text, allowed.iter().map(AsRef::as_ref)) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("use one of {}", quoted(allowed)),
        };
        let message = format!("{} is not allowed here", shortened(text));
        self.problems
            .push(Problem::error(INVALID_VALUE, trail.path(), message).hint(hint));
    }
}

fn quoted(words: &[Box<str>]) -> String {
    words
        .iter()
        .map(|word| format!("{word:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn unknown_field(fields: &Fields, name: &str, trail: Trail<'_>) -> Problem {
    let problem = Problem::error(
        UNKNOWN_FIELD,
        Trail::Field(&trail, name).path(),
        format!("unknown field {name:?}"),
    );
    if let Some(meant) = nearest(name, fields.names()) {
        return problem.hint(format!("did you mean {meant:?}?"));
    }
    let mut names: Vec<_> = fields.names().map(Box::from).collect();
    names.sort_unstable();
    match names.len() {
        0 => problem.hint("this object has no fields"),
        1..=12 => problem.hint(format!("known fields are {}", quoted(&names))),
        _ => problem,
    }
}

fn mismatch(expected: &str, takes_text: bool, value: &Value, trail: Trail<'_>) -> Problem {
    let problem = Problem::error(
        WRONG_TYPE,
        trail.path(),
        format!("expected {expected}, found {}", describe(value)),
    );
    match value {
        Value::Bool(_) | Value::Number(_) if takes_text => problem.hint("put the value in quotes"),
        Value::String(_) if expected == "a list" => problem.hint("put it in a list of one, in [ ]"),
        Value::Object(_) if expected.starts_with("a list") => problem.hint("begin each item with \"- \""),
        _ => problem,
    }
}

fn expectation(shapes: &Shapes, shape: &Shape) -> String {
    let text = match shape {
        // Names are followed before anyone sees them.
        Shape::Any | Shape::Same(_) => "anything",
        Shape::Bool => "a boolean",
        Shape::Integer { .. } => "an integer",
        Shape::Number => "a number",
        Shape::Text { .. } => "a string",
        Shape::List(_) => "a list",
        Shape::Map(_) | Shape::Object(_) => "an object",
        Shape::Union(alternatives) => {
            let names: Vec<_> = alternatives
                .iter()
                .map(|&id| expectation(shapes, shapes.get(id)))
                .collect();
            return names.join(" or ");
        }
    };
    text.to_owned()
}

fn shape_takes_text(shape: &Shape) -> bool {
    matches!(shape, Shape::Text { .. })
}

fn takes(shapes: &Shapes, id: ShapeId, value: &Value) -> bool {
    match (shapes.get(id), value) {
        (Shape::Any, _)
        | (Shape::Bool, Value::Bool(_))
        | (Shape::Integer { .. } | Shape::Number, Value::Number(_))
        | (Shape::Text { .. }, Value::String(_))
        | (Shape::List(_), Value::Array(_))
        | (Shape::Map(_) | Shape::Object(_), Value::Object(_)) => true,
        (Shape::Union(alternatives), _) => alternatives.iter().any(|&id| takes(shapes, id, value)),
        _ => false,
    }
}

/// A value as a message names it. Text and numbers are not repeated: they may be secrets.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(true) => "the boolean true",
        Value::Bool(false) => "the boolean false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
