//! One kind in one version, as clients see it.

use windlass_api::Kind;

use crate::access::Verb;

/// Where objects of a resource come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Stored objects of a kind.
    Stored(Kind),
    /// Pods, made from task runs.
    Pods,
    /// Nothing: the resource exists because clients insist on it, and is always empty.
    Empty,
}

/// One kind in one version, as clients see it.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Group; empty for the core group.
    pub group: String,
    /// Version, without the group.
    pub version: String,
    /// Name of the kind.
    pub kind: String,
    /// Name in paths.
    pub plural: String,
    /// Name of one.
    pub singular: String,
    /// Short names for the command line.
    pub short_names: Vec<String>,
    /// Groups of kinds that it is part of.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// What may be asked for.
    pub verbs: Vec<Verb>,
    /// Whether it has `/status`.
    pub has_status: bool,
    /// Where objects come from.
    pub source: Source,
}

impl Resource {
    /// Group and version as objects write it.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}
