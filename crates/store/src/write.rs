//! What can be asked of the store, and what it tells.

use windlass_api::Key;
use windlass_api::Object;

/// One change; several make a commit, which happens whole or not at all.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new object, with a name or a `generateName`. A status it carries is dropped.
    Create(Object),
    /// New desired state and metadata; status stays as it is. The object's `resourceVersion`, when not empty, must be
    /// the stored one.
    Update(Object),
    /// New status; everything else stays as it is. The object's `resourceVersion`, when not empty, must be the stored
    /// one.
    UpdateStatus(Object),
    /// Removal. `uid`, when not empty, must be the stored one. An object with finalizers is marked only: it goes when an
    /// update takes the last of them away.
    Delete {
        /// Which object.
        key: Key,
        /// Identity it must have.
        uid: String,
    },
    /// Nothing changes, but the object must be there, with this version when it is not empty.
    Assert {
        /// Which object.
        key: Key,
        /// Version it must have.
        version: String,
    },
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It is new, or new to the watcher.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the event holds its last state.
    Deleted,
}

/// A change as watchers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// The object after the change.
    pub object: Object,
    /// Version of the commit.
    pub version: u64,
}
