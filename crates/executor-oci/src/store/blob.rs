//! Content as it was transferred.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::PathBuf;

use super::Store;
use super::error::Error;
use super::error::Result;
use super::error::call;
use super::lock;
use super::lock::Mode;
use crate::digest::Digest;

/// A blob on its way into the store; whoever holds this is the only one.
pub(crate) struct Ingest {
    /// Open for reading and appending.
    pub(crate) file: File,
    /// Bytes that an earlier attempt left.
    pub(crate) length: u64,
    digest: Digest,
    path: PathBuf,
    _lock: File,
}

impl Store {
    /// Size of a blob that is in the store.
    pub(crate) fn blob_size(&self, digest: &Digest) -> Option<u64> {
        let metadata = fs::metadata(self.layout().blob(digest)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Opens a blob that is in the store.
    pub(crate) fn open_blob(&self, digest: &Digest) -> Result<File> {
        let path = self.layout().blob(digest);
        File::open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::Missing { digest: *digest },
            _ => call("open", &path)(error),
        })
    }

    /// A small blob, verified.
    pub(crate) fn read_blob(&self, digest: &Digest, most: u64) -> Result<Vec<u8>> {
        let path = self.layout().blob(digest);
        let mut bytes = Vec::new();
        let read = self.open_blob(digest)?.take(most).read_to_end(&mut bytes);
        read.map_err(call("read", &path))?;
        if Digest::of(&bytes) == *digest {
            return Ok(bytes);
        }
        Err(Error::Damaged {
            path,
            what: "its content is not what its name says".to_owned(),
        })
    }

    /// Puts a small blob into the store.
    pub(crate) fn write_blob(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if self.blob_size(&digest) != Some(bytes.len() as u64) {
            self.layout().replace(&self.layout().blob(&digest), bytes)?;
        }
        Ok(digest)
    }

    /// Takes out a blob that turned out to be damaged.
    pub(crate) fn drop_blob(&self, digest: &Digest) {
        // What cannot be removed is refused again, with its name.
        let _ = fs::remove_file(self.layout().blob(digest));
    }

    /// Waits until nobody else transfers the blob. `None`: it is complete now.
    pub(crate) async fn ingest(&self, digest: &Digest, size: u64) -> Result<Option<Ingest>> {
        let held = lock::lock(&self.layout().blob_lock(digest), Mode::Exclusive).await?;
        if self.blob_size(digest) == Some(size) {
            return Ok(None);
        }
        let path = self.layout().ingest(&digest.hex());
        let open = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path);
        let file = open.map_err(call("open", &path))?;
        let mut length = file.metadata().map_err(call("look at", &path))?.len();
        if length > size {
            file.set_len(0).map_err(call("truncate", &path))?;
            length = 0;
        }
        Ok(Some(Ingest {
            file,
            length,
            digest: *digest,
            path,
            _lock: held,
        }))
    }
}

impl Ingest {
    /// Gives a blob whose digest was verified its final name.
    pub(crate) fn publish(&self, store: &Store) -> Result<()> {
        let path = store.layout().blob(&self.digest);
        fs::rename(&self.path, &path).map_err(call("publish", &path))
    }

    /// Throws away what turned out to be something else.
    pub(crate) fn discard(&self) -> Result<()> {
        fs::remove_file(&self.path).map_err(call("remove", &self.path))
    }
}
