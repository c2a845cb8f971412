//! What a sandbox's view is made of, as data: facts about the machine and a job's wishes become a list of actions.
//!
//! Nothing here touches the machine, so every rule of the view is a row of a test. [`mount`](super::mount) carries
//! the actions out.
//!
//! # Places
//! The launcher lives in a small tree of its own (see [`base`](super::base)). Until [`Action::Enter`], paths are paths of
//! that tree; afterwards they are paths of the view.

use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::job::File;
use crate::job::Secret;

pub(super) mod container;

/// Root of the machine's own file system in the launcher's tree.
pub(super) const LOWER: &str = "/lower";
/// Top-level directories of the machine in the launcher's tree, for views that cannot be overlaid as a whole.
pub(super) const TOP: &str = "/top";
/// Other file systems of the machine in the launcher's tree.
pub(super) const SUBMOUNTS: &str = "/submounts";
/// The launcher's scratch directory on disk.
pub(super) const SCRATCH: &str = "/scratch";
/// Layers of images in the launcher's tree.
pub(super) const IMAGES: &str = "/images";
/// Mounted roots of containers in the launcher's tree.
pub(super) const ROOTS: &str = "/roots";
/// The layer above every image in the launcher's tree: mount points.
pub(super) const SKELETON: &str = "/skeleton";
/// Files of single sandboxes in the launcher's tree.
pub(super) const FILES: &str = "/files";
/// The current directory of the plane in the launcher's tree.
pub(super) const CURRENT: &str = "/current";
/// Where the process list waits for the view.
pub(super) const PROCESSES: &str = "/processes";
/// Where the view is put together.
pub(super) const VIEW: &str = "/view";
/// Where the sandbox's own writable files live.
pub(super) const STORE: &str = "/store";
/// Where volumes wait in the view for processes that mount them differently; hidden from the processes.
pub(super) const VOLUMES: &str = "/tekton/.volumes";

/// Name under which a link in the view finds the shell of one step.
pub(super) const STEP_SHELL: &str = "/tekton/bin/sh";

/// How much of the machine the view can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    /// Everything, copy-on-write: the launcher is root on the machine.
    #[default]
    Whole,
    /// The machine's directories read-only with private writable places: an ordinary user.
    ReadOnly,
    /// Nothing: every process has a root of its own, made of an image's layers.
    Image,
}

/// What the launcher learned about the machine when it built its tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    /// How much can be shown.
    pub(super) view: View,
    /// The launcher is an ordinary user, and root only in a namespace of its own.
    pub(super) unprivileged: bool,
    /// Entries of the machine's root directory.
    pub(super) top: Vec<Top>,
    /// File systems mounted below the root, parents first; the index names them in the launcher's tree.
    pub(super) submounts: Vec<Submount>,
    /// The plane's current directory when it needs a layer of its own to be writable.
    pub(super) current: Option<PathBuf>,
    /// Directory of the machine with the files of all sandboxes, where the view would show it.
    pub(super) hidden: Option<PathBuf>,
    /// Bytes that the store of one sandbox may hold.
    pub(super) memory: Option<u64>,
    /// Where `sh` lies, such as `/usr/bin`.
    pub(super) shell_dir: PathBuf,
    /// Program that stands in for busybox's shell.
    pub(super) ash: Option<PathBuf>,
    /// The machine's own `sh`, links resolved.
    pub(super) shell: PathBuf,
    /// Entries of `/proc` through which root would change the machine itself.
    pub(super) kernel_files: Vec<String>,
}

/// An entry of the machine's root directory.
#[derive(Clone, Debug)]
pub(super) enum Top {
    /// A directory by name.
    Directory(String),
    /// A link by name, with its target.
    Link(String, PathBuf),
}

/// A file system of the machine below its root.
#[derive(Clone, Debug)]
pub(super) struct Submount {
    /// Where it is mounted on the machine.
    pub(super) path: PathBuf,
    /// Its writes are kept in the sandbox instead of being refused.
    pub(super) copy_on_write: bool,
}

