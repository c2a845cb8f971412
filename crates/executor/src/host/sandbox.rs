//! The plane's side of one sandbox.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use futures::future::BoxFuture;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;

use super::channel::Channel;
use super::channel::Readiness;
use super::channel::Ticket;
use super::mount;
use super::plan::Network;
use super::process;
use super::process::Program;
use super::roots::Root;
use super::running::HostProcess;
use super::running::Pump;
use super::running::Source;
use super::running::copy_to;
use super::spec::Layout;
use super::wire::Command;
use crate::backend::Connection;
use crate::backend::Exit;
use crate::backend::Launch;
use crate::backend::Running;
use crate::backend::Sandbox;
use crate::backend::Stream;
use crate::backend::below_tekton;
use crate::backend::connect_to_machine;
use crate::job::Process;
use crate::observation::StartFailure;
use crate::observation::StartFailureKind;

/// A sandbox of the host backend.
pub(super) struct HostSandbox {
    channel: Arc<Channel>,
    layout: Layout,
    tekton: Tekton,
    /// Images of the containers, by container.
    roots: BTreeMap<String, Arc<Root>>,
    /// Numbers of the containers that were started.
    numbers: Mutex<BTreeMap<String, u32>>,
    /// Files to write once the view stands.
    early: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    gone: watch::Receiver<bool>,
}

/// The sandbox's `/tekton`.
pub(super) enum Tekton {
    /// There, once the view stands. Only for a sandbox whose first use is the start of a process.
    Expected(Readiness),
    /// There.
    Here(OwnedFd),
    /// The view never came to stand.
    Nowhere,
}

impl HostSandbox {
    /// Takes over a sandbox. `gone` turns true when nothing of it is left.
    pub(super) fn new(
        channel: Arc<Channel>,
        layout: Layout,
        tekton: Tekton,
        roots: BTreeMap<String, Arc<Root>>,
        gone: watch::Receiver<bool>,
    ) -> Self {
        Self {
            channel,
            layout,
            tekton,
            roots,
            numbers: Mutex::default(),
            early: Mutex::default(),
            gone,
        }
    }

