//! Unpacked layers.

use std::fs;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use serde::Serialize;

use super::Store;
use super::error::Result;
use super::error::call;
use super::lock;
use super::lock::Mode;
use crate::digest::Digest;
use crate::unpack::Unpacked;

/// What the store knows about an unpacked layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    /// Digest of the uncompressed archive.
    pub(crate) diff_id: Digest,
    /// Chain of the layers below.
    pub(crate) below: Option<Digest>,
    /// Size of the uncompressed archive.
    pub(crate) bytes: u64,
    /// Entries of the archive.
    pub(crate) entries: u64,
    /// The machine's boot during which it was unpacked.
    pub(crate) boot: String,
}

/// A layer being unpacked; whoever holds this is the only one.
pub(crate) struct Work {
    /// The directory to unpack into, empty.
    pub(crate) directory: PathBuf,
    chain: Digest,
    place: PathBuf,
    _lock: File,
}

impl Store {
    /// Directory of an unpacked layer.
    pub(crate) fn layer_directory(&self, chain: &Digest) -> PathBuf {
        self.layout().layer(chain).join("fs")
    }

    /// What is known about a layer that is whole.
    ///
    /// A layer that was not yet safe on disk when the machine went down counts as absent: its files may be empty.
    pub(crate) fn layer(&self, chain: &Digest) -> Option<Facts> {
        let place = self.layout().layer(chain);
        let facts: Facts = serde_json::from_slice(&fs::read(place.join("layer.json")).ok()?).ok()?;
        (facts.boot == self.boot() || place.join("durable").exists()).then_some(facts)
    }

    /// Waits until nobody else unpacks the layer. `None`: it is whole now, or nobody wants it any more.
    pub(crate) fn begin_layer(&self, chain: &Digest, cancelled: &AtomicBool) -> Result<Option<Work>> {
        let held = lock::lock_blocking(&self.layout().layer_lock(chain), Mode::Exclusive, cancelled)?;
        let Some(held) = held.filter(|_| self.layer(chain).is_none()) else {
            return Ok(None);
        };
        // Remains of somebody who was killed, or of a machine that went down.
        let place = self.layout().ingest(&format!("layer-{}", chain.hex()));
        remove_tree(&place)?;
        remove_tree(&self.layout().layer(chain))?;
        let directory = place.join("fs");
        fs::create_dir_all(&directory).map_err(call("make", &directory))?;
        Ok(Some(Work {
            directory,
            chain: *chain,
            place,
            _lock: held,
        }))
    }

    /// Marks layers as safe on disk. To be called after everything was written out.
    pub(crate) fn mark_durable(&self, chains: &[Digest]) -> Result<()> {
        for chain in chains {
            let mark = self.layout().layer(chain).join("durable");
            if !mark.exists() {
                File::create(&mark).map_err(call("make", &mark))?;
            }
        }
        Ok(())
    }
}

impl Work {
    /// Gives a layer whose content was verified its final name.
    pub(crate) fn publish(self, store: &Store, below: Option<Digest>, unpacked: Unpacked) -> Result<()> {
        let facts = Facts {
            diff_id: unpacked.diff_id,
            below,
            bytes: unpacked.bytes,
            entries: unpacked.entries,
            boot: store.boot().to_owned(),
        };
        let file = self.place.join("layer.json");
        let text = serde_json::to_vec(&facts).unwrap_or_default();
        fs::write(&file, text).map_err(call("write", &file))?;
        let place = store.layout().layer(&self.chain);
        fs::rename(&self.place, &place).map_err(call("publish", &place))
    }

    /// Removes what was unpacked of a layer that is not to be.
    pub(crate) fn discard(self) {
        // What is left is removed before the next try.
        if let Err(error) = remove_tree(&self.place) {
            tracing::warn!(%error, "an unfinished layer stays behind");
        }
    }
}

/// Removes a file or a tree, and says how many bytes that gave back.
pub(crate) fn remove_tree(path: &Path) -> Result<u64> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(0);
    };
    let parent = match File::open(parent) {
        Ok(parent) => parent,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(call("open", parent)(error)),
    };
    crate::remove::remove(parent.as_fd(), name.as_bytes()).map_err(call("remove", path))
}
