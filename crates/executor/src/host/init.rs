//! Process 1 of a sandbox: makes the view, starts programs, adopts and reaps, reports, and takes everything down.
//!
//! # Expected flow
//! `Prepare` → `Ready`; then any number of `Start` → `Started` → `Exited`, side by side; the end of the stream → death of
//! everything. Death of this process takes a whole pid namespace with it, whatever killed it.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::process::Signal;

use super::directories;
use super::guard;
use super::mount::Builder;
use super::plan;
use super::plan::Machine;
use super::plan::SandboxSpec;
use super::plan::View;
use super::process::Program;
use super::spawn;
use super::spawn::Ground;
use super::spawn::Start;
use super::sys;
use super::tree;
use super::wire;
use super::wire::Command;
use super::wire::Event;
use super::wire::Inbox;
use crate::observation::StartFailure;
use crate::observation::StartFailureKind;

/// How the sandboxes of a launcher are kept apart.
pub(super) enum Isolation {
    /// By namespaces, with a view made from the launcher's tree.
    Namespaces {
        /// Facts about the machine.
        machine: Machine,
        /// The machine's own mount namespace.
        namespace: OwnedFd,
    },
    /// Only by directories: everything else is the machine's.
    Directories {
        /// Directory of the machine that slots lie in.
        scratch: PathBuf,
        /// Processes can be any user.
        any_user: bool,
    },
}

impl Isolation {
    /// Whether processes can be any user: the launcher is root on the machine.
    pub(super) fn is_privileged(&self) -> bool {
        match self {
            Self::Namespaces { machine, .. } => machine.view == View::Whole,
            Self::Directories { any_user, .. } => *any_user,
        }
    }
}

/// A process that was asked for by number.
struct Child {
    number: u32,
    pid: i32,
    guarded: bool,
}

struct Init<'i> {
    socket: OwnedFd,
    isolation: &'i Isolation,
    spec: SandboxSpec,
    children: Vec<Child>,
}

/// Serves one sandbox until the plane lets go of it.
pub(super) fn serve(socket: OwnedFd, signals: BorrowedFd<'_>, isolation: &Isolation) {
    let mut inbox = Inbox::default();
    let Ok(Some((Command::Prepare(spec), _))) = inbox.receive(&socket) else {
        return;
    };
    let mut init = Init {
        socket,
        isolation,
        spec: *spec,
        children: Vec::new(),
    };
    if let Err(failure) = init.prepare() {
        let _ = wire::send(&init.socket, &Event::Failed(failure), &[]);
        return;
    }
    // The plane may be gone already, and then there is nobody to serve.
    let _ = init.run(&mut inbox, signals);
    init.take_down();
}