/// What one job needs of its view.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SandboxSpec {
    /// The sandbox's directory on disk, by its name below the launcher's scratch directory.
    pub(super) slot: String,
    /// Without a view: paths of Tekton and the directories of the machine that stand for them, longer ones first.
    pub(super) places: Vec<(String, String)>,
    /// Host name that the processes see.
    pub(super) hostname: String,
    /// Directories to make, with permission bits 0777.
    pub(super) directories: Vec<String>,
    /// Links to make: path and target.
    pub(super) links: Vec<(String, String)>,
    /// Files to make.
    pub(super) files: Vec<(String, File)>,
    /// Files of `/etc` that every container of the sandbox has.
    pub(super) network_files: Vec<File>,
    /// The network of the containers.
    pub(super) network: Network,
    /// User that owns the files.
    pub(super) owner: Option<u32>,
    /// Volumes that some process mounts.
    pub(super) volumes: Vec<VolumeSpec>,
    /// Paths at which some process has a mount.
    pub(super) mount_points: Vec<String>,
    /// Mounts that all processes share.
    pub(super) mounts: Vec<MountSpec>,
    /// Some processes have mounts of their own: volumes wait in [`VOLUMES`].
    pub(super) private_mounts: bool,
    /// Which shell `sh` is.
    pub(super) shell: Shell,
    /// Some process wants the machine's devices.
    pub(super) privileged: bool,
    /// No process wants more than a container's usual capabilities.
    pub(super) ordinary: bool,
}

impl SandboxSpec {
    /// Whether the view has nothing that belongs to one job: no volume, no file.
    pub(super) fn is_plain(&self) -> bool {
        self.volumes.is_empty() && self.files.is_empty() && self.mounts.is_empty() && self.ordinary
    }

    /// Whether a view that was made for this one is as good for `other`: they differ in the host name at most.
    pub(super) fn is_same_view(&self, other: &Self) -> bool {
        let named = Self {
            hostname: other.hostname.clone(),
            ..self.clone()
        };
        named == *other
    }
}

/// The network that a sandbox's processes see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// The machine's: everything that the machine can reach, and its ports. The default.
    #[default]
    Host,
    /// Of the sandbox alone: its processes reach each other on loopback, and nobody else.
    Private,
}

/// Which program `sh` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shell {
    /// The machine's.
    #[default]
    Machine,
    /// One that behaves as busybox's.
    Ash,
    /// The processes differ.
    PerProcess,
}

/// A volume and how to make it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VolumeSpec {
    /// Where the content comes from.
    pub(super) source: Source,
    /// Group that owns a fresh directory.
    pub(super) group: Option<u32>,
}

/// Content of a volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Source {
    /// A fresh directory on disk, relative to the launcher's scratch directory.
    Scratch(PathBuf),
    /// A fresh directory in memory with an upper bound in bytes.
    Memory(Option<u64>),
    /// A directory of the machine.
    Directory(PathBuf),
    /// Files with their content.
    Files(Vec<File>),
}

/// A volume's place in a view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct MountSpec {
    /// Absolute path in the view.
    pub(super) path: String,
    /// Index in [`SandboxSpec::volumes`].
    pub(super) volume: usize,
    /// Directory or file inside the volume; empty for all of it.
    pub(super) sub_path: String,
    /// Writes are refused.
    pub(super) read_only: bool,
}

