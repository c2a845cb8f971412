//! What steps printed: append-only segments, one per container of an attempt.
//!
//! A segment starts in memory and moves to a file when it grows, so that thousands of short steps cost no file each
//! and a flood costs disk instead of memory. Followers hold positions, not copies: a slow reader costs nothing.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::Notify;
use windlass_api::Time;

/// Bytes of a segment that stay in memory: what a usual step prints.
const IN_MEMORY: usize = 32 * 1024;

/// Bytes kept of one segment; what is printed after that is dropped, with a notice in the log. A step that
/// prints more than a gibibyte is broken, and the disk belongs to everybody.
const MAX_BYTES: u64 = 1 << 30;

/// Times kept of one segment.
const MAX_TIMES: usize = 8192;

/// Largest piece handed to a reader.
const PIECE: usize = 64 * 1024;

/// Names a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// Namespace of the pod.
    pub namespace: Arc<str>,
    /// Pod of the attempt.
    pub pod: Arc<str>,
    /// Container, for instance `step-build`.
    pub container: Arc<str>,
}

/// Selects segments; empty fields select everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Namespace.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
}

impl Selection {
    fn accepts(&self, id: &SegmentId) -> bool {
        let matches = |wanted: &str, given: &str| wanted.is_empty() || wanted == given;
        matches(&self.namespace, &id.namespace)
            && matches(&self.pod, &id.pod)
            && matches(&self.container, &id.container)
    }
}

/// All segments of a plane.
#[derive(Clone)]
pub struct Logs {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    limit: u64,
    files: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    segments: BTreeMap<SegmentId, Arc<Segment>>,
    followers: Vec<(Selection, Weak<Follower>)>,
}

struct Segment {
    id: SegmentId,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    head: Vec<u8>,
    file: Option<File>,
    length: u64,
    /// Whether the notice that ends a log that is too long is written.
    full: bool,
    closed: bool,
    /// When the bytes up to an offset had been printed: one entry per append that came a millisecond or more after the
    /// one before, fewer when a log has many.
    times: Vec<(u64, Time)>,
    followers: Vec<(Weak<Follower>, bool)>,
}

struct Follower {
    changed: Mutex<VecDeque<Arc<Segment>>>,
    notify: Notify,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Contents are consistent between statements that can panic, so a poisoned lock is still good.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Logs {
    /// Logs whose long segments become files in a directory, which must exist.
    pub fn new(directory: PathBuf) -> Self {
        Self::with_limit(directory, MAX_BYTES)
    }

    /// Logs of which each segment keeps at most `limit` bytes.
    pub fn with_limit(directory: PathBuf, limit: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                directory,
                limit,
                files: AtomicU64::new(0),
                state: Mutex::default(),
            }),
        }
    }

    /// Adds bytes at the end of a segment.
    ///
    /// # Errors
    /// When a file cannot be made or written; what was appended before stays readable.
    pub fn append(&self, id: &SegmentId, at: Time, bytes: &[u8]) -> io::Result<()> {
        let segment = self.segment(id);
        let mut content = locked(&segment.content);
        let appended = content.append(bytes, at, self.inner.limit, || self.inner.make_file());
        content.announce(&segment);
        appended
    }

    /// Marks a segment as complete, so that its readers end.
    pub fn close(&self, id: &SegmentId) {
        let segment = self.segment(id);
        let mut content = locked(&segment.content);
        content.closed = true;
        content.announce(&segment);
    }

    /// Reads what selected segments hold and, when following, what is still to come.
    pub fn read(&self, selection: Selection, follow: bool) -> Reader {
        let follower = Arc::new(Follower {
            changed: Mutex::default(),
            notify: Notify::new(),
        });
        let mut state = locked(&self.inner.state);
        for segment in state
            .segments
            .values()
            .filter(|segment| selection.accepts(&segment.id))
        {
            segment.follow(&follower);
        }
        if follow {
            state
                .followers
                .retain(|(_, follower)| follower.strong_count() > 0);
            state.followers.push((selection, Arc::downgrade(&follower)));
        }
        Reader {
            follower,
            positions: BTreeMap::new(),
            follow,
            current: None,
        }
    }

    /// The last bytes of a segment, at most `limit`; empty when there is none.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn tail(&self, id: &SegmentId, limit: usize) -> io::Result<Vec<u8>> {
        let Some(segment) = locked(&self.inner.state).segments.get(id).cloned() else {
            return Ok(Vec::new());
        };
        let content = locked(&segment.content);
        let from = content.length.saturating_sub(limit as u64);
        content.read(from, limit)
    }

    fn segment(&self, id: &SegmentId) -> Arc<Segment> {
        let mut state = locked(&self.inner.state);
        if let Some(segment) = state.segments.get(id) {
            return Arc::clone(segment);
        }
        let segment = Arc::new(Segment {
            id: id.clone(),
            content: Mutex::default(),
        });
        state.segments.insert(id.clone(), Arc::clone(&segment));
        state.followers.retain(|(selection, follower)| {
            let Some(follower) = follower.upgrade() else {
                return false;
            };
            if selection.accepts(id) {
                segment.follow(&follower);
            }
            true
        });
        segment
    }
}

