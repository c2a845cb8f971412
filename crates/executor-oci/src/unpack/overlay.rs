//! What overlayfs keeps in a directory: whiteouts, and marks on directories.

use std::os::fd::BorrowedFd;

use rustix::fs::FileType;
use rustix::fs::Stat;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

/// Whose store it is, which decides what the kernel lets us write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Root's: owners, devices and every attribute as the image says.
    Kept,
    /// An ordinary user's: everything belongs to that user, and overlays are mounted with `userxattr`.
    Caller,
}

impl Ownership {
    /// That of this process.
    pub fn current() -> Self {
        if rustix::process::geteuid().is_root() {
            Self::Kept
        } else {
            Self::Caller
        }
    }

    /// The attribute that marks a directory as hiding what is below it.
    fn opaque(self) -> &'static str {
        match self {
            Self::Kept => "trusted.overlay.opaque",
            Self::Caller => "user.overlay.opaque",
        }
    }

    /// Marks a directory as hiding what is below it.
    pub(super) fn set_opaque(self, directory: BorrowedFd<'_>) -> Result<(), Errno> {
        rustix::fs::fsetxattr(directory, self.opaque(), b"y", XattrFlags::empty())
    }

    /// Whether a directory hides what is below it.
    pub(super) fn is_opaque(self, directory: BorrowedFd<'_>) -> Result<bool, Errno> {
        let mut value = [0_u8; 1];
        match rustix::fs::fgetxattr(directory, self.opaque(), &mut value) {
            Ok(_) => Ok(value == *b"y"),
            Err(Errno::NODATA | Errno::NOTSUP | Errno::RANGE) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// Whether this is overlayfs's sign that a name does not exist: a character device with the numbers 0 and 0.
pub(super) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

/// Whether it is a directory.
pub(super) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}
