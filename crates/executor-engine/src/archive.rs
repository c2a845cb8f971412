//! Archives: how files go into containers.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;

/// Something to be put into a container. Paths are relative to where the archive is put.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) content: Content,
}

/// What an [`Entry`] is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Directory,
    File(Bytes),
    Link(String),
}

impl Entry {
    /// A directory of root; `.` is the place itself.
    pub(crate) fn directory(path: impl Into<String>, mode: u32) -> Self {
        Self {
            path: path.into(),
            mode,
            owner: (0, 0),
            content: Content::Directory,
        }
    }

    /// A file of root.
    pub(crate) fn file(path: impl Into<String>, mode: u32, content: impl Into<Bytes>) -> Self {
        Self {
            path: path.into(),
            mode,
            owner: (0, 0),
            content: Content::File(content.into()),
        }
    }

    /// A symbolic link.
    pub(crate) fn link(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            mode: 0o777,
            owner: (0, 0),
            content: Content::Link(target.into()),
        }
    }

    /// The same, for another user and group.
    pub(crate) fn owned(mut self, user: u64, group: u64) -> Self {
        self.owner = (user, group);
        self
    }

    /// The same, below a directory.
    pub(crate) fn below(mut self, directory: &str) -> Self {
        let directory = directory.trim_matches('/');
        self.path = match self.path.as_str() {
            "." => directory.to_owned(),
            path => format!("{directory}/{path}"),
        };
        self
    }
}

/// The directories above some paths, outermost first, each once.
pub(crate) fn parents<'p>(paths: impl IntoIterator<Item = &'p str>) -> BTreeSet<String> {
    let ancestors = paths
        .into_iter()
        .flat_map(|path| Path::new(path).ancestors().skip(1));
    let named = ancestors.filter(|path| !path.as_os_str().is_empty() && *path != Path::new("/"));
    named.map(|path| path.to_string_lossy().into_owned()).collect()
}

/// Writes entries into an archive, in order.
pub(crate) fn pack(entries: &[Entry]) -> std::io::Result<Bytes> {
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = fill(tar::Header::new_gnu(), entry.mode, entry.owner);
        match &entry.content {
            Content::Directory => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
                let path = format!("{}/", entry.path.trim_end_matches('/'));
                archive.append_data(&mut header, path, std::io::empty())?;
            }
            Content::File(bytes) => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, &entry.path, bytes.as_ref())?;
            }
            Content::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, &entry.path, target)?;
            }
        }
    }
    archive.into_inner().map(Bytes::from)
}

/// What comes before and after the bytes of a single file that is too large to be packed in memory.
pub(crate) fn around(path: &str, mode: u32, owner: (u64, u64), size: u64) -> std::io::Result<(Bytes, Bytes)> {
    const BLOCK: u64 = 512;
    // This form has room for paths of up to 255 bytes.
    let mut header = fill(tar::Header::new_ustar(), mode, owner);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_path(path)?;
    header.set_cksum();
    let padding = (BLOCK - size % BLOCK) % BLOCK;
    // Two blocks of zeros end an archive.
    let after = vec![0; usize::try_from(padding + 2 * BLOCK).unwrap_or(0)];
    Ok((Bytes::copy_from_slice(header.as_bytes()), after.into()))
}

/// Content of the one file that an archive is of; a link or a directory is none.
pub(crate) fn the_file(archive: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if let Some(entry) = tar::Archive::new(archive).entries()?.next() {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            std::io::Read::read_to_end(&mut entry, &mut content)?;
        }
    }
    Ok(content)
}

fn fill(mut header: tar::Header, mode: u32, (user, group): (u64, u64)) -> tar::Header {
    header.set_mode(mode);
    header.set_uid(user);
    header.set_gid(group);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::Entry;
    use super::around;
    use super::pack;
    use super::parents;

    #[test]
    fn parents_come_outermost_first_and_once() {
        let found = parents(["a/b/c", "a/d", "e"]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "a/b"]);
    }

    #[test]
    fn what_is_packed_can_be_read() {
        let long = format!("{}/file", "d".repeat(150));
        let entries = [
            Entry::directory(".", 0o777),
            Entry::file(long.clone(), 0o600, "text").owned(1000, 1001),
            Entry::link("link", "target").below("/base/"),
        ];
        let bytes = pack(&entries).expect("packs");
        let mut archive = tar::Archive::new(bytes.as_ref());
        let mut seen = Vec::new();
        for entry in archive.entries().expect("reads") {
            let mut entry = entry.expect("reads");
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("reads");
            let header = entry.header();
            let numbers = (header.mode().expect("mode"), header.uid().expect("uid"));
            let path = entry.path().expect("path").to_string_lossy().into_owned();
            seen.push((path, numbers, text));
        }
        let wanted = [
            ("./".to_owned(), (0o777, 0), String::new()),
            (long, (0o600, 1000), "text".into()),
            ("base/link".into(), (0o777, 0), String::new()),
        ];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn a_file_can_be_packed_around_its_bytes() {
        for size in [0_usize, 1, 511, 512, 513] {
            let content = vec![b'x'; size];
            let (before, after) = around("name", 0o644, (1, 2), size as u64).expect("packs");
            let whole = [before.as_ref(), &content, after.as_ref()].concat();
            let mut archive = tar::Archive::new(whole.as_slice());
            let mut entries = archive.entries().expect("reads");
            let mut found = Vec::new();
            entries
                .next()
                .expect("an entry")
                .expect("reads")
                .read_to_end(&mut found)
                .expect("reads");
            assert_eq!((found, entries.next().is_none()), (content, true), "{size}");
        }
    }
}
