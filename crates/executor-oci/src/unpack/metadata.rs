//! Owners and extended attributes.

use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Uid;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::apply::times;
use super::budget::Budget;
use super::error::Fault;
use super::error::call;
use super::error::shown;
use super::overlay::Ownership;
use super::tar::Entry;

/// Attributes that steer overlayfs: an image that brought its own could point a container at files of the machine.
const OVERLAY: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// Sets what files have besides content.
pub(super) struct Attributes {
    ownership: Ownership,
    /// Mode bits that this process's files do not get.
    umask: u32,
}

impl Attributes {
    /// For a store of this kind.
    pub(super) fn new(ownership: Ownership) -> Self {
        Self {
            ownership,
            umask: umask(),
        }
    }

    pub(super) fn ownership(&self) -> Ownership {
        self.ownership
    }

    /// Whether a file made with the mode of its entry still lacks some of it, or has too much.
    pub(super) fn needs_mode(&self, entry: &Entry) -> bool {
        entry.mode & (self.umask | 0o7000) != 0 || entry.mode & 0o600 != 0o600 || self.has_owner(entry)
    }

    /// Sets owner and attributes of an open file.
    pub(super) fn set(&self, file: BorrowedFd<'_>, entry: &Entry) -> Result<(), Fault> {
        if self.has_owner(entry) {
            let (uid, gid) = owner(entry.uid, entry.gid);
            rustix::fs::fchown(file, uid, gid).map_err(call("set the owner"))?;
        }
        for (name, value) in &entry.xattrs {
            set_xattr(file, name, value)?;
        }
        Ok(())
    }

    /// Sets the owner of a link, a device or a pipe. The kernel keeps no attributes of users on those, and the rest
    /// (labels of the machine that built the image) mean nothing here; but none may steer the overlay.
    pub(super) fn set_by_name(
        &self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        entry: &Entry,
    ) -> Result<(), Fault> {
        for (attribute, _) in &entry.xattrs {
            refuse_overlay(attribute)?;
        }
        if self.has_owner(entry) {
            let (uid, gid) = owner(entry.uid, entry.gid);
            rustix::fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(call("set the owner"))?;
        }
        Ok(())
    }

    /// What root makes belongs to root already.
    fn has_owner(&self, entry: &Entry) -> bool {
        self.ownership == Ownership::Kept && (entry.uid, entry.gid) != (0, 0)
    }

    /// Gives a directory that had to be made the owner and attributes of the one it stands for in a lower layer, and
    /// says what mode and time that has.
    pub(super) fn copy_directory(
        &self,
        lower: BorrowedFd<'_>,
        upper: BorrowedFd<'_>,
        path: &[u8],
    ) -> Result<(u32, (i64, u32)), Fault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |root| {
            rustix::fs::openat(root, path, flags, Mode::empty()).map_err(call("open a directory on the way"))
        };
        let (from, to) = (open(lower)?, open(upper)?);
        self.copy_attributes(from.as_fd(), to.as_fd())
    }

    /// Copies a file of a lower layer into this one, if it is a regular file.
    pub(super) fn copy_up(
        &self,
        lower: BorrowedFd<'_>,
        path: &[u8],
        directory: BorrowedFd<'_>,
        name: &[u8],
        budget: &mut Budget,
    ) -> Result<bool, Fault> {
        let stat = rustix::fs::statat(lower, path, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(call("look up the hard link's target"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(false);
        }
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        budget.take_bytes(size)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let from = rustix::fs::openat(lower, path, flags, Mode::empty());
        let from = from.map_err(call("open the hard link's target"))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let to = rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR);
        let mut to = std::fs::File::from(to.map_err(call("copy the hard link's target"))?);
        std::io::copy(
            &mut std::fs::File::from(from.try_clone().map_err(copying)?),
            &mut to,
        )
        .map_err(copying)?;
        let (mode, mtime) = self.copy_attributes(from.as_fd(), to.as_fd())?;
        rustix::fs::fchmod(&to, Mode::from_raw_mode(mode)).map_err(call("set the mode"))?;
        rustix::fs::futimens(&to, &times(mtime)).map_err(call("set the time"))?;
        Ok(true)
    }

    fn copy_attributes(&self, from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(u32, (i64, u32)), Fault> {
        let stat = rustix::fs::fstat(from).map_err(call("look up a file of a lower layer"))?;
        if self.ownership == Ownership::Kept && (stat.st_uid, stat.st_gid) != (0, 0) {
            let (uid, gid) = owner(stat.st_uid, stat.st_gid);
            rustix::fs::fchown(to, uid, gid).map_err(call("set the owner"))?;
        }
        for name in xattr_names(from)? {
            if OVERLAY.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            let mut value = vec![0; 1 << 16];
            let length = rustix::fs::fgetxattr(from, name.as_slice(), &mut value)
                .map_err(call("read an extended attribute"))?;
            set_xattr(to, &name, value.get(..length).unwrap_or_default())?;
        }
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Ok((stat.st_mode & 0o7777, (stat.st_mtime, nanoseconds)))
    }
}

fn set_xattr(file: BorrowedFd<'_>, name: &[u8], value: &[u8]) -> Result<(), Fault> {
    refuse_overlay(name)?;
    match rustix::fs::fsetxattr(file, name, value, XattrFlags::empty()) {
        Ok(()) | Err(Errno::NOTSUP) => Ok(()),
        // Only root may give capabilities, labels and the like; without them the file is an ordinary one.
        Err(Errno::PERM | Errno::INVAL) if !name.starts_with(b"user.") => Ok(()),
        Err(errno) => Err(call("set an extended attribute")(errno)),
    }
}

fn copying(source: std::io::Error) -> Fault {
    Fault::Call {
        call: "copy the hard link's target",
        source,
    }
}

fn refuse_overlay(name: &[u8]) -> Result<(), Fault> {
    if OVERLAY.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(Fault::Overlay(shown(name)));
    }
    Ok(())
}

fn xattr_names(file: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    let mut names = vec![0; 1 << 16];
    let length = match rustix::fs::flistxattr(file, &mut names) {
        Err(Errno::NOTSUP) => 0,
        length => length.map_err(call("list extended attributes"))?,
    };
    names.truncate(length);
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(<[u8]>::to_vec).collect())
}

fn owner(uid: u32, gid: u32) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
}

/// The process's mask. Asking the kernel for it in the other way would change it for a moment, for every thread.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o777)
}
