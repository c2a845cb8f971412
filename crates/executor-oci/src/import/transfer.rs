//! One blob, from its source into the store.

use std::fs::File;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use sha2::Digest as _;
use sha2::Sha256;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use windlass_fetch::oci::Blob;
use windlass_fetch::oci::Source;

use super::error::Error;
use super::error::Mismatch;
use super::error::Result;
use super::feed::Feed;
use super::plan::Wanted;
use super::progress::Event;
use super::progress::Progress;
use crate::digest::Digest;
use crate::store;
use crate::store::Ingest;
use crate::store::Store;

/// How often a transfer is begun again without a single byte between.
const TRIES: u32 = 5;

/// How often a transfer is begun again at all.
const TRIES_IN_ALL: u32 = 50;

/// Pause after the first failure; it doubles each time.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a source may be silent.
const SILENCE: Duration = Duration::from_mins(1);

/// Bytes handed to the thread that writes.
const CHUNK: usize = 256 << 10;

/// Chunks that may wait for it.
const AHEAD: usize = 8;

/// What a transfer needs to know.
pub(super) struct Transfer<'a> {
    pub(super) store: &'a Store,
    pub(super) source: &'a dyn Source,
    pub(super) progress: &'a dyn Progress,
}

/// How a transfer ended.
pub(super) enum Ended {
    /// The blob is in the store.
    Stored,
    /// It is not what it should be, but a part of it was left by an earlier transfer: that was thrown away.
    Stale,
}

