//! Where the store takes time and identity from, so that tests can fix both.

use windlass_api::Time;

/// Source of what the server sets on a new object.
pub trait Stamp: Send + Sync {
    /// The present.
    fn now(&self) -> Time;

    /// An identity that was never given before.
    fn uid(&self) -> String;

    /// Five random characters to complete a `generateName`.
    fn suffix(&self) -> String;
}
