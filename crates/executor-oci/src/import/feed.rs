//! A blob that is read while it is still being transferred.
//!
//! The file in the store is the buffer between the two: a slow reader costs no memory, and a transfer that begins again
//! in the middle is nothing that the reader notices.

use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a reader that waits looks whether anybody still wants the layer.
const LOOK: Duration = Duration::from_millis(20);

/// How far a blob has come.
#[derive(Debug, Default)]
pub(super) struct Feed {
    state: Mutex<State>,
    changed: Condvar,
    /// Some of it was in the store before, and may be damaged.
    is_inherited: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    file: Option<Arc<File>>,
    available: u64,
    /// It is complete, and what it should be.
    is_verified: bool,
}

impl Feed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that some of the blob was in the store before.
    pub(super) fn mark_inherited(&self) {
        self.is_inherited.store(true, Ordering::Relaxed);
    }

    /// Whether some of the blob was in the store before.
    pub(super) fn is_inherited(&self) -> bool {
        self.is_inherited.load(Ordering::Relaxed)
    }

    /// Says that so many bytes at the beginning of the file can be read.
    pub(super) fn advance(&self, file: &Arc<File>, available: u64) {
        let mut state = self.state();
        state.file.get_or_insert_with(|| Arc::clone(file));
        state.available = available;
        self.changed.notify_all();
    }

    /// Says that the blob is complete, and what it should be.
    pub(super) fn complete(&self, file: Arc<File>, size: u64) {
        let mut state = self.state();
        state.file = Some(file);
        state.available = size;
        state.is_verified = true;
        self.changed.notify_all();
    }

    /// A reader from the beginning. It reaches the end only when the blob was verified.
    pub(super) fn reader(self: &Arc<Self>, cancelled: Arc<AtomicBool>) -> Reader {
        Reader {
            feed: Arc::clone(self),
            cancelled,
            at: 0,
        }
    }
}

/// Reads a blob as far as it has come, and waits for the rest.
#[derive(Debug)]
pub(super) struct Reader {
    feed: Arc<Feed>,
    cancelled: Arc<AtomicBool>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.feed.state();
        while state.available <= self.at {
            if state.is_verified {
                return Ok(0);
            }
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(io::Error::other("the transfer was given up"));
            }
            let waited = self.feed.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let ready = usize::try_from(state.available - self.at).unwrap_or(usize::MAX);
        let Some(file) = state.file.clone() else {
            return Err(io::Error::other("a blob without a file"));
        };
        drop(state);
        let length = ready.min(buffer.len());
        let count = file.read_at(buffer.get_mut(..length).unwrap_or_default(), self.at)?;
        if count == 0 && length > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}
