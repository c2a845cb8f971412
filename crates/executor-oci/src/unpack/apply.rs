//! Makes the entries of one layer.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;

use rustix::fs::AtFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Timespec;
use rustix::fs::Timestamps;
use rustix::io::Errno;

use super::budget::Budget;
use super::content;
use super::error::Fault;
use super::error::call;
use super::error::shown;
use super::header::Kind;
use super::metadata::Attributes;
use super::overlay::Ownership;
use super::overlay::is_directory;
use super::overlay::is_whiteout;
use super::place::Place;
use super::place::Request;
use super::place::components;
use super::place::place;
use super::tar::Entry;
use super::tar::Reader;
use super::view::Found;
use super::view::View;
use super::view::join;
use super::view::new_directory;
use crate::limits::Limits;

/// Makes entries in a layer's directory.
pub(super) struct Applier<'a> {
    view: View,
    root: OwnedFd,
    limits: &'a Limits,
    attributes: Attributes,
    /// Modes and times of directories, set at the end: until then all are open to us, and entries change their times.
    directories: BTreeMap<Vec<u8>, (u32, (i64, u32))>,
}

impl<'a> Applier<'a> {
    /// For the directory of a layer over the roots of those below, highest first.
    pub(super) fn new(
        root: OwnedFd,
        lowers: Vec<OwnedFd>,
        ownership: Ownership,
        limits: &'a Limits,
    ) -> Result<Self, std::io::Error> {
        let upper = root.try_clone()?;
        Ok(Self {
            view: View::new(ownership, upper, lowers),
            root,
            limits,
            attributes: Attributes::new(ownership),
            directories: BTreeMap::from([(Vec::new(), (0o755, (0, 0)))]),
        })
    }

    /// Makes what an entry asks for; its content is read from the archive.
    pub(super) fn apply<R: BufRead>(
        &mut self,
        entry: &Entry,
        archive: &mut Reader<R>,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        let place = place(&entry.path, self.limits)?;
        if place.request == Request::Ignore {
            return Ok(());
        }
        // A link's target first: looking it up moves the view.
        let target = match (entry.kind, &place.request) {
            (Kind::HardLink, Request::Make) => Some(self.target(entry, &place, budget)?),
            _ => None,
        };
        self.enter(&place.parents)?;
        match place.request {
            Request::HideContent => return self.view.hide_content(),
            Request::Hide => return self.hide(&place.name),
            Request::Make | Request::Ignore => {}
        }
        if place.name.is_empty() {
            return self.root_entry(entry);
        }
        match entry.kind {
            Kind::Directory => self.directory(entry, &place.name),
            Kind::File => self.file(entry, &place.name, archive, budget),
            Kind::Symlink => self.symlink(entry, &place.name),
            Kind::Fifo | Kind::Character | Kind::Block => self.special(entry, &place),
            Kind::HardLink => match target {
                Some((directory, name)) => self.hard_link(directory.as_fd(), &name, entry, &place.name),
                None => Ok(()),
            },
        }
    }