impl Inner {
    fn make_file(&self) -> io::Result<File> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{number}.log"));
        File::options().read(true).write(true).create_new(true).open(path)
    }
}

impl Segment {
    fn follow(self: &Arc<Self>, follower: &Arc<Follower>) {
        let mut content = locked(&self.content);
        // A complete segment is never announced again, so its readers of the past are forgotten here.
        content
            .followers
            .retain(|(follower, _)| follower.strong_count() > 0);
        content.followers.push((Arc::downgrade(follower), true));
        follower.tell(self);
    }
}

impl Follower {
    fn tell(&self, segment: &Arc<Segment>) {
        locked(&self.changed).push_back(Arc::clone(segment));
        self.notify.notify_one();
    }
}

impl Content {
    fn append(
        &mut self,
        bytes: &[u8],
        at: Time,
        limit: u64,
        make_file: impl Fn() -> io::Result<File> + Copy,
    ) -> io::Result<()> {
        let room = usize::try_from(limit.saturating_sub(self.length)).unwrap_or(usize::MAX);
        let (kept, rest) = bytes.split_at(room.min(bytes.len()));
        if !kept.is_empty() {
            self.write(kept, make_file)?;
            self.note_time(at);
        }
        if !rest.is_empty() && !self.full {
            self.write(
                format!("\n[log ends here: more than {limit} bytes]\n").as_bytes(),
                make_file,
            )?;
            self.full = true;
        }
        Ok(())
    }

    fn note_time(&mut self, at: Time) {
        match self.times.last_mut() {
            Some((end, last)) if *last == at => *end = self.length,
            _ => self.times.push((self.length, at)),
        }
        if self.times.len() > MAX_TIMES {
            // Every second entry goes: what remains still says when the bytes up to it had been printed.
            let mut odd = false;
            self.times.retain(|_| {
                odd = !odd;
                !odd
            });
        }
    }

    fn write(&mut self, bytes: &[u8], make_file: impl FnOnce() -> io::Result<File>) -> io::Result<()> {
        if self.file.is_none() && self.head.len() + bytes.len() > IN_MEMORY {
            let file = make_file()?;
            file.write_all_at(&self.head, 0)?;
            self.head = Vec::new();
            self.file = Some(file);
        }
        match &self.file {
            Some(file) => file.write_all_at(bytes, self.length)?,
            None => self.head.extend_from_slice(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn read(&self, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.length.saturating_sub(from))
            .unwrap_or(usize::MAX)
            .min(limit);
        match &self.file {
            Some(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, from)?;
                Ok(bytes)
            }
            None => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                Ok(self.head.get(from..from + length).unwrap_or_default().to_vec())
            }
        }
    }

    fn announce(&mut self, segment: &Arc<Segment>) {
        self.followers.retain_mut(|(follower, told)| {
            let Some(follower) = follower.upgrade() else {
                return false;
            };
            if !*told {
                *told = true;
                follower.tell(segment);
            }
            true
        });
    }
}

/// A piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The segment.
    pub id: SegmentId,
    /// Bytes as printed, at most 64 KiB; empty when the segment is complete.
    pub bytes: Bytes,
}

/// A position in each of several segments.
pub struct Reader {
    follower: Arc<Follower>,
    positions: BTreeMap<SegmentId, u64>,
    follow: bool,
    current: Option<Arc<Segment>>,
}

impl Reader {
    /// The next piece; `None` at the end, which a follower of all segments never reaches. Cancel-safe.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if self.current.is_none() {
                self.current = locked(&self.follower.changed).pop_front();
            }
            match self.current.clone() {
                Some(segment) => {
                    if let Some(piece) = self.advance(&segment)? {
                        return Ok(Some(piece));
                    }
                    self.current = None;
                }
                None if !self.follow => return Ok(None),
                None => self.follower.notify.notified().await,
            }
        }
    }

    /// The next piece of one segment; `None` when this reader has all there is.
    fn advance(&mut self, segment: &Arc<Segment>) -> io::Result<Option<Piece>> {
        let mut content = locked(&segment.content);
        let position = self.positions.entry(segment.id.clone()).or_insert(0);
        if *position == u64::MAX {
            return Ok(None);
        }
        let bytes = content.read(*position, PIECE)?;
        if !bytes.is_empty() {
            *position += bytes.len() as u64;
            return Ok(Some(Piece {
                id: segment.id.clone(),
                bytes: bytes.into(),
            }));
        }
        if content.closed {
            *position = u64::MAX;
            return Ok(Some(Piece {
                id: segment.id.clone(),
                bytes: Bytes::new(),
            }));
        }
        for (follower, told) in &mut content.followers {
            if std::ptr::eq(follower.as_ptr(), Arc::as_ptr(&self.follower)) {
                *told = false;
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
