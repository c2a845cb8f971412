//! Images on disk, shared by all processes of one user.
//!
//! # Guarantees
//! A thing has its final name only when it is whole and was verified, whenever the process or the machine stops. Any
//! number of processes may use one store at the same time. The layout is described in `docs/design/containers.md`.

mod blob;
mod check;
mod error;
mod image;
mod layer;
mod layout;
pub(crate) mod lock;
mod root;
mod sweep;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicBool;

pub(crate) use blob::Ingest;
pub(crate) use check::Hashing;
pub use error::Error;
pub use error::Result;
pub(crate) use error::call;
pub use image::Image;
pub use image::Layer;
pub use image::Lease;
pub use image::Record;
pub(crate) use image::seconds;
pub(crate) use layout::Layout;
pub use root::default_root;
pub use sweep::Policy;
pub use sweep::Removed;
pub use sweep::RemovedImage;

use crate::digest::Digest;
use crate::unpack::Ownership;

/// The content store. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    layout: Layout,
    ownership: Ownership,
    /// Tells this boot of the machine from others.
    boot: String,
    leases: Mutex<HashMap<Digest, Weak<File>>>,
}

/// Being inside the store: nothing is removed meanwhile.
#[derive(Debug)]
pub(crate) struct Inside(#[expect(dead_code, reason = "held for its lock")] File);

impl Store {
    /// Opens the store in a directory, and makes it if it is not there.
    ///
    /// # Errors
    /// When the directory cannot be made or written, or has the format of another version.
    pub fn open(root: &Path) -> Result<Self> {
        let layout = Layout::open(root)?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Ok(Self(Arc::new(Shared {
            layout,
            ownership: Ownership::current(),
            boot: boot.trim().to_owned(),
            leases: Mutex::default(),
        })))
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        self.0.layout.root()
    }

    /// Whose store it is: overlays over the layers of an ordinary user are mounted with `userxattr`.
    pub fn ownership(&self) -> Ownership {
        self.0.ownership
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    pub(crate) fn boot(&self) -> &str {
        &self.0.boot
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<Digest, Weak<File>>> {
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the store; waits while things are being removed.
    pub(crate) async fn enter(&self) -> Result<Inside> {
        let file = lock::lock(&self.0.layout.part("lock"), lock::Mode::Shared).await?;
        Ok(Inside(file))
    }

    /// The same, on the caller's thread: removing holds the store for moments only.
    pub(crate) fn enter_blocking(&self) -> Result<Inside> {
        let never = AtomicBool::new(false);
        let file = lock::lock_blocking(&self.0.layout.part("lock"), lock::Mode::Shared, &never)?;
        file.map(Inside).ok_or(Error::Busy)
    }

    /// Writes out everything, so that what is published next outlives the machine.
    pub(crate) fn sync(&self) -> Result<()> {
        let root = self.root();
        let directory = File::open(root).map_err(call("open", root))?;
        rustix::fs::syncfs(&directory).map_err(call("sync", root))
    }
}
