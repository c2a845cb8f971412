//! The image as it looks while a layer is unpacked: the layer so far, over the layers below it.
//!
//! A layer is unpacked into a directory of its own, but its entries mean the whole image: where the base has
//! `bin → usr/bin`, an entry `bin/tool` of a later layer is `usr/bin/tool`. So the directories above an entry are looked
//! up here, link by link and inside the image's root, and made in the layer when only lower layers have them.
//!
//! No path of strangers is ever given to the kernel: each component is opened in the directory before it, without
//! following links.

use std::os::fd::AsFd as _;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;

use rustix::fs::AtFlags;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::error::Fault;
use super::error::call;
use super::error::shown;
use super::overlay::Ownership;
use super::overlay::is_directory;
use super::overlay::is_whiteout;

/// Most links on the way to one entry: the kernel's own bound.
const LINKS: usize = 40;

/// Opens a directory only if it is one, and not a link to one.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A directory of the image, on the way to the entry at hand.
struct Node {
    name: Vec<u8>,
    /// The directory in the layer, once it is there.
    upper: Option<OwnedFd>,
    /// The lower layers whose directory of this path shows through, highest first.
    below: Vec<usize>,
}

/// What the image has under a name.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A directory; it shows the directories of these lower layers.
    Directory(Vec<usize>),
    /// A symbolic link.
    Link(Vec<u8>),
    /// Something else in the layer itself.
    Upper,
    /// Something else in this lower layer.
    Lower(usize),
}

/// The layer over the layers below it.
pub(super) struct View {
    ownership: Ownership,
    /// Roots of the lower layers, highest first.
    lowers: Vec<OwnedFd>,
    /// From the root to the parent of the last entry; never empty.
    stack: Vec<Node>,
}

/// Directories that had to be made: the path, and the lower layer whose directory they stand for.
pub(super) type Made = Vec<(Vec<u8>, Option<usize>)>;

impl View {
    /// A view of the layer in `upper` over the roots of lower layers, highest first.
    pub(super) fn new(ownership: Ownership, upper: OwnedFd, lowers: Vec<OwnedFd>) -> Self {
        let root = Node {
            name: Vec::new(),
            upper: Some(upper),
            below: (0..lowers.len()).collect(),
        };
        Self {
            ownership,
            lowers,
            stack: vec![root],
        }
    }

    /// Goes to the directory with these components, following the image's links inside its root.
    pub(super) fn enter(&mut self, components: &[Vec<u8>], depth: usize) -> Result<(), Fault> {
        let mut ahead: Vec<Vec<u8>> = components.iter().rev().cloned().collect();
        let mut at = 0;
        let (mut links, mut last_link) = (0, Vec::new());
        while let Some(name) = ahead.pop() {
            if name == b".." {
                // Only links bring these; above the root there is nothing that an image may name.
                at = usize::checked_sub(at, 1).ok_or_else(|| Fault::Escape(shown(&last_link)))?;
                continue;
            }
            if self.stack.get(at + 1).is_some_and(|node| node.name == name) {
                at += 1;
                continue;
            }
            self.stack.truncate(at + 1);
            match self.find(&name)? {
                Found::Link(target) => {
                    links += 1;
                    if links > LINKS {
                        return Err(Fault::Circle);
                    }
                    if target.starts_with(b"/") {
                        at = 0;
                    }
                    follow(&target, &mut ahead);
                    last_link = target;
                }
                Found::Nothing => {
                    self.push(name, None, Vec::new());
                    at += 1;
                }
                Found::Directory(below) => {
                    let upper = self.open_upper(&name)?;
                    self.push(name, upper, below);
                    at += 1;
                }
                Found::Upper | Found::Lower(_) => return Err(Fault::NotDirectory(shown(&name))),
            }
            if at > depth {
                return Err(Fault::Path {
                    what: "components",
                    got: at,
                    most: depth,
                });
            }
        }
        self.stack.truncate(at + 1);
        Ok(())
    }

    /// Makes the directory entered exist in the layer. What had to be made has mode 0700 and no attributes yet.
    pub(super) fn make(&mut self) -> Result<Made, Fault> {
        let mut made = Vec::new();
        let Some(missing) = self.stack.iter().position(|node| node.upper.is_none()) else {
            return Ok(made);
        };
        let mut path = self
            .stack
            .iter()
            .take(missing)
            .fold(Vec::new(), |path, node| join(&path, &node.name));
        for index in missing..self.stack.len() {
            let (above, from) = self.stack.split_at_mut(index);
            let (Some(parent), Some(node)) = (
                above.last().and_then(|node| node.upper.as_ref()),
                from.first_mut(),
            ) else {
                break;
            };
            let upper = new_directory(self.ownership, parent.as_fd(), &node.name)?;
            path = join(&path, &node.name);
            made.push((path.clone(), node.below.first().copied()));
            node.upper = Some(upper);
        }
        Ok(made)
    }

