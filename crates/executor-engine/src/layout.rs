//! What a job needs of an engine, decided before anything is asked of it: volumes, their first content, labels.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;
use windlass_executor::job::File;
use windlass_executor::job::Job;
use windlass_executor::job::Process;
use windlass_executor::job::VolumeSource;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;

use crate::archive::Entry;
use crate::archive::parents;

/// Directories below `/tekton` that every sandbox has, and whether steps may write there.
const TEKTON: [(&str, u32); 8] = [
    ("results", 0o777),
    ("artifacts", 0o777),
    ("home", 0o777),
    ("scripts", 0o755),
    ("creds", 0o755),
    ("bin", 0o755),
    ("run", 0o777),
    ("steps", 0o777),
];

/// Longest part of a pod's name that names of containers and volumes repeat: both may be 128 characters long at least.
const MAX_POD: usize = 48;

/// A volume that the engine keeps for the time of the attempt.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Store {
    /// Its name at the engine.
    pub(crate) name: String,
    /// Where the keeper, the container through which files are put and got, has it.
    pub(crate) kept_at: String,
    /// What it holds at first, relative to its root.
    pub(crate) content: Vec<Entry>,
}

/// What a volume of the job becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    /// A volume of the engine, by its place in [`Layout::stores`].
    Store(usize),
    /// A directory of this machine.
    Directory(PathBuf),
    /// A file system in memory, of the one process that mounts it.
    Memory(Option<u64>),
}

/// A volume as processes mount it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) backing: Backing,
    pub(crate) read_only: bool,
}

/// Place of the volume behind `/tekton` in [`Layout::stores`].
pub(crate) const TEKTON_STORE: usize = 0;
/// The same for `/workspace`.
pub(crate) const WORKSPACE_STORE: usize = 1;
/// The same for `/tekton/home`, which is apart because it may grow large and is never read by the plane.
pub(crate) const HOME_STORE: usize = 2;

/// What a job needs.
#[derive(Clone)]
pub(crate) struct Layout {
    /// Beginning of the name of everything that is made for the attempt.
    pub(crate) token: String,
    pub(crate) hostname: String,
    pub(crate) labels: Value,
    pub(crate) stores: Vec<Store>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Scripts that are in place from the beginning: container to a hash of the text.
    pub(crate) scripts: BTreeMap<String, u64>,
    /// Ports that probes connect to.
    pub(crate) ports: BTreeSet<u16>,
    /// Credentials relative to a home directory, to be put into that of each step.
    pub(crate) credentials: Vec<File>,
}

/// A failure of a container's configuration.
pub(crate) fn refuse(message: impl Into<String>) -> StartFailure {
    StartFailure {
        kind: StartFailureKind::ContainerConfig,
        message: message.into(),
    }
}

impl Layout {
    /// Lays out a job; `unique` tells it from every other attempt at the same engine.
    pub(crate) fn new(job: &Job, unique: &str) -> Result<Self, StartFailure> {
        let token = format!("windlass-{}-{unique}", plain(&job.pod, MAX_POD));
        let mut layout = Self {
            labels: json!({
                "dev.windlass.namespace": job.namespace,
                "dev.windlass.task-run": job.task_run,
                "dev.windlass.task-run-uid": job.id.task_run_uid,
                "dev.windlass.attempt": job.id.attempt.to_string(),
            }),
            // The kernel's limit for host names.
            hostname: plain(&job.pod, 63),
            stores: Vec::new(),
            volumes: BTreeMap::new(),
            scripts: BTreeMap::new(),
            ports: ports(job),
            credentials: Vec::new(),
            token,
        };
        let tekton = layout.tekton(job)?;
        layout.store("tekton", "/tekton", tekton);
        let open = |mode| vec![Entry::directory(".", mode)];
        layout.store("workspace", "/workspace", open(0o777));
        layout.store("home", "/windlass/home", open(0o777));
        layout.add_volumes(job)?;
        Ok(layout)
    }

    fn store(&mut self, name: &str, kept_at: &str, content: Vec<Entry>) -> usize {
        self.stores.push(Store {
            name: format!("{}-{name}", self.token),
            kept_at: kept_at.to_owned(),
            content,
        });
        self.stores.len() - 1
    }

