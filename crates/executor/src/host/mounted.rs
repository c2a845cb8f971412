//! Roots of containers, kept mounted from one container to the next while nobody wrote to them.
//!
//! Mounting a writable layer on disk costs several writes to that disk, which is more than most steps cost. The layers
//! below never change, so a root whose writable layer is still empty is as good as a new one, and what the kernel
//! remembers of it makes the next container start sooner.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::mount::UnmountFlags;

use super::mount;
use super::plan;
use super::plan::ROOTS;
use super::plan::SCRATCH;
use super::plan::container;

/// More roots are not kept by one first process.
const MOST: usize = 8;

/// The mounted roots of one first process.
pub(super) struct Roots {
    all: Vec<Mounted>,
    next: u32,
    unprivileged: bool,
}

struct Mounted {
    layers: Vec<PathBuf>,
    /// Where it is mounted.
    place: PathBuf,
    /// Directory on disk with its writable layer.
    store: PathBuf,
    /// The writable layer as it was made, and the layers below: one that was removed meanwhile is another one now.
    print: Print,
    below: Vec<Option<u64>>,
    /// First process of the container that has it.
    user: Option<i32>,
}

/// What tells an untouched directory from a changed one: any change to it or its entries moves its change time.
#[derive(PartialEq, Eq)]
struct Print {
    inode: u64,
    changed: (i64, i64),
}

impl Print {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

fn inodes(layers: &[PathBuf]) -> Vec<Option<u64>> {
    let places = layers
        .iter()
        .map(|layer| plan::join(Path::new(plan::IMAGES), layer));
    places
        .map(|place| std::fs::metadata(place).ok().map(|metadata| metadata.ino()))
        .collect()
}

impl Mounted {
    fn is_untouched(&self) -> bool {
        let upper = self.store.join("upper");
        let is_empty = std::fs::read_dir(&upper).is_ok_and(|mut entries| entries.next().is_none());
        let is_same = Print::of(&upper).is_ok_and(|print| print == self.print);
        is_empty && is_same && inodes(&self.layers) == self.below
    }

    fn discard(&self) {
        let _ = rustix::mount::unmount(&self.place, UnmountFlags::DETACH);
        let _ = std::fs::remove_dir(&self.place);
        let _ = std::fs::remove_dir_all(&self.store);
    }
}

impl Roots {
    /// None yet.
    pub(super) fn new(unprivileged: bool) -> Self {
        Self {
            all: Vec::new(),
            next: 0,
            unprivileged,
        }
    }

    /// A root over these layers, lowest first, that no container has: where it is mounted.
    pub(super) fn provide(&mut self, layers: &[PathBuf]) -> io::Result<PathBuf> {
        let free = |root: &&Mounted| root.user.is_none() && root.layers == layers && root.is_untouched();
        if let Some(root) = self.all.iter().find(free) {
            return Ok(root.place.clone());
        }
        // Nobody else has the number of this process's namespace while it lives.
        let own = std::fs::read_link("/proc/self/ns/pid")?;
        let own: String = own
            .to_string_lossy()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        let name = format!("{own}-{}", self.next);
        self.next += 1;
        let store = Path::new(SCRATCH).join("roots").join(&name);
        let place = Path::new(ROOTS).join(&name);
        if store.exists() {
            // Left by a process that was killed and had the number before.
            std::fs::remove_dir_all(&store)?;
        }
        for path in [&store.join("upper"), &store.join("work"), &place] {
            mount::make_directory(path, 0o755)?;
        }
        let lower = container::lower(layers);
        mount::overlay(&lower, &store, &place, self.unprivileged)?;
        let print = Print::of(&store.join("upper"))?;
        self.all.push(Mounted {
            layers: layers.to_owned(),
            place: place.clone(),
            store,
            print,
            below: inodes(layers),
            user: None,
        });
        Ok(place)
    }

    /// A container took what was provided last.
    pub(super) fn take(&mut self, place: &Path, user: i32) {
        if let Some(root) = self.all.iter_mut().find(|root| root.place == place) {
            root.user = Some(user);
        }
    }

    /// A container is gone.
    pub(super) fn free(&mut self, user: i32) {
        for root in self.all.iter_mut().filter(|root| root.user == Some(user)) {
            root.user = None;
        }
    }

    /// Every container is gone: discards what was written to, and the oldest of too many.
    pub(super) fn tidy(&mut self) {
        let surplus = self.all.len().saturating_sub(MOST);
        for root in self.all.drain(..surplus) {
            root.discard();
        }
        self.all.retain_mut(|root| {
            root.user = None;
            let keeps = root.is_untouched();
            if !keeps {
                root.discard();
            }
            keeps
        });
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        self.all.iter().for_each(Mounted::discard);
    }
}