    /// Sets what was left for the end.
    pub(super) fn finish(self) -> Result<(), (Vec<u8>, Fault)> {
        // Deepest first, while the directories above can still be passed.
        for (path, (mode, mtime)) in self.directories.iter().rev() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let name: &[u8] = if path.is_empty() { b"." } else { path };
            let set = rustix::fs::openat(&self.root, name, flags, Mode::empty())
                .and_then(|directory| {
                    rustix::fs::fchmod(&directory, Mode::from_raw_mode(*mode))?;
                    rustix::fs::futimens(&directory, &times(*mtime))
                })
                .map_err(call("set a directory's mode and time"));
            set.map_err(|fault| (path.clone(), fault))?;
        }
        Ok(())
    }

    /// Goes to a directory and makes it exist in this layer.
    fn enter(&mut self, parents: &[Vec<u8>]) -> Result<(), Fault> {
        self.view.enter(parents, self.limits.depth)?;
        for (path, like) in self.view.make()? {
            let meta = match like {
                Some(lower) => {
                    self.attributes
                        .copy_directory(self.view.lower(lower)?, self.root.as_fd(), &path)?
                }
                None => (0o755, (0, 0)),
            };
            self.directories.insert(path, meta);
        }
        Ok(())
    }

    fn hide(&mut self, name: &[u8]) -> Result<(), Fault> {
        let parent = self.view.directory()?;
        match rustix::fs::mknodat(
            parent,
            name,
            rustix::fs::FileType::CharacterDevice,
            Mode::empty(),
            0,
        ) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(call("make a whiteout")(errno)),
        }
        // A whiteout hides what is below this layer, never what the layer itself has.
        let stat =
            rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(call("look up a file"))?;
        if is_directory(&stat) {
            let mut components = self.components();
            components.push(name.to_vec());
            self.view.enter(&components, self.limits.depth + 1)?;
            self.view.hide_content()?;
        }
        Ok(())
    }

    fn components(&self) -> Vec<Vec<u8>> {
        let path = self.view.path();
        let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        names.map(<[u8]>::to_vec).collect()
    }

    fn root_entry(&mut self, entry: &Entry) -> Result<(), Fault> {
        if entry.kind != Kind::Directory {
            return Err(Fault::Name);
        }
        self.attributes.set(self.root.as_fd(), entry)?;
        self.directories.insert(Vec::new(), (entry.mode, entry.mtime));
        Ok(())
    }

    fn directory(&mut self, entry: &Entry, name: &[u8]) -> Result<(), Fault> {
        let parent = self.view.directory()?;
        let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
        let path = join(&self.view.path(), name);
        let made = match stat {
            Ok(stat) if is_directory(&stat) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(call("open the directory"))?
            }
            Ok(stat) if !is_whiteout(&stat) => {
                rustix::fs::unlinkat(parent, name, AtFlags::empty()).map_err(call("replace a file"))?;
                new_directory(self.attributes.ownership(), parent, name)?
            }
            Ok(_) | Err(Errno::NOENT) => new_directory(self.attributes.ownership(), parent, name)?,
            Err(errno) => return Err(call("look up the directory")(errno)),
        };
        self.attributes.set(made.as_fd(), entry)?;
        self.directories.insert(path, (entry.mode, entry.mtime));
        Ok(())
    }

    fn file<R: BufRead>(
        &mut self,
        entry: &Entry,
        name: &[u8],
        archive: &mut Reader<R>,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Bits that only the owner may have are set after the owner.
        let mode = Mode::from_raw_mode(entry.mode & 0o777);
        let file = self.replacing(name, |parent| {
            rustix::fs::openat(parent, name, flags, mode | Mode::WUSR | Mode::RUSR)
        });
        let file = file.map_err(call("make the file"))?;
        content::write(entry, archive, budget, file.as_fd())?;
        self.attributes.set(file.as_fd(), entry)?;
        if self.attributes.needs_mode(entry) {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(entry.mode)).map_err(call("set the mode"))?;
        }
        rustix::fs::futimens(&file, &times(entry.mtime)).map_err(call("set the time"))
    }

    fn symlink(&mut self, entry: &Entry, name: &[u8]) -> Result<(), Fault> {
        if entry.link.is_empty() || entry.link.len() > self.limits.path || entry.link.contains(&0) {
            return Err(Fault::Format(
                "a symbolic link to nothing, or to too long a path".to_owned(),
            ));
        }
        self.replacing(name, |parent| {
            rustix::fs::symlinkat(entry.link.as_slice(), parent, name)
        })
        .map_err(call("make the link"))?;
        self.attributes.set_by_name(self.view.directory()?, name, entry)?;
        self.set_time(name, entry)
    }

    fn special(&mut self, entry: &Entry, place: &Place) -> Result<(), Fault> {
        let kind = match entry.kind {
            Kind::Fifo => rustix::fs::FileType::Fifo,
            Kind::Block => rustix::fs::FileType::BlockDevice,
            _ => rustix::fs::FileType::CharacterDevice,
        };
        let is_device = entry.kind != Kind::Fifo;
        let device = if is_device {
            rustix::fs::makedev(entry.device.0, entry.device.1)
        } else {
            0
        };
        let name = &place.name;
        let mode = Mode::from_raw_mode(entry.mode & 0o777);
        let made = self.replacing(name, |parent| {
            rustix::fs::mknodat(parent, name, kind, mode, device)
        });
        match made {
            Err(Errno::PERM) if is_device => {
                // Containers get a /dev of their own, so devices there are never missed.
                return if place.parents.first().is_some_and(|first| first == b"dev") {
                    Ok(())
                } else {
                    Err(Fault::Device)
                };
            }
            made => made.map_err(call("make the device or pipe"))?,
        }
        if is_device && device == 0 && entry.kind == Kind::Character {
            // That is a whiteout by another name; it has neither owner nor mode.
            return Ok(());
        }
        let parent = self.view.directory()?;
        self.attributes.set_by_name(parent, name, entry)?;
        rustix::fs::chmodat(parent, name, Mode::from_raw_mode(entry.mode), AtFlags::empty())
            .map_err(call("set the mode"))?;
        self.set_time(name, entry)
    }

    /// The target of a hard link, in this layer; copied up when only a lower layer has it.
    fn target(
        &mut self,
        entry: &Entry,
        place: &Place,
        budget: &mut Budget,
    ) -> Result<(OwnedFd, Vec<u8>), Fault> {
        let mut components = components(&entry.link, self.limits)?;
        let name = components.pop().ok_or(Fault::Name)?;
        if components == place.parents && name == place.name {
            return Err(Fault::BadTarget(shown(&entry.link)));
        }
        self.view.enter(&components, self.limits.depth)?;
        match self.view.find(&name)? {
            Found::Nothing => return Err(Fault::NoTarget(shown(&entry.link))),
            Found::Directory(_) => return Err(Fault::BadTarget(shown(&entry.link))),
            Found::Upper | Found::Link(_) => self.enter(&components)?,
            Found::Lower(lower) => {
                self.enter(&components)?;
                let path = join(&self.view.path(), &name);
                let (lower, upper) = (self.view.lower(lower)?, self.view.directory()?);
                if !self.attributes.copy_up(lower, &path, upper, &name, budget)? {
                    return Err(Fault::BadTarget(shown(&entry.link)));
                }
            }
        }
        let directory = self.view.directory()?.try_clone_to_owned();
        let directory = directory.map_err(|source| Fault::Call {
            call: "hold a directory",
            source,
        })?;
        Ok((directory, name))
    }

    fn hard_link(
        &mut self,
        from: BorrowedFd<'_>,
        target: &[u8],
        entry: &Entry,
        name: &[u8],
    ) -> Result<(), Fault> {
        let stat = |directory: BorrowedFd<'_>, name: &[u8]| {
            rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        };
        let file = match stat(from, target) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Err(Fault::NoTarget(shown(&entry.link))),
            Err(errno) => return Err(call("look up the hard link's target")(errno)),
        };
        if let Ok(there) = stat(self.view.directory()?, name)
            && (there.st_dev, there.st_ino) == (file.st_dev, file.st_ino)
        {
            return Ok(());
        }
        self.replacing(name, |parent| {
            rustix::fs::linkat(from, target, parent, name, AtFlags::empty())
        })
        .map_err(call("make the hard link"))
    }

    /// Makes something, and once more after removing what an earlier entry of this layer left under the name.
    fn replacing<T>(
        &mut self,
        name: &[u8],
        mut make: impl FnMut(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let parent = self.view.directory().map_err(|_| Errno::NOENT)?;
        match make(parent) {
            Err(Errno::EXIST) => {}
            made => return made,
        }
        crate::remove::remove(parent, name)?;
        let made = make(parent);
        let path = join(&self.view.path(), name);
        let inside = [path.as_slice(), b"/"].concat();
        self.directories
            .retain(|other, _| *other != path && !other.starts_with(&inside));
        made
    }

    fn set_time(&self, name: &[u8], entry: &Entry) -> Result<(), Fault> {
        let parent = self.view.directory()?;
        rustix::fs::utimensat(parent, name, &times(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(call("set the time"))
    }
}

/// Both times of a file: the field sets the access time like the other.
pub(super) fn times((seconds, nanoseconds): (i64, u32)) -> Timestamps {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