    fn early(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn numbers(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the view, if that was not done.
    async fn stand(&mut self) -> Result<(), StartFailure> {
        if let Tekton::Expected(ready) = &mut self.tekton {
            let place = stands(ready).await;
            self.tekton = Tekton::Nowhere;
            let place = place?;
            for (path, content) in std::mem::take(&mut *self.early()) {
                write_below(&place, &path, &content).map_err(lost)?;
            }
            self.tekton = Tekton::Here(place);
        }
        Ok(())
    }

    async fn launch(&mut self, launch: Launch<'_>) -> Result<Box<dyn Running>, StartFailure> {
        let Launch {
            container,
            process,
            tee,
            output,
        } = launch;
        let root = self.roots.get(container).cloned();
        if root.is_none() && self.layout.surroundings.contained.is_some() {
            // Without an image there is nothing to run it in.
            return Err(process::refuse(format!("the job has no container {container:?}")));
        }
        let program = process::resolve(
            container,
            process,
            tee,
            &self.layout.surroundings,
            root.as_deref(),
        )?;
        let mut program = self
            .layout
            .fit(program, process, container.starts_with("sidecar-"))?;
        self.layout.seal(&mut program, container);
        // One pipe keeps the order of what is written to both streams, so there are two only when they part.
        let separate = tee.stdout != tee.stderr;
        let (mut ends, mut writers) = (vec![pipe().map_err(lost)?], Vec::new());
        if separate {
            ends.push(pipe().map_err(lost)?);
        }
        let mut readers = Vec::new();
        for (reader, writer) in ends {
            readers.push(Receiver::from_owned_fd(reader).map_err(lost)?);
            writers.push(writer);
        }
        // The command waits at the sandbox for the view to stand.
        let started = self.ask_for(program, writers)?;
        self.stand().await?;
        let (ticket, copies) = started.await?;
        if root.is_some() {
            self.numbers().insert(container.to_owned(), ticket.number);
        }
        let mut copies = copies.into_iter().map(copy_to);
        let streams = [(Stream::Stdout, tee.stdout), (Stream::Stderr, tee.stderr)];
        let sources = readers.into_iter().zip(streams).map(|(pipe, (stream, copied))| {
            let copy = copied.and_then(|_| copies.next());
            Source { stream, pipe, copy }
        });
        let (exit, ended) = watch::channel(None);
        let pump = Pump {
            sources: sources.collect(),
            sink: output.chunks,
            exited: ticket.exited,
            exit,
        };
        tokio::spawn(pump.run());
        Ok(Box::new(HostProcess {
            image: root.map_or_else(|| process.image.clone(), |root| root.image_id.clone()),
            number: ticket.number,
            channel: Arc::clone(&self.channel),
            exit: ended,
        }))
    }

    /// Starts a program at once; the future resolves when it runs, to the files that receive a copy of its output.
    fn ask_for(
        &self,
        program: Program,
        outputs: Vec<OwnedFd>,
    ) -> Result<impl Future<Output = Result<(Ended, Vec<OwnedFd>), StartFailure>> + use<>, StartFailure> {
        let Ticket {
            number,
            started,
            exited,
        } = self.channel.expect_process();
        let mut program = program;
        if let Some(container) = &mut program.container {
            container.number = number;
        }
        let command = Command::Start {
            number,
            program: Box::new(program),
        };
        self.channel.send(&command, outputs).map_err(lost)?;
        Ok(async move {
            let copies = started.await.map_err(|_| lost(io::ErrorKind::BrokenPipe))??;
            Ok((Ended { number, exited }, copies))
        })
    }

    async fn check(&self, container: &str, process: &Process, command: &[String]) -> io::Result<i32> {
        let refused = |failure: StartFailure| io::Error::other(failure.message);
        let root = self.roots.get(container);
        let near = &self.layout.surroundings;
        let program =
            process::probe(container, process, command, near, root.map(Arc::as_ref)).map_err(refused)?;
        let mut program = self.layout.fit(program, process, false).map_err(refused)?;
        if let Some(joining) = &mut program.container {
            joining.credentials.clear();
            joining.joins = self.numbers().get(container).copied();
        }
        let nowhere = rustix::fs::open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        let started = self.ask_for(program, vec![nowhere]).map_err(refused)?;
        let (ended, _) = started.await.map_err(refused)?;
        let guard = KillOnDrop {
            channel: &self.channel,
            number: ended.number,
        };
        let exit = ended
            .exited
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        std::mem::forget(guard);
        Ok(exit.code)
    }

    /// Connects by a socket that belongs to the sandbox's own network.
    async fn connect_inside(&self, port: u16) -> io::Result<TcpStream> {
        let Ticket { number, started, .. } = self.channel.expect_process();
        self.channel.send(&Command::Socket { number }, Vec::new())?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let sockets = started.await.map_err(|_| gone())?;
        let socket = sockets
            .ok()
            .and_then(|mut sockets| sockets.pop())
            .ok_or_else(gone)?;
        let socket = TcpSocket::from_std_stream(socket.into());
        socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
    }
}

/// A started program's number and end.
struct Ended {
    number: u32,
    exited: tokio::sync::oneshot::Receiver<Exit>,
}

/// Ends a probe that nobody waits for any more.
struct KillOnDrop<'c> {
    channel: &'c Channel,
    number: u32,
}

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        let _ = self.channel.send(
            &Command::Signal {
                number: self.number,
                signal: libc::SIGKILL,
            },
            Vec::new(),
        );
    }
}