impl Init<'_> {
    fn prepare(&mut self) -> Result<(), StartFailure> {
        rustix::process::umask(Mode::empty());
        match self.isolation {
            Isolation::Namespaces { machine, namespace } => {
                let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                let _ = rustix::system::sethostname(self.spec.hostname.as_bytes());
                let actions = plan::view(machine, &self.spec);
                let unprivileged = machine.view == View::ReadOnly;
                Builder::new(namespace.as_fd(), unprivileged)
                    .perform(&actions)
                    .map_err(|error| unmade(&error, std::error::Error::source(&error)))?;
            }
            Isolation::Directories { scratch, .. } => {
                let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
                let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
                let actions = directories::plan(scratch, &self.spec);
                // No action of a shared view needs the machine's namespace.
                Builder::new(self.socket.as_fd(), true)
                    .perform(&actions)
                    .map_err(|error| unmade(&error, std::error::Error::source(&error)))?;
            }
        }
        self.give_files();
        let tekton = self.spec.locate("/tekton").unwrap_or_else(|| "/tekton".into());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let tekton = rustix::fs::open(tekton, flags, Mode::empty()).map_err(|error| unmade(&error, None))?;
        wire::send(&self.socket, &Event::Ready, &[tekton.as_fd()]).map_err(|error| unmade(&error, None))
    }

    /// Files that only their owner may read belong to the user of the steps.
    fn give_files(&self) {
        let Some(owner) = self.spec.owner.filter(|_| self.isolation.is_privileged()) else {
            return;
        };
        for (base, file) in &self.spec.files {
            let base = if self.spec.places.is_empty() {
                Some(base.into())
            } else {
                self.spec.locate(base)
            };
            let Some(path) = base.map(|base: PathBuf| base.join(&file.path)) else {
                continue;
            };
            let _ = rustix::fs::chown(path, Some(rustix::fs::Uid::from_raw(owner)), None);
        }
    }

    fn run(&mut self, inbox: &mut Inbox, signals: BorrowedFd<'_>) -> io::Result<()> {
        loop {
            while let Some((command, descriptors)) = inbox.next()? {
                self.obey(command, descriptors)?;
            }
            let mut ready = [
                PollFd::new(&self.socket, PollFlags::IN),
                PollFd::from_borrowed_fd(signals, PollFlags::IN),
            ];
            rustix::io::retry_on_intr(|| rustix::event::poll(&mut ready, None))?;
            let [from_plane, from_kernel] = ready.map(|descriptor| !descriptor.revents().is_empty());
            if from_kernel {
                while let Some(signal) = sys::next_signal(signals) {
                    if signal == libc::SIGTERM {
                        return Ok(());
                    }
                }
                self.reap()?;
            }
            if from_plane && inbox.fill(&self.socket)? == 0 {
                return Ok(());
            }
        }
    }

    fn obey(&mut self, command: Command, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        match command {
            Command::Prepare(_) => Ok(()),
            Command::Signal { number, signal } => {
                if let Some(child) = self.children.iter().find(|child| child.number == number) {
                    self.signal(child, signal);
                }
                Ok(())
            }
            Command::Start { number, program } => self.start(number, &program, descriptors),
        }
    }

    /// A step's orphans are children of this process, so its own descent and theirs are signalled together; a guarded
    /// process has its orphans below its guardian, which itself is left alone.
    fn signal(&self, child: &Child, signal: i32) {
        let tree = tree::Tree::look();
        if child.guarded {
            tree.below(child.pid, &[])
                .into_iter()
                .for_each(|pid| sys::kill(pid, signal));
            return;
        }
        sys::kill(child.pid, signal);
        let own = rustix::process::getpid().as_raw_pid();
        let others: Vec<i32> = self
            .children
            .iter()
            .filter(|other| other.guarded)
            .map(|other| other.pid)
            .collect();
        let below = tree.below(own, &others);
        below
            .into_iter()
            .filter(|pid| *pid != child.pid)
            .for_each(|pid| sys::kill(pid, signal));
    }

    fn start(&mut self, number: u32, program: &Program, outputs: Vec<OwnedFd>) -> io::Result<()> {
        let ground = self.ground();
        let started = if program.guarded {
            guard::start(program, &outputs, &ground)
        } else {
            spawn::start(program, &outputs, &ground)
        };
        drop(outputs);
        match started {
            Ok(Start::Running { pid, tee }) => {
                self.children.push(Child {
                    number,
                    pid,
                    guarded: program.guarded,
                });
                let tee: Vec<_> = tee.iter().map(AsFd::as_fd).collect();
                wire::send(&self.socket, &Event::Started { number }, &tee)
            }
            Ok(Start::NotExecuted(code)) => {
                wire::send(&self.socket, &Event::Started { number }, &[])?;
                wire::send(&self.socket, &Event::Exited { number, code }, &[])
            }
            Err(failure) => wire::send(&self.socket, &Event::NotStarted { number, failure }, &[]),
        }
    }

    fn ground(&self) -> Ground<'_> {
        match self.isolation {
            Isolation::Namespaces { machine, .. } => Ground {
                private_mounts: self.spec.private_mounts,
                shells: machine.ash.as_deref().map(|ash| (ash, machine.shell.as_path())),
                privileged: self.isolation.is_privileged(),
                isolated: true,
            },
            Isolation::Directories { .. } => Ground {
                private_mounts: false,
                shells: None,
                privileged: self.isolation.is_privileged(),
                isolated: false,
            },
        }
    }

    fn reap(&mut self) -> io::Result<()> {
        let mut ended = Vec::new();
        while tree::reap_one(false, &mut |pid, code| ended.push((pid, code))) {}
        while let Some((pid, code)) = ended.pop() {
            let Some(place) = self.children.iter().position(|child| child.pid == pid) else {
                continue;
            };
            let child = self.children.swap_remove(place);
            if !child.guarded {
                // As when a container ends: what the process left in the background ends with it.
                self.sweep(&mut |pid, code| ended.push((pid, code)));
            }
            wire::send(
                &self.socket,
                &Event::Exited {
                    number: child.number,
                    code,
                },
                &[],
            )?;
        }
        Ok(())
    }

    /// Kills all orphans of processes that ended, and nothing that still runs.
    fn sweep(&self, ended: &mut dyn FnMut(i32, i32)) {
        let running: Vec<i32> = self.children.iter().map(|child| child.pid).collect();
        if running.is_empty() {
            kill_all(self.isolation, ended);
        } else {
            tree::kill_below(&running, ended);
        }
    }

    fn take_down(&mut self) {
        kill_all(self.isolation, &mut |_, _| {});
        if let Isolation::Directories { .. } = self.isolation {
            self.remove_directories();
        }
    }

    /// One call for each directory that was made, instead of looking through all of them; most are empty.
    fn remove_directories(&self) {
        for path in self
            .spec
            .links
            .iter()
            .filter_map(|(path, _)| self.spec.locate(path))
        {
            let _ = rustix::fs::unlink(path);
        }
        let Some(tekton) = self.spec.locate("/tekton") else {
            return;
        };
        let made = self
            .spec
            .directories
            .iter()
            .rev()
            .filter_map(|path| self.spec.locate(path));
        for path in made.filter(|path| path.starts_with(&tekton)) {
            let _ = rustix::fs::rmdir(path);
        }
        if rustix::fs::rmdir(&tekton).is_err() {
            let _ = std::fs::remove_dir_all(&tekton);
        }
    }
}

/// Kills everything below this process and waits for its end.
fn kill_all(isolation: &Isolation, ended: &mut dyn FnMut(i32, i32)) {
    use rustix::process::WaitId;
    use rustix::process::WaitIdOptions;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if rustix::process::waitid(WaitId::All, options).is_err() {
        // The common case: there is no child at all.
        return;
    }
    match isolation {
        Isolation::Namespaces { .. } => {
            sys::kill_namespace();
            while tree::reap_one(true, &mut |pid, code| ended(pid, code)) {}
        }
        Isolation::Directories { .. } => tree::kill_below(&[], ended),
    }
}

fn unmade(error: &dyn std::error::Error, cause: Option<&dyn std::error::Error>) -> StartFailure {
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    StartFailure {
        kind: StartFailureKind::Sandbox,
        message: format!("the sandbox could not be made: failed to {error}{cause}"),
    }
}
