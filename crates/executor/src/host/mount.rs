//! Carries out the actions of a [`plan`](super::plan), in the process that becomes process 1 of a sandbox.

use std::ffi::CStr;
use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::mount::MountFlags;
use rustix::mount::MoveMountFlags;
use rustix::mount::OpenTreeFlags;
use rustix::mount::UnmountFlags;
use rustix::thread::LinkNameSpaceType;

use super::plan::Action;
use super::plan::Origin;
use super::plan::VIEW;
use super::sys;
use crate::job::File;

/// Mount options must fit into one page of memory.
const MOST_OPTIONS: usize = 4096;

/// Why a view could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A directory, file or link could not be made.
    #[error("make {}", path.display())]
    Make {
        /// What.
        path: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
    /// A file system could not be mounted.
    #[error("mount {what} at {}", target.display())]
    Mount {
        /// Kind of file system.
        what: &'static str,
        /// Where.
        target: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
    /// The source of a volume could not be had.
    #[error("open volume directory {}", path.display())]
    Volume {
        /// Which directory.
        path: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
}

/// Carries out actions one after another.
pub(super) struct Builder<'m> {
    /// The machine's own mount namespace, in which volume directories are found.
    machine: BorrowedFd<'m>,
    /// Overlays are made inside a user namespace.
    unprivileged: bool,
    taken: Vec<OwnedFd>,
}

impl<'m> Builder<'m> {
    /// Starts with the machine's mount namespace.
    pub(super) fn new(machine: BorrowedFd<'m>, unprivileged: bool) -> Self {
        Self {
            machine,
            unprivileged,
            taken: Vec::new(),
        }
    }

    /// Does all that was planned, or stops at the first thing that is impossible.
    pub(super) fn perform(&mut self, actions: &[Action]) -> Result<(), Error> {
        actions.iter().try_for_each(|action| self.act(action))
    }

    fn act(&mut self, action: &Action) -> Result<(), Error> {
        match action {
            Action::Directory(path, mode) => make_directory(path, *mode).map_err(made(path)),
            Action::Group(path, group) => give_to_group(path, *group).map_err(made(path)),
            Action::Parents { lower, upper, path } => make_parents(lower, upper, path).map_err(made(path)),
            Action::Link(path, target) => make_link(path, target).map_err(made(path)),
            Action::Replace(path, target) => {
                let _ = rustix::fs::rmdir(path);
                make_link(path, target).map_err(made(path))
            }
            Action::Beneath(base, path) => make_beneath(base, path).map_err(made(path)),
            Action::File(base, file) => make_file(base, file).map_err(made(&file.path)),
            Action::Memory(target, size) => memory(target, *size).map_err(mounted("tmpfs", target)),
            Action::Overlay { lower, store, target } => {
                overlay(lower, store, target, self.unprivileged).map_err(mounted("overlay", target))
            }
            Action::Bind {
                source,
                target,
                read_only,
            } => bind(source, target, *read_only).map_err(mounted("bind", target)),
            Action::Mask(target) => match mask(target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(mounted("mask", target)(error)),
                _ => Ok(()),
            },
            Action::Move(source, target) => move_mount(source, target).map_err(mounted("move", target)),
            Action::Cover(source, target) => match bind(source, target, true) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(mounted("cover", target)(error)),
                _ => Ok(()),
            },
            Action::Processes(target) => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
                let done = rustix::mount::mount("proc", target, "proc", flags, None::<&CStr>);
                done.map_err(io::Error::from).map_err(mounted("proc", target))
            }
            Action::Take {
                from,
                sub_path,
                read_only,
                devices,
            } => self.take(from, sub_path, *read_only, *devices),
            Action::Enter => enter(Path::new(VIEW)).map_err(mounted("view", Path::new("/"))),
            Action::Attach(number, target) => self.attach(*number, target).map_err(mounted("volume", target)),
        }
    }

    fn take(&mut self, from: &Origin, sub_path: &Path, read_only: bool, devices: bool) -> Result<(), Error> {
        let (path, tree) = match from {
            Origin::Launcher(path) => (path, take_tree(path, sub_path)),
            Origin::Machine(path) => (path, self.on_machine(|| take_tree(path, sub_path))),
        };
        let tree = tree.map_err(|source| Error::Volume {
            path: path.join(sub_path),
            source,
        })?;
        if read_only {
            sys::refuse_writes(tree.as_fd(), true).map_err(mounted("read-only volume", path))?;
        }
        if !devices {
            sys::refuse_devices(tree.as_fd()).map_err(mounted("volume without devices", path))?;
        }
        self.taken.push(tree);
        Ok(())
    }

    /// Runs `act` in the machine's mount namespace.
    fn on_machine<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let own = rustix::fs::open(
            "/proc/self/ns/mnt",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        rustix::thread::move_into_link_name_space(self.machine, Some(LinkNameSpaceType::Mount))?;
        let done = act();
        rustix::thread::move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Mount))?;
        done
    }

    fn attach(&self, number: usize, target: &Path) -> io::Result<()> {
        let tree = self.taken.get(number).ok_or(io::ErrorKind::NotFound)?;
        make_target(target, is_directory(tree)?)?;
        attach_tree(tree, target)
    }
}