/// Waits for a view to stand; says what to do about a machine that refuses one.
pub(super) async fn stands(ready: &mut Readiness) -> Result<OwnedFd, StartFailure> {
    let ready = ready.await.map_err(|_| StartFailure {
        kind: StartFailureKind::Sandbox,
        message: "the sandbox could not be made: its first process ended".to_owned(),
    })?;
    ready.map_err(|mut failure| {
        if failure.kind == StartFailureKind::Sandbox {
            failure
                .message
                .push_str("; `--executor host-shared` runs steps without isolation");
        }
        failure
    })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // Only this end: programs expect their output to block.
    rustix::io::ioctl_fionbio(&reader, true)?;
    Ok((reader, writer))
}

fn lost(error: impl Into<io::Error>) -> StartFailure {
    StartFailure {
        kind: StartFailureKind::Sandbox,
        message: format!("the sandbox is gone: {}", error.into()),
    }
}

impl Sandbox for HostSandbox {
    fn start<'a>(&'a mut self, launch: Launch<'a>) -> BoxFuture<'a, Result<Box<dyn Running>, StartFailure>> {
        Box::pin(self.launch(launch))
    }

    fn probe<'a>(
        &'a self,
        container: &'a str,
        process: &'a Process,
        command: &'a [String],
    ) -> BoxFuture<'a, io::Result<i32>> {
        Box::pin(self.check(container, process, command))
    }

    fn connect(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Connection>>> {
        let is_private = self.layout.spec.network == Network::Private;
        Box::pin(async move {
            let stream = if is_private {
                self.connect_inside(port).await?
            } else {
                connect_to_machine(port).await?
            };
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let path = below_tekton(path)?;
        match &self.tekton {
            Tekton::Here(place) => read_below(place, &path, limit),
            Tekton::Expected(_) => match self.early().get(&path) {
                Some(content) if content.len() > limit => Err(too_large(&path, limit)),
                content => Ok(content.cloned()),
            },
            Tekton::Nowhere => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let path = below_tekton(path)?;
        match &self.tekton {
            Tekton::Here(place) => write_below(place, &path, content),
            Tekton::Expected(_) => {
                self.early().insert(path, content.to_vec());
                Ok(())
            }
            Tekton::Nowhere => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn destroy(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let release = self.layout.spec.ordinary.then_some(Command::Release);
            // A privileged process can have changed the sandbox's first process, which then serves no other.
            if release.is_none_or(|release| self.channel.send(&release, Vec::new()).is_err()) {
                self.channel.close();
            }
            self.gone
                .wait_for(|gone| *gone)
                .await
                .map(drop)
                .map_err(|_| io::Error::other("the plane stopped before the sandbox was gone"))
        })
    }
}

impl Drop for HostSandbox {
    fn drop(&mut self) {
        self.channel.close();
    }
}

/// Reads a regular file below a directory; links and everything else that is no regular file reads as missing.
fn read_below(base: &OwnedFd, relative: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = match rustix::fs::openat2(base, relative, flags, Mode::empty(), resolve) {
        Ok(file) => file,
        // Missing, a link, a part that is no directory, or a socket.
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let mut content = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::from(file).take(bound).read_to_end(&mut content)?;
    if content.len() > limit {
        return Err(too_large(relative, limit));
    }
    Ok(Some(content))
}

fn too_large(path: &Path, limit: usize) -> io::Error {
    let text = format!("{} holds more than {limit} bytes", path.display());
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

/// Writes a file below a directory, making its parents and replacing what is there.
fn write_below(base: &OwnedFd, relative: &Path, content: &[u8]) -> io::Result<()> {
    let name = relative.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = match relative.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => mount::open_beneath(base, parent)?,
        None => base.try_clone()?,
    };
    match rustix::fs::unlinkat(&parent, name, rustix::fs::AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = rustix::fs::openat(parent.as_fd(), name, flags, Mode::from_raw_mode(0o644))?;
    io::Write::write_all(&mut std::fs::File::from(file), content)
}
