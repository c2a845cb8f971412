//! Directories that are gone with their owner, or with the next one that looks.
//!
//! An owner that is killed leaves its directory to the launcher. When both are killed at once, as by a machine that runs
//! out of memory, nobody is left to remove it; so every owner keeps a lock on its directory, which the kernel lets go of
//! with the process, and removes the directories of others that nobody holds any more.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::fs::Mode;
use rustix::fs::OFlags;

/// Names of such directories begin so.
const PREFIX: &str = "windlass-";

/// Younger directories may belong to an owner that has not locked them yet.
const YOUNG: Duration = Duration::from_secs(10);

/// Names are tried up to this number.
const MOST: u32 = 1000;

/// A directory of this process.
#[derive(Debug)]
pub(super) struct Owned {
    path: PathBuf,
    /// Held for its lock.
    _lock: OwnedFd,
}

impl Owned {
    /// Makes a directory that nobody else uses; other users may pass through it, to what is theirs.
    pub(super) fn make(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let parent = fs::canonicalize(parent)?;
        let process = std::process::id();
        for number in 0..MOST {
            let path = parent.join(format!("{PREFIX}{process}-{number}"));
            match rustix::fs::mkdir(&path, Mode::RWXU) {
                Ok(()) => {
                    let lock = open(&path)?;
                    rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
                    rustix::fs::fchmod(&lock, Mode::from_raw_mode(0o711))?;
                    return Ok(Self { path, _lock: lock });
                }
                Err(rustix::io::Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        let text = "a thousand scratch directories exist already";
        Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all that is in it.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes directories of this user below `parent` whose owners were killed. What cannot be removed stays.
pub(super) fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
            && is_abandoned(&entry.path()).unwrap_or(false)
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(path: &Path) -> io::Result<bool> {
    let directory = open(path)?;
    let stat = rustix::fs::fstat(&directory)?;
    let age = fs::metadata(path)?.modified()?.elapsed().unwrap_or_default();
    if stat.st_uid != rustix::process::geteuid().as_raw() || age < YOUNG {
        return Ok(false);
    }
    Ok(rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok())
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;
    use std::time::SystemTime;

    use super::Owned;
    use super::remove_abandoned;

    #[test]
    fn only_what_nobody_holds_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let held = Owned::make(parent.path()).unwrap();
        let let_go = Owned::make(parent.path()).unwrap().path().to_owned();
        let old = |path: &Path| {
            let past = SystemTime::now() - Duration::from_mins(1);
            fs::File::open(path).unwrap().set_modified(past).unwrap();
        };
        let elsewhere = tempfile::tempdir().unwrap();
        old(elsewhere.path());
        std::os::unix::fs::symlink(elsewhere.path(), parent.path().join("windlass-link")).unwrap();
        for name in ["windlass-1-0/slot-1/workspace", "windlass-young", "other"] {
            fs::create_dir_all(parent.path().join(name)).unwrap();
        }
        for path in [held.path(), let_go.as_path()] {
            old(path);
        }
        for name in ["windlass-1-0", "other"] {
            old(&parent.path().join(name));
        }
        remove_abandoned(parent.path());
        let held = held.path().file_name().unwrap().to_str().unwrap();
        let entries = fs::read_dir(parent.path()).unwrap();
        let mut left: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["other", held, "windlass-link", "windlass-young"]);
        assert!(elsewhere.path().exists());
    }
}
