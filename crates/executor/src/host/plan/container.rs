//! The views of containers: one for each process, over the layers of its image, and what those of a sandbox share.

use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::super::process::Program;
use super::Action;
use super::FILES;
use super::IMAGES;
use super::Machine;
use super::Origin;
use super::SCRATCH;
use super::SKELETON;
use super::STORE;
use super::SandboxSpec;
use super::VIEW;
use super::in_store;
use super::in_view;
use super::join;
use super::make_volumes;
use super::origin;
use super::places;
use crate::job::File;
use crate::job::Secret;

/// Directories that every container has, whatever its image.
const MOUNT_POINTS: [&str; 6] = ["tekton", "workspace", "proc", "sys", "dev", "etc"];

/// Files of `/etc` that every sandbox has of its own.
const NETWORK_FILES: [&str; 3] = ["hosts", "hostname", "resolv.conf"];

/// Entries of `/proc` that tell about the machine what is none of a container's business.
const MASKED: [&str; 6] = [
    "acpi",
    "kcore",
    "keys",
    "latency_stats",
    "sched_debug",
    "timer_list",
];

/// A root of its own that a process has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct ContainerSpec {
    /// Layers below the directory of images, lowest first.
    pub(in super::super) layers: Vec<PathBuf>,
    /// Number of the process in its sandbox.
    pub(in super::super) number: u32,
    /// Process whose view this one joins instead of having its own: a probe.
    pub(in super::super) joins: Option<u32>,
    /// Index and container of the step that it is: what the other steps keep below `/tekton` is not to be changed by it.
    pub(in super::super) step: Option<(usize, String)>,
    /// `USER` of the image, for a process that does not choose.
    pub(in super::super) user: String,
    /// Files for the process's home directory.
    pub(in super::super) credentials: Vec<File>,
}

/// Plans what the containers of one sandbox share.
pub(super) fn shared(spec: &SandboxSpec, mut actions: Vec<Action>) -> Vec<Action> {
    places(spec, &mut actions);
    actions.push(Action::Directory(in_store("shm"), 0o1777));
    let files = own_files(spec);
    actions.extend(
        spec.network_files
            .iter()
            .map(|file| Action::File(files.clone(), file.clone())),
    );
    make_volumes(spec, &mut actions);
    actions
}

/// Plans the view of one container.
pub(in super::super) fn view(
    machine: &Machine,
    spec: &SandboxSpec,
    container: &ContainerSpec,
    (program, root): (&Program, &Path),
) -> Vec<Action> {
    let privileged = program.security.privileged;
    let mut actions = vec![Action::Bind {
        source: root.to_owned(),
        target: VIEW.into(),
        read_only: false,
    }];
    let first = devices(machine, privileged, &mut actions);
    processes(machine, privileged, &mut actions);
    let slot = Path::new(SCRATCH).join(&spec.slot);
    let binds = [
        (in_store("tekton"), "tekton"),
        (slot.join("home"), "tekton/home"),
        (slot.join("workspace"), "workspace"),
    ];
    for (source, name) in binds {
        actions.push(Action::Bind {
            source,
            target: in_view(name),
            read_only: false,
        });
    }
    actions.extend(NETWORK_FILES.map(|name| Action::Bind {
        source: own_files(spec).join(name),
        target: in_view("etc").join(name),
        read_only: false,
    }));
    seal(container, &mut actions);
    let mut targets = Vec::new();
    for mount in &program.mounts {
        let Some(volume) = spec.volumes.get(mount.volume) else {
            continue;
        };
        actions.push(Action::Take {
            from: origin(mount.volume, volume),
            sub_path: mount.sub_path.clone().into(),
            read_only: mount.read_only,
            devices: privileged,
        });
        targets.push(PathBuf::from(&mount.path));
    }
    actions.push(Action::Enter);
    actions.extend(
        (first..)
            .zip(targets)
            .map(|(number, path)| Action::Attach(number, path)),
    );
    actions
}

/// Shows a step what the others keep, and lets it write to what is its own.
fn seal(container: &ContainerSpec, actions: &mut Vec<Action>) {
    let Some((index, name)) = &container.step else {
        return;
    };
    let places = [
        ("tekton/run".to_owned(), true),
        ("tekton/steps".to_owned(), true),
        (format!("tekton/run/{index}"), false),
        (format!("tekton/steps/{name}"), false),
    ];
    actions.extend(places.into_iter().map(|(path, read_only)| Action::Bind {
        source: in_store(&path),
        target: in_view(&path),
        read_only,
    }));
}

/// What the root of a container consists of, topmost first: mount points, then the image's layers.
pub(in super::super) fn lower(layers: &[PathBuf]) -> Vec<PathBuf> {
    let layers = layers.iter().rev();
    let layers = layers.map(|layer| join(Path::new(IMAGES), layer));
    std::iter::once(SKELETON.into()).chain(layers).collect()
}

/// Makes the layer above every image, once for a launcher.
pub(in super::super) fn skeleton() -> Vec<Action> {
    let place = Path::new(SKELETON);
    let directories = MOUNT_POINTS.map(|name| Action::Directory(place.join(name), 0o755));
    let files = NETWORK_FILES.map(|name| {
        let file = File {
            path: name.into(),
            content: Secret::default(),
            mode: 0o644,
        };
        Action::File(place.join("etc"), file)
    });
    directories.into_iter().chain(files).collect()
}

/// Devices, shared memory and system information; returns the number of the next take.
fn devices(machine: &Machine, privileged: bool, actions: &mut Vec<Action>) -> usize {
    let machine_devices = privileged && !machine.unprivileged;
    if machine_devices {
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
    actions.push(Action::Bind {
        source: in_store("shm"),
        target: in_view("dev/shm"),
        read_only: false,
    });
    actions.push(Action::Move("/sys".into(), in_view("sys")));
    usize::from(machine_devices)
}

/// The container's own processes, and of the rest of `/proc` only what does no harm.
fn processes(machine: &Machine, privileged: bool, actions: &mut Vec<Action>) {
    actions.push(Action::Processes(in_view("proc")));
    if privileged {
        return;
    }
    for path in &machine.kernel_files {
        let place = join(Path::new(VIEW), path.as_ref());
        actions.push(Action::Bind {
            source: place.clone(),
            target: place,
            read_only: true,
        });
    }
    for name in MASKED {
        actions.push(Action::Mask(in_view("proc").join(name)));
    }
    actions.push(Action::Mask(in_view("sys/firmware")));
}

/// Where the files that only this sandbox has wait: beside the store, which other sandboxes may use after this one.
pub(in super::super) fn own_files(spec: &SandboxSpec) -> PathBuf {
    Path::new(FILES).join(&spec.slot)
}

/// Where the store has the sandbox's `/tekton`.
pub(in super::super) fn tekton() -> PathBuf {
    Path::new(STORE).join("tekton")
}
