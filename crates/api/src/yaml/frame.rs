//! A list or object that is being read.

use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;

use crate::problem::FieldPath;
use crate::problem::Position;
use crate::problem::Problem;
use crate::problem::Segment;
use crate::yaml::document::Mark;

/// A value with its place.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) mark: Mark,
}

impl Node {
    pub(super) fn null(at: Position) -> Self {
        Self {
            value: Value::Null,
            mark: Mark {
                key: None,
                at,
                children: Vec::new(),
            },
        }
    }
}

/// What the next node of an object is.
pub(super) enum Pending {
    /// A key.
    Nothing,
    /// The value of this key.
    Key(Arc<str>, Position),
    /// What a `<<` at this place merges.
    Merge(Position),
    /// The value of a key that was refused.
    Skip,
}

/// What has been read so far.
pub(super) enum Content {
    List(Vec<Value>),
    Object {
        members: Map<String, Value>,
        pending: Pending,
        merges: Vec<(Node, Position)>,
    },
}

/// A list or object whose end has not been read yet.
pub(super) struct Frame {
    pub(super) content: Content,
    /// The places of the items or members, in their order.
    pub(super) marks: Vec<Mark>,
    pub(super) at: Position,
    /// The anchor's number; 0 for none.
    pub(super) anchor: usize,
    /// What all nodes before this one cost, to tell its own cost at its end.
    pub(super) nodes_before: usize,
    pub(super) text_before: usize,
    /// Levels of nesting, itself included.
    pub(super) height: usize,
}

/// The step into a member: names that read as a field are written as one.
pub(super) fn segment_for(name: &str) -> Segment {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(is_plain) {
        Segment::Field(name.to_owned().into())
    } else {
        Segment::Key(name.into())
    }
}

impl Frame {
    /// The step to the node that is being read.
    pub(super) fn segment(&self) -> Option<Segment> {
        match &self.content {
            Content::List(items) => Some(Segment::Index(items.len())),
            Content::Object {
                pending: Pending::Key(name, _),
                ..
            } => Some(segment_for(name)),
            Content::Object { .. } => None,
        }
    }

    /// The slot for what follows a key, when the next node is a key.
    pub(super) fn awaits_key(&mut self) -> Option<&mut Pending> {
        match &mut self.content {
            Content::Object {
                pending: pending @ Pending::Nothing,
                ..
            } => Some(pending),
            _ => None,
        }
    }

    /// Where a key stands already.
    pub(super) fn place_of(&self, name: &str) -> Option<Position> {
        let Content::Object { members, .. } = &self.content else {
            return None;
        };
        if !members.contains_key(name) {
            return None;
        }
        self.marks
            .iter()
            .filter_map(|mark| mark.key.as_ref())
            .find(|(key, _)| &**key == name)
            .map(|(_, at)| *at)
    }

    pub(super) fn insert(&mut self, name: Arc<str>, at: Position, node: Node) {
        if let Content::Object { members, .. } = &mut self.content {
            members.insert(name.as_ref().to_owned(), node.value);
            self.marks.push(Mark {
                key: Some((name, at)),
                ..node.mark
            });
        }
    }

    pub(super) fn keep_merge(&mut self, node: Node, at: Position) {
        if let Content::Object { merges, .. } = &mut self.content {
            merges.push((node, at));
        }
    }

    /// Adds the members of merged objects that the object does not have itself; the first one wins.
    pub(super) fn apply_merges(&mut self, path: &FieldPath) -> Vec<Problem> {
        let Content::Object { members, merges, .. } = &mut self.content else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        for (node, at) in std::mem::take(merges) {
            let sources = match node.value {
                Value::Array(items) => items.into_iter().zip(node.mark.children).collect(),
                value => vec![(value, node.mark)],
            };
            for (value, mark) in sources {
                let Value::Object(mut source) = value else {
                    let message = "a merge key needs an object, an alias of one, or a list of them";
                    problems.push(Problem::error("yaml-merge", path.clone(), message).at(at));
                    continue;
                };
                for mark in mark.children {
                    let Some(name) = mark.key.as_ref().map(|(name, _)| Arc::clone(name)) else {
                        continue;
                    };
                    if let Some(value) = source.remove(name.as_ref())
                        && !members.contains_key(name.as_ref())
                    {
                        members.insert(name.as_ref().to_owned(), value);
                        self.marks.push(mark);
                    }
                }
            }
        }
        problems
    }

    pub(super) fn into_node(self) -> Node {
        let value = match self.content {
            Content::List(items) => Value::Array(items),
            Content::Object { members, .. } => Value::Object(members),
        };
        Node {
            value,
            mark: Mark {
                key: None,
                at: self.at,
                children: self.marks,
            },
        }
    }
}
