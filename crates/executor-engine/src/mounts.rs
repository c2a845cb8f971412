//! Which volumes a process mounts, where, and how an engine is told.

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;
use windlass_executor::job::Mount;
use windlass_executor::job::Process;
use windlass_executor::observation::StartFailure;

use crate::layout::Backing;
use crate::layout::HOME_STORE;
use crate::layout::Layout;
use crate::layout::TEKTON_STORE;
use crate::layout::WORKSPACE_STORE;
use crate::layout::is_steady;
use crate::layout::refuse;

/// Places with which the executor steers and watches processes; no volume may stand in for them, save for the home
/// directory.
const RESERVED: [&str; 2] = ["/tekton", "/proc"];

/// Home directory that every sandbox has.
pub(crate) const HOME: &str = "/tekton/home";

/// A mount of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Absolute path in the process's view.
    pub(crate) target: String,
    pub(crate) backing: Backing,
    /// Directories inside the volume, outermost first; to be made when missing, and never a link.
    pub(crate) sub_path: Vec<String>,
    pub(crate) read_only: bool,
}

/// Plans the mounts of a process: its own, and what every sandbox has unless the process puts something else there.
pub(crate) fn plan(layout: &Layout, process: &Process) -> Result<Vec<Planned>, StartFailure> {
    let own = process.mounts.iter().map(|mount| planned(layout, mount));
    let mut mounts = own.collect::<Result<Vec<_>, _>>()?;
    let given = [
        ("/tekton", TEKTON_STORE),
        ("/workspace", WORKSPACE_STORE),
        (HOME, HOME_STORE),
    ];
    for (target, store) in given {
        if mounts.iter().all(|mount| mount.target != target) {
            mounts.push(Planned {
                target: target.to_owned(),
                backing: Backing::Store(store),
                sub_path: Vec::new(),
                read_only: false,
            });
        }
    }
    // A mount below another comes after it.
    mounts.sort_by(|one, other| one.target.cmp(&other.target));
    if let Some([one, _]) = mounts
        .array_windows()
        .find(|[one, other]| one.target == other.target)
    {
        return Err(refuse(format!("{:?} is mounted twice", one.target)));
    }
    Ok(mounts)
}

fn planned(layout: &Layout, mount: &Mount) -> Result<Planned, StartFailure> {
    let volume = layout.volumes.get(&mount.volume).ok_or_else(|| {
        refuse(format!(
            "volume mount {:?} names the volume {:?}, which does not exist",
            mount.path, mount.volume
        ))
    })?;
    let path = Path::new(&mount.path);
    if !is_steady(path) || mount.path.contains('\0') {
        return Err(refuse(format!(
            "mount path {:?} must be an absolute path below the root",
            mount.path
        )));
    }
    let reserved = RESERVED.iter().any(|place| path.starts_with(place)) && !path.starts_with(HOME);
    if reserved {
        return Err(refuse(format!(
            "nothing can be mounted at {:?}: the place belongs to the executor",
            mount.path
        )));
    }
    let leaves = || {
        refuse(format!(
            "sub path {:?} of volume {:?} must stay inside the volume: no leading slash and no \"..\"",
            mount.sub_path, mount.volume
        ))
    };
    let mut sub_path = Vec::new();
    for part in Path::new(&mount.sub_path).components() {
        match part {
            Component::Normal(name) => sub_path.push(name.to_string_lossy().into_owned()),
            Component::CurDir => {}
            _ => return Err(leaves()),
        }
    }
    Ok(Planned {
        target: path
            .components()
            .collect::<PathBuf>()
            .to_string_lossy()
            .into_owned(),
        backing: volume.backing.clone(),
        sub_path,
        read_only: mount.read_only || volume.read_only,
    })
}

/// Where a volume's content lies, as an engine mounts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A volume, or a directory in it where the engine can mount that.
    Volume { name: String, sub_path: Option<String> },
    /// A directory of the machine that the engine runs on.
    Directory(String),
    /// Memory.
    Memory(Option<u64>),
}

/// How the engine is told of a mount.
pub(crate) fn described(target: &str, origin: &Origin, read_only: bool) -> Value {
    match origin {
        Origin::Volume { name, sub_path } => {
            // A volume hides what the image has in its place, as in a cluster, and does not begin as a copy of that.
            let mut options = json!({"NoCopy": true});
            if let Some(sub_path) = sub_path {
                options["Subpath"] = json!(sub_path);
            }
            json!({
                "Type": "volume", "Source": name, "Target": target, "ReadOnly": read_only, "VolumeOptions": options,
            })
        }
        Origin::Directory(source) => {
            json!({"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only})
        }
        Origin::Memory(size) => {
            let mut options = json!({"Mode": 0o1777});
            if let Some(size) = size {
                options["SizeBytes"] = json!(size);
            }
            json!({"Type": "tmpfs", "Target": target, "ReadOnly": read_only, "TmpfsOptions": options})
        }
    }
}

/// The mount that a path of the view lies in, and the rest of the path.
pub(crate) fn locate<'m>(mounts: &'m [Planned], path: &str) -> Option<(&'m Planned, PathBuf)> {
    let path = Path::new(path);
    // Longer targets come later.
    let mut mounts = mounts.iter().rev();
    mounts.find_map(|mount| Some((mount, path.strip_prefix(&mount.target).ok()?.to_owned())))
}
