//! What a path is made of.

use std::str::FromStr;

use serde_json::Value;

use crate::jsonpath::Error;
use crate::jsonpath::find::Budget;
use crate::jsonpath::find::find;
use crate::jsonpath::parse::parse_path;

/// A path to values in an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// A field of objects.
    Field(String),
    /// All fields of objects, all items of lists.
    All,
    /// Every object and list below, and the value itself.
    Descend,
    /// One item of lists; negative ones count from the end.
    Index(i64),
    /// Some items of lists.
    Slice(Slice),
    /// The values of several paths.
    Union(Vec<Path>),
    /// The items for which it holds.
    Filter(Filter),
    /// A value that is written in the path itself.
    Literal(Value),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Slice {
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    /// At least one.
    pub(super) step: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    pub(super) left: Path,
    /// Nothing when it is asked whether the left is there.
    pub(super) right: Option<(Comparison, Path)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Path {
    /// The values that the path leads to, in order.
    ///
    /// # Errors
    /// When it looks at more than [`MAX_VISITS`](crate::jsonpath::MAX_VISITS) values.
    pub fn find<'a>(&'a self, value: &'a Value) -> Result<Vec<&'a Value>, Error> {
        find(&self.steps, vec![value], &mut Budget::new())
    }
}

impl FromStr for Path {
    type Err = Error;

    /// Parses `.a.b`, `a.b`, `$.a.b` or `{.a.b}`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let inner = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(text);
        parse_path(inner)
    }
}
