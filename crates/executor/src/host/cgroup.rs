//! Bounds on memory, processor time and numbers of processes, by control groups.
//!
//! A group is made only for a process that has limits, below the launcher's own group where that is possible: so what
//! bounds the plane bounds its steps. With version two, a group that has processes cannot have groups with controllers, so
//! there the nearest group above that can is taken. The launcher loses sight of the groups when it moves into its own tree,
//! and keeps descriptors of them.
//!
//! # Names
//! `windlass-<id of the launcher>-<slot>-<number>`: a group whose launcher is dead is nobody's, and is removed by the next.

use std::fs;
use std::io;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::Access;
use rustix::fs::AtFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Pid;

use self::bounds::Need;
use self::bounds::bounds;
use self::bounds::count_of_kills;
use self::bounds::kills;
use self::bounds::needed;
use self::find::Candidate;
use self::find::Controller;
use self::find::Facts;
use self::find::Version;
use self::find::candidates;
use self::find::usable;
use crate::job::Limits;

mod bounds;
mod find;

/// Names of groups begin so.
const PREFIX: &str = "windlass-";

/// Files of groups that are read are no longer than this.
const MOST: u64 = 64 << 10;

/// How often, and with how much time between, the removal of a group is tried whose last process is not quite gone.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(1);

/// Why a group could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Below none of the groups that could be written to.
    #[error("no control group for {0} can be made here")]
    Missing(String),
    /// The directory of the group.
    #[error("make a control group for {0}")]
    Make(&'static str, #[source] io::Error),
    /// A file of the group.
    #[error("write {1:?} to {0}")]
    Write(&'static str, String, #[source] io::Error),
}

/// Where groups can be made.
#[derive(Debug)]
pub(super) struct Groups {
    places: Vec<Place>,
    owner: u32,
}

/// A group below which others can be made.
#[derive(Debug)]
struct Place {
    version: Version,
    directory: OwnedFd,
    controllers: Vec<Controller>,
    /// Those of version two that have to be enabled first.
    enable: Vec<Controller>,
}

/// A group for one process and all it starts.
#[derive(Debug)]
pub(super) struct Group {
    name: String,
    parts: Vec<Part>,
    entries: Vec<OwnedFd>,
}

#[derive(Debug)]
struct Part {
    place: usize,
    directory: OwnedFd,
    /// Where processes killed for memory are counted, and how many there were at first.
    kills: Option<(&'static str, u64)>,
}

impl Groups {
    /// Finds out where the calling process, the launcher, can make groups. Changes nothing.
    pub(super) fn find() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        Self::open(
            Path::new("/"),
            &read("mountinfo"),
            &read("cgroup"),
            std::process::id(),
        )
    }

    /// As [`find`](Self::find), with the texts given and all mounts looked for below `root`.
    fn open(root: &Path, mountinfo: &str, memberships: &str, owner: u32) -> Self {
        let found = candidates(mountinfo, memberships);
        let places = found.iter().filter_map(|candidate| Place::open(root, candidate));
        Self {
            places: places.collect(),
            owner,
        }
    }

    /// Makes a group with these limits; `None` where there are none. What cannot be bounded is named beside.
    pub(super) fn make(
        &self,
        slot: &str,
        number: u32,
        limits: &Limits,
    ) -> Result<Option<(Group, Option<Error>)>, Error> {
        let needed = needed(limits);
        if needed.is_empty() {
            return Ok(None);
        }
        let missing = self.missing(&needed);
        let mut group = Group {
            name: format!("{PREFIX}{}-{slot}-{number}", self.owner),
            parts: Vec::new(),
            entries: Vec::new(),
        };
        for (number, place) in self.places.iter().enumerate() {
            let here = place
                .controllers
                .iter()
                .filter(|controller| needed.contains(controller));
            let here: Vec<_> = here.copied().collect();
            if here.is_empty() {
                continue;
            }
            if let Err(error) = place.add(number, &here, limits, &mut group) {
                self.remove(&group);
                return Err(error);
            }
        }
        Ok(Some((group, missing)))
    }

    fn missing(&self, needed: &[Controller]) -> Option<Error> {
        let has = |one: Controller| self.places.iter().any(|place| place.controllers.contains(&one));
        // Nobody asked for a bound on processes.
        let lacks = needed
            .iter()
            .filter(|one| !has(**one) && **one != Controller::Pids);
        let names: Vec<_> = lacks.map(|one| one.name()).collect();
        (!names.is_empty()).then(|| Error::Missing(names.join(" and ")))
    }

    /// Removes a group without processes; `false` while it still has some.
    pub(super) fn remove(&self, group: &Group) -> bool {
        let mut all = true;
        for part in &group.parts {
            // Each of them, whatever became of the others.
            all &= self
                .places
                .get(part.place)
                .is_none_or(|place| place.remove(&group.name));
        }
        all
    }

    /// Removes groups whose processes were just killed; gives up on those that do not end.
    pub(super) fn remove_all(&self, mut left: Vec<Group>) {
        for _ in 0..TRIES {
            left.retain(|group| !self.remove(group));
            if left.is_empty() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Removes the groups of this launcher whose sandboxes were just killed.
    pub(super) fn remove_own(&self) {
        for _ in 0..TRIES {
            if self.remove_where(|owner| owner == self.owner) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Removes the groups of launchers that were killed.
    pub(super) fn remove_abandoned(&self) {
        self.remove_where(|owner| owner != self.owner && !is_alive(owner));
    }

    /// Whether none of them is left.
    fn remove_where(&self, wanted: impl Fn(u32) -> bool) -> bool {
        let mut none_left = true;
        for place in &self.places {
            let names = place.names().into_iter();
            for name in names.filter(|name| owner_of(name).is_some_and(&wanted)) {
                none_left &= place.remove(&name);
            }
        }
        none_left
    }
}

/// The launcher that a group is named for.
fn owner_of(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

fn is_alive(id: u32) -> bool {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    id.is_some_and(|id| rustix::process::test_kill_process(id) != Err(Errno::SRCH))
}

impl Place {
    fn open(root: &Path, candidate: &Candidate) -> Option<Self> {
        let mount = root.join(candidate.mount.strip_prefix("/").ok()?);
        let own = mount.join(&candidate.own);
        let (path, controllers, enable) = match candidate.version {
            Version::One => (own, candidate.controllers.clone(), Vec::new()),
            Version::Two => choose(&mount, &own, &candidate.controllers)?,
        };
        if !can_write(&path) {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Some(Self {
            version: candidate.version,
            directory: rustix::fs::open(path, flags, Mode::empty()).ok()?,
            controllers,
            enable,
        })
    }

    /// Makes the part of a group that lies here.
    fn add(
        &self,
        number: usize,
        controllers: &[Controller],
        limits: &Limits,
        group: &mut Group,
    ) -> Result<(), Error> {
        let what = self.controllers.first().map_or("nothing", |one| one.name());
        let failed = |errno: Errno| Error::Make(what, errno.into());
        for controller in &self.enable {
            let file = "cgroup.subtree_control";
            let value = format!("+{}", controller.name());
            write(&self.directory, file, &value).map_err(|errno| Error::Write(file, value, errno.into()))?;
        }
        match rustix::fs::mkdirat(&self.directory, &group.name, Mode::from_raw_mode(0o755)) {
            // Left by a launcher that had the same id.
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory =
            rustix::fs::openat(&self.directory, &group.name, flags, Mode::empty()).map_err(failed)?;
        group.parts.push(Part {
            place: number,
            kills: None,
            directory,
        });
        let Some(part) = group.parts.last_mut() else {
            return Ok(());
        };
        for controller in controllers {
            for (file, value, need) in bounds(self.version, *controller, limits) {
                match (write(&part.directory, file, &value), need) {
                    (Ok(()), _)
                    | (Err(Errno::NOENT), Need::IfThere)
                    | (Err(Errno::INVAL), Need::UnlessTighter) => {}
                    (Err(errno), _) => return Err(Error::Write(file, value, errno.into())),
                }
            }
            if *controller == Controller::Memory {
                let file = count_of_kills(self.version);
                part.kills = Some((file, kills(&read(&part.directory, file))));
            }
        }
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let entry = rustix::fs::openat(&part.directory, "cgroup.procs", flags, Mode::empty());
        group.entries.push(entry.map_err(failed)?);
        Ok(())
    }

    fn remove(&self, name: &str) -> bool {
        let removed = rustix::fs::unlinkat(&self.directory, name, AtFlags::REMOVEDIR);
        matches!(removed, Ok(()) | Err(Errno::NOENT))
    }

    fn names(&self) -> Vec<String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&self.directory, ".", flags, Mode::empty());
        let entries = directory.and_then(rustix::fs::Dir::new);
        let entries = entries.into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
            .collect()
    }
}

impl Group {
    /// Files of the group; a process that writes `0` to each is in it.
    pub(super) fn entries(&self) -> &[OwnedFd] {
        &self.entries
    }

    /// Whether a process in it was killed for memory.
    pub(super) fn has_killed(&self) -> bool {
        self.parts.iter().any(|part| {
            part.kills
                .is_some_and(|(file, before)| kills(&read(&part.directory, file)) > before)
        })
    }
}

/// The nearest group of version two, from the own one up, below which groups with controllers can be made: one that bounds
/// memory if there is one.
fn choose(
    mount: &Path,
    own: &Path,
    wanted: &[Controller],
) -> Option<(std::path::PathBuf, Vec<Controller>, Vec<Controller>)> {
    let mut best = None;
    for path in own
        .ancestors()
        .take_while(|path| path.starts_with(mount))
        .filter(|path| can_write(path))
    {
        let text = |name: &str| read_at(&path.join(name)).unwrap_or_default();
        let facts = Facts {
            available: text("cgroup.controllers"),
            enabled: text("cgroup.subtree_control"),
            processes: text("cgroup.procs"),
            is_first: !path.join("cgroup.type").exists(),
        };
        let (controllers, enable) = usable(&facts, wanted);
        if controllers.contains(&Controller::Memory) || !wanted.contains(&Controller::Memory) {
            if !controllers.is_empty() {
                return Some((path.to_owned(), controllers, enable));
            }
        } else if best.is_none() && !controllers.is_empty() {
            best = Some((path.to_owned(), controllers, enable));
        }
    }
    best
}

/// Groups can be made in it, and this process can move itself into one.
fn can_write(path: &Path) -> bool {
    let entries = path.join("cgroup.procs");
    rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
        && rustix::fs::access(entries, Access::WRITE_OK).is_ok()
}

fn read_at(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

fn read(directory: &OwnedFd, file: &str) -> String {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut text = String::new();
    if let Ok(file) = rustix::fs::openat(directory, file, flags, Mode::empty()) {
        let _ = fs::File::from(file).take(MOST).read_to_string(&mut text);
    }
    text
}

fn write(directory: &OwnedFd, file: &str, value: &str) -> rustix::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, file, flags, Mode::empty())?;
    rustix::io::write(&file, value.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests;
