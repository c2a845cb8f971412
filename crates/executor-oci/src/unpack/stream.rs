//! From the bytes of a blob to the bytes of an archive, on threads of their own.
//!
//! One thread decompresses, one hashes, and the caller's unpacks: each is about as much work as the others, so a layer
//! takes as long as the slowest of the three.

use std::cell::Cell;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;

use sha2::Digest as _;
use sha2::Sha256;

use super::error::Fault;
use crate::digest::Digest;
use crate::limits::Limits;

/// Bytes handed on at once: few enough to stay in the processor's caches on the way.
const CHUNK: usize = 256 << 10;

/// Chunks that may wait, so that a slow file does not stop the decompression.
pub(super) const AHEAD: usize = 16;

/// Window of zstd that we give room to, as a power of two: 128 MiB, what its own tool accepts without being asked.
const WINDOW: u32 = 27;

/// A part of the archive, or why there is no more.
pub(super) type Chunk = Result<Arc<Vec<u8>>, Fault>;

/// What may be read of one layer.
pub(super) struct Bounds<'a> {
    /// Bytes that may come out.
    pub(super) bytes: u64,
    /// The limits that say what a bomb is.
    pub(super) limits: &'a Limits,
    /// Set when nobody wants the layer any more.
    pub(super) cancelled: &'a AtomicBool,
}

/// Decompresses, and sends the archive to who unpacks it and who hashes it. Ends early when the first one left.
pub(super) fn decompress(
    input: Box<dyn Read + Send>,
    bounds: &Bounds<'_>,
    unpack: &SyncSender<Chunk>,
    hash: &SyncSender<Arc<Vec<u8>>>,
) {
    let transferred = Rc::new(Cell::new(0));
    let counted = Counted {
        input,
        count: Rc::clone(&transferred),
    };
    let mut decoder = match decoder(counted) {
        Ok(decoder) => decoder,
        Err(fault) => {
            // Who left does not want to know.
            let _ = unpack.send(Err(fault));
            return;
        }
    };
    let mut total = 0_u64;
    loop {
        let chunk = match read(&mut decoder, bounds, &mut total, transferred.get()) {
            Ok(chunk) if chunk.is_empty() => return,
            Ok(chunk) => Arc::new(chunk),
            Err(fault) => {
                let _ = unpack.send(Err(fault));
                return;
            }
        };
        if hash.send(Arc::clone(&chunk)).is_err() || unpack.send(Ok(chunk)).is_err() {
            return;
        }
    }
}

fn read(
    decoder: &mut Box<dyn Read>,
    bounds: &Bounds<'_>,
    total: &mut u64,
    transferred: u64,
) -> Result<Vec<u8>, Fault> {
    if bounds.cancelled.load(Ordering::Relaxed) {
        return Err(Fault::Read(io::ErrorKind::Interrupted.into()));
    }
    let mut chunk = Vec::with_capacity(CHUNK);
    decoder
        .take(CHUNK as u64)
        .read_to_end(&mut chunk)
        .map_err(faulty)?;
    *total = total.saturating_add(chunk.len() as u64);
    if *total > bounds.bytes {
        return Err(Fault::Limit {
            what: "the unpacked size of the image, in bytes,",
            most: bounds.limits.bytes,
        });
    }
    let ratio = bounds.limits.ratio;
    if *total > bounds.limits.ratio_from && *total / ratio.max(1) > transferred {
        return Err(Fault::Ratio(ratio));
    }
    Ok(chunk)
}

/// Errors of the source pass as they are; the decoders make their own.
fn faulty(error: io::Error) -> Fault {
    match error.downcast::<Transfer>() {
        Ok(Transfer(error)) => Fault::Read(error),
        Err(error) => Fault::Compression(error.to_string()),
    }
}

/// The form is told by the first bytes: media types of old images are not to be relied on.
fn decoder(counted: Counted) -> Result<Box<dyn Read>, Fault> {
    let mut input = BufReader::with_capacity(CHUNK, counted);
    let head = input.fill_buf().map_err(faulty)?;
    Ok(match head {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(faulty)?;
            decoder.window_log_max(WINDOW).map_err(faulty)?;
            Box::new(decoder)
        }
        [b'B', b'Z', b'h', ..] => return Err(Fault::Compression("bzip2 is not supported".to_owned())),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            return Err(Fault::Compression("xz is not supported".to_owned()));
        }
        _ => Box::new(input),
    })
}

/// Hashes what comes, until nobody sends any more.
pub(super) fn hash(chunks: &Receiver<Arc<Vec<u8>>>) -> (Digest, u64) {
    let (mut hasher, mut total) = (Sha256::new(), 0);
    for chunk in chunks {
        hasher.update(chunk.as_slice());
        total += chunk.len() as u64;
    }
    (Digest::finish(hasher), total)
}

/// Counts what the other side sent.
struct Counted {
    input: Box<dyn Read + Send>,
    count: Rc<Cell<u64>>,
}

/// An error of the source, as opposed to one of the compressed form.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Transfer(io::Error);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buffer) {
            Ok(count) => {
                self.count.set(self.count.get() + count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(io::Error::other(Transfer(error))),
        }
    }
}

/// The archive, for who unpacks it.
pub(super) struct Chunks<'a> {
    source: &'a Receiver<Chunk>,
    current: Arc<Vec<u8>>,
    at: usize,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(source: &'a Receiver<Chunk>) -> Self {
        Self {
            source,
            current: Arc::default(),
            at: 0,
        }
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.current.len() {
            match self.source.recv() {
                Ok(Ok(chunk)) => (self.current, self.at) = (chunk, 0),
                Ok(Err(fault)) => return Err(io::Error::other(fault)),
                Err(_) => return Ok(&[]),
            }
        }
        Ok(self.current.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}