fn made(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Make {
        path: path.to_owned(),
        source,
    }
}

fn mounted(what: &'static str, target: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Mount {
        what,
        target: target.to_owned(),
        source,
    }
}

/// Makes a directory with exact permission bits unless something is there already; parents get 0755.
pub(super) fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(mode)) {
        Err(rustix::io::Errno::NOENT) => {
            if let Some(parent) = path.parent() {
                make_directory(parent, 0o755)?;
            }
            rustix::fs::mkdir(path, Mode::from_raw_mode(mode))?;
            Ok(())
        }
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(errno) => match rustix::fs::stat(path) {
            // A read-only place answers so even where the directory exists.
            Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() => Ok(()),
            _ => Err(errno.into()),
        },
    }
}

fn make_parents(lower: &Path, upper: &Path, path: &Path) -> io::Result<()> {
    let mut below = lower.to_owned();
    let mut above = upper.to_owned();
    make_directory(&above, 0o755)?;
    for part in path.parent().into_iter().flat_map(Path::components) {
        below.push(part);
        above.push(part);
        let kind = rustix::fs::lstat(&below).map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
        if kind.is_ok_and(|kind| !kind.is_dir()) {
            return Ok(());
        }
        make_directory(&above, 0o755)?;
    }
    Ok(())
}

fn give_to_group(path: &Path, group: u32) -> io::Result<()> {
    rustix::fs::chown(path, None, Some(Gid::from_raw(group)))?;
    // Set-group-id keeps what is made inside in the same group.
    rustix::fs::chmod(path, Mode::from_raw_mode(0o2777))?;
    Ok(())
}

fn make_link(path: &Path, target: &Path) -> io::Result<()> {
    match rustix::fs::symlink(target, path) {
        Err(rustix::io::Errno::NOENT) => {
            if let Some(parent) = path.parent() {
                make_directory(parent, 0o755)?;
            }
            Ok(rustix::fs::symlink(target, path)?)
        }
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Writes a file below `base`; a path that leaves `base` is refused.
pub(super) fn make_file(base: &Path, file: &File) -> io::Result<()> {
    let plain = file
        .path
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "path leaves its volume",
        ));
    }
    let path = base.join(&file.path);
    if let Some(parent) = path.parent() {
        make_directory(parent, 0o755)?;
    }
    write_file(&path, file.content.expose(), file.mode)
}

/// Replaces a file's content; never follows a link at its end.
pub(super) fn write_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::from_raw_mode(mode))?;
    let mut rest = content;
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&file, rest))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Mounts a file system in memory.
pub(super) fn memory(target: &Path, size: Option<u64>) -> io::Result<()> {
    let size = size.map_or_else(String::new, |bytes| format!(",size={bytes}"));
    let options = CString::new(format!("mode=0755{size}"))?;
    rustix::mount::mount(
        "tmpfs",
        target,
        "tmpfs",
        MountFlags::NODEV,
        Some(options.as_c_str()),
    )?;
    Ok(())
}

