//! A started process as the plane sees it: its output is read here, by one task for each process.

use std::io;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use bytes::BytesMut;
use futures::future::BoxFuture;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use super::channel::Channel;
use super::wire::Command;
use crate::backend::Chunk;
use crate::backend::Exit;
use crate::backend::Running;
use crate::backend::Stream;

/// Largest chunk that is handed on.
const CHUNK: usize = 64 << 10;

/// Room that a read starts with; most steps write less than this at a time.
const FIRST_READ: usize = 4 << 10;

/// A pipe holds no more unless an administrator raised the machine's limit.
const MAX_PIPE: usize = 1 << 20;

/// A process of a sandbox.
pub(super) struct HostProcess {
    /// Image as the user wrote it.
    pub(super) image: String,
    /// Number in the sandbox.
    pub(super) number: u32,
    /// Where signals go.
    pub(super) channel: Arc<Channel>,
    /// The end, when there was one.
    pub(super) exit: watch::Receiver<Option<Exit>>,
}

impl Running for HostProcess {
    fn image_id(&self) -> &str {
        &self.image
    }

    fn wait(&mut self) -> BoxFuture<'_, io::Result<Exit>> {
        Box::pin(async move {
            let exit = self.exit.wait_for(Option::is_some).await;
            exit.ok()
                .and_then(|exit| *exit)
                .ok_or_else(|| io::Error::other("the sandbox was killed from outside"))
        })
    }

    fn signal(&mut self, signal: i32) -> io::Result<()> {
        if self.exit.borrow().is_some() {
            return Ok(());
        }
        match self.channel.send(
            &Command::Signal {
                number: self.number,
                signal,
            },
            Vec::new(),
        ) {
            // The sandbox is gone, and the process with it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent,
        }
    }
}

/// One stream of a process.
pub(super) struct Source {
    /// Which.
    pub(super) stream: Stream,
    /// Read end of its pipe.
    pub(super) pipe: Receiver,
    /// File that receives a copy.
    pub(super) copy: Option<std::fs::File>,
}

/// Reads a process's output until it ended, then reports the end.
pub(super) struct Pump {
    /// The streams: one for both, or one for each.
    pub(super) sources: Vec<Source>,
    /// Where chunks go.
    pub(super) sink: mpsc::Sender<Chunk>,
    /// The process's end.
    pub(super) exited: oneshot::Receiver<Exit>,
    /// Who waits for the end.
    pub(super) exit: watch::Sender<Option<Exit>>,
}

impl Pump {
    /// Runs to the end of the process and its output.
    pub(super) async fn run(mut self) {
        let mut left = Vec::new();
        let exit = tokio::select! {
            biased;
            exit = &mut self.exited => exit.ok(),
            () = read_all(&mut self.sources, &self.sink, &mut left) => (&mut self.exited).await.ok(),
        };
        // The process and all it started are gone: what the pipes still hold is all there will ever be.
        for source in &mut self.sources {
            drain(source, &mut left);
        }
        // A copy is complete before anybody learns of the end. The channel may be full, and its reader may be waiting for
        // the end, so the end comes first.
        if exit.is_some() {
            let _ = self.exit.send(exit);
        }
        drop(self.exit);
        for chunk in left {
            if self.sink.send(chunk).await.is_err() {
                return;
            }
        }
    }
}

/// Hands chunks on until every pipe is closed. What was read and not handed on when the future is dropped is in `left`.
async fn read_all(sources: &mut Vec<Source>, sink: &mpsc::Sender<Chunk>, left: &mut Vec<Chunk>) {
    while !sources.is_empty() {
        let (position, read) = match sources.as_mut_slice() {
            [one] => (0, read(one).await),
            [one, other, ..] => tokio::select! {
                read = read(one) => (0, read),
                read = read(other) => (1, read),
            },
            [] => return,
        };
        match read {
            Some(chunk) => {
                left.push(chunk);
                let Ok(permit) = sink.reserve().await else {
                    // Nobody listens any more; the process must not block on a full pipe for that.
                    left.clear();
                    continue;
                };
                if let Some(chunk) = left.pop() {
                    permit.send(chunk);
                }
            }
            None => {
                sources.swap_remove(position);
            }
        }
    }
}

/// Reads one chunk; `None` is the end of the stream.
async fn read(source: &mut Source) -> Option<Chunk> {
    loop {
        source.pipe.readable().await.ok()?;
        match read_now(source, Receiver::try_read_buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.ok().flatten(),
        }
    }
}

/// Reads what is there, at most one chunk, and copies it.
fn read_now(
    source: &mut Source,
    read: impl Fn(&Receiver, &mut BytesMut) -> io::Result<usize>,
) -> io::Result<Option<Chunk>> {
    let mut buffer = BytesMut::with_capacity(FIRST_READ);
    let mut count = read(&source.pipe, &mut buffer)?;
    if count == FIRST_READ {
        // There is more: make one large chunk of it instead of many small ones.
        buffer.reserve(CHUNK - FIRST_READ);
        count += read(&source.pipe, &mut buffer).unwrap_or(0);
    }
    if count == 0 {
        return Ok(None);
    }
    let bytes: Bytes = buffer.freeze();
    if let Some(copy) = &mut source.copy {
        // A full disk must not end the process that writes; the log still has its output.
        if copy.write_all(&bytes).is_err() {
            source.copy = None;
        }
    }
    Ok(Some(Chunk {
        stream: source.stream,
        bytes,
    }))
}

/// Reads what a pipe without writers still holds. Asks the kernel and not the runtime, which may not have noticed yet that
/// there is something to read.
fn drain(source: &mut Source, left: &mut Vec<Chunk>) {
    let from_kernel = |pipe: &Receiver, buffer: &mut BytesMut| {
        let mut room = vec![0; buffer.capacity() - buffer.len()];
        let count = rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut room))?;
        buffer.extend_from_slice(room.get(..count).unwrap_or_default());
        Ok(count)
    };
    let mut bytes = 0;
    while let Ok(Some(chunk)) = read_now(source, from_kernel) {
        bytes += chunk.bytes.len();
        left.push(chunk);
        if bytes > MAX_PIPE {
            return;
        }
    }
}

/// Makes the descriptors by which a copy of a stream is written.
pub(super) fn copy_to(descriptor: OwnedFd) -> std::fs::File {
    descriptor.into()
}
