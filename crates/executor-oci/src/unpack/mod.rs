//! Layers become directories that overlayfs can stack.
//!
//! A layer is an archive of strangers. Read [`layer`] first, then `view.rs`: how a name of the archive becomes a place,
//! and why it cannot be one outside.

mod apply;
mod budget;
mod content;
mod error;
pub(crate) mod header;
mod metadata;
mod overlay;
mod pax;
mod place;
mod sparse;
mod stream;
pub(crate) mod tar;
mod view;

use std::io;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use rustix::fs::Mode;
use rustix::fs::OFlags;

pub use budget::Budget;
pub use error::Error;
pub use error::Fault;
pub use error::Result;
pub(crate) use error::shown;
pub use overlay::Ownership;

use crate::digest::Digest;
use crate::limits::Limits;

/// Where and how a layer is unpacked.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// An empty directory.
    pub directory: &'a Path,
    /// The unpacked layers below, lowest first.
    pub lowers: &'a [PathBuf],
    /// Whose store it is.
    pub ownership: Ownership,
    /// What is refused.
    pub limits: &'a Limits,
    /// Set when nobody wants the layer any more: the call ends soon, with an error. A failing call sets it too, for the
    /// sake of an input that waits for it.
    pub cancelled: &'a AtomicBool,
}

/// A layer that was unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
    /// Size of the uncompressed archive, in bytes.
    pub bytes: u64,
    /// Entries of the archive.
    pub entries: u64,
}

/// Unpacks one layer: plain, gzip or zstd, told by its first bytes.
///
/// # Guarantees
/// Nothing outside the directory is made, changed or read, whatever the archive holds, except that files of the lower
/// layers are read.
///
/// # Errors
/// Names the entry at fault. The directory then holds a part of the layer.
pub fn layer(input: Box<dyn Read + Send>, target: Target<'_>, budget: &mut Budget) -> Result<Unpacked> {
    let bounds = stream::Bounds {
        bytes: budget.bytes(),
        limits: target.limits,
        cancelled: target.cancelled,
    };
    let (unpack_sender, unpack) = sync_channel(stream::AHEAD);
    let (hash_sender, hash) = sync_channel(stream::AHEAD);
    std::thread::scope(|scope| {
        let bounds = &bounds;
        scope.spawn(move || stream::decompress(input, bounds, &unpack_sender, &hash_sender));
        let hash = scope.spawn(move || stream::hash(&hash));
        let entries = entries(stream::Chunks::new(&unpack), target, budget);
        // A decompressor that still has something to say must not wait for us.
        drop(unpack);
        if entries.is_err() {
            // Nor must it wait for a slow transfer.
            target.cancelled.store(true, Ordering::Relaxed);
        }
        let entries = entries?;
        let (diff_id, bytes) = hash.join().map_err(|_| Error::Archive {
            after: String::new(),
            fault: Fault::Read(io::Error::other("the hashing thread ended")),
        })?;
        let spent = budget.take_bytes(bytes);
        spent.map_err(|fault| Error::Archive {
            after: String::new(),
            fault,
        })?;
        Ok(Unpacked {
            diff_id,
            bytes,
            entries,
        })
    })
}

fn entries(chunks: stream::Chunks<'_>, target: Target<'_>, budget: &mut Budget) -> Result<u64> {
    let root = open(target.directory)?;
    let lowers = target.lowers.iter().rev().map(|lower| open(lower));
    let lowers = lowers.collect::<Result<Vec<_>>>()?;
    let applier = apply::Applier::new(root, lowers, target.ownership, target.limits);
    let mut applier = applier.map_err(|source| prepare(target.directory, source))?;
    let mut archive = tar::Reader::new(chunks);
    let (mut after, mut count) = (Vec::new(), 0);
    loop {
        let entry = archive.next().map_err(|error| Error::Archive {
            after: shown(&after),
            fault: content::fault(error),
        })?;
        let Some(entry) = entry else { break };
        let applied = budget
            .take_entry()
            .and_then(|()| applier.apply(&entry, &mut archive, budget));
        applied.map_err(|fault| at(&entry.path, fault))?;
        (after, count) = (entry.path, count + 1);
    }
    // What follows the end mark belongs to the digest all the same.
    let drained = io::copy(&mut archive.into_input(), &mut io::sink());
    drained.map_err(|error| Error::Archive {
        after: shown(&after),
        fault: content::fault(tar::Error::Read(error)),
    })?;
    applier.finish().map_err(|(path, fault)| at(&path, fault))?;
    Ok(count)
}

fn at(path: &[u8], fault: Fault) -> Error {
    Error::Entry {
        path: shown(path),
        fault,
    }
}

fn open(directory: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(directory, flags, Mode::empty()).map_err(|errno| prepare(directory, errno.into()))
}

fn prepare(directory: &Path, source: io::Error) -> Error {
    Error::Prepare {
        place: directory.display().to_string(),
        source,
    }
}
