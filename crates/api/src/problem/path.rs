//! The path from an object to one of its fields.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

use serde::Serialize;
use serde::Serializer;

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A named field of an object, written `.name`.
    Field(Cow<'static, str>),
    /// An element of a list, counted from 0, written `[0]`.
    Index(usize),
    /// A key of a free map such as `labels`, written `[key]`.
    Key(Box<str>),
}

impl Segment {
    /// The key by which this step enters an object; `None` for a list index.
    pub fn as_key(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Key(key) => Some(key),
            Self::Index(_) => None,
        }
    }
}

/// Names a field inside an object as Kubernetes does: `spec.tasks[0].params[2].name`.
///
/// A path shares its beginning with the paths made from it, so extending one costs one small
/// allocation whatever its length, and cloning one costs none. The empty path names the whole object.
///
/// ```
/// use windlass_api::problem::FieldPath;
///
/// let tasks = FieldPath::root().field("spec").field("tasks");
/// assert_eq!(tasks.index(0).field("name").to_string(), "spec.tasks[0].name");
/// ```
#[derive(Clone, Default)]
pub struct FieldPath(Option<Arc<Step>>);

struct Step {
    parent: FieldPath,
    segment: Segment,
}

impl FieldPath {
    /// The path of the whole object.
    pub const fn root() -> Self {
        Self(None)
    }

    /// Extends the path by a named field.
    #[must_use]
    pub fn field(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.then(Segment::Field(name.into()))
    }

    /// Extends the path by a list element, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// Extends the path by a key of a free map.
    #[must_use]
    pub fn key(&self, key: impl Into<Box<str>>) -> Self {
        self.then(Segment::Key(key.into()))
    }

    /// Extends the path by one step of any kind.
    #[must_use]
    pub fn then(&self, segment: Segment) -> Self {
        Self(Some(Arc::new(Step {
            parent: self.clone(),
            segment,
        })))
    }

    /// Extends the path by all the steps of a path that starts where this one ends.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        rest.segments()
            .into_iter()
            .fold(self.clone(), |path, segment| path.then(segment.clone()))
    }

    /// The path without its last step; `None` for the root.
    pub fn parent(&self) -> Option<&Self> {
        self.0.as_deref().map(|step| &step.parent)
    }

    /// The last step; `None` for the root.
    pub fn last(&self) -> Option<&Segment> {
        self.0.as_deref().map(|step| &step.segment)
    }

    /// Whether this is the path of the whole object.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// All steps, from the object inwards.
    pub fn segments(&self) -> Vec<&Segment> {
        let mut segments = Vec::new();
        let mut rest = self;
        while let Some(step) = rest.0.as_deref() {
            segments.push(&step.segment);
            rest = &step.parent;
        }
        segments.reverse();
        segments
    }
}

impl FromIterator<Segment> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        segments
            .into_iter()
            .fold(Self::root(), |path, segment| path.then(segment))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments().into_iter().enumerate() {
            match segment {
                Segment::Field(name) if position == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({self})")
    }
}

impl PartialEq for FieldPath {
    fn eq(&self, other: &Self) -> bool {
        self.segments() == other.segments()
    }
}

impl Eq for FieldPath {}

impl PartialOrd for FieldPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FieldPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.segments().cmp(&other.segments())
    }
}

impl Hash for FieldPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.segments().hash(state);
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
