//! The plane's end of one sandbox: commands go out in order, events wake whoever waits for them.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use rustix::net::Shutdown;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::sync::oneshot;

use super::wire;
use super::wire::Command;
use super::wire::Event;
use super::wire::Inbox;
use crate::backend::Exit;
use crate::observation::StartFailure;

/// Answer to a start: the files that receive a copy of the output.
type Started = Result<Vec<OwnedFd>, StartFailure>;

/// Resolves when the view stands, to its `/tekton`.
pub(super) type Readiness = oneshot::Receiver<Result<OwnedFd, StartFailure>>;

/// A process that the sandbox was asked for.
struct Process {
    started: Option<oneshot::Sender<Started>>,
    exited: Option<oneshot::Sender<Exit>>,
}

/// A frame that is not sent yet, or only in part.
struct Outgoing {
    frame: Vec<u8>,
    sent: usize,
    descriptors: Vec<OwnedFd>,
}

#[derive(Default)]
struct State {
    outbox: VecDeque<Outgoing>,
    ready: Option<oneshot::Sender<Result<OwnedFd, StartFailure>>>,
    processes: HashMap<u32, Process>,
    /// Nobody answers any more on behalf of this sandbox.
    closed: bool,
    /// Whether the directories on disk were untouched when the sandbox said that nothing of it is left.
    released: Option<bool>,
    shut: bool,
}

/// The plane's end of a sandbox's socket.
pub(super) struct Channel {
    socket: Arc<UnixStream>,
    state: Mutex<State>,
    unsent: Notify,
    next: AtomicU32,
    unbounded: Arc<OnceLock<String>>,
}

/// What a start gives its caller to wait for.
pub(super) struct Ticket {
    /// Number by which the process is signalled.
    pub(super) number: u32,
    /// The start.
    pub(super) started: oneshot::Receiver<Started>,
    /// The end.
    pub(super) exited: oneshot::Receiver<Exit>,
}

