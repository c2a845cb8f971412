//! The files.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::Entry;

/// Why an entry was not kept.
#[derive(Debug, thiserror::Error)]
#[error("write the audit log {}", .path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after which a file is closed; default 64 MiB.
    pub bytes: u64,
    /// Closed files that are kept, `audit.log.1` the newest; default 8.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            files: 8,
        }
    }
}

/// The log of a plane: `audit.log` in a directory, for its owner alone.
pub struct Audit {
    path: PathBuf,
    limits: Limits,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    bytes: u64,
}

impl Audit {
    /// Opens the log to add to it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(directory: &Path, limits: Limits) -> Result<Self, Error> {
        let path = directory.join("audit.log");
        let open = open(&path).map_err(|source| Error {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            limits,
            open: Mutex::new(open),
        })
    }

    /// Adds an entry; it is with the system when this returns.
    ///
    /// # Errors
    /// When it could not be written, as on a full disk. Whether the request goes on is the caller's to say.
    pub fn record(&self, entry: &Entry) -> Result<(), Error> {
        self.write(entry).map_err(|source| Error {
            path: self.path.clone(),
            source,
        })
    }

    fn write(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let mut state = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if state.bytes > 0 && state.bytes.saturating_add(length) > self.limits.bytes {
            // It is absent when it was closed before and no new one could be opened then.
            if self.path.exists() {
                self.rotate()?;
            }
            *state = open(&self.path)?;
        }
        // One call, so that a line is whole or absent.
        state.file.write_all(&line)?;
        state.bytes += length;
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        let closed = |number: usize| self.path.with_extension(format!("log.{number}"));
        for number in (1..self.limits.files).rev() {
            absent_is_fine(std::fs::rename(closed(number), closed(number + 1)))?;
        }
        if self.limits.files == 0 {
            return std::fs::remove_file(&self.path);
        }
        std::fs::rename(&self.path, closed(1))
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn open(path: &Path) -> io::Result<Open> {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Open { file, bytes })
}
