//! What an image may still take.

use super::error::Fault;
use crate::limits::Limits;

/// What is left of the limits of one image, over all its layers.
#[derive(Clone, Debug)]
pub struct Budget {
    bytes: u64,
    entries: u64,
    most_bytes: u64,
    most_entries: u64,
}

impl Budget {
    /// All of it.
    pub fn new(limits: &Limits) -> Self {
        Self {
            bytes: limits.bytes,
            entries: limits.entries,
            most_bytes: limits.bytes,
            most_entries: limits.entries,
        }
    }

    /// Bytes that are left.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn take_entry(&mut self) -> Result<(), Fault> {
        self.entries = self.entries.checked_sub(1).ok_or(Fault::Limit {
            what: "the number of files of the image",
            most: self.most_entries,
        })?;
        Ok(())
    }

    pub(super) fn take_bytes(&mut self, count: u64) -> Result<(), Fault> {
        self.bytes = self.bytes.checked_sub(count).ok_or(Fault::Limit {
            what: "the unpacked size of the image, in bytes,",
            most: self.most_bytes,
        })?;
        Ok(())
    }
}
