//! A process that only pretends.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::backend::Chunk;
use crate::backend::Exit;
use crate::backend::OutputSink;
use crate::backend::Running;
use crate::backend::Stream;
use crate::fake::backend::Files;
use crate::fake::backend::Journal;
use crate::fake::script::Script;

/// Size of the pieces in which output is written.
const CHUNK: usize = 64 * 1024;

/// A process on paper.
pub(super) struct FakeProcess {
    container: String,
    image: String,
    script: Script,
    output: Option<OutputSink>,
    written: VecDeque<Chunk>,
    flood: usize,
    ends_at: Option<Instant>,
    exit: Option<Exit>,
    stdout_copy: Option<String>,
    files: Arc<Files>,
    journal: Arc<Journal>,
}

impl FakeProcess {
    pub(super) fn new(
        container: &str,
        image: &str,
        script: Script,
        output: OutputSink,
        stdout_copy: Option<&str>,
        files: Arc<Files>,
        journal: Arc<Journal>,
    ) -> Self {
        journal.started(container);
        let mut written = VecDeque::new();
        for (stream, bytes) in [
            (Stream::Stdout, &script.output),
            (Stream::Stderr, &script.error_output),
        ] {
            for piece in bytes.chunks(CHUNK) {
                written.push_back(Chunk {
                    stream,
                    bytes: Bytes::copy_from_slice(piece),
                });
            }
        }
        Self {
            container: container.to_owned(),
            image: image.to_owned(),
            flood: script.flood,
            ends_at: script.runs_for.map(|duration| Instant::now() + duration),
            script,
            output: Some(output),
            written,
            exit: None,
            stdout_copy: stdout_copy.map(str::to_owned),
            files,
            journal,
        }
    }

    async fn run(&mut self) -> io::Result<Exit> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        self.write().await;
        if let Some(problem) = self.script.lost.take() {
            return Err(io::Error::other(problem));
        }
        match self.ends_at {
            None => std::future::pending().await,
            // Even an elapsed timer costs the paused clock a turn.
            Some(at) if at <= Instant::now() => {}
            Some(at) => tokio::time::sleep_until(at).await,
        }
        for (path, content) in &self.script.files {
            self.files.write(path, content)?;
        }
        let code = if self.script.out_of_memory {
            137
        } else {
            self.script.exit_code
        };
        Ok(self.end(code))
    }

    async fn write(&mut self) {
        let Some(output) = &self.output else { return };
        while !self.written.is_empty() {
            let Ok(place) = output.chunks.reserve().await else {
                return;
            };
            if let Some(chunk) = self.written.pop_front() {
                place.send(chunk);
            }
        }
        while self.flood > 0 {
            let Ok(place) = output.chunks.reserve().await else {
                return;
            };
            let size = self.flood.min(CHUNK);
            place.send(Chunk {
                stream: Stream::Stdout,
                bytes: b"y\n".repeat(size / 2).into(),
            });
            self.flood -= size;
        }
    }

    fn end(&mut self, code: i32) -> Exit {
        let exit = Exit {
            code,
            out_of_memory: self.script.out_of_memory,
        };
        self.exit = Some(exit);
        if let Some(path) = self.stdout_copy.take() {
            // Paths outside of `/tekton/` are not part of the fake's view.
            let _ = self.files.append(Path::new(&path), &self.script.output);
        }
        self.output = None;
        self.journal.ended(&self.container, code);
        exit
    }
}

impl Running for FakeProcess {
    fn image_id(&self) -> &str {
        &self.image
    }

    fn wait(&mut self) -> BoxFuture<'_, io::Result<Exit>> {
        self.run().boxed()
    }

    fn signal(&mut self, signal: i32) -> io::Result<()> {
        self.journal.note(format!("signal {signal} {}", self.container));
        if self.exit.is_none() && (signal == 9 || !self.script.ignores_term) {
            self.script.out_of_memory = false;
            self.end(128 + signal);
        }
        Ok(())
    }
}

impl Drop for FakeProcess {
    fn drop(&mut self) {
        if self.exit.is_none() {
            self.end(137);
        }
    }
}
