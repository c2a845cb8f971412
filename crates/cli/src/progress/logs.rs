//! One file per step, for `--log-dir`.

use std::collections::HashMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use windlass_runtime::client::LogChunk;

use super::lines::Container;
use super::view::step_name;

/// Most files that are open at once; others are opened again when they go on.
const MOST_OPEN: usize = 64;

/// Writes what steps print, as they print it, to `DIRECTORY/TASK/STEP.log`; later attempts to `STEP.2.log` and so on.
#[derive(Debug)]
pub(crate) struct LogDirectory {
    directory: PathBuf,
    paths: HashMap<Container, PathBuf>,
    taken: HashMap<PathBuf, usize>,
    open: HashMap<Container, File>,
}

impl LogDirectory {
    /// Makes the directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn new(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            paths: HashMap::new(),
            taken: HashMap::new(),
            open: HashMap::new(),
        })
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub(super) fn write(&mut self, task: &str, chunk: &LogChunk) -> io::Result<()> {
        let container = (chunk.pod.clone(), chunk.container.clone());
        if chunk.bytes.is_empty() {
            // A step that printed nothing has a file too, which says just that.
            if self.open.remove(&container).is_none() && !self.paths.contains_key(&container) {
                self.open_file(task, &container)?;
            }
            return Ok(());
        }
        if let Some(file) = self.open.get_mut(&container) {
            return file.write_all(&chunk.bytes);
        }
        if self.open.len() >= MOST_OPEN {
            self.open.clear();
        }
        let mut file = self.open_file(task, &container)?;
        file.write_all(&chunk.bytes)?;
        self.open.insert(container, file);
        Ok(())
    }

    fn open_file(&mut self, task: &str, container: &Container) -> io::Result<File> {
        if let Some(path) = self.paths.get(container) {
            return File::options().append(true).open(path);
        }
        let mut folder = self.directory.clone();
        folder.extend(task.split('/').map(file_name));
        fs::create_dir_all(&folder)?;
        let step = file_name(step_name(&container.1));
        let number = self.taken.entry(folder.join(&step)).or_default();
        *number += 1;
        let name = if *number == 1 {
            format!("{step}.log")
        } else {
            format!("{step}.{number}.log")
        };
        let path = folder.join(name);
        let file = File::create(&path)?;
        self.paths.insert(container.clone(), path);
        Ok(file)
    }
}

/// A name that stays in its directory, whatever it was made of.
fn file_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if name.is_empty() || name.chars().all(|c| c == '.') {
        "_".to_owned()
    } else {
        name
    }
}
