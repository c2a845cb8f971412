//! Where control groups can be made, read from what the kernel says about mounts and memberships.

use std::path::Path;
use std::path::PathBuf;

use super::super::facts::unescape;

/// A kind of bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Controller {
    /// Bytes of memory.
    Memory,
    /// Time of processors.
    Cpu,
    /// Processes and threads.
    Pids,
}

impl Controller {
    /// Every one that is used.
    pub(super) const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Pids];

    /// As the kernel names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
        }
    }
}

/// Which interface a hierarchy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// A tree for each controller, or for some of them together.
    One,
    /// One tree for all.
    Two,
}

/// A hierarchy that this process can see its own group in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its interface.
    pub(super) version: Version,
    /// Where it is mounted.
    pub(super) mount: PathBuf,
    /// This process's own group, relative to `mount`.
    pub(super) own: PathBuf,
    /// What it can bound, as far as is known before looking into it.
    pub(super) controllers: Vec<Controller>,
}

/// Finds the hierarchies that groups can be made in: those mounted for writing in which the own group is visible.
///
/// `mountinfo` and `memberships` are the texts of `/proc/self/mountinfo` and `/proc/self/cgroup`. On machines that mix both
/// versions, a controller is in the tree of its own if it has one.
pub(super) fn candidates(mountinfo: &str, memberships: &str) -> Vec<Candidate> {
    let memberships: Vec<_> = memberships.lines().filter_map(membership).collect();
    let bound = |controller: Controller| {
        let has = |(names, _): &(&str, &str)| names.split(',').any(|name| name == controller.name());
        memberships.iter().any(has)
    };
    let mut found = Vec::new();
    for (names, path) in &memberships {
        let version = if names.is_empty() {
            Version::Two
        } else {
            Version::One
        };
        let mut controllers = Controller::ALL.to_vec();
        controllers.retain(|controller| match version {
            Version::One => names.split(',').any(|name| name == controller.name()),
            Version::Two => !bound(*controller),
        });
        if controllers.is_empty() {
            continue;
        }
        let mut mounts = mountinfo.lines().filter_map(|line| mount(line, version, names));
        let place = mounts.find_map(|(root, mount)| Some((mount, relative(&root, path)?)));
        if let Some((mount, own)) = place {
            found.push(Candidate {
                version,
                mount,
                own,
                controllers,
            });
        }
    }
    found
}

/// Controllers (none for version two) and path of a line such as `4:memory:/a/b`.
fn membership(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (names, path) = (fields.next()?, fields.next()?);
    (!names.starts_with("name=")).then_some((names, path))
}

/// Root and mount point of a line of `mountinfo`, if it is the hierarchy and can be written to.
fn mount(line: &str, version: Version, names: &str) -> Option<(PathBuf, PathBuf)> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(3);
    let (root, place, options) = (before.next()?, before.next()?, before.next()?);
    let mut after = after.split(' ');
    let (kind, features) = (after.next()?, after.nth(1)?);
    let writable = [options, features]
        .iter()
        .all(|options| options.split(',').any(|option| option == "rw"));
    let is_it = match version {
        Version::One => {
            let has = |name: &str| features.split(',').any(|one| one == name);
            kind == "cgroup" && names.split(',').all(has)
        }
        Version::Two => kind == "cgroup2",
    };
    (writable && is_it).then(|| (unescape(root), unescape(place)))
}

/// A group's path below the part of the hierarchy that is mounted; none for a group that lies elsewhere.
fn relative(root: &Path, path: &str) -> Option<PathBuf> {
    let own = Path::new(path).strip_prefix(root).ok()?;
    let inside = own
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    inside.then(|| own.to_owned())
}

/// What is known about a group of version two before one is made below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Text of `cgroup.controllers`.
    pub(super) available: String,
    /// Text of `cgroup.subtree_control`.
    pub(super) enabled: String,
    /// Text of `cgroup.procs`.
    pub(super) processes: String,
    /// It has no `cgroup.type`: the first of all, which alone can have both processes and groups with controllers.
    pub(super) is_first: bool,
}

/// Which of the wanted controllers groups made below this one can have, and which of them are to be enabled for that.
pub(super) fn usable(facts: &Facts, wanted: &[Controller]) -> (Vec<Controller>, Vec<Controller>) {
    let has = |text: &str, controller: Controller| {
        text.split_ascii_whitespace()
            .any(|name| name == controller.name())
    };
    let can_enable = facts.is_first || facts.processes.trim().is_empty();
    let mut all = wanted.to_vec();
    all.retain(|one| has(&facts.enabled, *one) || (can_enable && has(&facts.available, *one)));
    let mut enable = all.clone();
    enable.retain(|one| !has(&facts.enabled, *one));
    (all, enable)
}
