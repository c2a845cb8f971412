//! Locks between processes. The kernel lets go of them when their holder dies.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::error::Result;
use super::error::call;

/// Pause between two tries. Waiting in the kernel could not be called off.
const PAUSE: Duration = Duration::from_millis(5);

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Beside others.
    Shared,
    /// Alone.
    Exclusive,
}

/// Takes a lock if nobody stands in the way.
pub(crate) fn try_lock(path: &Path, mode: Mode) -> Result<Option<File>> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(call("open", path))?;
    let locked = match mode {
        Mode::Shared => file.try_lock_shared(),
        Mode::Exclusive => file.try_lock(),
    };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(call("lock", path)(error)),
    }
}

/// Waits for a lock, without holding up other tasks.
pub(crate) async fn lock(path: &Path, mode: Mode) -> Result<File> {
    loop {
        if let Some(file) = try_lock(path, mode)? {
            return Ok(file);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits for a lock on a thread of its own; `None` when nobody wants it any more.
pub(crate) fn lock_blocking(path: &Path, mode: Mode, cancelled: &AtomicBool) -> Result<Option<File>> {
    while !cancelled.load(Ordering::Relaxed) {
        if let Some(file) = try_lock(path, mode)? {
            return Ok(Some(file));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(None)
}