/// One thing to do while a view is made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Makes a directory with permission bits, and its parents.
    Directory(PathBuf, u32),
    /// Gives a directory to a group that may write to it.
    Group(PathBuf, u32),
    /// Makes the parents of a path in the upper part of a layer, as far as the lower part has no link on the way.
    Parents {
        /// Directory below.
        lower: PathBuf,
        /// Directory above.
        upper: PathBuf,
        /// Path relative to both.
        path: PathBuf,
    },
    /// Makes a link: path, target.
    Link(PathBuf, PathBuf),
    /// Makes a link like [`Action::Link`] in place of an empty directory.
    Replace(PathBuf, PathBuf),
    /// Makes what is missing of a path below a directory, which it must not leave.
    Beneath(PathBuf, PathBuf),
    /// Makes a file below a directory, with its parents.
    File(PathBuf, File),
    /// Mounts a file system in memory with an upper bound in bytes.
    Memory(PathBuf, Option<u64>),
    /// Mounts a copy-on-write layer.
    Overlay {
        /// Directories below, never written, topmost first.
        lower: Vec<PathBuf>,
        /// Directory that holds `upper` and `work`.
        store: PathBuf,
        /// Where it appears.
        target: PathBuf,
    },
    /// Shows a tree of the launcher at another place.
    Bind {
        /// What.
        source: PathBuf,
        /// Where.
        target: PathBuf,
        /// Writes are refused.
        read_only: bool,
    },
    /// Shows one directory in place of another, if there is the other.
    Cover(PathBuf, PathBuf),
    /// Hides a file or directory, if it is there.
    Mask(PathBuf),
    /// Takes what is mounted at one place to another.
    Move(PathBuf, PathBuf),
    /// Mounts the process list of the sandbox.
    Processes(PathBuf),
    /// Takes hold of a volume's tree, to be attached inside the view. Takes are numbered in order.
    Take {
        /// Where the volume lies.
        from: Origin,
        /// Directory or file inside it, made when missing.
        sub_path: PathBuf,
        /// Writes are refused.
        read_only: bool,
        /// Device files work.
        devices: bool,
    },
    /// Makes the view the root; the launcher's tree is out of reach from here on.
    Enter,
    /// Attaches the tree of the numbered [`Action::Take`].
    Attach(usize, PathBuf),
}

/// Where a volume's tree lies.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// In the launcher's tree.
    Launcher(PathBuf),
    /// In the machine's own view.
    Machine(PathBuf),
}

/// Names of the root directory that every view has for itself.
const PRIVATE: [&str; 6] = ["tekton", "workspace", "tmp", "proc", "sys", "dev"];

/// Plans the view of one sandbox.
pub(super) fn view(machine: &Machine, spec: &SandboxSpec) -> Vec<Action> {
    let mut actions = Vec::with_capacity(48);
    actions.push(Action::Memory(STORE.into(), machine.memory));
    match machine.view {
        View::Whole => whole(machine, spec, &mut actions),
        View::ReadOnly => read_only(machine, spec, &mut actions),
        View::Image => return container::shared(spec, actions),
    }
    system(machine, spec, &mut actions);
    private(spec, &mut actions);
    current(machine, &mut actions);
    hide(machine, &mut actions);
    let takes = volumes(spec, &mut actions);
    actions.push(Action::Enter);
    let first = usize::from(machine_devices(machine, spec));
    inside(spec, (first..).zip(takes), &mut actions);
    actions
}

/// Parts the actions that only fill the store, which can be done before there is a view, from those that make the view of it.
/// There are none of the former when the store gets file systems or files of its own: it is good for one sandbox then.
pub(super) fn part(actions: Vec<Action>) -> (Vec<Action>, Vec<Action>) {
    let belongs = |path: &PathBuf| path.starts_with(STORE);
    let single = actions.iter().any(|action| match action {
        Action::Memory(path, _) => belongs(path) && path != Path::new(STORE),
        Action::File(base, _) => belongs(base),
        Action::Parents { upper, .. } => belongs(upper),
        Action::Group(path, _) => belongs(path),
        _ => false,
    });
    if single {
        return (Vec::new(), actions);
    }
    actions.into_iter().partition(|action| match action {
        Action::Directory(path, _) | Action::Link(path, _) | Action::Memory(path, _) => belongs(path),
        _ => false,
    })
}

