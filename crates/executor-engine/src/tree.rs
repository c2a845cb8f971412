//! What lies below `/tekton` as far as the plane knows: reading a file there must not wait for the engine.
//!
//! The tree is fetched whole after each step, before the step counts as ended, so what it shows is what the step left
//! behind. What the plane writes shows at once, and reaches the processes before the next one starts.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use windlass_executor::backend::below_tekton;

use crate::archive::Entry;

/// The tree is read up to this size: all results of a step may be 64 MiB together, and scripts lie there too.
pub(crate) const MAX_TREE: usize = 96 << 20;

/// Something in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(Bytes),
    /// A link, a pipe, a device: nothing that can be read.
    Odd,
}

/// Files and directories by their path below `/tekton`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    /// Number of the look that it shows.
    look: u64,
    /// The tree was larger than what is read of it: a path that is not here may be there all the same.
    cut: bool,
    /// What the plane wrote since the processes last heard of it.
    unsent: BTreeMap<PathBuf, Bytes>,
}

impl Tree {
    /// Replaces what is known by the beginning of an archive of the tree, unless a look that began later has done so. What
    /// was not sent yet stays.
    ///
    /// # Errors
    /// When it is no archive.
    pub(crate) fn replace(&mut self, look: u64, archive: &Bytes, whole: bool) -> io::Result<()> {
        if look < self.look {
            return Ok(());
        }
        self.look = look;
        self.nodes.clear();
        self.cut = !whole;
        let read = self.read_archive(archive);
        for (path, content) in self.unsent.clone() {
            self.put(path, content);
        }
        match read {
            // Cut in the middle of an entry.
            Err(_) if !whole => Ok(()),
            read => read,
        }
    }

    fn read_archive(&mut self, archive: &[u8]) -> io::Result<()> {
        for entry in tar::Archive::new(archive).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let Some(path) = relative(&path) else { continue };
            let kind = entry.header().entry_type();
            let node = if kind.is_dir() {
                Node::Directory
            } else if kind.is_file() || kind.is_contiguous() {
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                if content.len() as u64 != entry.size() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Node::File(content.into())
            } else {
                // A hard link's content stands under another name; results are written afresh, not linked.
                Node::Odd
            };
            self.nodes.insert(path, node);
        }
        Ok(())
    }

    /// Reads a file below `/tekton`, by the rules of `Sandbox::read`.
    pub(crate) fn read(&self, path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let path = below_tekton(path)?;
        let mut parents = path.ancestors().skip(1);
        // A parent that is no directory is a link, or cannot have children.
        if parents.any(|parent| matches!(self.nodes.get(parent), Some(Node::File(_) | Node::Odd))) {
            return Ok(None);
        }
        match self.nodes.get(&path) {
            Some(Node::File(content)) if content.len() > limit => Err(too_large(&path, limit)),
            Some(Node::File(content)) => Ok(Some(content.to_vec())),
            None if self.cut => Err(too_large(&path, limit)),
            _ => Ok(None),
        }
    }

    /// Writes a file below `/tekton`, by the rules of `Sandbox::write`.
    pub(crate) fn write(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        let path = below_tekton(path)?;
        let content = Bytes::copy_from_slice(content);
        self.unsent.insert(path.clone(), content.clone());
        self.put(path, content);
        Ok(())
    }

    fn put(&mut self, path: PathBuf, content: Bytes) {
        for parent in path.ancestors().skip(1) {
            if !parent.as_os_str().is_empty() {
                self.nodes.insert(parent.to_owned(), Node::Directory);
            }
        }
        self.nodes.insert(path, Node::File(content));
    }

    /// What the processes do not know yet, to be put below `/tekton`. Call [`Tree::sent`] with it when it arrived.
    pub(crate) fn unsent(&self) -> Vec<Entry> {
        let files = self.unsent.iter();
        files
            .map(|(path, content)| Entry::file(path.to_string_lossy(), 0o644, content.clone()))
            .collect()
    }

    /// Forgets what arrived, unless it was written anew in the meantime.
    pub(crate) fn sent(&mut self, entries: &[Entry]) {
        for entry in entries {
            let path = Path::new(&entry.path);
            if self.unsent.get(path).is_some_and(
                |content| matches!(&entry.content, crate::archive::Content::File(sent) if sent == content),
            ) {
                self.unsent.remove(path);
            }
        }
    }
}

fn too_large(path: &Path, limit: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("{} holds more than {limit} bytes", path.display()),
    )
}