    /// The directory entered, in the layer; [`Self::make`] made it.
    pub(super) fn directory(&self) -> Result<BorrowedFd<'_>, Fault> {
        let upper = self.stack.last().and_then(|node| node.upper.as_ref());
        upper.map(OwnedFd::as_fd).ok_or(Fault::Name)
    }

    /// Path of the directory entered, from the image's root.
    pub(super) fn path(&self) -> Vec<u8> {
        let names = self.stack.iter().skip(1);
        names.fold(Vec::new(), |path, node| join(&path, &node.name))
    }

    /// Lets nothing of lower layers show through in the directory entered any more.
    pub(super) fn hide_content(&mut self) -> Result<(), Fault> {
        self.ownership
            .set_opaque(self.directory()?)
            .map_err(call("mark the directory as opaque"))?;
        if let Some(node) = self.stack.last_mut() {
            node.below.clear();
        }
        Ok(())
    }

    /// What the image has under a name in the directory entered.
    pub(super) fn find(&self, name: &[u8]) -> Result<Found, Fault> {
        let Some(node) = self.stack.last() else {
            return Ok(Found::Nothing);
        };
        let mut shown_through: Option<Vec<usize>> = None;
        // Lower layers never change, and each component of this path was seen to be a directory in those of `below`.
        let path = join(&self.path(), name);
        let upper = node.upper.iter().map(|upper| (upper.as_fd(), name, None));
        let lowers = node.below.iter().filter_map(|index| {
            let root = self.lowers.get(*index)?;
            Some((root.as_fd(), path.as_slice(), Some(*index)))
        });
        for (directory, name, lower) in upper.chain(lowers) {
            let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(call("look up what is on the way")(errno)),
            };
            if is_directory(&stat) {
                let below = shown_through.get_or_insert_default();
                below.extend(lower);
                let opened = open(directory, name)?;
                let is_opaque = self.ownership.is_opaque(opened.as_fd());
                if is_opaque.map_err(call("read a directory's attributes"))? {
                    break;
                }
                continue;
            }
            if shown_through.is_some() || is_whiteout(&stat) {
                break;
            }
            if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
                let target = rustix::fs::readlinkat(directory, name, Vec::new());
                let target = target.map_err(call("read a link on the way"))?;
                return Ok(Found::Link(target.into_bytes()));
            }
            return Ok(lower.map_or(Found::Upper, Found::Lower));
        }
        Ok(shown_through.map_or(Found::Nothing, Found::Directory))
    }

    /// The root of a lower layer.
    pub(super) fn lower(&self, index: usize) -> Result<BorrowedFd<'_>, Fault> {
        self.lowers.get(index).map(OwnedFd::as_fd).ok_or(Fault::Name)
    }

    fn open_upper(&self, name: &[u8]) -> Result<Option<OwnedFd>, Fault> {
        let Some(upper) = self.stack.last().and_then(|node| node.upper.as_ref()) else {
            return Ok(None);
        };
        match rustix::fs::openat(upper, name, DIRECTORY, Mode::empty()) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(call("open a directory on the way")(errno)),
        }
    }

    fn push(&mut self, name: Vec<u8>, upper: Option<OwnedFd>, below: Vec<usize>) {
        self.stack.push(Node { name, upper, below });
    }
}

/// Puts a link's components before the others.
fn follow(target: &[u8], ahead: &mut Vec<Vec<u8>>) {
    let components = target.split(|byte| *byte == b'/').rev();
    ahead.extend(
        components
            .filter(|component| !component.is_empty() && *component != b".")
            .map(<[u8]>::to_vec),
    );
}

fn open(directory: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Fault> {
    rustix::fs::openat(directory, name, DIRECTORY, Mode::empty()).map_err(call("open a directory on the way"))
}

/// Makes a directory, in the place of a whiteout if there is one: then what is below stays hidden.
pub(super) fn new_directory(
    ownership: Ownership,
    parent: BorrowedFd<'_>,
    name: &[u8],
) -> Result<OwnedFd, Fault> {
    let mut made = rustix::fs::mkdirat(parent, name, Mode::RWXU);
    let replaced = made == Err(Errno::EXIST);
    if replaced {
        rustix::fs::unlinkat(parent, name, AtFlags::empty()).map_err(call("replace a whiteout"))?;
        made = rustix::fs::mkdirat(parent, name, Mode::RWXU);
    }
    made.map_err(call("make the directory"))?;
    let directory = open(parent, name)?;
    if replaced {
        ownership
            .set_opaque(directory.as_fd())
            .map_err(call("mark the directory as opaque"))?;
    }
    Ok(directory)
}

/// A path with one more component.
pub(super) fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return name.to_vec();
    }
    [path, b"/", name].concat()
}