    fn add_volumes(&mut self, job: &Job) -> Result<(), StartFailure> {
        let mut users: BTreeMap<&str, usize> = BTreeMap::new();
        for process in processes(job) {
            let names: BTreeSet<&str> = process.mounts.iter().map(|mount| mount.volume.as_str()).collect();
            for name in names {
                *users.entry(name).or_default() += 1;
            }
        }
        let group = processes(job).find_map(|process| process.security.fs_group);
        // Files of a group volume are its group's, also those that are made later.
        let root = match group {
            Some(group) => Entry::directory(".", 0o2777).owned(0, group.into()),
            None => Entry::directory(".", 0o777),
        };
        for (number, volume) in job.volumes.iter().enumerate() {
            let Some(users) = users.get(volume.name.as_str()) else {
                continue;
            };
            let name = format!("v{number}");
            let kept_at = format!("/windlass/{name}");
            let (backing, read_only) = match &volume.source {
                VolumeSource::Empty {
                    memory: true,
                    size_limit,
                } if *users == 1 => (Backing::Memory(*size_limit), false),
                // What steps share must outlive each of them, which memory does not at an engine.
                VolumeSource::Empty { .. } => (
                    Backing::Store(self.store(&name, &kept_at, vec![root.clone()])),
                    false,
                ),
                VolumeSource::Directory(path) => (Backing::Directory(path.clone()), false),
                VolumeSource::Files(files) => {
                    let content = entries(files, &format!("volume {:?}", volume.name))?;
                    (Backing::Store(self.store(&name, &kept_at, content)), true)
                }
            };
            self.volumes
                .insert(volume.name.clone(), Volume { backing, read_only });
        }
        Ok(())
    }

    /// The directories, links and files that Tekton promises below `/tekton`.
    fn tekton(&mut self, job: &Job) -> Result<Vec<Entry>, StartFailure> {
        let mut content = vec![Entry::directory(".", 0o777)];
        content.extend(TEKTON.iter().map(|(name, mode)| Entry::directory(*name, *mode)));
        for (number, step) in job.steps.iter().enumerate() {
            let own = format!("steps/step-{}", step.name);
            content.push(Entry::directory(format!("run/{number}"), 0o777));
            content.push(Entry::directory(&own, 0o777));
            content.push(Entry::directory(format!("{own}/results"), 0o777));
            content.push(Entry::directory(format!("{own}/artifacts"), 0o777));
            content.push(Entry::link(
                format!("steps/{number}"),
                format!("step-{}", step.name),
            ));
            self.script(&format!("step-{}", step.name), &step.process, &mut content);
        }
        for sidecar in &job.sidecars {
            self.script(
                &format!("sidecar-{}", sidecar.name),
                &sidecar.process,
                &mut content,
            );
        }
        let credentials = job.credentials.iter().map(|(path, content)| File {
            path: path.clone(),
            content: content.clone(),
            mode: 0o600,
        });
        self.credentials = credentials.collect();
        if !self.credentials.is_empty() {
            let files = entries(&self.credentials, "credentials")?;
            content.extend(files.into_iter().skip(1).map(|entry| entry.below("creds")));
        }
        Ok(content)
    }

    fn script(&mut self, container: &str, process: &Process, content: &mut Vec<Entry>) {
        if let Some(script) = &process.script {
            content.push(script_entry(container, script));
            self.scripts.insert(container.to_owned(), hash(script));
        }
    }
}

/// A script as it lies below `/tekton`.
pub(crate) fn script_entry(container: &str, script: &str) -> Entry {
    Entry::file(format!("scripts/{container}"), 0o755, script.as_bytes().to_vec())
}

/// Tells one script from another within an attempt.
pub(crate) fn hash(script: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    script.hash(&mut hasher);
    hasher.finish()
}

/// Files with their directories, the root first.
pub(crate) fn entries(files: &[File], of: &str) -> Result<Vec<Entry>, StartFailure> {
    let mut entries = vec![Entry::directory(".", 0o755)];
    let mut named = Vec::with_capacity(files.len());
    for file in files {
        let inside = file
            .path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = file
            .path
            .to_str()
            .filter(|path| inside && !path.is_empty() && !path.contains('\0'));
        let path = path.ok_or_else(|| {
            refuse(format!(
                "file {} of {of} must stay inside it: no leading slash and no \"..\"",
                file.path.display()
            ))
        })?;
        named.push((path, file));
    }
    let directories = parents(named.iter().map(|(path, _)| *path));
    entries.extend(directories.into_iter().map(|path| Entry::directory(path, 0o755)));
    let content = |file: &File| file.content.expose().to_vec();
    entries.extend(
        named
            .iter()
            .map(|(path, file)| Entry::file(*path, file.mode & 0o7777, content(file))),
    );
    Ok(entries)
}

fn processes(job: &Job) -> impl Iterator<Item = &Process> {
    let sidecars = job.sidecars.iter().map(|sidecar| &sidecar.process);
    job.steps.iter().map(|step| &step.process).chain(sidecars)
}

fn ports(job: &Job) -> BTreeSet<u16> {
    use windlass_executor::job::Check;
    let probes = job
        .sidecars
        .iter()
        .filter_map(|sidecar| sidecar.readiness.as_ref());
    let ports = probes.filter_map(|probe| match &probe.check {
        Check::Tcp { port } | Check::Http { port, .. } => Some(*port),
        Check::Exec(_) => None,
    });
    ports.collect()
}

/// A text as names of an engine may hold it.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let letters = text.chars().take(limit).map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => letter,
        _ => '-',
    });
    letters.collect::<String>().trim_matches('-').to_owned()
}

/// Whether a path is absolute, below the root, and without `..`.
pub(crate) fn is_steady(path: &Path) -> bool {
    path.is_absolute() && path != Path::new("/") && path.components().all(|part| part != Component::ParentDir)
}
