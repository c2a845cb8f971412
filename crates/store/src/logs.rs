//! What steps printed: append-only segments, one per container of an attempt.
//!
//! Logs of one process ([`Logs::new`]) start in memory and move to a file when they grow, so that thousands of short steps
//! cost no file each and a flood costs disk instead of memory. Logs that outlive the process ([`Logs::open`]) are files from
//! their first byte, and only those that are being written or read are known in memory. Followers hold positions, not
//! copies: a slow reader costs nothing.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use bytes::Bytes;
use tokio::sync::Notify;
use windlass_api::Time;

use content::Content;
use place::Opened;
use place::Place;

mod content;
mod place;

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
    place: Place,
    limit: u64,
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
        Self::at(Place::numbered(directory), limit)
    }

    /// Logs that outlive the process: each segment is a file below a directory, which must exist and belong to these logs
    /// alone. A segment that was written by an earlier process is found again, and can be continued.
    pub fn open(directory: PathBuf) -> Self {
        Self::at(Place::named(directory), MAX_BYTES)
    }

    fn at(place: Place, limit: u64) -> Self {
        Self {
            inner: Arc::new(Inner {
                place,
                limit,
                state: Mutex::default(),
            }),
        }
    }

    /// Adds bytes at the end of a segment.
    ///
    /// # Errors
    /// When a file cannot be made or written; what was appended before stays readable.
    pub fn append(&self, id: &SegmentId, at: Time, bytes: &[u8]) -> io::Result<()> {
        let segment = self.segment(id)?;
        let mut content = locked(&segment.content);
        let appended = content.append(bytes, at, self.inner.limit, || self.inner.place.make(id));
        content.announce(&segment);
        appended
    }

    /// Adds the bytes that begin at an offset; those that the segment holds already are passed over, so that whoever is not
    /// sure may send them again. Answers with the length of the segment, which is below `offset` when bytes are missing
    /// between: nothing is added then.
    ///
    /// # Errors
    /// When a file cannot be made or written; what was appended before stays readable.
    pub fn append_at(&self, id: &SegmentId, offset: u64, at: Time, bytes: &[u8]) -> io::Result<u64> {
        let segment = self.segment(id)?;
        let mut content = locked(&segment.content);
        let held = content.length.checked_sub(offset);
        if let Some(held) = held.filter(|_| !content.full) {
            let held = usize::try_from(held).unwrap_or(usize::MAX).min(bytes.len());
            content.append(&bytes[held..], at, self.inner.limit, || self.inner.place.make(id))?;
            content.announce(&segment);
        }
        // What is past the limit was taken and thrown away.
        let end = offset.saturating_add(bytes.len() as u64);
        Ok(if content.full {
            content.length.max(end)
        } else {
            content.length
        })
    }

    /// Bytes that a segment holds; 0 when there is none.
    ///
    /// # Errors
    /// When its file cannot be looked at.
    pub fn length(&self, id: &SegmentId) -> io::Result<u64> {
        let segment = self.find(id)?;
        Ok(segment.map_or(0, |segment| locked(&segment.content).length))
    }

    /// Marks a segment as complete, so that its readers end. Of logs that outlive the process it is on disk afterwards.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn close(&self, id: &SegmentId) -> io::Result<()> {
        let segment = self.segment(id)?;
        let mut content = locked(&segment.content);
        content.closed = true;
        content.announce(&segment);
        let kept = self.inner.place.seal(id, content.file.as_ref());
        drop(content);
        if self.inner.place.outlives() {
            // Those who read it hold it; who comes later finds it on disk.
            locked(&self.inner.state).segments.remove(id);
        }
        kept
    }

    /// Removes every segment of a pod; those who read one of them keep it until they are done.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove(&self, namespace: &str, pod: &str) -> io::Result<()> {
        let mut state = locked(&self.inner.state);
        state
            .segments
            .retain(|id, _| &*id.namespace != namespace || &*id.pod != pod);
        self.inner.place.remove(namespace, pod)
    }

    /// Reads what selected segments hold and, when following, what is still to come.
    pub fn read(&self, selection: Selection, follow: bool) -> Reader {
        let follower = Arc::new(Follower {
            changed: Mutex::default(),
            notify: Notify::new(),
        });
        let mut state = locked(&self.inner.state);
        let mut asleep = Vec::new();
        for id in self.inner.place.of_pod(&selection.namespace, &selection.pod) {
            if selection.accepts(&id)
                && !state.segments.contains_key(&id)
                && let Ok(Some(opened)) = self.inner.place.find(&id)
            {
                asleep.push(Arc::new(Segment::of(id, opened)));
            }
        }
        let awake = state
            .segments
            .values()
            .filter(|segment| selection.accepts(&segment.id));
        for segment in awake.chain(&asleep) {
            segment.follow(&follower);
        }
        for segment in asleep {
            if !locked(&segment.content).closed {
                state.segments.insert(segment.id.clone(), segment);
            }
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
        let Some(segment) = self.find(id)? else {
            return Ok(Vec::new());
        };
        let content = locked(&segment.content);
        let from = content.length.saturating_sub(limit as u64);
        content.read(from, limit)
    }

    /// When the bytes up to offsets of a segment had been printed, in order.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn times(&self, id: &SegmentId) -> io::Result<Vec<(u64, Time)>> {
        let segment = self.find(id)?;
        Ok(segment.map_or_else(Vec::new, |segment| locked(&segment.content).times.clone()))
    }

    /// The segment, if anything was ever written to it.
    fn find(&self, id: &SegmentId) -> io::Result<Option<Arc<Segment>>> {
        if let Some(segment) = locked(&self.inner.state).segments.get(id) {
            return Ok(Some(Arc::clone(segment)));
        }
        let opened = self.inner.place.find(id)?;
        Ok(opened.map(|opened| Arc::new(Segment::of(id.clone(), opened))))
    }

    fn segment(&self, id: &SegmentId) -> io::Result<Arc<Segment>> {
        let mut state = locked(&self.inner.state);
        if let Some(segment) = state.segments.get(id) {
            return Ok(Arc::clone(segment));
        }
        let opened = self.inner.place.find(id)?.unwrap_or(Opened {
            is_kept: self.inner.place.outlives(),
            ..Opened::default()
        });
        let segment = Arc::new(Segment::of(id.clone(), opened));
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
        Ok(segment)
    }
}

impl Segment {
    /// A segment as it is on disk, or an empty one.
    fn of(id: SegmentId, opened: Opened) -> Self {
        let content = Content {
            file: opened.file,
            times_file: opened.times_file,
            length: opened.length,
            full: opened.length > MAX_BYTES,
            closed: opened.closed,
            is_kept: opened.is_kept,
            times: opened.times,
            ..Content::default()
        };
        Self {
            id,
            content: Mutex::new(content),
        }
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
