//! Where commits are kept so that they outlive the process.
//!
//! The store in memory decides and serves; a [`Backend`] only keeps what was decided. [`Sqlite`] is the embedded one.

mod care;
mod sqlite;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use windlass_api::Kind;

use crate::write::EventType;

pub use sqlite::Sqlite;

/// One change of one object, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Kind of the object.
    pub kind: Kind,
    /// Its namespace; empty for kinds without.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Version of the commit.
    pub version: u64,
    /// What happened.
    pub event: EventType,
    /// The object after the change as JSON; its last state when it is gone.
    pub json: Bytes,
}

/// What a backend holds when it is opened.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Version of the newest commit.
    pub version: u64,
    /// Every object there is.
    pub records: Vec<Record>,
}

/// Why a backend could not do what was asked. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no room.
    #[error("there is no room for it on the disk")]
    Full,
    /// Nothing may be written.
    #[error("it may not be written")]
    ReadOnly,
    /// Another process has it.
    #[error("another process uses it")]
    InUse,
    /// What is kept is damaged.
    #[error("it is damaged: {0}; restore a backup")]
    Corrupt(String),
    /// It was written by a newer release.
    #[error("it has the form {found}, and this release knows forms up to {known}; use a newer release")]
    Newer {
        /// Form that was found.
        found: i64,
        /// Newest form that is known.
        known: i64,
    },
    /// Anything else.
    #[error("{0}")]
    Unavailable(String),
}

/// Keeps commits. Used by one thread, which may wait for it.
pub trait Backend: Send + 'static {
    /// Everything that is kept.
    ///
    /// # Errors
    /// When it cannot be read whole.
    fn load(&mut self) -> Result<Loaded, Error>;

    /// Starts a batch: takes the right to write where several processes share what is kept, and tells what the others
    /// committed after a version.
    ///
    /// # Errors
    /// When the right cannot be had.
    fn begin(&mut self, since: u64) -> Result<Vec<Record>, Error>;

    /// Keeps the batch, all or nothing; it is on disk afterwards. Gives back what [`begin`](Self::begin) took.
    ///
    /// # Errors
    /// When it could not be kept; nothing of it is.
    fn commit(&mut self, records: &[Record]) -> Result<(), Error>;

    /// Gives back what [`begin`](Self::begin) took, without keeping anything.
    fn abandon(&mut self);

    /// What others committed after a version; waits up to `wait` for it. A backend of one process has no others.
    ///
    /// # Errors
    /// When it cannot be read.
    fn tail(&mut self, since: u64, wait: Duration) -> Result<Vec<Record>, Error>;
}