/// The machine's root copy-on-write, with its other file systems on top.
fn whole(machine: &Machine, spec: &SandboxSpec, actions: &mut Vec<Action>) {
    let upper = in_store("root/upper");
    actions.push(Action::Directory(upper.clone(), 0o755));
    actions.push(Action::Directory(in_store("root/work"), 0o755));
    for name in PRIVATE {
        actions.push(Action::Directory(upper.join(name), 0o755));
    }
    if let Some(target) = shell_link(machine, spec) {
        actions.push(Action::Directory(join(&upper, &machine.shell_dir), 0o755));
        actions.push(Action::Link(join(&upper, &machine.shell_dir).join("sh"), target));
        // Scripts of such images also ask for it by its own name.
        let ash = machine
            .ash
            .clone()
            .map(|ash| Action::Link(join(&upper, &machine.shell_dir).join("ash"), ash));
        actions.extend(ash);
    }
    actions.push(Action::Overlay {
        lower: vec![LOWER.into()],
        store: in_store("root"),
        target: VIEW.into(),
    });
    for (number, submount) in machine.submounts.iter().enumerate() {
        let source = Path::new(SUBMOUNTS).join(number.to_string());
        let target = join(Path::new(VIEW), &submount.path);
        if submount.copy_on_write {
            overlay(source, &format!("submount-{number}"), target, actions);
        } else {
            actions.push(Action::Bind {
                source,
                target,
                read_only: true,
            });
        }
    }
}

/// A root in memory with the machine's directories bound read-only.
fn read_only(machine: &Machine, spec: &SandboxSpec, actions: &mut Vec<Action>) {
    actions.push(Action::Directory(in_store("root"), 0o755));
    actions.push(Action::Bind {
        source: in_store("root"),
        target: VIEW.into(),
        read_only: false,
    });
    let layered = layered(machine, spec);
    for entry in &machine.top {
        match entry {
            Top::Link(name, target) => actions.push(Action::Link(in_view(name), target.clone())),
            Top::Directory(name) => {
                actions.push(Action::Directory(in_view(name), 0o755));
                let source = Path::new(TOP).join(name);
                if layered.iter().any(|layer| layer == name) {
                    // A directory of root's in the lower part could not be written to.
                    for path in &spec.mount_points {
                        let Ok(path) = Path::new(path).strip_prefix(Path::new("/").join(name)) else {
                            continue;
                        };
                        let (lower, path) = (source.clone(), path.to_owned());
                        let upper = in_store(&format!("top-{name}")).join("upper");
                        actions.push(Action::Parents { lower, upper, path });
                    }
                    overlay(source, &format!("top-{name}"), in_view(name), actions);
                } else {
                    actions.push(Action::Bind {
                        source,
                        target: in_view(name),
                        read_only: true,
                    });
                }
            }
        }
    }
    for name in PRIVATE {
        actions.push(Action::Directory(in_view(name), 0o755));
    }
    if let Some(target) = shell_link(machine, spec) {
        let layer = "shell";
        let source = join(Path::new(TOP), &machine.shell_dir);
        actions.push(Action::Directory(in_store(layer).join("upper"), 0o755));
        actions.push(Action::Link(in_store(layer).join("upper/sh"), target));
        let ash = machine
            .ash
            .clone()
            .map(|ash| Action::Link(in_store(layer).join("upper/ash"), ash));
        actions.extend(ash);
        overlay(source, layer, join(Path::new(VIEW), &machine.shell_dir), actions);
    }
}

/// Top-level directories in which a mount point must be made, which a read-only bind would refuse.
fn layered(machine: &Machine, spec: &SandboxSpec) -> Vec<String> {
    let mut names = Vec::new();
    for path in &spec.mount_points {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let (Some(first), Some(_)) = (parts.next(), parts.next()) else {
            continue;
        };
        let known = machine
            .top
            .iter()
            .any(|top| matches!(top, Top::Directory(name) if name == first));
        if known && !PRIVATE.contains(&first) && !names.iter().any(|name| name == first) {
            names.push(first.to_owned());
        }
    }
    names
}

