//! Copies of a process's output in files of its view.
//!
//! An engine gives no way to write a file of a container little by little, so a copy is collected on this machine's disk and
//! put into the container when the process has ended, before anybody learns of the end.

use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use hyper::body::Frame;
use windlass_executor::backend::Chunk;
use windlass_executor::backend::Stream;
use windlass_executor::backend::Tee;

use crate::archive::around;
use crate::archive::the_file;
use crate::client::Client;
use crate::mounts::Planned;
use crate::mounts::locate;

/// What a file that is appended to may hold before; it passes through memory.
const MAX_BEFORE: usize = 96 << 20;

/// Bytes of a copy that are read at a time.
const PIECE: usize = 64 << 10;

/// Steps of any user may go on writing to it.
const MODE: u32 = 0o666;

/// The copies that one process makes.
#[derive(Default)]
pub(crate) struct Copies {
    spools: Vec<Spool>,
    stdout: Option<usize>,
    stderr: Option<usize>,
}

struct Spool {
    /// Directory to put the file into, and its path below that.
    base: String,
    rest: String,
    file: Option<std::fs::File>,
    size: u64,
}

impl Copies {
    /// Opens what a process asks for. Both outputs may have one file.
    pub(crate) fn open(tee: Tee<'_>, mounts: &[Planned]) -> io::Result<Self> {
        let mut copies = Self::default();
        if let Some(path) = tee.stdout {
            copies.spools.push(Spool::new(path, mounts)?);
            copies.stdout = Some(0);
        }
        if let Some(path) = tee.stderr {
            if tee.stdout != tee.stderr {
                copies.spools.push(Spool::new(path, mounts)?);
            }
            copies.stderr = Some(copies.spools.len() - 1);
        }
        Ok(copies)
    }

    /// Takes a piece of output.
    pub(crate) fn take(&mut self, chunk: &Chunk) {
        let number = match chunk.stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        };
        let Some(spool) = number.and_then(|number| self.spools.get_mut(number)) else {
            return;
        };
        let Some(file) = &mut spool.file else { return };
        match file.write_all(&chunk.bytes) {
            Ok(()) => spool.size += chunk.bytes.len() as u64,
            // A full disk must not end the process that writes; the log still has its output.
            Err(error) => {
                tracing::warn!(%error, file = spool.rest, "a copy of output is cut");
                spool.file = None;
            }
        }
    }

    /// Puts the copies into the container, behind what the files hold already.
    pub(crate) async fn finish(self, client: &Client, container: &str) -> io::Result<()> {
        for spool in self.spools {
            spool.finish(client, container).await?;
        }
        Ok(())
    }
}

impl Spool {
    fn new(path: &str, mounts: &[Planned]) -> io::Result<Self> {
        let plain = Path::new(path).is_absolute()
            && !Path::new(path)
                .components()
                .any(|part| part == std::path::Component::ParentDir)
            && !path.ends_with('/');
        let (base, rest) = match locate(mounts, path) {
            Some((mount, rest)) => (mount.target.clone(), rest.to_string_lossy().into_owned()),
            None => ("/".to_owned(), path.trim_start_matches('/').to_owned()),
        };
        if !plain || rest.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{path:?} is not the absolute path of a file"),
            ));
        }
        Ok(Self {
            base,
            rest,
            file: Some(tempfile::tempfile()?),
            size: 0,
        })
    }

    async fn finish(self, client: &Client, container: &str) -> io::Result<()> {
        let path = format!("{}/{}", self.base.trim_end_matches('/'), self.rest);
        let before = match client.get(container, &path, MAX_BEFORE).await? {
            Some((archive, true)) => the_file(&archive)?,
            Some((_, false)) => {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!("{path} holds more than can be appended to"),
                ));
            }
            None => Vec::new(),
        };
        let Some(mut file) = self.file else { return Ok(()) };
        file.seek(SeekFrom::Start(0))?;
        let size = before.len() as u64 + self.size;
        let (head, tail) = around(&self.rest, MODE, (0, 0), size)?;
        let start = [head, before.into()].into_iter().map(Ok).collect::<Vec<_>>();
        let copy = stream::try_unfold((file, self.size), |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            file.read_exact(&mut piece)?;
            let left = left - piece.len() as u64;
            Ok(Some((Bytes::from(piece), (file, left))))
        });
        let whole = stream::iter(start).chain(copy).chain(stream::iter([Ok(tail)]));
        let body = BodyExt::boxed(StreamBody::new(whole.map_ok(Frame::data)));
        Ok(client.put(container, &self.base, body).await?)
    }
}
