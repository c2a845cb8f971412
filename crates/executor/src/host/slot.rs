//! Directories on disk that sandboxes use one after another.
//!
//! `/workspace`, `/tmp` and the home directory of a sandbox lie on disk, because builds write gigabytes there. Making and
//! removing three directories for each sandbox would cost more than starting its step, and most steps write to none of
//! them; so a slot that comes back as it was given is given again.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use rustix::fs::Mode;
use rustix::fs::OFlags;

/// Directories of a slot: name, permission bits.
pub(super) const PLACES: [(&str, u32); 3] = [("workspace", 0o777), ("tmp", 0o1777), ("home", 0o777)];

/// Directory of a slot for the volumes of one job.
pub(super) const VOLUMES: &str = "volumes";

/// Slots of one backend.
#[derive(Debug)]
pub(super) struct Slots {
    scratch: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    free: Vec<u64>,
    next: u64,
}

/// A slot in use.
#[derive(Debug)]
pub(super) struct Slot {
    number: u64,
    path: PathBuf,
}

impl Slot {
    /// Name below the scratch directory.
    pub(super) fn name(&self) -> String {
        name(self.number)
    }

    /// Where it lies on the machine.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn name(number: u64) -> String {
    format!("slot-{number}")
}

impl Slots {
    /// Keeps slots below a directory.
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self {
            scratch,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an empty slot.
    pub(super) fn take(&self) -> io::Result<Slot> {
        let (number, used) = {
            let mut state = self.state();
            match state.free.pop() {
                Some(number) => (number, true),
                None => {
                    state.next += 1;
                    (state.next, false)
                }
            }
        };
        let slot = Slot {
            number,
            path: self.scratch.join(name(number)),
        };
        if !used {
            make(&slot.path, 0o711)?;
            for (place, mode) in PLACES {
                make(&slot.path.join(place), mode)?;
            }
        }
        Ok(slot)
    }

    /// Takes a slot back whose processes are gone; what they left is removed unless the slot is untouched.
    pub(super) async fn give_back(&self, slot: Slot, untouched: bool) {
        if untouched {
            return self.free(slot);
        }
        let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(slot.path)).await;
        // What cannot be removed now is removed with the scratch directory; its number is not used again.
        let _ = removed;
    }

    /// Takes back a slot that is as it was given.
    pub(super) fn free(&self, slot: Slot) {
        let Slot { number, path } = slot;
        drop(path);
        self.state().free.push(number);
    }
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    rustix::fs::mkdir(path, Mode::RWXU)?;
    // Whatever the mask of this process is.
    Ok(rustix::fs::chmod(path, Mode::from_raw_mode(mode))?)
}

/// Whether the slot that lies at a path is as it was given. Quick.
pub(super) fn is_untouched(slot: &Path) -> bool {
    PLACES
        .iter()
        .all(|(place, mode)| is_empty(&slot.join(place), *mode))
}

/// Empty, and with the owner and permissions it was made with.
fn is_empty(path: &Path, mode: u32) -> bool {
    let look = || -> rustix::io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory: OwnedFd = rustix::fs::open(path, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&directory)?;
        let same = stat.st_mode & 0o7777 == mode && stat.st_uid == rustix::process::geteuid().as_raw();
        let mut room = [std::mem::MaybeUninit::uninit(); 512];
        let mut entries = rustix::fs::RawDir::new(&directory, &mut room);
        while let Some(entry) = entries.next() {
            if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                return Ok(false);
            }
        }
        Ok(same)
    };
    look().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::Slots;
    use super::is_untouched;

    #[tokio::test]
    async fn only_an_untouched_slot_is_used_again() {
        type Touch = fn(&Path);
        let rows: [(&str, Touch, bool); 5] = [
            ("nothing", |_| {}, true),
            (
                "a file",
                |path| fs::write(path.join("workspace/file"), "x").unwrap(),
                false,
            ),
            (
                "a hidden directory",
                |path| fs::create_dir(path.join("home/.cache")).unwrap(),
                false,
            ),
            (
                "permissions",
                |path| fs::set_permissions(path.join("tmp"), PermissionsExt::from_mode(0o700)).unwrap(),
                false,
            ),
            ("absence", |path| fs::remove_dir(path.join("tmp")).unwrap(), false),
        ];
        for (name, touch, again) in rows {
            let scratch = tempfile::tempdir().unwrap();
            let slots = Slots::new(scratch.path().to_owned());
            let slot = slots.take().unwrap();
            let first = slot.path().to_owned();
            touch(&first);
            let untouched = is_untouched(&first);
            slots.give_back(slot, untouched).await;
            assert_eq!(first.exists(), again, "{name}");
            assert_eq!(slots.take().unwrap().path() == first, again, "{name}");
        }
    }
}