/// Mounts a copy-on-write layer; the directory keeps the owner and the permissions of the one below.
pub(super) fn overlay(lower: &[PathBuf], store: &Path, target: &Path, unprivileged: bool) -> io::Result<()> {
    let upper = store.join("upper");
    let below = rustix::fs::stat(lower.first().ok_or(io::ErrorKind::InvalidInput)?)?;
    rustix::fs::chmod(&upper, Mode::from_raw_mode(below.st_mode & 0o7777))?;
    if !unprivileged && (below.st_uid, below.st_gid) != (0, 0) {
        let (user, group) = (
            rustix::fs::Uid::from_raw(below.st_uid),
            Gid::from_raw(below.st_gid),
        );
        rustix::fs::chown(&upper, Some(user), Some(group))?;
    }
    let own = if unprivileged { ",userxattr" } else { "" };
    let layers: Vec<_> = lower.iter().map(|layer| layer.display().to_string()).collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={}{own}",
        layers.join(":"),
        upper.display(),
        store.join("work").display()
    );
    if options.len() >= MOST_OPTIONS {
        return overlay_one_by_one(lower, store, target, unprivileged);
    }
    rustix::mount::mount(
        "overlay",
        target,
        "overlay",
        MountFlags::NODEV,
        Some(CString::new(options)?.as_c_str()),
    )?;
    Ok(())
}

/// Mounts a copy-on-write layer over more layers than fit into one call (Linux 6.5).
fn overlay_one_by_one(lower: &[PathBuf], store: &Path, target: &Path, unprivileged: bool) -> io::Result<()> {
    use rustix::mount as new;
    let system = new::fsopen("overlay", new::FsOpenFlags::FSOPEN_CLOEXEC)?;
    for layer in lower {
        new::fsconfig_set_string(&system, "lowerdir+", layer.as_os_str())?;
    }
    new::fsconfig_set_string(&system, "upperdir", store.join("upper").as_os_str())?;
    new::fsconfig_set_string(&system, "workdir", store.join("work").as_os_str())?;
    if unprivileged {
        new::fsconfig_set_flag(&system, "userxattr")?;
    }
    new::fsconfig_create(&system)?;
    let attributes = new::MountAttrFlags::MOUNT_ATTR_NODEV;
    let tree = new::fsmount(&system, new::FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    attach_tree(&tree, target)
}

/// Shows a tree of the same namespace at another place.
pub(super) fn bind(source: &Path, target: &Path, read_only: bool) -> io::Result<()> {
    if !read_only {
        return Ok(rustix::mount::mount_bind_recursive(source, target)?);
    }
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, source, flags)?;
    sys::refuse_writes(tree.as_fd(), true)?;
    attach_tree(&tree, target)
}

/// Shows a directory at another place, where device files in it are useless.
pub(super) fn bind_without_devices(source: &Path, target: &Path) -> io::Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = rustix::mount::open_tree(CWD, source, flags)?;
    sys::refuse_devices(tree.as_fd())?;
    attach_tree(&tree, target)
}

/// Makes `root` the root of the calling process's namespace; everything else is out of reach.
pub(super) fn enter(root: &Path) -> io::Result<()> {
    rustix::process::chdir(root)?;
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    Ok(())
}

/// Takes hold of a copy of a tree; `sub_path` is made when missing and never leaves the directory, links included.
fn take_tree(path: &Path, sub_path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut place = rustix::fs::open(path, flags, Mode::empty())?;
    if !sub_path.as_os_str().is_empty() {
        place = open_beneath(&place, sub_path)?;
    }
    clone_tree(&place)
}

fn make_beneath(base: &Path, relative: &Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open_beneath(&rustix::fs::open(base, flags, Mode::empty())?, relative).map(drop)
}

