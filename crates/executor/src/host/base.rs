//! The small tree that the launcher lives in, from which every sandbox's view is made.
//!
//! A new mount namespace starts as a copy of its maker's, so a launcher that lives on the machine's root would copy
//! (and a sandbox would drop) every mount of the machine each time. The launcher therefore moves once into a tree of
//! few mounts and keeps a descriptor of the machine's own namespace for the directories that volumes name.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::mount::MountFlags;
use rustix::mount::MountPropagationFlags;
use rustix::mount::UnmountFlags;
use rustix::thread::UnshareFlags;

use super::facts;
use super::mount;
use super::mount::Builder;
use super::plan::CURRENT;
use super::plan::FILES;
use super::plan::IMAGES;
use super::plan::LOWER;
use super::plan::Machine;
use super::plan::PROCESSES;
use super::plan::ROOTS;
use super::plan::SCRATCH;
use super::plan::STORE;
use super::plan::SUBMOUNTS;
use super::plan::Submount;
use super::plan::TOP;
use super::plan::Top;
use super::plan::VIEW;
use super::plan::View;
use super::plan::container;
use super::sys;

/// Devices of the small `/dev`: name, major and minor number.
const DEVICES: [(&str, u32, u32); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// Places of `/proc` through which root would change the machine itself, capabilities or not.
const KERNEL_FILES: [&str; 7] = [
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/proc/acpi",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/scsi",
];

/// The launcher's place after it moved.
pub(super) struct Base {
    /// What the machine looks like.
    pub(super) machine: Machine,
    /// The machine's own mount namespace.
    pub(super) namespace: OwnedFd,
}

/// Why the launcher could not move.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A namespace is refused.
    #[error("enter a new {0} namespace")]
    Namespace(&'static str, #[source] io::Error),
    /// A part of the tree could not be made.
    #[error("set up {0}")]
    Part(String, #[source] io::Error),
}

/// Moves the calling process, which has one thread, into a tree of its own.
pub(super) fn establish(scratch: &Path, current: Option<&Path>, memory: Option<u64>) -> Result<Base, Error> {
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    let (view, namespace) = separate((user, group), (user, group))?;
    let base = plant(scratch, &[LOWER, TOP, SUBMOUNTS, CURRENT, PROCESSES])?;
    let machine = show(&base, scratch, current, view, memory)?;
    move_in(&base)?;
    Ok(Base { machine, namespace })
}

/// Moves the calling process, which has one thread, into a tree without the machine: only images, devices and scratch.
pub(super) fn establish_for_images(
    scratch: &Path,
    images: &Path,
    memory: Option<u64>,
) -> Result<Base, Error> {
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    // Root in its own namespace: images believe that their files are root's, and so do their tools.
    let (view, namespace) = separate((user, group), (0, 0))?;
    let base = plant(scratch, &[IMAGES, FILES, ROOTS])?;
    part("the directory of images", || {
        mount::bind(images, &base.join(IMAGES.trim_start_matches('/')), true)
    })?;
    show_common(&base, scratch, view)?;
    move_in(&base)?;
    let unprivileged = view == View::ReadOnly;
    let skeleton = Builder::new(namespace.as_fd(), unprivileged).perform(&container::skeleton());
    skeleton.map_err(|error| Error::Part("the layer above images".to_owned(), io::Error::other(error)))?;
    let machine = Machine {
        view: View::Image,
        unprivileged,
        memory,
        kernel_files: kernel_files(),
        ..Machine::default()
    };
    Ok(Base { machine, namespace })
}

/// Makes an empty tree in memory with directories for what every launcher has and those of one kind.
fn plant(scratch: &Path, places: &[&str]) -> Result<PathBuf, Error> {
    // Mounts made from here on stay here.
    part("private mounts", || {
        let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        Ok(rustix::mount::mount_change("/", flags)?)
    })?;
    let base = scratch.join("base");
    part("its scratch directory", || mount::make_directory(&base, 0o700))?;
    part("its tree", || mount::memory(&base, None))?;
    let common = ["old", SCRATCH, VIEW, STORE, "dev", "sys", "proc"];
    for name in common.iter().chain(places) {
        part(name, || {
            mount::make_directory(&base.join(name.trim_start_matches('/')), 0o755)
        })?;
    }
    Ok(base)
}

fn move_in(base: &Path) -> Result<(), Error> {
    part("its root", || {
        rustix::process::chdir(base)?;
        rustix::process::pivot_root(".", "old")?;
        rustix::mount::unmount("/old", UnmountFlags::DETACH)?;
        Ok(rustix::process::chdir("/")?)
    })
}

fn kernel_files() -> Vec<String> {
    let present = KERNEL_FILES.iter().filter(|path| Path::new(path).exists());
    present.map(|path| (*path).to_owned()).collect()
}

/// Shows what every kind of launcher needs of the machine.
fn show_common(base: &Path, scratch: &Path, view: View) -> Result<(), Error> {
    let at = |name: &str| base.join(name.trim_start_matches('/'));
    part("the scratch directory", || {
        mount::bind_without_devices(scratch, &at(SCRATCH))
    })?;
    part("system information", || show_system(&at("sys"), view))?;
    part("read-only system information", || {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let place = rustix::fs::open(at("sys"), flags, Mode::empty())?;
        sys::refuse_writes(place.as_fd(), true)
    })?;
    part("process information", || {
        Ok(rustix::mount::mount_bind_recursive("/proc", at("proc"))?)
    })?;
    part("devices", || devices(&at("dev")))
}

fn part<T>(name: &str, make: impl FnOnce() -> io::Result<T>) -> Result<T, Error> {
    make().map_err(|error| Error::Part(name.to_owned(), error))
}

#[expect(
    deprecated,
    reason = "its replacement is unsafe for the case of shared descriptors, which is not asked for"
)]
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}

