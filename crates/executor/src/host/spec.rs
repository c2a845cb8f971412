//! Turns a [`Job`] into a [`SandboxSpec`], and knows what of it concerns each process.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use super::image;
use super::network;
use super::plan::MountSpec;
use super::plan::STEP_SHELL;
use super::plan::SandboxSpec;
use super::plan::Shell;
use super::plan::Source;
use super::plan::VolumeSpec;
use super::process::Program;
use super::process::Surroundings;
use super::process::refuse;
use super::slot;
use super::slot::Slot;
use crate::job::File;
use crate::job::Job;
use crate::job::Mount;
use crate::job::Process;
use crate::job::Volume;
use crate::job::VolumeSource;
use crate::observation::StartFailure;

/// Where a sandbox without a view has the mounts that lie outside its other directories.
const MOUNTS: &str = "/tekton/.mounts";

/// Home directory of processes that do not choose one.
pub(super) const HOME: &str = "/tekton/home";

/// Places with which the executor steers and watches processes; no volume may stand in for them, save for [`HOME`].
const RESERVED: [&str; 2] = ["/tekton", "/proc"];

/// Directories below `/tekton` that every sandbox has.
const TEKTON: [&str; 8] = [
    "results",
    "artifacts",
    "home",
    "scripts",
    "creds",
    "bin",
    "run",
    "steps",
];

/// What the processes of one sandbox are started with.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The view all of them share.
    pub(super) spec: SandboxSpec,
    /// What the resolution of a process depends on.
    pub(super) surroundings: Surroundings,
    /// Some volume is a directory below the scratch directory.
    pub(super) on_disk: bool,
    volumes: BTreeMap<String, usize>,
    /// Files for the home directories of containers, which only they know.
    credentials: Vec<File>,
    /// Containers of the steps, in order.
    steps: Vec<String>,
}

/// Whether no process of a job wants more than a container's usual capabilities.
pub(super) fn is_ordinary(job: &Job) -> bool {
    let steps = job.steps.iter().map(|step| &step.process);
    let mut processes = steps.chain(job.sidecars.iter().map(|car| &car.process));
    processes.all(|process| !process.security.privileged && process.security.add_capabilities.is_empty())
}

/// Lays out the sandbox of a job, whose directory on disk is `slot`.
pub(super) fn lay_out(job: &Job, slot: &Slot, surroundings: Surroundings) -> Result<Layout, StartFailure> {
    let isolated = surroundings.rewrites.is_empty();
    let contained = surroundings.contained.is_some();
    let processes = || {
        job.steps
            .iter()
            .map(|step| &step.process)
            .chain(job.sidecars.iter().map(|car| &car.process))
    };
    let mounted: BTreeSet<&str> = processes()
        .flat_map(|process| &process.mounts)
        .map(|mount| mount.volume.as_str())
        .collect();
    let mut layout = Layout {
        spec: SandboxSpec {
            slot: slot.name(),
            // The kernel's limit for host names.
            hostname: job.pod.chars().take(64).collect(),
            ..SandboxSpec::default()
        },
        surroundings,
        on_disk: false,
        volumes: BTreeMap::new(),
        credentials: Vec::new(),
        steps: job
            .steps
            .iter()
            .map(|step| format!("step-{}", step.name))
            .collect(),
    };
    let group = processes().find_map(|process| process.security.fs_group);
    for volume in job
        .volumes
        .iter()
        .filter(|volume| mounted.contains(volume.name.as_str()))
    {
        layout.add_volume(volume, group);
    }
    if contained {
        // Every container has its own; a wrong one is told before anything runs.
        processes().try_for_each(|process| layout.mounts_of(process).map(drop))?;
        layout.spec.network_files = network::files(&layout.spec.hostname);
        layout.spec.network = layout.surroundings.contained.unwrap_or_default();
    } else {
        layout.place_mounts(processes(), isolated)?;
    }
    layout.add_places(job);
    layout.spec.places.clone_from(&layout.surroundings.rewrites);
    if let Some(ash) = layout.surroundings.ash.clone().filter(|_| !isolated) {
        layout.spec.links.push((STEP_SHELL.to_owned(), ash));
    }
    layout.spec.owner = job.steps.first().and_then(|step| step.process.security.user);
    layout.spec.privileged = processes().any(|process| process.security.privileged);
    layout.spec.ordinary = is_ordinary(job);
    if !contained {
        layout.spec.shell = shell_of(processes());
    }
    Ok(layout)
}

