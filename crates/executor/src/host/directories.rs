//! What stands for the view in a sandbox without one: directories of the machine, as data like a [`plan`](super::plan).
//!
//! # Caveats
//! Paths hold only where the plane rewrote them. Mounts are links, so a read-only one can be written to, and a volume in
//! memory has no upper bound.

use std::path::Path;
use std::path::PathBuf;

use super::plan::Action;
use super::plan::SandboxSpec;
use super::plan::Source;
use super::plan::fresh;

impl SandboxSpec {
    /// The directory of the machine that stands for a path, in a sandbox without a view.
    pub(super) fn locate(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        self.places.iter().find_map(|(place, directory)| {
            let below = path.strip_prefix(place).ok()?;
            let directory = Path::new(directory);
            Some(if below.as_os_str().is_empty() {
                directory.to_owned()
            } else {
                directory.join(below)
            })
        })
    }
}

/// Plans the directories of a sandbox without a view: volumes are directories, mounts are links to them.
pub(super) fn plan(scratch: &Path, spec: &SandboxSpec) -> Vec<Action> {
    let Some(tekton) = spec.locate("/tekton") else {
        return Vec::new();
    };
    // Other users must get through, to what is theirs.
    let mut actions = vec![Action::Directory(tekton.clone(), 0o711)];
    let located = spec.directories.iter().filter_map(|path| spec.locate(path));
    actions.extend(located.map(|path| Action::Directory(path, 0o777)));
    let links = spec
        .links
        .iter()
        .filter_map(|(path, target)| Some((spec.locate(path)?, target)));
    actions.extend(links.map(|(path, target)| Action::Link(path, target.into())));
    // A home directory of the machine gets no credentials.
    let files = spec
        .files
        .iter()
        .filter_map(|(base, file)| Some((spec.locate(base)?, file)));
    actions.extend(files.map(|(base, file)| Action::File(base, file.clone())));
    let mut origins = Vec::new();
    for (number, volume) in spec.volumes.iter().enumerate() {
        let path = tekton.join(".volumes").join(number.to_string());
        origins.push(match &volume.source {
            Source::Directory(path) => path.clone(),
            Source::Scratch(relative) => made(scratch.join(relative), volume.group, &mut actions),
            Source::Memory(_) => made(path, volume.group, &mut actions),
            Source::Files(files) => {
                actions.push(Action::Directory(path.clone(), 0o755));
                actions.extend(files.iter().map(|file| Action::File(path.clone(), file.clone())));
                path
            }
        });
    }
    for mount in &spec.mounts {
        let (Some(origin), Some(place)) = (origins.get(mount.volume), spec.locate(&mount.path)) else {
            continue;
        };
        if !mount.sub_path.is_empty() {
            actions.push(Action::Beneath(origin.clone(), mount.sub_path.clone().into()));
        }
        actions.push(Action::Replace(place, origin.join(&mount.sub_path)));
    }
    actions
}

fn made(path: PathBuf, group: Option<u32>, actions: &mut Vec<Action>) -> PathBuf {
    fresh(path.clone(), group, actions);
    path
}
