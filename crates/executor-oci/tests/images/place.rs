//! A store for one test, and how what is in it is told.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use libtest_mimic::Failed;
use windlass_executor_oci::Image;
use windlass_executor_oci::Limits;
use windlass_executor_oci::Store;
use windlass_executor_oci::import;
use windlass_fetch::oci::Source;

use crate::memory::platform;

/// How a test ends.
pub(crate) type Outcome = Result<(), Failed>;

/// A store that goes with the test.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(&directory.path().join("store")).expect("a store");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            directory,
            store,
            runtime,
        }
    }

    pub(crate) fn import(&self, source: &dyn Source) -> Result<Image, import::Error> {
        self.import_with(source, &Limits::default())
    }

    pub(crate) fn import_with(&self, source: &dyn Source, limits: &Limits) -> Result<Image, import::Error> {
        self.runtime.block_on(import::import(
            &self.store,
            "test",
            source,
            &platform(),
            limits,
            &(),
        ))
    }

    /// What an import is refused with.
    pub(crate) fn refusal(&self, source: &dyn Source, limits: &Limits) -> String {
        match self.import_with(source, limits) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => told(&error),
        }
    }
}

/// An error with its causes.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Every file below a directory: kind and mode, owner, name, and content, target or marks.
pub(crate) fn tree(directory: &Path) -> String {
    let mut lines = Vec::new();
    walk(directory, directory, &mut lines);
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

fn walk(root: &Path, directory: &Path, lines: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("metadata");
        let name = path.strip_prefix(root).expect("inside").display().to_string();
        let kind = metadata.file_type();
        let (sign, rest) = if kind.is_dir() {
            let marks: String = ["trusted.overlay.opaque", "user.overlay.opaque"]
                .iter()
                .filter(|mark| rustix::fs::lgetxattr(&path, **mark, &mut [0_u8; 8]).is_ok())
                .map(|_| " opaque")
                .collect();
            ('d', marks)
        } else if kind.is_symlink() {
            (
                'l',
                format!(" -> {}", fs::read_link(&path).expect("a link").display()),
            )
        } else if kind.is_char_device() {
            ('c', format!(" {}", metadata.rdev()))
        } else if kind.is_block_device() {
            ('b', format!(" {}", metadata.rdev()))
        } else if kind.is_fifo() {
            ('p', String::new())
        } else {
            let content = fs::read(&path).unwrap_or_default();
            let shown = String::from_utf8_lossy(&content[..content.len().min(20)]).into_owned();
            ('-', format!(" {shown:?} links={}", metadata.nlink()))
        };
        let line = format!(
            "{sign}{:04o} {}:{} {name}{rest}",
            metadata.mode() & 0o7777,
            metadata.uid(),
            metadata.gid()
        );
        lines.push((name, line));
        if kind.is_dir() {
            walk(root, &path, lines);
        }
    }
}

/// Fails with both texts when they differ.
pub(crate) fn same(got: &str, wanted: &str) -> Outcome {
    let trimmed: Vec<&str> = wanted.trim().lines().map(str::trim).collect();
    let trimmed = trimmed.join(
        "
",
    );
    if got.trim() == trimmed {
        return Ok(());
    }
    Err(format!("got:\n{got}\nwanted:\n{trimmed}").into())
}
