//! A document and where its fields stand.

use std::sync::Arc;

use serde_json::Value;

use crate::problem::FieldPath;
use crate::problem::Position;
use crate::problem::Problem;
use crate::problem::Segment;

/// One YAML document: its value, and the places of its fields in the file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The value, its object keys in the order of the file.
    pub value: Value,
    /// Where each part of the value stands.
    pub spans: Spans,
}

/// The places of a document's fields. Outlives the value it was loaded with.
#[derive(Clone, Debug)]
pub struct Spans {
    root: Mark,
}

/// The place of one node and of the nodes in it.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// The key and its place, for a member of an object. Names are shared within a file.
    pub(super) key: Option<(Arc<str>, Position)>,
    pub(super) at: Position,
    pub(super) children: Vec<Self>,
}

impl Mark {
    fn child(&self, segment: &Segment) -> Option<&Self> {
        let name = match segment {
            Segment::Index(index) => return self.children.get(*index).filter(|child| child.key.is_none()),
            Segment::Field(name) => name.as_ref(),
            Segment::Key(key) => key.as_ref(),
        };
        let named = |fits: &dyn Fn(&str) -> bool| {
            self.children
                .iter()
                .find(|child| child.key.as_ref().is_some_and(|(key, _)| fits(key)))
        };
        named(&|key| key == name).or_else(|| named(&|key| key.eq_ignore_ascii_case(name)))
    }

    fn key_place(&self) -> Position {
        self.key.as_ref().map_or(self.at, |&(_, place)| place)
    }

    /// Where an editor should put the cursor: on a scalar's value, on the name of anything bigger.
    fn place(&self) -> Position {
        if self.children.is_empty() {
            self.at
        } else {
            self.key_place()
        }
    }
}

impl Spans {
    pub(super) fn new(root: Mark) -> Self {
        Self { root }
    }

    /// The place of a field: of its value when that is a scalar, otherwise of its key.
    ///
    /// A field that is not in the document is placed at the innermost part of its path that is. Names match
    /// in any case when none matches exactly, as the decoder reads them.
    pub fn position(&self, path: &FieldPath) -> Position {
        self.innermost(path).0.place()
    }

    /// The place of a field's key, otherwise as [`Spans::position`].
    pub fn key_position(&self, path: &FieldPath) -> Position {
        match self.innermost(path) {
            (mark, true) => mark.key_place(),
            (mark, false) => mark.place(),
        }
    }

    /// Whether the field is in the document.
    pub fn contains(&self, path: &FieldPath) -> bool {
        self.innermost(path).1
    }

    /// The spans of one part of the document, for a `List` whose items are handled one by one.
    pub fn part(&self, path: &FieldPath) -> Option<Self> {
        match self.innermost(path) {
            (mark, true) => Some(Self::new(mark.clone())),
            (_, false) => None,
        }
    }

    /// Sets the place of a problem that has none, from its path.
    pub fn locate(&self, problem: &mut Problem) {
        if problem.position.is_none() {
            let on_key = problem.code == crate::decode::UNKNOWN_FIELD;
            let place = if on_key {
                self.key_position(&problem.path)
            } else {
                self.position(&problem.path)
            };
            problem.position = Some(place);
        }
    }

    /// The deepest node on the path, and whether it is the path's end.
    fn innermost(&self, path: &FieldPath) -> (&Mark, bool) {
        let mut mark = &self.root;
        for segment in path.segments() {
            match mark.child(segment) {
                Some(child) => mark = child,
                None => return (mark, false),
            }
        }
        (mark, true)
    }
}
