//! Frames with descriptors over a Unix stream socket: the language between the plane, its launcher and the sandboxes.
//!
//! A frame is a header of five bytes (length of the body, number of descriptors) and a body in `postcard`. Descriptors
//! travel with the first byte of their frame, so the order of frames gives the order of descriptors.

use std::collections::VecDeque;
use std::io;
use std::io::IoSlice;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::net::RecvAncillaryBuffer;
use rustix::net::RecvAncillaryMessage;
use rustix::net::RecvFlags;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendAncillaryMessage;
use rustix::net::SendFlags;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::plan::SandboxSpec;
use super::process::Program;
use crate::observation::StartFailure;

const HEADER: usize = 5;

/// Larger bodies are refused: a script of 10 MB and its volumes fit many times.
const MAX_BODY: usize = 256 << 20;

/// More descriptors never travel with one frame.
pub(super) const MAX_DESCRIPTORS: usize = 4;

/// How sandboxes are kept apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Isolation {
    /// In a view of the machine.
    View,
    /// By directories only.
    Directories,
    /// In containers.
    Containers {
        /// Directory of the machine that all layers lie in.
        images: PathBuf,
    },
}

/// What the plane asks of its launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// The first frame: how to isolate, and where scratch directories live.
    Setup {
        /// How sandboxes are kept apart.
        isolation: Isolation,
        /// Directory of the machine that belongs to this launcher; removed when it ends.
        scratch: PathBuf,
        /// As `scratch`, in memory; the same directory where the machine has none in memory.
        memory_dir: PathBuf,
        /// Directory whose files the sandboxes see copy-on-write even where the rest of its file system is read-only.
        current_dir: Option<PathBuf>,
        /// Upper bound, in bytes, of what one sandbox keeps in memory outside its volumes.
        memory: Option<u64>,
    },
    /// Makes a sandbox that is driven through the one descriptor of the frame.
    Fork,
}

/// What the launcher answers to [`Order::Setup`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// Sandboxes can be made.
    Up {
        /// Their processes can be any user.
        any_user: bool,
    },
    /// The machine refuses; one line of text for each thing tried.
    Refused(String),
}

/// What the plane asks of a sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Command {
    /// The first frame: makes the view.
    Prepare(Box<SandboxSpec>),
    /// Starts a program; its descriptors are standard output and, when separate, standard error.
    Start {
        /// Number by which events name the process.
        number: u32,
        /// What to run.
        program: Box<Program>,
    },
    /// Asks for a TCP socket in the sandbox's network, which comes with [`Event::Started`]; [`Event::Exited`] follows at once.
    Socket {
        /// Number by which events name it.
        number: u32,
    },
    /// Signals a process and everything it started.
    Signal {
        /// Number given at the start.
        number: u32,
        /// Signal number.
        signal: i32,
    },
    /// Takes the sandbox down; its first process may then be asked for another.
    Release,
}

/// What a sandbox reports.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Event {
    /// The view stands; the descriptor is its `/tekton`.
    Ready,
    /// The view could not be made.
    Failed(StartFailure),
    /// A process runs; the descriptors are the files that receive a copy of its output.
    Started {
        /// Number given at the start.
        number: u32,
    },
    /// A process that is about to start is not bounded, or not in everything, as it should be; one line of text says why.
    Unbounded(String),
    /// A process could not be made.
    NotStarted {
        /// Number given at the start.
        number: u32,
        /// Why.
        failure: StartFailure,
    },
    /// A process and everything it started is gone.
    Exited {
        /// Number given at the start.
        number: u32,
        /// Exit code, or 128 + signal.
        code: i32,
        /// It had a limit of memory, and something of it was killed for that.
        out_of_memory: bool,
    },
    /// Nothing of the sandbox is left, and its first process waits for another.
    Released {
        /// Its directories on disk are as they were given.
        untouched: bool,
    },
}

/// Encodes one frame.
pub(super) fn encode<T: Serialize>(message: &T, descriptors: usize) -> io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(message, vec![0_u8; HEADER]).map_err(io::Error::other)?;
    let length = frame.len().saturating_sub(HEADER);
    if length > MAX_BODY || descriptors > MAX_DESCRIPTORS {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "message for a sandbox is too large",
        ));
    }
    let length = u32::try_from(length).map_err(io::Error::other)?.to_le_bytes();
    let count = u8::try_from(descriptors).map_err(io::Error::other)?;
    for (place, byte) in frame.iter_mut().zip(length.into_iter().chain([count])) {
        *place = byte;
    }
    Ok(frame)
}

/// Sends what fits; the descriptors go with the first byte.
pub(super) fn send_part(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors in one message"));
    }
    Ok(rustix::net::sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?)
}

/// Sends a whole frame over a blocking socket.
pub(super) fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let frame = encode(message, descriptors.len())?;
    let mut rest = frame.as_slice();
    let mut descriptors = descriptors;
    while !rest.is_empty() {
        match send_part(&socket, rest, descriptors) {
            Ok(sent) => {
                rest = rest.get(sent..).unwrap_or_default();
                descriptors = &[];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts frames together from what a socket delivers.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    descriptors: VecDeque<OwnedFd>,
}

impl Inbox {
    /// Receives once; 0 is the end of the stream.
    pub(super) fn fill(&mut self, socket: impl AsFd) -> io::Result<usize> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let filled = self.bytes.len();
        // Small frames are the rule; a large one is read at the pace of the socket's buffer.
        let room = self.missing().clamp(4096, 1 << 20);
        self.bytes.resize(filled + room, 0);
        let received = rustix::net::recvmsg(
            socket,
            &mut [IoSliceMut::new(self.bytes.get_mut(filled..).unwrap_or_default())],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let count = received.as_ref().map_or(0, |message| message.bytes);
        self.bytes.truncate(filled + count);
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        received?;
        Ok(count)
    }

    /// Takes the next whole frame, if there is one.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let Some((length, count)) = self.header() else {
            return Ok(None);
        };
        if length > MAX_BODY {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "message of a sandbox is too large",
            ));
        }
        let body = self.start + HEADER;
        let Some(bytes) = self.bytes.get(body..body + length) else {
            return Ok(None);
        };
        let message = postcard::from_bytes(bytes).map_err(io::Error::other)?;
        self.start = body + length;
        let count = usize::from(count).min(self.descriptors.len());
        Ok(Some((message, self.descriptors.drain(..count).collect())))
    }

    /// Waits for the next frame of a blocking socket; `None` is the end of the stream.
    pub(super) fn receive<T: DeserializeOwned>(
        &mut self,
        socket: impl AsFd,
    ) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        loop {
            if let Some(message) = self.next()? {
                return Ok(Some(message));
            }
            match self.fill(&socket) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn header(&self) -> Option<(usize, u8)> {
        let header = self.bytes.get(self.start..self.start + HEADER)?;
        let (length, count) = header.split_first_chunk::<4>()?;
        Some((
            usize::try_from(u32::from_le_bytes(*length)).ok()?,
            *count.first()?,
        ))
    }

    fn missing(&self) -> usize {
        let have = self.bytes.len().saturating_sub(self.start);
        self.header().map_or(0, |(length, _)| {
            (HEADER + length.min(MAX_BODY)).saturating_sub(have)
        })
    }
}

#[cfg(test)]
mod tests;
