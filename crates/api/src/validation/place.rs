//! Where validation stands in an object.

use std::fmt::Write as _;

use crate::problem::FieldPath;

/// The field in hand, kept on the stack: a path is only built when there is something to report.
///
/// Upstream prints some paths differently from where the field really is: elements of `params` and `env` by name, a
/// few fields in odd spellings. A place knows both, the true one to point into a file and the printed one for the
/// webhook's message.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    real: Step<'a>,
    printed: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Nothing,
    Field(&'a str),
    Static(&'static str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Place<'a> {
    /// The whole object.
    pub(super) const fn root() -> Self {
        Self {
            parent: None,
            real: Step::Nothing,
            printed: Step::Nothing,
        }
    }

    fn then(&'a self, real: Step<'a>, printed: Step<'a>) -> Self {
        Self {
            parent: Some(self),
            real,
            printed,
        }
    }

    /// A named field.
    pub(super) fn field(&'a self, name: &'static str) -> Self {
        self.then(Step::Static(name), Step::Static(name))
    }

    /// A named field that upstream's path leaves out.
    pub(super) fn unprinted(&'a self, name: &'static str) -> Self {
        self.then(Step::Static(name), Step::Nothing)
    }

    /// A named field that upstream's path spells differently.
    pub(super) fn spelt(&'a self, name: &'static str, printed: &'static str) -> Self {
        self.then(Step::Static(name), Step::Static(printed))
    }

    /// An element of a list.
    pub(super) fn index(&'a self, index: usize) -> Self {
        self.then(Step::Index(index), Step::Index(index))
    }

    /// An element of a list that is printed as the list.
    pub(super) fn unprinted_index(&'a self, index: usize) -> Self {
        self.then(Step::Index(index), Step::Nothing)
    }

    /// An element of a list that is printed as `[name]`.
    pub(super) fn keyed(&'a self, index: usize, name: &'a str) -> Self {
        self.then(Step::Index(index), Step::Key(name))
    }

    /// An element of a list that is printed as `.name`.
    pub(super) fn named(&'a self, index: usize, name: &'a str) -> Self {
        self.then(Step::Index(index), Step::Field(name))
    }

    /// A key of a free map.
    pub(super) fn key(&'a self, key: &'a str) -> Self {
        self.then(Step::Key(key), Step::Key(key))
    }

    /// Where the field really is.
    pub(super) fn path(&self) -> FieldPath {
        let parent = self.parent.map_or_else(FieldPath::root, Self::path);
        match self.real {
            Step::Nothing => parent,
            Step::Static(name) => parent.field(name),
            Step::Field(name) => parent.field(name.to_owned()),
            Step::Index(index) => parent.index(index),
            Step::Key(key) => parent.key(key),
        }
    }

    /// The path that upstream prints.
    pub(super) fn printed(&self) -> String {
        let mut text = self.parent.map(Self::printed).unwrap_or_default();
        match self.printed {
            Step::Nothing => {}
            Step::Static(name) | Step::Field(name) => {
                if !text.is_empty() && !name.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            // Writing to a String cannot fail.
            Step::Index(index) => drop(write!(text, "[{index}]")),
            Step::Key(key) => drop(write!(text, "[{key}]")),
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_know_the_true_and_the_printed_path() {
        let root = Place::root();
        let spec = root.field("spec");
        let params = spec.field("params");
        let param = params.keyed(2, "image");
        let value = param.field("value").printed();
        assert_eq!(
            (param.path().to_string(), param.printed(), value),
            (
                "spec.params[2]".into(),
                "spec.params[image]".into(),
                "spec.params[image].value".into()
            )
        );
        let step = spec.unprinted("ref");
        assert_eq!(
            (step.path().to_string(), step.printed()),
            ("spec.ref".into(), "spec".into())
        );
        let named = params.named(0, "o");
        assert_eq!(
            (named.path().to_string(), named.printed()),
            ("spec.params[0]".into(), "spec.params.o".into())
        );
        let image = spec.spelt("image", "Image");
        assert_eq!(
            (image.path().to_string(), image.printed()),
            ("spec.image".into(), "spec.Image".into())
        );
    }
}
