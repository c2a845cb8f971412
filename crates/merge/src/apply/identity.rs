//! What tells the entries of an object apart.

use std::fmt;

use crate::apply::actor::Actor;

/// The name of an entry. Whoever applies has one entry per subresource; whoever updates one per version, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The manager.
    pub manager: String,
    /// How it writes.
    pub operation: Operation,
    /// The version it writes in; empty for [`Operation::Apply`].
    pub api_version: String,
    /// The subresource it writes to; empty for the object itself.
    pub subresource: String,
}

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By anything else.
    Update,
}

impl Operation {
    /// The text of `operation` in an entry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

impl Identity {
    pub(super) fn applier(actor: &Actor<'_>) -> Self {
        Self {
            manager: actor.manager.to_owned(),
            operation: Operation::Apply,
            api_version: String::new(),
            subresource: actor.subresource.to_owned(),
        }
    }

    pub(super) fn updater(manager: &str, api_version: &str, subresource: &str) -> Self {
        Self {
            manager: manager.to_owned(),
            operation: Operation::Update,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }
}

impl fmt::Display for Identity {
    /// Writes the manager as messages about conflicts name it: `"kubectl-edit" using v1`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.manager)?;
        if !self.subresource.is_empty() {
            write!(formatter, " with subresource {:?}", self.subresource)?;
        }
        if self.operation == Operation::Update {
            write!(formatter, " using {}", self.api_version)?;
        }
        Ok(())
    }
}
