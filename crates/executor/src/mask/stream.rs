//! Covers the shapes of secrets in a stream of bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;

use crate::backend::Stream;
use crate::job::Secret;
use crate::mask::forms;

/// What a covered stretch becomes.
const COVER: &[u8] = b"***";

/// Everything that must not be shown, prepared once per attempt and shared by its logs.
#[derive(Clone, Default)]
pub struct Masks(Option<Arc<Shapes>>);

struct Shapes {
    /// Sorted, so that a prefix is found by bisection.
    sorted: Vec<Vec<u8>>,
    longest: usize,
    finder: AhoCorasick,
}

impl Masks {
    /// Prepares the masks for some secrets.
    #[expect(clippy::missing_panics_doc, reason = "no job holds two gigabytes of secrets")]
    pub fn new(secrets: &[Secret]) -> Self {
        let mut shapes = BTreeSet::new();
        for secret in secrets {
            forms::collect(secret.expose(), &mut shapes);
        }
        let sorted: Vec<Vec<u8>> = shapes.into_iter().collect();
        let longest = sorted.iter().map(Vec::len).max().unwrap_or(0);
        if longest == 0 {
            return Self(None);
        }
        let finder = AhoCorasick::new(&sorted).expect("an automaton for less than 2^31 bytes of patterns");
        Self(Some(Arc::new(Shapes {
            sorted,
            longest,
            finder,
        })))
    }

    /// A mask for one log; `None` when there is nothing to cover.
    pub fn stream(&self) -> Option<Mask> {
        let shapes = self.0.as_ref()?;
        Some(Mask {
            stdout: Carry::default(),
            stderr: Carry::default(),
            shapes: Arc::clone(shapes),
        })
    }

    /// Covers a whole text.
    pub fn cover<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(shapes) = &self.0 else {
            return Cow::Borrowed(text);
        };
        if shapes.finder.find(text).is_none() {
            return Cow::Borrowed(text);
        }
        let mut covered = Vec::with_capacity(text.len());
        let mut carry = Carry::default();
        carry.feed(shapes, text.as_bytes(), &mut |clean| {
            covered.extend_from_slice(clean);
        });
        carry.finish(shapes, &mut |clean| covered.extend_from_slice(clean));
        Cow::Owned(String::from_utf8_lossy(&covered).into_owned())
    }
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Masks({} shapes)",
            self.0.as_ref().map_or(0, |shapes| shapes.sorted.len())
        )
    }
}

/// Covers one log. Standard output and standard error are looked at separately, because a secret never continues in
/// the other stream.
pub struct Mask {
    shapes: Arc<Shapes>,
    stdout: Carry,
    stderr: Carry,
}

impl Mask {
    /// Takes a chunk and hands on what is certain not to be part of a secret; the rest waits for the next chunk.
    ///
    /// At most 4 KiB are held back. A chunk without anything suspicious is handed on without a copy.
    pub fn feed(&mut self, stream: Stream, bytes: &[u8], mut emit: impl FnMut(&[u8])) {
        let carry = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        carry.feed(&self.shapes, bytes, &mut emit);
    }

    /// Hands on what is held back, at the end of the streams.
    pub fn finish(&mut self, mut emit: impl FnMut(&[u8])) {
        self.stdout.finish(&self.shapes, &mut emit);
        self.stderr.finish(&self.shapes, &mut emit);
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Mask")
    }
}

/// The state between two chunks.
#[derive(Default)]
struct Carry {
    /// The longest end of the stream that may be the start of a shape.
    held: Vec<u8>,
    /// How many of the held bytes belong to a shape that is already complete.
    covered: usize,
    /// The last thing handed on was a cover, so that a stretch which goes on needs no second one.
    open: bool,
}

impl Carry {
    fn feed(&mut self, shapes: &Shapes, bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
        if bytes.is_empty() {
            return;
        }
        if self.held.is_empty() {
            return self.scan(shapes, bytes, emit);
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(bytes);
        self.scan(shapes, &joined, emit);
    }

    fn scan(&mut self, shapes: &Shapes, bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
        self.settle(shapes, bytes, bytes.len() - shapes.unfinished(bytes), emit);
    }

    /// Hands on the first `settled` bytes and holds back the others.
    fn settle(&mut self, shapes: &Shapes, bytes: &[u8], settled: usize, emit: &mut dyn FnMut(&[u8])) {
        let carried = std::mem::take(&mut self.covered);
        let stretches = shapes.stretches(bytes, carried);
        let mut shown = 0;
        // What lies in the held part as a whole is found again with the next chunk, save what began in an earlier one.
        let shows = |stretch: &&Range<usize>| stretch.start < settled || stretch.start < carried;
        for stretch in stretches.iter().take_while(shows) {
            self.show(bytes, shown..stretch.start, emit);
            if !self.open {
                emit(COVER);
                self.open = true;
            }
            shown = stretch.end.min(settled);
            self.covered = stretch.end.saturating_sub(settled);
        }
        self.show(bytes, shown..settled, emit);
        self.held
            .extend_from_slice(bytes.get(settled..).unwrap_or_default());
    }

    fn show(&mut self, bytes: &[u8], range: Range<usize>, emit: &mut dyn FnMut(&[u8])) {
        if let Some(clean) = bytes.get(range)
            && !clean.is_empty()
        {
            self.open = false;
            emit(clean);
        }
    }

    fn finish(&mut self, shapes: &Shapes, emit: &mut dyn FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        self.settle(shapes, &held, held.len(), emit);
    }
}

impl Shapes {
    /// The stretches that some shape occupies, in order and apart; the first `covered` bytes are known to belong to one.
    fn stretches(&self, bytes: &[u8], covered: usize) -> Vec<Range<usize>> {
        let mut stretches = Vec::new();
        if covered > 0 {
            stretches.push(0..covered);
        }
        for found in self.finder.find_overlapping_iter(bytes) {
            let mut start = found.start();
            // Matches come by their ends, so a longer one may swallow several that came before it.
            while let Some(last) = stretches.pop_if(|last: &mut Range<usize>| last.end >= found.start()) {
                start = start.min(last.start);
            }
            stretches.push(start..found.end());
        }
        stretches
    }

    /// Length of the longest end of `bytes` that a shape may start with.
    fn unfinished(&self, bytes: &[u8]) -> usize {
        let most = bytes.len().min(self.longest - 1);
        (1..=most)
            .rev()
            .find(|length| self.starts_with(&bytes[bytes.len() - length..]))
            .unwrap_or(0)
    }

    fn starts_with(&self, prefix: &[u8]) -> bool {
        let at = self.sorted.partition_point(|shape| shape.as_slice() < prefix);
        // A shape equal to the prefix is complete, and the one after it may be longer.
        self.sorted
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take(2)
            .any(|shape| shape.len() > prefix.len() && shape.starts_with(prefix))
    }
}
