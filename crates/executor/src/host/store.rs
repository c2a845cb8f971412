//! The writable part of a view, kept from one sandbox to the next while it is as it was made.
//!
//! Every view has some thirty directories in memory, and most steps leave them as they were: making a file system for each
//! sandbox, filling it and throwing it away costs more than looking whether anything in it changed.
//!
//! # Guarantees
//! A store is given to another sandbox only when every directory and link in it is the same one, with the same owner,
//! permissions and number of entries, and without attributes of a user's. New files are removed first; anything else that
//! changed means a new store.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::mount::UnmountFlags;

use super::plan::Action;
use super::plan::STORE;

/// More entries than a view ever starts with; a store with more is not worth looking through.
const MOST: usize = 256;

/// The store of the sandboxes of one first process.
pub(super) struct Store {
    path: PathBuf,
    /// It lies on the machine, where every process can leave attributes on anything.
    is_shared: bool,
    /// What it was made by.
    recipe: Vec<Action>,
    /// Mount points that the view added.
    mount_points: Vec<String>,
    /// Its root, as the first process sees it between sandboxes.
    root: OwnedFd,
    /// What was in it when it was given away; `None` when it cannot be given twice.
    entries: Option<Vec<(PathBuf, Print)>>,
}

/// What tells an entry from a changed one.
#[derive(Debug, PartialEq, Eq)]
struct Print {
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    links: u64,
    /// Grows with every entry of a directory in memory.
    size: i64,
}

impl From<&Stat> for Print {
    fn from(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            mode: stat.st_mode,
            owner: (stat.st_uid, stat.st_gid),
            links: stat.st_nlink,
            size: stat.st_size,
        }
    }
}

impl Store {
    /// Takes hold of a store that was just made at `path` by `recipe`.
    pub(super) fn open(path: PathBuf, recipe: Vec<Action>, mount_points: Vec<String>) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&path, flags, Mode::empty())?;
        Ok(Self {
            is_shared: path != Path::new(STORE),
            path,
            recipe,
            mount_points,
            root,
            entries: None,
        })
    }

    /// Whether a view that is made by `recipe` can use it.
    pub(super) fn serves(&self, recipe: &[Action], mount_points: &[String]) -> bool {
        self.entries.is_some() && self.recipe == recipe && self.mount_points == mount_points
    }

    /// Remembers what is in it, once the view stands and before any process runs.
    pub(super) fn remember(&mut self) {
        // Elsewhere, a directory does not grow with each entry.
        let in_memory = rustix::fs::fstatfs(&self.root).is_ok_and(|info| info.f_type == libc::TMPFS_MAGIC);
        let can_serve_again = in_memory && !self.recipe.is_empty();
        if self.entries.is_none() && can_serve_again {
            let mut entries = Vec::new();
            let whole = look(self.root.as_fd(), Path::new(""), &mut entries);
            self.entries = matches!(whole, Ok(true)).then_some(entries);
        }
    }

    /// Brings it back to what it was where that is a matter of removing files; `false` when it must not be used again. The
    /// view, and every process that could write to it, is gone.
    pub(super) fn restore(&self) -> bool {
        let Some(entries) = &self.entries else {
            return false;
        };
        entries.iter().all(|(path, print)| {
            self.is(path, print) || (self.remove_files(path, entries).is_ok() && self.is(path, print))
        })
    }

    fn is(&self, path: &Path, print: &Print) -> bool {
        let now = rustix::fs::statat(&self.root, path, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH);
        now.is_ok_and(|stat| Print::from(&stat) == *print)
            && (self.is_shared || !has_attributes(&self.path.join(path)))
    }

    /// Removes what is neither a directory nor known from one directory.
    fn remove_files(&self, path: &Path, known: &[(PathBuf, Print)]) -> io::Result<()> {
        let directory = open(self.root.as_fd(), path)?;
        let mut room = [std::mem::MaybeUninit::uninit(); 2048];
        let mut listing = rustix::fs::RawDir::new(&directory, &mut room);
        let mut names = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = Path::new(std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()));
            let is_known = known.iter().any(|(path_of, _)| *path_of == path.join(name));
            if !is_known && entry.file_type() != FileType::Directory && names.len() < MOST {
                names.push(name.to_owned());
            }
        }
        names
            .iter()
            .try_for_each(|name| Ok(rustix::fs::unlinkat(&directory, name, AtFlags::empty())?))
    }
}

/// Lets go of the store of the calling process's namespace.
pub(super) fn discard() {
    let _ = rustix::mount::unmount(STORE, UnmountFlags::DETACH);
}

fn open(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    Ok(rustix::fs::openat(root, path, flags, Mode::empty())?)
}

