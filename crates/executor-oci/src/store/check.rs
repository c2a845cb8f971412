//! Looks whether the store is what it should be.

use std::fs;
use std::io;
use std::path::Path;

use sha2::Digest as _;
use sha2::Sha256;

use super::Store;
use super::error::Result;
use super::error::call;
use super::image::read_record;
use crate::digest::Digest;

impl Store {
    /// Reads every blob and every record, and lists what is damaged or missing: nothing, in a store that is well.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn check(&self) -> Result<Vec<String>> {
        let _held = self.enter_blocking()?;
        let mut problems = Vec::new();
        for (path, digest) in self.named("blobs/sha256", &mut problems)? {
            match hash(&path) {
                Ok(found) if found == digest => {}
                Ok(found) => problems.push(format!("blob {digest} has the content of {found}")),
                Err(error) => problems.push(format!("blob {digest}: {error}")),
            }
        }
        for (path, chain) in self.named("layers", &mut problems)? {
            let is_whole = path.join("fs").is_dir() && self.layer(&chain).is_some();
            if !is_whole {
                problems.push(format!("layer {chain} is not whole"));
            }
        }
        self.check_images(&mut problems)?;
        Ok(problems)
    }

    /// Whether a blob's content is not what its name says.
    pub(crate) fn is_blob_damaged(&self, digest: &Digest) -> Result<bool> {
        let path = self.layout().blob(digest);
        let found = hash(&path).map_err(call("read", &path))?;
        Ok(found != *digest)
    }

    fn check_images(&self, problems: &mut Vec<String>) -> Result<()> {
        for (path, _) in self.named("images", problems)? {
            let record = match read_record(&path) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(error) => {
                    problems.push(format!("{error}"));
                    continue;
                }
            };
            let name = &record.name;
            for digest in record.blobs().filter(|digest| self.blob_size(digest).is_none()) {
                problems.push(format!("image {name}: blob {digest} is missing"));
            }
            for layer in &record.layers {
                if self.layer(&layer.chain).is_none() {
                    problems.push(format!("image {name}: layer {} is missing", layer.chain));
                }
            }
        }
        Ok(())
    }

    /// Everything in a part of the store whose name is a digest; anything else is a problem.
    fn named(&self, part: &str, problems: &mut Vec<String>) -> Result<Vec<(std::path::PathBuf, Digest)>> {
        let directory = self.layout().part(part);
        let mut named = Vec::new();
        for entry in fs::read_dir(&directory).map_err(call("list", &directory))? {
            let path = entry.map_err(call("list", &directory))?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            match Digest::from_hex(name) {
                Some(digest) => named.push((path, digest)),
                None => problems.push(format!("{part}/{name} has no business there")),
            }
        }
        named.sort();
        Ok(named)
    }
}

fn hash(path: &Path) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut Hashing(&mut hasher))?;
    Ok(Digest::finish(hasher))
}

/// A place to write to that only hashes.
pub(crate) struct Hashing<'a>(pub(crate) &'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