/// Maps one user and group. In a view of the machine they are mapped to themselves: files keep their owner in both
/// directions, and tools that act differently as root do not attempt what only a real root can do.
fn map_user(outside: (u32, u32), inside: (u32, u32)) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} {} 1", inside.0, outside.0))?;
    fs::write("/proc/self/gid_map", format!("{} {} 1", inside.1, outside.1))
}

/// The calling process's mount namespace.
pub(super) fn own_namespace() -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open("/proc/self/ns/mnt", flags, Mode::empty())?)
}

/// Leaves the machine's mount namespace; returns a descriptor of one in which the machine's directories can be taken
/// hold of.
fn separate(outside: (u32, u32), inside: (u32, u32)) -> Result<(View, OwnedFd), Error> {
    let refused = |what| move |error| Error::Namespace(what, error);
    let machine = own_namespace().map_err(refused("mount"))?;
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if outside.0 == 0 && facts::is_first_user_namespace(&map) && unshare(UnshareFlags::NEWNS).is_ok() {
        return Ok((View::Whole, machine));
    }
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS).map_err(refused("user"))?;
    map_user(outside, inside).map_err(refused("user"))?;
    // The machine's own namespace is out of reach now; this copy of it is as good.
    let copy = own_namespace().map_err(refused("mount"))?;
    unshare(UnshareFlags::NEWNS).map_err(refused("mount"))?;
    Ok((View::ReadOnly, copy))
}

/// Makes the machine visible in the tree.
fn show(
    base: &Path,
    scratch: &Path,
    current: Option<&Path>,
    view: View,
    memory: Option<u64>,
) -> Result<Machine, Error> {
    let at = |name: &str| base.join(name.trim_start_matches('/'));
    let (mut top, mut submounts) = (Vec::new(), Vec::new());
    if view == View::Whole {
        part("the machine's root", || {
            Ok(rustix::mount::mount_bind("/", at(LOWER))?)
        })?;
        part("a copy-on-write layer over the machine's root", || {
            try_layer(base, &at(LOWER), false)
        })?;
        submounts = part("the machine's other file systems", || {
            show_submounts(base, scratch, current)
        })?;
    } else {
        top = part("the machine's directories", || show_top(&at(TOP)))?;
    }
    show_common(base, scratch, view)?;
    // Where it cannot be layered it is read-only, or hidden, like its surroundings.
    let layered = |path: &&Path| {
        rustix::mount::mount_bind(*path, at(CURRENT)).is_ok()
            && try_layer(base, &at(CURRENT), view == View::ReadOnly).is_ok()
    };
    let current = current
        .filter(|path| hidden(path, view))
        .filter(layered)
        .map(Path::to_owned);
    let shell = fs::canonicalize("/bin/sh").unwrap_or_else(|_| "/bin/sh".into());
    let shell_dir = fs::canonicalize("/bin").unwrap_or_else(|_| "/bin".into());
    let ash = facts::find_ash();
    Ok(Machine {
        view,
        unprivileged: view == View::ReadOnly,
        top,
        submounts,
        current,
        hidden: is_shown(scratch).then(|| scratch.to_owned()),
        memory,
        shell_dir,
        ash,
        shell,
        kernel_files: kernel_files(),
    })
}

/// Shows the machine's other file systems; one that is refused, such as a user's own, is left out.
fn show_submounts(base: &Path, scratch: &Path, current: Option<&Path>) -> io::Result<Vec<Submount>> {
    let place = base.join(SUBMOUNTS.trim_start_matches('/'));
    let mut shown = Vec::new();
    for mut submount in facts::submounts(&fs::read_to_string("/proc/self/mountinfo")?, scratch, current) {
        let target = place.join(shown.len().to_string());
        // In a container, single files such as /etc/hosts are mounts.
        let Ok(kind) = fs::metadata(&submount.path) else {
            continue;
        };
        mount::make_target(&target, kind.is_dir())?;
        if mount::bind_without_devices(&submount.path, &target).is_ok() {
            submount.copy_on_write &= kind.is_dir() && try_layer(base, &target, false).is_ok();
            shown.push(submount);
        }
    }
    Ok(shown)
}

