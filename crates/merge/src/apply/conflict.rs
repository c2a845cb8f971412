//! Fields that one manager wants to change and another owns.

use std::fmt;

use crate::apply::identity::Identity;
use crate::fields::Element;
use crate::fields::FieldSet;
use crate::fields::path_text;

/// One field in conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns the field.
    pub manager: Identity,
    /// The field.
    pub path: Vec<Element>,
}

/// All fields in conflict, by manager; never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflict {
    /// The `message` of the cause with type `FieldManagerConflict` in the answer.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.manager)
    }

    /// The `field` of that cause.
    pub fn field(&self) -> String {
        path_text(&self.path)
    }
}

impl Conflicts {
    pub(super) fn of(manager: &Identity, fields: &FieldSet) -> Vec<Conflict> {
        let paths = fields.paths().into_iter();
        paths
            .map(|path| Conflict {
                manager: manager.clone(),
                path,
            })
            .collect()
    }
}

impl fmt::Display for Conflicts {
    /// Writes the message of the API server.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(
                formatter,
                "Apply failed with 1 conflict: {}: {}",
                only.message(),
                only.field()
            );
        }
        write!(formatter, "Apply failed with {} conflicts: ", self.0.len())?;
        let mut named = None;
        for conflict in &self.0 {
            if named != Some(&conflict.manager) {
                let line = if named.is_some() { "\n" } else { "" };
                write!(formatter, "{line}conflicts with {}:", conflict.manager)?;
                named = Some(&conflict.manager);
            }
            write!(formatter, "\n- {}", conflict.field())?;
        }
        Ok(())
    }
}
