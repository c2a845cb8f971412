//! Paths of the store, and how a file gets its final name.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use super::error::Error;
use super::error::Result;
use super::error::call;
use crate::digest::Digest;

/// What the version file says.
const FORMAT: &str = "windlass images 1\n";

/// Parts of the store.
const PARTS: [&str; 6] = ["blobs/sha256", "ingest", "layers", "images", "leases", "locks"];

/// Paths below the store's root.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes the directories that are missing, and checks that we know the format.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        // Files in here may be setuid: nobody else has business in it.
        make(root)?;
        let version = root.join("version");
        match fs::read_to_string(&version) {
            Ok(found) if found == FORMAT => {}
            Ok(found) => {
                return Err(Error::Format {
                    path: root.to_owned(),
                    found: found.trim().chars().take(100).collect(),
                    expected: FORMAT.trim(),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(call("read", &version)(error)),
        }
        let layout = Self {
            root: root.to_owned(),
        };
        for part in PARTS {
            make(&root.join(part))?;
        }
        if !version.exists() {
            layout.replace(&version, FORMAT.as_bytes())?;
        }
        Ok(layout)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn part(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    pub(crate) fn ingest(&self, name: &str) -> PathBuf {
        self.root.join("ingest").join(name)
    }

    pub(crate) fn layer(&self, chain: &Digest) -> PathBuf {
        self.root.join("layers").join(chain.hex())
    }

    /// Held by who transfers a blob. Not the same as a layer's, although the names may be: each waits for the other.
    pub(crate) fn blob_lock(&self, digest: &Digest) -> PathBuf {
        self.root.join("locks").join(format!("blob-{}", digest.hex()))
    }

    /// Held by who unpacks a layer.
    pub(crate) fn layer_lock(&self, chain: &Digest) -> PathBuf {
        self.root.join("locks").join(format!("layer-{}", chain.hex()))
    }

    /// A name in `ingest` that nobody else has.
    pub(crate) fn fresh(&self, purpose: &str) -> PathBuf {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        self.ingest(&format!("{purpose}-{}-{count}", std::process::id()))
    }

    /// Replaces a small file, so that readers and crashes see the old content or the new.
    pub(crate) fn replace(&self, path: &Path, content: &[u8]) -> Result<()> {
        let fresh = self.fresh("file");
        let written = File::create(&fresh).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        written.map_err(call("write", &fresh))?;
        fs::rename(&fresh, path).map_err(call("replace", path))?;
        let directory = path.parent().unwrap_or(&self.root);
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(call("sync", directory))
    }
}

fn make(directory: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(directory).map_err(call("make", directory))?;
    // Without bits that a directory above hands down: they would change the groups of what is unpacked here.
    let mode = fs::metadata(directory)
        .map_err(call("look at", directory))?
        .permissions()
        .mode();
    if mode & 0o7777 != 0o700 {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
            .map_err(call("close", directory))?;
    }
    Ok(())
}