impl Channel {
    /// Takes a socket over; [`run`](Channel::run) must be polled for events to arrive. The first reason why limits are not
    /// enforced goes to `unbounded`.
    pub(super) fn new(socket: Arc<UnixStream>, unbounded: Arc<OnceLock<String>>) -> (Arc<Self>, Readiness) {
        let (sender, ready) = oneshot::channel();
        let state = State {
            ready: Some(sender),
            ..State::default()
        };
        let channel = Self {
            socket,
            state: Mutex::new(state),
            unsent: Notify::new(),
            next: AtomicU32::new(0),
            unbounded,
        };
        (Arc::new(channel), ready)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a command, or leaves it to [`run`](Channel::run) when the socket is full.
    pub(super) fn send(&self, command: &Command, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        let frame = wire::encode(command, descriptors.len())?;
        let mut state = self.state();
        if state.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.outbox.push_back(Outgoing {
            frame,
            sent: 0,
            descriptors,
        });
        // Straight to the kernel: the runtime learns only later that a new socket takes bytes.
        match flush(&mut state, |frame, descriptors| {
            wire::send_part(&*self.socket, frame, descriptors)
        }) {
            Ok(true) => {}
            Ok(false) => self.unsent.notify_one(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Registers a process and gives it a number.
    pub(super) fn expect_process(&self) -> Ticket {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (start, started) = oneshot::channel();
        let (exit, exited) = oneshot::channel();
        let mut state = self.state();
        if !state.closed {
            state.processes.insert(
                number,
                Process {
                    started: Some(start),
                    exited: Some(exit),
                },
            );
        }
        Ticket {
            number,
            started,
            exited,
        }
    }

    /// Lets go of the sandbox and its first process, which take themselves down.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if state.closed {
            // The socket may serve another sandbox already.
            return;
        }
        state.shut = true;
        // A socket whose other end is gone needs no closing.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
    }

    /// Moves frames until the sandbox is gone; returns its socket when another sandbox may be asked for, and whether its
    /// directories on disk are untouched.
    pub(super) async fn run(&self) -> Option<(Arc<UnixStream>, bool)> {
        let mut inbox = Inbox::default();
        let mut unsent = false;
        loop {
            tokio::select! {
                ready = self.socket.readable() => {
                    if ready.is_err() || !self.receive(&mut inbox) {
                        break;
                    }
                }
                () = self.unsent.notified(), if !unsent => unsent = true,
                ready = self.socket.writable(), if unsent => {
                    match ready.and_then(|()| self.send_rest()) {
                        Ok(all) => unsent = !all,
                        Err(_) => break,
                    }
                }
            }
        }
        let mut state = self.state();
        state.closed = true;
        // Whoever still waits learns that the sandbox is gone.
        state.ready = None;
        state.processes.clear();
        state.outbox.clear();
        let untouched = state.released.filter(|_| !state.shut)?;
        Some((Arc::clone(&self.socket), untouched))
    }

    /// Sends what waits; `true` when nothing is left.
    fn send_rest(&self) -> io::Result<bool> {
        flush(&mut self.state(), |frame, descriptors| {
            self.socket.try_io(Interest::WRITABLE, || {
                wire::send_part(&*self.socket, frame, descriptors)
            })
        })
    }

    /// Takes what the socket holds; `false` when the sandbox is gone.
    fn receive(&self, inbox: &mut Inbox) -> bool {
        match self
            .socket
            .try_io(Interest::READABLE, || inbox.fill(&*self.socket))
        {
            Ok(0) => false,
            Ok(_) => self
                .take_events(inbox)
                .is_ok_and(|()| self.state().released.is_none()),
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ),
        }
    }

    fn take_events(&self, inbox: &mut Inbox) -> io::Result<()> {
        while let Some((event, mut descriptors)) = inbox.next::<Event>()? {
            let mut state = self.state();
            match event {
                Event::Ready => {
                    if let (Some(waiter), Some(place)) = (state.ready.take(), descriptors.pop()) {
                        let _ = waiter.send(Ok(place));
                    }
                }
                Event::Failed(failure) => {
                    if let Some(waiter) = state.ready.take() {
                        let _ = waiter.send(Err(failure));
                    }
                }
                Event::Started { number } => {
                    let process = state.processes.get_mut(&number);
                    if let Some(waiter) = process.and_then(|process| process.started.take()) {
                        let _ = waiter.send(Ok(descriptors));
                    }
                }
                Event::NotStarted { number, failure } => {
                    let process = state.processes.remove(&number);
                    if let Some(waiter) = process.and_then(|process| process.started) {
                        let _ = waiter.send(Err(failure));
                    }
                }
                Event::Unbounded(reason) => {
                    // Said once, not for each step.
                    if self.unbounded.set(reason.clone()).is_ok() {
                        tracing::warn!("limits of steps are not enforced, or not all of them: {reason}");
                    }
                }
                Event::Exited {
                    number,
                    code,
                    out_of_memory,
                } => {
                    let process = state.processes.remove(&number);
                    if let Some(waiter) = process.and_then(|process| process.exited) {
                        let _ = waiter.send(Exit { code, out_of_memory });
                    }
                }
                Event::Released { untouched } => state.released = Some(untouched),
            }
        }
        Ok(())
    }
}

/// Sends what the socket takes; `true` when nothing is left.
fn flush(
    state: &mut State,
    send: impl Fn(&[u8], &[BorrowedFd<'_>]) -> io::Result<usize>,
) -> io::Result<bool> {
    while let Some(first) = state.outbox.front_mut() {
        let descriptors: Vec<_> = first.descriptors.iter().map(AsFd::as_fd).collect();
        match send(first.frame.get(first.sent..).unwrap_or_default(), &descriptors) {
            Ok(sent) => {
                first.sent += sent;
                first.descriptors.clear();
                if first.sent >= first.frame.len() {
                    state.outbox.pop_front();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