/// Shows `/sys`, with the control groups where they are one tree. Every mount here is copied for every sandbox, and ten trees
/// of the old kind cost more than the step; an ordinary user must take all or nothing.
fn show_system(target: &Path, view: View) -> io::Result<()> {
    const GROUPS: &str = "fs/cgroup";
    if view == View::ReadOnly {
        return Ok(rustix::mount::mount_bind_recursive("/sys", target)?);
    }
    rustix::mount::mount_bind("/sys", target)?;
    let groups = Path::new("/sys").join(GROUPS);
    let is_one_tree = rustix::fs::statfs(&groups).is_ok_and(|info| info.f_type == libc::CGROUP2_SUPER_MAGIC);
    if is_one_tree {
        rustix::mount::mount_bind(&groups, target.join(GROUPS))?;
    }
    Ok(())
}

/// Finds out whether a directory can be the lower part of a layer.
fn try_layer(base: &Path, lower: &Path, unprivileged: bool) -> io::Result<()> {
    let at = |name: &str| base.join(name.trim_start_matches('/'));
    mount::memory(&at(STORE), None)?;
    let tried = ["upper", "work"]
        .iter()
        .try_for_each(|name| mount::make_directory(&at(STORE).join(name), 0o755));
    let tried = tried.and_then(|()| mount::overlay(&[lower.to_owned()], &at(STORE), &at(VIEW), unprivileged));
    if tried.is_ok() {
        rustix::mount::unmount(at(VIEW), UnmountFlags::DETACH)?;
    }
    rustix::mount::unmount(at(STORE), UnmountFlags::DETACH)?;
    tried
}

/// A directory below the ones that every view has for itself is out of sight anyway.
fn is_shown(path: &Path) -> bool {
    !["/proc", "/sys", "/dev", "/tmp"]
        .iter()
        .any(|place| path.starts_with(place))
}

/// The current directory needs a layer of its own where the view replaces its place or shows it read-only.
fn hidden(path: &Path, view: View) -> bool {
    let replaced = path.starts_with("/tmp") && path != Path::new("/tmp");
    let out_of_reach = ["/", "/proc", "/sys", "/dev", "/tmp"]
        .iter()
        .any(|place| path == Path::new(place));
    replaced || (view == View::ReadOnly && !out_of_reach)
}

/// Binds the machine's top-level directories, each with everything mounted below it, as an ordinary user must.
fn show_top(place: &Path) -> io::Result<Vec<Top>> {
    let replaced = ["proc", "sys", "dev", "tmp", "tekton", "workspace", "lost+found"];
    let mut top = Vec::new();
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if replaced.contains(&name.as_str()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            top.push(Top::Link(name, fs::read_link(entry.path())?));
        } else if kind.is_dir() {
            let target = place.join(&name);
            mount::make_directory(&target, 0o755)?;
            // A directory that is refused, such as an unreachable network mount, is not shown.
            if rustix::mount::mount_bind_recursive(entry.path(), &target).is_ok() {
                top.push(Top::Directory(name));
            }
        }
    }
    Ok(top)
}

fn make_device(target: &Path, device: rustix::fs::Dev) -> io::Result<()> {
    use rustix::fs::CWD;
    let mode = Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(CWD, target, rustix::fs::FileType::CharacterDevice, mode, device)?;
    // Whatever the mask of this process is.
    Ok(rustix::fs::chmod(target, mode)?)
}

/// A small `/dev` that all sandboxes share: harmless devices, and terminals of its own.
fn devices(place: &Path) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    rustix::mount::mount("tmpfs", place, "tmpfs", flags, Some(c"mode=0755,size=64k"))?;
    for (name, major, minor) in DEVICES {
        let target = place.join(name);
        // Every mount here is copied for every sandbox, so a file of its own is better where that is allowed.
        if make_device(&target, rustix::fs::makedev(major, minor)).is_err() {
            mount::make_target(&target, false)?;
            rustix::mount::mount_bind(Path::new("/dev").join(name), &target)?;
        }
    }
    mount::make_directory(&place.join("shm"), 0o755)?;
    mount::make_directory(&place.join("pts"), 0o755)?;
    let options = c"newinstance,ptmxmode=0666,mode=0620";
    rustix::mount::mount("devpts", place.join("pts"), "devpts", flags, Some(options))?;
    let links = [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    for (name, target) in links {
        rustix::fs::symlink(target, place.join(name))?;
    }
    // One sandbox must not leave files for another there.
    Ok(rustix::mount::mount_remount(
        place,
        flags | MountFlags::BIND | MountFlags::RDONLY,
        c"",
    )?)
}
