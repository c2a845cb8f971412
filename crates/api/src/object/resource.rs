//! What typed objects have in common.

use std::fmt;
use std::sync::Arc;

use super::Key;
use super::Kind;
use super::Object;
use crate::meta::ObjectMeta;

/// A typed object that the plane stores.
pub trait Resource: Clone + fmt::Debug + Eq + Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;

    /// Name, labels and the rest.
    fn metadata(&self) -> &ObjectMeta;

    /// Name, labels and the rest, to change.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;

    /// Wraps it without copying.
    fn into_object(self: Arc<Self>) -> Object;

    /// The typed object inside, if it has this kind.
    fn from_object(object: &Object) -> Option<&Arc<Self>>;

    /// The key under which it is stored.
    fn key(&self) -> Key {
        let metadata = self.metadata();
        Key {
            kind: Self::KIND,
            namespace: metadata.namespace.as_str().into(),
            name: metadata.name.as_str().into(),
        }
    }
}