/// `/dev`, `/sys`, `/proc` and the shared memory of the sandbox.
fn system(machine: &Machine, spec: &SandboxSpec, actions: &mut Vec<Action>) {
    if machine_devices(machine, spec) {
        actions.push(Action::Take {
            from: Origin::Machine("/dev".into()),
            sub_path: PathBuf::new(),
            read_only: false,
            devices: true,
        });
        actions.push(Action::Attach(0, in_view("dev")));
    } else {
        actions.push(Action::Move("/dev".into(), in_view("dev")));
    }
    actions.push(Action::Directory(in_store("shm"), 0o1777));
    actions.push(Action::Bind {
        source: in_store("shm"),
        target: in_view("dev/shm"),
        read_only: false,
    });
    actions.push(Action::Move("/sys".into(), in_view("sys")));
    actions.push(if spec.privileged {
        Action::Processes(in_view("proc"))
    } else {
        Action::Move(PROCESSES.into(), in_view("proc"))
    });
}

fn machine_devices(machine: &Machine, spec: &SandboxSpec) -> bool {
    spec.privileged && machine.view == View::Whole
}

/// Plans the process list at [`PROCESSES`], which sandboxes with the same first process show one after another.
pub(super) fn processes(machine: &Machine) -> Vec<Action> {
    if machine.view == View::Image {
        // For this process itself; each container has another.
        return vec![Action::Processes("/proc".into())];
    }
    let mut actions = vec![Action::Processes(PROCESSES.into())];
    if machine.view == View::Whole {
        actions.extend(machine.kernel_files.iter().map(|path| {
            let path = Path::new(path)
                .strip_prefix("/proc")
                .unwrap_or_else(|_| Path::new(path));
            let place = join(Path::new(PROCESSES), path);
            Action::Bind {
                source: place.clone(),
                target: place,
                read_only: true,
            }
        }));
    }
    actions
}

/// What lies below `/tekton`, in the store.
fn places(spec: &SandboxSpec, actions: &mut Vec<Action>) {
    let own = |path: &String| join(Path::new(STORE), path.as_ref());
    let directories = spec.directories.iter();
    actions.extend(directories.map(|path| Action::Directory(own(path), 0o777)));
    let links = spec.links.iter();
    actions.extend(links.map(|(path, target)| Action::Link(own(path), target.into())));
}

/// `/tekton` in memory; `/workspace`, `/tmp` and the home directory on disk.
fn private(spec: &SandboxSpec, actions: &mut Vec<Action>) {
    places(spec, actions);
    let slot = Path::new(SCRATCH).join(&spec.slot);
    let places = [
        (in_store("tekton"), "tekton"),
        (slot.join("home"), "tekton/home"),
        (slot.join("workspace"), "workspace"),
        (slot.join("tmp"), "tmp"),
    ];
    for (source, name) in places {
        actions.push(Action::Bind {
            source,
            target: in_view(name),
            read_only: false,
        });
    }
}

/// Keeps the current directory visible where a private or read-only place would hide its files or refuse writes.
fn current(machine: &Machine, actions: &mut Vec<Action>) {
    if let Some(path) = &machine.current {
        let target = join(Path::new(VIEW), path);
        actions.push(Action::Directory(target.clone(), 0o755));
        overlay(CURRENT.into(), "current", target, actions);
    }
}

/// Keeps the files of one sandbox out of sight of the others.
fn hide(machine: &Machine, actions: &mut Vec<Action>) {
    if let Some(path) = &machine.hidden {
        actions.push(Action::Directory(in_store("hidden"), 0o711));
        actions.push(Action::Cover(in_store("hidden"), join(Path::new(VIEW), path)));
    }
}

/// Where a volume's tree lies once it was made.
fn origin(number: usize, volume: &VolumeSpec) -> Origin {
    match &volume.source {
        Source::Directory(path) => Origin::Machine(path.clone()),
        Source::Scratch(relative) => Origin::Launcher(Path::new(SCRATCH).join(relative)),
        Source::Memory(_) | Source::Files(_) => {
            Origin::Launcher(in_store("volumes").join(number.to_string()))
        }
    }
}