/// Which shell the images of all processes have.
fn shell_of<'p>(processes: impl Iterator<Item = &'p Process>) -> Shell {
    let mut shells = processes.map(|process| image::has_ash(&process.image));
    let first = shells.next().unwrap_or_default();
    match (first, shells.all(|other| other == first)) {
        (true, true) => Shell::Ash,
        (false, true) => Shell::Machine,
        (_, false) => Shell::PerProcess,
    }
}

impl Layout {
    /// Adds to a resolved program what depends on the sandbox it runs in.
    pub(super) fn fit(
        &self,
        mut program: Program,
        process: &Process,
        guarded: bool,
    ) -> Result<Program, StartFailure> {
        program.guarded = guarded;
        if let Some(container) = &mut program.container {
            container.credentials.clone_from(&self.credentials);
            program.mounts = self.mounts_of(process)?;
            return Ok(program);
        }
        if !self.spec.places.is_empty() {
            if self.surroundings.ash.is_some() && image::has_ash(&process.image) {
                program.with_shell(&self.surroundings.rewrite(STEP_SHELL));
            }
            return Ok(program);
        }
        if self.spec.private_mounts {
            program.mounts = self.mounts_of(process)?;
        }
        if self.spec.shell == Shell::PerProcess {
            program.shell = if image::has_ash(&process.image) {
                Shell::Ash
            } else {
                Shell::PerProcess
            };
        }
        Ok(program)
    }

    /// Keeps a step from changing what the steps before it left behind. Where paths do not hold there is no view to seal.
    pub(super) fn seal(&self, program: &mut Program, container: &str) {
        let place = self.steps.iter().position(|step| step == container);
        if let Some(own) = &mut program.container {
            own.step = place.map(|index| (index, container.to_owned()));
            return;
        }
        let Some(before) = place.filter(|_| self.spec.places.is_empty()) else {
            return;
        };
        for (number, step) in self.steps.iter().take(before).enumerate() {
            program.sealed.push(format!("/tekton/run/{number}"));
            program.sealed.push(format!("/tekton/steps/{step}"));
        }
    }

    fn add_volume(&mut self, volume: &Volume, group: Option<u32>) {
        let number = self.spec.volumes.len();
        let (source, group) = match &volume.source {
            VolumeSource::Empty {
                memory: true,
                size_limit,
            } => (Source::Memory(*size_limit), group),
            VolumeSource::Empty { memory: false, .. } => {
                self.on_disk = true;
                let path = Path::new(&self.spec.slot)
                    .join(slot::VOLUMES)
                    .join(number.to_string());
                (Source::Scratch(path), group)
            }
            VolumeSource::Directory(path) => (Source::Directory(path.clone()), None),
            VolumeSource::Files(files) => (Source::Files(files.clone()), None),
        };
        self.spec.volumes.push(VolumeSpec { source, group });
        self.volumes.insert(volume.name.clone(), number);
    }