impl Transfer<'_> {
    /// Brings a blob into the store unless it is there already, and feeds whoever reads it meanwhile.
    pub(super) async fn run(&self, wanted: &Wanted, feed: &Feed) -> Result<Ended> {
        let Some(ingest) = self.store.ingest(&wanted.digest, wanted.size).await? else {
            let file = self.store.open_blob(&wanted.digest)?;
            feed.mark_inherited();
            feed.complete(Arc::new(file), wanted.size);
            self.progress.event(&Event::Present {
                digest: wanted.digest,
                size: wanted.size,
            });
            return Ok(Ended::Stored);
        };
        let was_left = ingest.length;
        if was_left > 0 {
            feed.mark_inherited();
        }
        let file = Arc::new(
            ingest
                .file
                .try_clone()
                .map_err(store::call("hold", self.store.root()))?,
        );
        let (sender, receiver) = mpsc::channel(AHEAD);
        let written = self.write(wanted, feed, &ingest, &file, sender, receiver).await?;
        if written == wanted.digest {
            ingest.publish(self.store)?;
            feed.complete(file, wanted.size);
            self.progress.event(&Event::Transferred {
                digest: wanted.digest,
            });
            return Ok(Ended::Stored);
        }
        ingest.discard()?;
        if was_left > 0 {
            return Ok(Ended::Stale);
        }
        Err(self.mismatch(wanted, Mismatch::Digest(written)))
    }

    /// Reads and writes at the same time; the digest of everything.
    async fn write(
        &self,
        wanted: &Wanted,
        feed: &Feed,
        ingest: &Ingest,
        file: &Arc<File>,
        sender: mpsc::Sender<Vec<u8>>,
        mut receiver: mpsc::Receiver<Vec<u8>>,
    ) -> Result<Digest> {
        let (mut hasher, mut length) = (Sha256::new(), ingest.length);
        let output = Arc::clone(file);
        let writing = async {
            let mut at = 0;
            if length > 0 {
                (hasher, at) = blocking(move || rehash(&output, hasher, length)).await?;
                feed.advance(file, at);
                length = at;
            }
            while let Some(first) = receiver.recv().await {
                // Hashing and writing hold a thread up, and there may be few that serve sockets.
                let mut chunks = vec![first];
                while let Ok(more) = receiver.try_recv() {
                    chunks.push(more);
                }
                let output = Arc::clone(file);
                let taken = std::mem::take(&mut hasher);
                let (back, count) = blocking(move || append(&output, taken, &chunks)).await?;
                hasher = back;
                at += count;
                feed.advance(file, at);
            }
            Ok::<_, std::io::Error>(Digest::finish(hasher))
        };
        let writing = async {
            let written = writing
                .await
                .map_err(store::call("write into", self.store.root()));
            written.map_err(Error::from)
        };
        let reading = self.read(wanted, ingest.length, sender);
        let (digest, ()) = futures::future::try_join(writing, reading).await?;
        Ok(digest)
    }

    /// Reads a blob to its end, beginning again where the source gave up.
    async fn read(&self, wanted: &Wanted, from: u64, sender: mpsc::Sender<Vec<u8>>) -> Result<()> {
        let (mut at, mut failures) = (from, 0);
        for _ in 0..TRIES_IN_ALL {
            let before = at;
            let ended = self.read_once(wanted, &mut at, &sender).await;
            if at > wanted.size {
                return Err(self.mismatch(wanted, Mismatch::TooLong(wanted.size)));
            }
            if ended.is_ok() && at == wanted.size {
                return Ok(());
            }
            failures = if at > before { 1 } else { failures + 1 };
            if failures < TRIES {
                tracing::debug!(digest = %wanted.digest, at, failures, "a transfer is begun again");
                tokio::time::sleep(PAUSE * 2_u32.pow(failures)).await;
                continue;
            }
            ended?;
            break;
        }
        Err(self.mismatch(
            wanted,
            Mismatch::TooShort {
                got: at,
                expected: wanted.size,
            },
        ))
    }

    async fn read_once(&self, wanted: &Wanted, at: &mut u64, sender: &mpsc::Sender<Vec<u8>>) -> Result<()> {
        if *at == wanted.size && *at > 0 {
            return Ok(());
        }
        let failed = |source| Error::Source {
            place: self.source.place(),
            source,
        };
        let mut blob = self.source.blob(&wanted.descriptor, *at).await.map_err(failed)?;
        loop {
            let chunk = chunk(&mut blob)
                .await
                .map_err(|error| failed(windlass_fetch::oci::SourceError(Box::new(error))))?;
            let count = chunk.len() as u64;
            if count == 0 {
                return Ok(());
            }
            *at += count;
            self.progress.event(&Event::Bytes {
                digest: wanted.digest,
                count,
            });
            // More than announced is not even stored.
            if *at > wanted.size || sender.send(chunk).await.is_err() {
                return Ok(());
            }
        }
    }

    fn mismatch(&self, wanted: &Wanted, fault: Mismatch) -> Error {
        Error::Blob {
            place: self.source.place(),
            digest: wanted.digest,
            fault,
        }
    }
}

/// What the source has, up to a chunk; nothing at its end.
async fn chunk(blob: &mut Blob) -> std::io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    while chunk.len() < CHUNK {
        let room = (CHUNK - chunk.len()) as u64;
        let mut limited = (&mut *blob).take(room);
        let read = tokio::time::timeout(SILENCE, limited.read_buf(&mut chunk));
        match read.await {
            Ok(Ok(0)) => break,
            Ok(Ok(_)) => {}
            // What came before a failure is kept; the failure comes again at the next read.
            Ok(Err(error)) if chunk.is_empty() => return Err(error),
            Ok(Err(_)) => break,
            Err(_) => return Err(std::io::ErrorKind::TimedOut.into()),
        }
    }
    Ok(chunk)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)?
}

/// Hashes what an earlier transfer left.
fn rehash(mut file: &File, mut hasher: Sha256, length: u64) -> std::io::Result<(Sha256, u64)> {
    file.rewind()?;
    let mut hashing = store::Hashing(&mut hasher);
    let count = std::io::copy(&mut file.take(length), &mut hashing)?;
    Ok((hasher, count))
}

fn append(mut file: &File, mut hasher: Sha256, chunks: &[Vec<u8>]) -> std::io::Result<(Sha256, u64)> {
    let mut count = 0;
    for chunk in chunks {
        hasher.update(chunk);
        file.write_all(chunk)?;
        count += chunk.len() as u64;
    }
    Ok((hasher, count))
}