/// Makes the volumes that are not there yet.
fn make_volumes(spec: &SandboxSpec, actions: &mut Vec<Action>) {
    for (number, volume) in spec.volumes.iter().enumerate() {
        let path = in_store("volumes").join(number.to_string());
        match &volume.source {
            Source::Directory(_) => {}
            Source::Scratch(relative) => fresh(Path::new(SCRATCH).join(relative), volume.group, actions),
            Source::Memory(size) => {
                actions.push(Action::Directory(path.clone(), 0o777));
                actions.push(Action::Memory(path.clone(), *size));
                fresh(path, volume.group, actions);
            }
            Source::Files(files) => {
                actions.push(Action::Directory(path.clone(), 0o755));
                actions.extend(files.iter().map(|file| Action::File(path.clone(), file.clone())));
            }
        }
    }
}

/// Takes hold of every mount's source; returns the paths at which to attach them, in order.
fn volumes(spec: &SandboxSpec, actions: &mut Vec<Action>) -> Vec<String> {
    make_volumes(spec, actions);
    let origins: Vec<Origin> = spec
        .volumes
        .iter()
        .enumerate()
        .map(|(number, volume)| origin(number, volume))
        .collect();
    let waiting = origins.iter().enumerate().filter(|_| spec.private_mounts);
    let whole = waiting.map(|(number, origin)| (origin, String::new(), false, format!("{VOLUMES}/{number}")));
    let shared = spec.mounts.iter().filter_map(|mount| {
        Some((
            origins.get(mount.volume)?,
            mount.sub_path.clone(),
            mount.read_only,
            mount.path.clone(),
        ))
    });
    let mut targets = Vec::new();
    for (origin, sub_path, read_only, target) in whole.chain(shared) {
        actions.push(Action::Take {
            from: origin.clone(),
            sub_path: sub_path.into(),
            read_only,
            devices: spec.privileged,
        });
        targets.push(target);
    }
    targets
}

/// A fresh directory for a volume.
pub(super) fn fresh(path: PathBuf, group: Option<u32>, actions: &mut Vec<Action>) {
    actions.push(Action::Directory(path.clone(), 0o777));
    if let Some(group) = group {
        actions.push(Action::Group(path, group));
    }
}

/// What is made once the view is the root: links of the view are followed within the view only.
fn inside(spec: &SandboxSpec, takes: impl Iterator<Item = (usize, String)>, actions: &mut Vec<Action>) {
    actions.extend(
        spec.files
            .iter()
            .map(|(base, file)| Action::File(base.into(), file.clone())),
    );
    if spec.shell == Shell::PerProcess {
        let place = File {
            path: "sh".into(),
            content: Secret::default(),
            mode: 0o755,
        };
        actions.push(Action::File("/tekton/bin".into(), place));
    }
    if spec.private_mounts {
        // A mount of its own, so that a process gets rid of all volumes at once.
        actions.push(Action::Directory(VOLUMES.into(), 0o755));
        actions.push(Action::Memory(VOLUMES.into(), Some(1 << 20)));
    }
    actions.extend(takes.map(|(number, path)| Action::Attach(number, path.into())));
}

fn shell_link(machine: &Machine, spec: &SandboxSpec) -> Option<PathBuf> {
    match spec.shell {
        Shell::Machine => None,
        Shell::Ash => machine.ash.clone(),
        Shell::PerProcess => machine.ash.is_some().then(|| STEP_SHELL.into()),
    }
}

fn overlay(lower: PathBuf, layer: &str, target: PathBuf, actions: &mut Vec<Action>) {
    let store = in_store(layer);
    actions.push(Action::Directory(store.join("upper"), 0o755));
    actions.push(Action::Directory(store.join("work"), 0o755));
    let lower = vec![lower];
    actions.push(Action::Overlay { lower, store, target });
}

fn in_store(name: &str) -> PathBuf {
    Path::new(STORE).join(name)
}

fn in_view(name: &str) -> PathBuf {
    Path::new(VIEW).join(name)
}

/// Appends an absolute path below a base.
pub(super) fn join(base: &Path, path: &Path) -> PathBuf {
    base.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests;
