//! Everything a controller or a command may ask of a plane.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Resource;

/// Result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed; the kinds are the reasons of the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such object.
    #[error("{0}")]
    NotFound(String),
    /// An object of that name exists.
    #[error("{0}")]
    AlreadyExists(String),
    /// The object changed since it was read: read it again and repeat.
    #[error("{0}")]
    Conflict(String),
    /// The object was refused.
    #[error("{0}")]
    Invalid(String),
    /// The version asked for is no longer known: list again.
    #[error("{0}")]
    Gone(String),
    /// The plane could not be reached or is shutting down.
    #[error("{0}")]
    Unavailable(String),
}

/// A plane as its users see it: the Kubernetes resource verbs, watches and logs.
///
/// # Guarantees
/// - Objects are shared, never copied: cloning one is cheap.
/// - A watch delivers every change in order, or ends.
pub trait Client: Send + Sync {
    /// Reads an object; `None` when there is none.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>>>;

    /// Reads all objects of a kind, in one namespace or in all.
    fn list<'a>(&'a self, kind: Kind, namespace: Option<&'a str>) -> BoxFuture<'a, Result<List>>;

    /// Stores a new object and returns it with defaults, name and identity.
    fn create(&self, object: Object) -> BoxFuture<'_, Result<Object>>;

    /// Changes desired state and metadata. With a `resourceVersion`, refuses stale changes.
    fn update(&self, object: Object) -> BoxFuture<'_, Result<Object>>;

    /// Changes the status only. With a `resourceVersion`, refuses stale changes.
    fn update_status(&self, object: Object) -> BoxFuture<'_, Result<Object>>;

    /// Removes an object; `uid`, when not empty, must be its identity.
    fn delete<'a>(&'a self, key: &'a Key, uid: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Watches kinds from just after a version; `None` starts with what exists.
    fn watch<'a>(
        &'a self,
        kinds: &'a [Kind],
        namespace: Option<&'a str>,
        from: Option<u64>,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>>>;

    /// Opens the logs that a query selects.
    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<Box<dyn LogStream>>>;
}

/// Objects of one moment.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The objects, ordered by namespace and name.
    pub objects: Vec<Object>,
    /// Version of the moment; a watch from here misses nothing.
    pub version: u64,
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

/// A change of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// The object after the change.
    pub object: Object,
}

/// A stream of changes.
pub trait Watch: Send {
    /// The next change; `None` when the watch ended and must be opened again. Cancel-safe.
    fn next(&mut self) -> BoxFuture<'_, Option<Event>>;
}

/// Selects logs. Empty fields select everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Namespace.
    pub namespace: String,
    /// Pod of an attempt.
    pub pod: String,
    /// Container, for instance `step-build`.
    pub container: String,
    /// Keeps the stream open for what is still to come.
    pub follow: bool,
}

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Pod of the attempt.
    pub pod: Arc<str>,
    /// Container.
    pub container: Arc<str>,
    /// Bytes as printed, masked, at most 64 KiB; possibly a part of a line. Empty when the log is complete.
    pub bytes: Bytes,
}

/// A stream of log pieces; pieces of one container come in order.
pub trait LogStream: Send {
    /// The next piece; `None` at the end. Cancel-safe.
    fn next(&mut self) -> BoxFuture<'_, Option<LogChunk>>;
}

impl dyn Client + '_ {
    /// Reads a typed object; `None` when there is none.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn find<T: Resource>(&self, namespace: &str, name: &str) -> Result<Option<Arc<T>>> {
        let found = self.get(&Key::new(T::KIND, namespace, name)).await?;
        Ok(found.as_ref().and_then(Object::get::<T>).cloned())
    }

    /// Changes desired state by a function until it is written without a conflict; returns the object as stored, or
    /// `None` when it is gone. The function sees the newest object and must be repeatable.
    ///
    /// # Errors
    /// As [`Client::update`], except conflicts.
    pub async fn modify<T: Resource>(
        &self,
        key: &Key,
        mut change: impl FnMut(&mut T) + Send,
    ) -> Result<Option<Arc<T>>> {
        loop {
            let Some(object) = self.get(key).await? else {
                return Ok(None);
            };
            let Some(current) = object.get::<T>() else {
                return Ok(None);
            };
            let mut next = T::clone(current);
            change(&mut next);
            match self.update(Arc::new(next).into_object()).await {
                Err(Error::Conflict(_)) => {}
                Err(Error::NotFound(_)) => return Ok(None),
                other => return other.map(|object| object.get::<T>().cloned()),
            }
        }
    }
}