fn clone_tree(place: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_EMPTY_PATH;
    Ok(rustix::mount::open_tree(place, c"", flags)?)
}

/// Opens a directory or file below another without following a link, making missing directories on the way.
pub(super) fn open_beneath(base: &OwnedFd, relative: &Path) -> io::Result<OwnedFd> {
    match beneath(base.as_fd(), relative) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let mut place = base.try_clone()?;
    for part in relative
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
    {
        let name = Path::new(part.as_os_str());
        match rustix::fs::mkdirat(&place, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        place = beneath(place.as_fd(), name)?;
    }
    Ok(place)
}

fn beneath(base: BorrowedFd<'_>, relative: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok(rustix::fs::openat2(
        base,
        relative,
        flags,
        Mode::empty(),
        resolve,
    )?)
}

fn is_directory(place: &OwnedFd) -> io::Result<bool> {
    let stat = rustix::fs::statat(place, "", AtFlags::EMPTY_PATH)?;
    Ok(rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir())
}

/// Makes what a tree is attached to: a directory, or an empty file for a single file.
pub(super) fn make_target(target: &Path, directory: bool) -> io::Result<()> {
    if directory {
        return make_directory(target, 0o755);
    }
    if let Some(parent) = target.parent() {
        make_directory(parent, 0o755)?;
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::open(target, flags, Mode::from_raw_mode(0o644))?;
    Ok(())
}

/// Puts nothing in place of a file or directory.
fn mask(target: &Path) -> io::Result<()> {
    let stat = rustix::fs::lstat(target)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
        let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        return Ok(rustix::mount::mount(
            "tmpfs",
            target,
            "tmpfs",
            flags,
            Some(c"size=4k,mode=0555"),
        )?);
    }
    Ok(rustix::mount::mount_bind(
        Path::new(VIEW).join("dev/null"),
        target,
    )?)
}

fn move_mount(source: &Path, target: &Path) -> io::Result<()> {
    Ok(rustix::mount::move_mount(
        CWD,
        source,
        CWD,
        target,
        MoveMountFlags::empty(),
    )?)
}

fn attach_tree(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
    Ok(rustix::mount::move_mount(tree, c"", CWD, target, flags)?)
}

/// A mount that one process has for itself, in the form its child needs: no allocation happens there.
pub(super) struct PrivateMount {
    volume: CString,
    sub_path: CString,
    target: CString,
    read_only: bool,
}

impl PrivateMount {
    /// Makes the mount point and whatever of `sub_path` is missing, in the view that all processes share.
    pub(super) fn prepare(
        volume: &Path,
        sub_path: &Path,
        target: &Path,
        read_only: bool,
    ) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let mut place = rustix::fs::open(volume, flags, Mode::empty())?;
        if !sub_path.as_os_str().is_empty() {
            place = open_beneath(&place, sub_path)?;
        }
        make_target(target, is_directory(&place)?)?;
        Ok(Self {
            volume: CString::new(volume.as_os_str().as_bytes())?,
            sub_path: CString::new(sub_path.as_os_str().as_bytes())?,
            target: CString::new(target.as_os_str().as_bytes())?,
            read_only,
        })
    }

    /// Mounts it in the calling process's own namespace. Does not allocate.
    pub(super) fn attach(&self) -> rustix::io::Result<()> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let mut place = rustix::fs::open(self.volume.as_c_str(), flags, Mode::empty())?;
        if !self.sub_path.is_empty() {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            place = rustix::fs::openat2(&place, self.sub_path.as_c_str(), flags, Mode::empty(), resolve)?;
        }
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH;
        let tree = rustix::mount::open_tree(&place, c"", flags)?;
        if self.read_only && sys::refuse_writes(tree.as_fd(), true).is_err() {
            return Err(rustix::io::Errno::PERM);
        }
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
        rustix::mount::move_mount(&tree, c"", CWD, self.target.as_c_str(), flags)
    }
}