    /// Mounts are made once for all when every process has the same, and by each process for itself otherwise.
    fn place_mounts<'p>(
        &mut self,
        processes: impl Iterator<Item = &'p Process>,
        isolated: bool,
    ) -> Result<(), StartFailure> {
        let sets = processes
            .map(|process| self.mounts_of(process))
            .collect::<Result<Vec<_>, _>>()?;
        let points: BTreeSet<&str> = sets.iter().flatten().map(|mount| mount.path.as_str()).collect();
        self.spec.mount_points = points.into_iter().map(str::to_owned).collect();
        let same = sets
            .windows(2)
            .all(|pair| matches!(pair, [one, other] if one == other));
        if isolated && !same {
            self.spec.private_mounts = true;
            return Ok(());
        }
        let all: BTreeSet<MountSpec> = sets.into_iter().flatten().collect();
        self.spec.mounts = all.into_iter().collect();
        let clash = self
            .spec
            .mounts
            .windows(2)
            .find(|pair| matches!(pair, [one, other] if one.path == other.path));
        if let Some([one, _]) = clash {
            return Err(refuse(format!(
                "without isolation, {:?} cannot be a different volume in each step: use the host executor",
                one.path
            )));
        }
        if !isolated {
            self.rewrite_mounts();
        }
        Ok(())
    }

    /// Paths of mounts become paths below the sandbox's directory, unless they are such already.
    fn rewrite_mounts(&mut self) {
        let places = &self.surroundings.rewrites;
        let covered = |path: &Path| places.iter().any(|(place, _)| path.starts_with(place));
        let paths: BTreeSet<&str> = self.spec.mounts.iter().map(|mount| mount.path.as_str()).collect();
        let paths = paths.into_iter().rev().filter(|path| !covered(Path::new(path)));
        let rewrites = paths.map(|path| {
            (
                path.to_owned(),
                self.surroundings.rewrite(&format!("{MOUNTS}{path}")),
            )
        });
        let rewrites: Vec<_> = rewrites.collect();
        self.surroundings.rewrites.extend(rewrites);
    }

    fn mounts_of(&self, process: &Process) -> Result<Vec<MountSpec>, StartFailure> {
        let mut mounts = process
            .mounts
            .iter()
            .map(|mount| self.mount(mount))
            .collect::<Result<Vec<_>, _>>()?;
        // A mount below another comes after it.
        mounts.sort();
        Ok(mounts)
    }

    fn mount(&self, mount: &Mount) -> Result<MountSpec, StartFailure> {
        let volume = self.volumes.get(&mount.volume).copied().ok_or_else(|| {
            refuse(format!(
                "volume mount {:?} names the volume {:?}, which does not exist",
                mount.path, mount.volume
            ))
        })?;
        let leaves = Path::new(&mount.sub_path)
            .components()
            .any(|part| part == std::path::Component::ParentDir);
        let sub_path = mount.sub_path.trim_matches('/');
        if leaves || mount.sub_path.starts_with('/') {
            return Err(refuse(format!(
                "sub path {:?} of volume {:?} must stay inside the volume: no leading slash and no \"..\"",
                mount.sub_path, mount.volume
            )));
        }
        let path = Path::new(&mount.path);
        let steady = path.is_absolute()
            && path
                .components()
                .all(|part| part != std::path::Component::ParentDir);
        if !steady || path == Path::new("/") {
            return Err(refuse(format!(
                "mount path {:?} must be an absolute path below the root",
                mount.path
            )));
        }
        // Checked here again, because a variable may have become part of the path since admission.
        let is_reserved = RESERVED.iter().any(|place| path.starts_with(place)) && !path.starts_with(HOME);
        if is_reserved {
            return Err(refuse(format!(
                "nothing can be mounted at {:?}: the place belongs to the executor",
                mount.path
            )));
        }
        let files = self
            .spec
            .volumes
            .get(volume)
            .is_some_and(|spec| matches!(spec.source, Source::Files(_)));
        Ok(MountSpec {
            path: path
                .components()
                .collect::<PathBuf>()
                .to_string_lossy()
                .into_owned(),
            volume,
            sub_path: sub_path.to_owned(),
            read_only: mount.read_only || files,
        })
    }

    /// The directories, links and files that Tekton promises below `/tekton`.
    fn add_places(&mut self, job: &Job) {
        let spec = &mut self.spec;
        spec.directories
            .extend(TEKTON.iter().map(|name| format!("/tekton/{name}")));
        for (number, step) in job.steps.iter().enumerate() {
            spec.directories.push(format!("/tekton/run/{number}"));
            spec.directories.push(format!("/tekton/steps/step-{}", step.name));
            spec.directories
                .push(format!("/tekton/steps/step-{}/results", step.name));
            spec.directories
                .push(format!("/tekton/steps/step-{}/artifacts", step.name));
            spec.links
                .push((format!("/tekton/steps/{number}"), format!("step-{}", step.name)));
        }
        if job.credentials.is_empty() {
            return;
        }
        if self.surroundings.contained.is_some() {
            let files = job.credentials.iter().map(|(path, content)| File {
                path: path.clone(),
                content: content.clone(),
                mode: 0o600,
            });
            self.credentials = files.collect();
            return;
        }
        let processes = job.steps.iter().map(|step| &step.process);
        let homes = processes.map(|process| {
            let own = process.env.iter().rev().find(|variable| variable.name == "HOME");
            own.map_or(HOME, |variable| variable.value.as_str())
        });
        let homes: BTreeSet<&str> = homes
            .filter(|home| home.starts_with('/'))
            .chain(["/tekton/creds"])
            .collect();
        for home in homes {
            let files = job.credentials.iter();
            let files = files.map(|(path, content)| File {
                path: path.clone(),
                content: content.clone(),
                mode: 0o600,
            });
            spec.files.extend(files.map(|file| (home.to_owned(), file)));
        }
    }
}

#[cfg(test)]
mod tests;