/// The path of an entry without what engines put in front of it (`tekton/`, `/`, `./`); `None` for the tree itself and for
/// what is no path inside it.
fn relative(path: &Path) -> Option<PathBuf> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    if parts.first().is_some_and(|first| *first == "tekton") {
        parts.remove(0);
    }
    (!parts.is_empty()).then(|| parts.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;

    use bytes::Bytes;

    use super::Tree;
    use crate::archive::Entry;
    use crate::archive::pack;

    fn tree(entries: &[Entry]) -> Tree {
        let mut tree = Tree::default();
        tree.replace(1, &pack(entries).expect("packs"), true)
            .expect("reads");
        tree
    }

    #[test]
    fn only_regular_files_on_plain_paths_are_read() {
        let tree = tree(&[
            Entry::directory("tekton/results", 0o755),
            Entry::file("tekton/results/one", 0o644, "1\n"),
            Entry::link("tekton/results/link", "/etc/passwd"),
            Entry::directory("tekton/elsewhere", 0o755),
            Entry::file("tekton/elsewhere/mine", 0o644, "stolen"),
            Entry::link("tekton/steps", "elsewhere"),
        ]);
        let rows: [(&str, Result<Option<&str>, ErrorKind>); 9] = [
            ("/tekton/results/one", Ok(Some("1\n"))),
            ("/tekton/results/link", Ok(None)),
            ("/tekton/results", Ok(None)),
            ("/tekton/results/one/more", Ok(None)),
            ("/tekton/steps/mine", Ok(None)),
            ("/tekton/missing", Ok(None)),
            ("/tekton", Err(ErrorKind::InvalidInput)),
            ("/etc/passwd", Err(ErrorKind::InvalidInput)),
            ("/tekton/../etc/passwd", Err(ErrorKind::InvalidInput)),
        ];
        for (path, then) in rows {
            let read = tree.read(Path::new(path), 100).map_err(|error| error.kind());
            assert_eq!(
                read,
                then.map(|text| text.map(|text| text.as_bytes().to_vec())),
                "{path}"
            );
        }
        let large = tree.read(Path::new("/tekton/results/one"), 1);
        assert_eq!(large.map_err(|error| error.kind()), Err(ErrorKind::FileTooLarge));
    }

    #[test]
    fn what_was_cut_off_counts_as_too_large() {
        let archive = pack(&[
            Entry::file("results/one", 0o644, "1"),
            Entry::file("results/two", 0o644, vec![b'x'; 4096]),
        ])
        .expect("packs");
        let mut tree = Tree::default();
        let cut = archive.slice(..1800);
        tree.replace(1, &cut, false).expect("reads what is there");
        let read = |path: &str| tree.read(Path::new(path), 100).map_err(|error| error.kind());
        assert_eq!(read("/tekton/results/one"), Ok(Some(b"1".to_vec())));
        assert_eq!(read("/tekton/results/two"), Err(ErrorKind::FileTooLarge));
    }

    #[test]
    fn garbage_is_an_error() {
        let mut tree = Tree::default();
        assert!(tree.replace(1, &Bytes::from(vec![b'x'; 1024]), true).is_err());
    }

    #[test]
    fn what_is_written_shows_at_once_and_until_it_was_sent() {
        let path = Path::new("/tekton/run/0/deep");
        let mut tree = Tree::default();
        tree.write(path, b"first").expect("writes");
        tree.replace(1, &pack(&[]).expect("packs"), true).expect("reads");
        assert_eq!(tree.read(path, 10).ok(), Some(Some(b"first".to_vec())));
        let sent = tree.unsent();
        tree.write(path, b"second").expect("writes");
        tree.sent(&sent);
        assert_eq!(tree.unsent().len(), 1);
        tree.sent(&tree.unsent());
        assert_eq!(tree.unsent().len(), 0);
        assert_eq!(tree.read(path, 10).ok(), Some(Some(b"second".to_vec())));
    }

    #[test]
    fn a_look_that_began_earlier_changes_nothing() {
        let shows =
            |content: &'static str| pack(&[Entry::file("results/one", 0o644, content)]).expect("packs");
        let mut tree = Tree::default();
        tree.replace(2, &shows("new"), true).expect("reads");
        tree.replace(1, &shows("old"), true).expect("is left out");
        let read = tree.read(Path::new("/tekton/results/one"), 10).expect("reads");
        assert_eq!(read.as_deref(), Some(b"new".as_slice()));
    }
}
