//! Where segments are kept.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use windlass_api::Time;

use super::MAX_TIMES;
use super::SegmentId;

/// Bytes of a segment that stay in memory where logs end with the process: what a usual step prints.
pub(super) const IN_MEMORY: usize = 32 * 1024;

/// Bytes of one noted time: offset and milliseconds since the epoch.
const NOTE: usize = 16;

/// Where segments are kept.
pub(super) enum Place {
    /// In memory, and in files without a name that matters, which nobody reads after this process.
    Numbered { directory: PathBuf, files: AtomicU64 },
    /// In files named for what they hold.
    Named { directory: PathBuf },
}

/// A segment's files, and what they say.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) file: Option<File>,
    pub(super) times_file: Option<File>,
    pub(super) length: u64,
    pub(super) closed: bool,
    pub(super) is_kept: bool,
    pub(super) times: Vec<(u64, Time)>,
}

impl Place {
    pub(super) fn numbered(directory: PathBuf) -> Self {
        Self::Numbered {
            directory,
            files: AtomicU64::new(0),
        }
    }

    pub(super) fn named(directory: PathBuf) -> Self {
        Self::Named { directory }
    }

    /// Whether segments outlive the process.
    pub(super) fn outlives(&self) -> bool {
        matches!(self, Self::Named { .. })
    }

    /// Makes the files of a segment that has none.
    pub(super) fn make(&self, id: &SegmentId) -> io::Result<Opened> {
        match self {
            Self::Numbered { directory, files } => {
                let number = files.fetch_add(1, Ordering::Relaxed);
                let path = directory.join(format!("{number}.log"));
                let file = File::options()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .open(path)?;
                Ok(Opened {
                    file: Some(file),
                    ..Opened::default()
                })
            }
            Self::Named { directory } => {
                let path = path(directory, id)?;
                if let Some(parent) = path.parent() {
                    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
                }
                let mut options = File::options();
                options
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .mode(0o600);
                let file = options.open(&path)?;
                let times = File::options()
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .open(path.with_extension("times"))?;
                Ok(Opened {
                    file: Some(file),
                    times_file: Some(times),
                    is_kept: true,
                    ..Opened::default()
                })
            }
        }
    }

    /// The files of a segment that an earlier process, or this one, wrote.
    pub(super) fn find(&self, id: &SegmentId) -> io::Result<Option<Opened>> {
        let Self::Named { directory } = self else {
            return Ok(None);
        };
        let path = path(directory, id)?;
        let file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let noted = fs::read(path.with_extension("times")).unwrap_or_default();
        let times_file = File::options().append(true).open(path.with_extension("times"));
        Ok(Some(Opened {
            file: Some(file),
            times_file: times_file.ok(),
            length,
            closed: path.with_extension("end").exists(),
            is_kept: true,
            times: noted_times(&noted),
        }))
    }

    /// Segments of a pod that have files.
    pub(super) fn of_pod(&self, namespace: &str, pod: &str) -> Vec<SegmentId> {
        let Self::Named { directory } = self else {
            return Vec::new();
        };
        if !is_segment(namespace) || !is_segment(pod) {
            return Vec::new();
        }
        let Ok(entries) = fs::read_dir(directory.join(namespace).join(pod)) else {
            return Vec::new();
        };
        let mut found: Vec<SegmentId> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(SegmentId {
                    namespace: namespace.into(),
                    pod: pod.into(),
                    container: name.strip_suffix(".log")?.into(),
                })
            })
            .collect();
        found.sort();
        found
    }

    /// Notes that a segment is complete, after what it holds is on disk.
    pub(super) fn seal(&self, id: &SegmentId, file: Option<&File>) -> io::Result<()> {
        let Self::Named { directory } = self else {
            return Ok(());
        };
        match file {
            Some(file) => file.sync_data()?,
            // Nothing was printed; the empty file says that the step was there.
            None => drop(self.make(id)?),
        }
        let mark = path(directory, id)?.with_extension("end");
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(mark).map(drop)
    }

    /// Removes the files of a pod.
    pub(super) fn remove(&self, namespace: &str, pod: &str) -> io::Result<()> {
        let Self::Named { directory } = self else {
            return Ok(());
        };
        if !is_segment(namespace) || !is_segment(pod) {
            return Err(unfit(namespace, pod, ""));
        }
        match fs::remove_dir_all(directory.join(namespace).join(pod)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The file of a segment. Names come from objects that were admitted; what could lead elsewhere is refused all the same.
fn path(directory: &Path, id: &SegmentId) -> io::Result<PathBuf> {
    let SegmentId {
        namespace,
        pod,
        container,
    } = id;
    if !is_segment(namespace) || !is_segment(pod) || !is_segment(container) {
        return Err(unfit(namespace, pod, container));
    }
    Ok(directory
        .join(&**namespace)
        .join(&**pod)
        .join(format!("{container}.log")))
}

/// Whether a text is one segment of a path that stays where it is.
fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() < 250 && !text.starts_with('.') && text.bytes().all(plain)
}

fn unfit(namespace: &str, pod: &str, container: &str) -> io::Error {
    let text = format!("{namespace:?}, {pod:?}, {container:?} cannot name a log");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Notes when the bytes up to an offset had been printed.
pub(super) fn note(mut file: &File, offset: u64, at: Time) -> io::Result<()> {
    let mut bytes = [0; NOTE];
    bytes[..8].copy_from_slice(&offset.to_le_bytes());
    bytes[8..].copy_from_slice(&at.as_millis().to_le_bytes());
    file.write_all(&bytes)
}

/// Times as they were noted; a later one for the same time replaces it, a torn note at the end does not count.
fn noted_times(bytes: &[u8]) -> Vec<(u64, Time)> {
    let mut times: Vec<(u64, Time)> = Vec::new();
    let notes = bytes.chunks_exact(NOTE).filter_map(|note| {
        let (offset, millis) = note.split_at(8);
        let offset = u64::from_le_bytes(offset.try_into().ok()?);
        Some((
            offset,
            Time::from_millis(i64::from_le_bytes(millis.try_into().ok()?)),
        ))
    });
    for (offset, at) in notes.take(16 * MAX_TIMES) {
        match times.last_mut() {
            Some((end, last)) if *last == at => *end = offset,
            _ => times.push((offset, at)),
        }
    }
    while times.len() > MAX_TIMES {
        let mut odd = false;
        times.retain(|_| {
            odd = !odd;
            !odd
        });
    }
    times
}
