//! Removing trees of strangers.

use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Removes a file or a tree, and says how many bytes of the disk that gives back. Links are not followed, and
/// directories that nobody may write are no obstacle. What is not there is no error.
pub(crate) fn remove(directory: BorrowedFd<'_>, name: &[u8]) -> Result<u64, Errno> {
    let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(0),
        Err(errno) => return Err(errno),
    };
    // Another name of the same file keeps its bytes.
    let mut bytes = if stat.st_nlink <= 1 || FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        u64::try_from(stat.st_blocks).unwrap_or_default() * 512
    } else {
        0
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        gone(rustix::fs::unlinkat(directory, name, AtFlags::empty()))?;
        return Ok(bytes);
    }
    let opened = open(directory, name)?;
    for entry in rustix::fs::Dir::read_from(&opened)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            bytes += remove(opened.as_fd(), name)?;
        }
    }
    gone(rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR))?;
    Ok(bytes)
}

fn open(directory: BorrowedFd<'_>, name: &[u8]) -> Result<std::os::fd::OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(directory, name, Mode::RWXU, AtFlags::empty())?;
            rustix::fs::openat(directory, name, flags, Mode::empty())?
        }
        opened => opened?,
    };
    // An ordinary user's own directory may still refuse changes.
    let _ = rustix::fs::fchmod(&opened, Mode::RWXU);
    Ok(opened)
}

/// Somebody else who removed it was welcome to.
fn gone(removed: Result<(), Errno>) -> Result<(), Errno> {
    match removed {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}
