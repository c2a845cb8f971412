//! What an import does, for who watches.

use crate::digest::Digest;

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The image consists of so many layers; these are all bytes of them as transferred.
    Layers {
        /// How many there are.
        count: usize,
        /// Bytes of all of them.
        bytes: u64,
    },
    /// A layer's blob is in the store already.
    Present {
        /// The blob.
        digest: Digest,
        /// Its size.
        size: u64,
    },
    /// Bytes of a layer's blob came.
    Bytes {
        /// The blob.
        digest: Digest,
        /// How many came now.
        count: u64,
    },
    /// A layer's blob is complete, and what it should be.
    Transferred {
        /// The blob.
        digest: Digest,
    },
    /// A layer is unpacked.
    Unpacked {
        /// The layer's blob.
        digest: Digest,
    },
}

/// Watches an import. Called often, and from several threads.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Watches nothing.
impl Progress for () {
    fn event(&self, _: &Event) {}
}