/// Notes what lies below a directory; `false` when there is something that is neither a directory nor a link. What the
/// kernel keeps for itself beside a layer is left out.
fn look(root: BorrowedFd<'_>, path: &Path, entries: &mut Vec<(PathBuf, Print)>) -> io::Result<bool> {
    let directory = open(root, path)?;
    entries.push((path.to_owned(), Print::from(&rustix::fs::fstat(&directory)?)));
    let mut room = [std::mem::MaybeUninit::uninit(); 2048];
    let mut listing = rustix::fs::RawDir::new(&directory, &mut room);
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b".." | b"work") {
            continue;
        }
        let below = path.join(std::ffi::OsStr::from_bytes(name));
        let fits = match entry.file_type() {
            FileType::Directory => look(root, &below, entries)?,
            FileType::Symlink => {
                let stat = rustix::fs::statat(root, &below, AtFlags::SYMLINK_NOFOLLOW)?;
                entries.push((below, Print::from(&stat)));
                true
            }
            _ => false,
        };
        if !fits || entries.len() > MOST {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Attributes that an ordinary process can set.
fn has_attributes(path: &Path) -> bool {
    let mut room = [0_u8; 1024];
    match rustix::fs::llistxattr(path, &mut room) {
        Ok(length) => room
            .get(..length)
            .unwrap_or_default()
            .split(|byte| *byte == 0)
            .any(|name| name.starts_with(b"user.") || name.starts_with(b"system.")),
        Err(rustix::io::Errno::OPNOTSUPP) => false,
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::Action;
    use super::Store;

    type Touch = fn(&Path);

    /// What happens to a store, and whether it serves again.
    const ROWS: [(&str, Touch, bool); 10] = [
        ("nothing", |_| {}, true),
        (
            "a file",
            |path| fs::write(path.join("tekton/results/a"), "x").unwrap(),
            true,
        ),
        (
            "a link",
            |path| symlink("/etc", path.join("tekton/results/b")).unwrap(),
            true,
        ),
        (
            "a socket",
            |path| drop(std::os::unix::net::UnixListener::bind(path.join("shm/s")).unwrap()),
            true,
        ),
        (
            "a directory",
            |path| fs::create_dir(path.join("root/upper/etc")).unwrap(),
            false,
        ),
        (
            "a missing directory",
            |path| fs::remove_dir(path.join("tekton/results")).unwrap(),
            false,
        ),
        (
            "permissions",
            |path| fs::set_permissions(path.join("shm"), PermissionsExt::from_mode(0o700)).unwrap(),
            false,
        ),
        (
            "another link",
            |path| {
                fs::remove_file(path.join("tekton/0")).unwrap();
                symlink("elsewhere", path.join("tekton/0")).unwrap();
            },
            false,
        ),
        (
            "an exchange",
            |path| {
                fs::rename(path.join("tekton/results"), path.join("tekton/x")).unwrap();
                fs::rename(path.join("tekton/run"), path.join("tekton/results")).unwrap();
                fs::rename(path.join("tekton/x"), path.join("tekton/run")).unwrap();
            },
            false,
        ),
        (
            "what the kernel keeps",
            |path| fs::create_dir(path.join("root/work").join("work")).unwrap(),
            true,
        ),
    ];

    #[test]
    fn only_a_store_that_is_as_it_was_serves_again() {
        for (name, touch, again) in ROWS {
            let directory = tempfile::tempdir_in("/dev/shm").unwrap();
            for path in ["root/upper", "root/work", "tekton/results", "tekton/run", "shm"] {
                fs::create_dir_all(directory.path().join(path)).unwrap();
            }
            symlink("results", directory.path().join("tekton/0")).unwrap();
            let mut store =
                Store::open(directory.path().to_owned(), vec![Action::Enter], Vec::new()).unwrap();
            assert!(
                !store.serves(&[Action::Enter], &[]),
                "{name}: nobody knows what is in it yet"
            );
            store.remember();
            assert!(store.serves(&[Action::Enter], &[]), "{name}");
            touch(directory.path());
            assert_eq!(store.restore(), again, "{name}");
            let left = fs::read_dir(directory.path().join("tekton/results"));
            let left = left.map(Iterator::count).unwrap_or_default();
            assert_eq!(left, 0, "{name}");
        }
    }

    #[test]
    fn a_store_with_a_file_of_its_own_serves_once() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        fs::write(directory.path().join("secret"), "x").unwrap();
        let mut store = Store::open(directory.path().to_owned(), vec![Action::Enter], Vec::new()).unwrap();
        store.remember();
        assert!(!store.serves(&[Action::Enter], &[]));
        assert!(!store.restore());
    }
}
