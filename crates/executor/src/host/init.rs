//! Process 1 of a sandbox: makes the view, starts programs, adopts and reaps, reports, and takes everything down.
//!
//! # Expected flow
//! `Prepare` → `Ready`; then any number of `Start` → `Started` → `Exited`, side by side; then `Release` → death of all
//! others → `Released`, and the next sandbox; or the end of the stream → death of everything. Death of this process takes a
//! whole pid namespace with it, whatever killed it.
//!
//! # Guarantees
//! A second sandbox shares nothing with the first but this process and the numbers of processes: mounts and IPC are made
//! anew, and a process whose limits or priority were changed serves no second one.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::process::Signal;
use rustix::thread::LinkNameSpaceType;
use rustix::thread::UnshareFlags;

use super::base;
use super::capability;
use super::cgroup::Group;
use super::cgroup::Groups;
use super::contain;
use super::contain::Place;
use super::directories;
use super::guard;
use super::mount;
use super::mount::Builder;
use super::mounted::Roots;
use super::plan;
use super::plan::Action;
use super::plan::Machine;
use super::plan::Network;
use super::plan::SandboxSpec;
use super::plan::View;
use super::plan::container;
use super::plan::container::ContainerSpec;
use super::process::Program;
use super::process::refuse;
use super::slot;
use super::spawn;
use super::spawn::Ground;
use super::spawn::Start;
use super::store;
use super::store::Store;
use super::sys;
use super::traits::Traits;
use super::tree;
use super::wire;
use super::wire::Command;
use super::wire::Event;
use super::wire::Inbox;
use crate::job::Security;
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
            Self::Namespaces { machine, .. } => !machine.unprivileged,
            Self::Directories { any_user, .. } => *any_user,
        }
    }
}

/// A process that was asked for by number.
struct Child {
    number: u32,
    pid: i32,
    guarded: bool,
    group: Option<Group>,
}

struct Init<'i> {
    socket: OwnedFd,
    inbox: Inbox,
    signals: BorrowedFd<'i>,
    isolation: &'i Isolation,
    groups: &'i Groups,
    /// Groups of processes that ended, as long as the kernel keeps them.
    left: Vec<Group>,
    spec: SandboxSpec,
    children: Vec<Child>,
    stack: sys::ChildStack,
    /// The mount namespace from which every view is made, once the first one is asked for.
    home: Option<OwnedFd>,
    /// What the views write to, kept between them.
    store: Option<Store>,
    /// Roots of containers.
    roots: Roots,
    /// The view of `spec` was made again before anybody asked for it.
    ahead: bool,
    /// Capabilities that no program can have any more, as bits.
    lost: u64,
}

/// Serves one sandbox after another until the plane lets go.
pub(super) fn serve(socket: OwnedFd, signals: BorrowedFd<'_>, isolation: &Isolation, groups: &Groups) {
    let traits = Traits::read();
    let mut init = Init {
        socket,
        inbox: Inbox::default(),
        signals,
        isolation,
        groups,
        left: Vec::new(),
        spec: SandboxSpec::default(),
        children: Vec::new(),
        stack: sys::ChildStack::new(),
        home: None,
        store: None,
        roots: Roots::new(!isolation.is_privileged()),
        ahead: false,
        lost: 0,
    };
    init.serve_all(&traits);
    if let Isolation::Directories { .. } = isolation {
        init.discard_store();
    }
}

impl<'i> Init<'i> {
    /// Returns when there is nobody to serve any more, or when this process must not serve again.
    fn serve_all(&mut self, traits: &Traits) {
        let mut first = true;
        while let Ok(Some(spec)) = self.next_sandbox() {
            if let Err(failure) = self.prepare(spec, first) {
                let _ = wire::send(&self.socket, &Event::Failed(failure), &[]);
                return;
            }
            // The plane may be gone already, and then there is nobody to serve.
            let released = self.run();
            self.take_down();
            let again = matches!(released, Ok(true)) && self.leave().is_ok() && Traits::read() == *traits;
            let untouched = self.has_untouched_slot();
            if !again || wire::send(&self.socket, &Event::Released { untouched }, &[]).is_err() {
                return;
            }
            if !self.is_ready_again(untouched) {
                return;
            }
            first = false;
        }
    }

    /// Waits for the next sandbox to make; `None` is the end.
    fn next_sandbox(&mut self) -> io::Result<Option<SandboxSpec>> {
        loop {
            while let Some((command, _)) = self.inbox.next()? {
                if let Command::Prepare(spec) = command {
                    return Ok(Some(*spec));
                }
            }
            if !self.wait()? {
                return Ok(None);
            }
        }
    }

    /// Has the view that was asked for, and says so.
    fn prepare(&mut self, spec: SandboxSpec, first: bool) -> Result<(), StartFailure> {
        let is_made = self.ahead && self.spec.is_same_view(&spec);
        if self.ahead && !is_made {
            self.leave_ahead().map_err(|error| unmade(&error, None))?;
        }
        self.ahead = false;
        self.spec = spec;
        if is_made {
            let _ = rustix::system::sethostname(self.spec.hostname.as_bytes());
        } else {
            self.make_view(first)?;
        }
        let tekton = match self.isolation {
            Isolation::Namespaces { machine, .. } if machine.view == View::Image => container::tekton(),
            _ => self.spec.locate("/tekton").unwrap_or_else(|| "/tekton".into()),
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let tekton = rustix::fs::open(tekton, flags, Mode::empty()).map_err(|error| unmade(&error, None))?;
        wire::send(&self.socket, &Event::Ready, &[tekton.as_fd()]).map_err(|error| unmade(&error, None))
    }

    /// Leaves a view that was made for nobody.
    fn leave_ahead(&mut self) -> io::Result<()> {
        match self.isolation {
            Isolation::Namespaces { .. } => self.leave(),
            Isolation::Directories { .. } => {
                self.discard_store();
                Ok(())
            }
        }
    }

    /// Makes the last view once more while nobody waits: the next sandbox is likely to be like the last. Nothing was looked
    /// up in a view that nobody used, so it shows the machine as it will be then.
    fn look_ahead(&mut self) -> Result<(), StartFailure> {
        // Containers have a file with their sandbox's name, so what they share is never the same twice.
        let is_own = !self.spec.network_files.is_empty();
        self.ahead = self.spec.is_plain() && self.store.is_some() && !is_own;
        // Directories that were not removed stand already.
        if self.ahead && matches!(self.isolation, Isolation::Namespaces { .. }) {
            self.make_view(false)?;
        }
        Ok(())
    }

    /// Gets ready for whatever is asked next; `false` when this process must not serve again.
    fn is_ready_again(&mut self, untouched: bool) -> bool {
        if untouched {
            if self.look_ahead().is_ok() {
                return true;
            }
            self.ahead = false;
            return self.leave_ahead().is_ok();
        }
        // The slot is being taken away, and nothing can be made of it.
        if let Isolation::Directories { .. } = self.isolation {
            self.discard_store();
        }
        true
    }

    /// Whether the directories on disk are as they were given.
    fn has_untouched_slot(&self) -> bool {
        let slots = match self.isolation {
            Isolation::Namespaces { .. } => Path::new(plan::SCRATCH),
            Isolation::Directories { scratch, .. } => scratch,
        };
        slot::is_untouched(&slots.join(&self.spec.slot))
    }

    fn make_view(&mut self, first: bool) -> Result<(), StartFailure> {
        rustix::process::umask(Mode::empty());
        match self.isolation {
            Isolation::Namespaces { machine, namespace } if machine.view == View::Image => {
                self.make_common(machine, namespace.as_fd(), first)?;
            }
            Isolation::Namespaces { machine, namespace } => {
                let mut builder = Builder::new(namespace.as_fd(), machine.unprivileged);
                let mut anew = UnshareFlags::NEWNS;
                if first {
                    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
                    builder
                        .perform(&plan::processes(machine))
                        .map_err(|error| unmade(&error, std::error::Error::source(&error)))?;
                    self.home = Some(base::own_namespace().map_err(|error| unmade(&error, None))?);
                } else {
                    anew |= UnshareFlags::NEWIPC;
                }
                let (recipe, view) = plan::part(plan::view(machine, &self.spec));
                self.provide_store(recipe, &mut builder)?;
                base::unshare(anew).map_err(|error| unmade(&error, None))?;
                let _ = rustix::system::sethostname(self.spec.hostname.as_bytes());
                builder
                    .perform(&view)
                    .map_err(|error| unmade(&error, std::error::Error::source(&error)))?;
                self.lose_capabilities();
            }
            Isolation::Directories { scratch, .. } => {
                if first {
                    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
                    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
                }
                let actions = directories::plan(scratch, &self.spec);
                // No action of a shared view needs the machine's namespace.
                Builder::new(self.socket.as_fd(), true)
                    .perform(&actions)
                    .map_err(|error| unmade(&error, std::error::Error::source(&error)))?;
                let tekton = self.spec.locate("/tekton").filter(|_| self.spec.is_plain());
                self.store = tekton.and_then(|path| Store::open(path, actions, Vec::new()).ok());
            }
        }
        self.give_files();
        if let Some(store) = &mut self.store {
            store.remember();
        }
        Ok(())
    }

    /// Makes what the containers of a sandbox share. Each has a mount namespace of its own, so this process stays where it is,
    /// and with it the roots that it keeps mounted.
    fn make_common(
        &mut self,
        machine: &Machine,
        namespace: BorrowedFd<'_>,
        first: bool,
    ) -> Result<(), StartFailure> {
        let mut builder = Builder::new(namespace, machine.unprivileged);
        let failed = |error: mount::Error| unmade(&error, std::error::Error::source(&error));
        let mut anew = UnshareFlags::empty();
        if first {
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            builder.perform(&plan::processes(machine)).map_err(failed)?;
        } else {
            anew |= UnshareFlags::NEWIPC;
        }
        if self.spec.network == Network::Private {
            // Also after another sandbox: what listened there is gone with it.
            anew |= UnshareFlags::NEWNET;
        }
        if !anew.is_empty() {
            base::unshare(anew).map_err(|error| unmade(&error, None))?;
        }
        let (recipe, rest) = plan::part(plan::view(machine, &self.spec));
        let is_single = recipe.is_empty();
        self.provide_store(recipe, &mut builder)?;
        let _ = rustix::system::sethostname(self.spec.hostname.as_bytes());
        if self.spec.network == Network::Private {
            sys::raise_loopback().map_err(|error| unmade(&error, None))?;
        }
        builder.perform(&rest).map_err(failed)?;
        if is_single {
            let store = Store::open(plan::STORE.into(), Vec::new(), Vec::new());
            self.store = Some(store.map_err(|error| unmade(&error, None))?);
        }
        self.lose_capabilities();
        Ok(())
    }

    /// Gives up what no ordinary program may have, once for all of them.
    fn lose_capabilities(&mut self) {
        if self.lost == 0 && self.spec.ordinary && self.isolation.is_privileged() {
            self.lost = capability::dropped(&Security::default()).bits();
            sys::drop_capabilities(self.lost);
        }
    }

    /// Has the store that the view is made over: the last one, or a new one. An empty recipe makes none.
    fn provide_store(&mut self, recipe: Vec<Action>, builder: &mut Builder<'_>) -> Result<(), StartFailure> {
        if let Some(store) = &self.store {
            if store.serves(&recipe, &self.spec.mount_points) {
                return Ok(());
            }
            self.discard_store();
        }
        if recipe.is_empty() {
            return Ok(());
        }
        builder
            .perform(&recipe)
            .map_err(|error| unmade(&error, std::error::Error::source(&error)))?;
        let mount_points = self.spec.mount_points.clone();
        self.store = Some(
            Store::open(plan::STORE.into(), recipe, mount_points).map_err(|error| unmade(&error, None))?,
        );
        Ok(())
    }

    /// Leaves the view, which is gone then; what it was made over stays when it can serve again.
    fn leave(&mut self) -> io::Result<()> {
        if !self.spec.network_files.is_empty() {
            let _ = std::fs::remove_dir_all(container::own_files(&self.spec));
            self.roots.tidy();
        }
        if let Some(home) = &self.home {
            rustix::thread::move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Mount))?;
        }
        if !self.store.as_ref().is_some_and(Store::restore) {
            self.discard_store();
        }
        Ok(())
    }

    fn discard_store(&mut self) {
        let had_one = self.store.take().is_some();
        match self.isolation {
            Isolation::Namespaces { .. } if had_one => store::discard(),
            Isolation::Namespaces { .. } => {}
            Isolation::Directories { .. } => self.remove_directories(),
        }
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

    /// Obeys until the sandbox is released, or the stream ends (`false`).
    fn run(&mut self) -> io::Result<bool> {
        loop {
            while let Some((command, descriptors)) = self.inbox.next()? {
                if let Command::Release = command {
                    return Ok(true);
                }
                self.obey(command, descriptors)?;
            }
            if !self.wait()? {
                return Ok(false);
            }
        }
    }

    /// Waits for commands and ends of processes; `false` when there is nobody to serve any more.
    fn wait(&mut self) -> io::Result<bool> {
        let mut ready = [
            PollFd::new(&self.socket, PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals, PollFlags::IN),
        ];
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut ready, None))?;
        let [from_plane, from_kernel] = ready.map(|descriptor| !descriptor.revents().is_empty());
        if from_kernel {
            while let Some(signal) = sys::next_signal(self.signals) {
                if signal == libc::SIGTERM {
                    return Ok(false);
                }
            }
            self.reap()?;
        }
        Ok(!from_plane || self.inbox.fill(&self.socket)? != 0)
    }

    fn obey(&mut self, command: Command, descriptors: Vec<OwnedFd>) -> io::Result<()> {
        match command {
            Command::Prepare(_) | Command::Release => Ok(()),
            Command::Signal { number, signal } => {
                if let Some(child) = self.children.iter().find(|child| child.number == number) {
                    self.signal(child, signal);
                }
                Ok(())
            }
            Command::Start { number, program } => self.start(number, &program, descriptors),
            Command::Socket { number } => {
                let socket = rustix::net::socket_with(
                    rustix::net::AddressFamily::INET,
                    rustix::net::SocketType::STREAM,
                    rustix::net::SocketFlags::CLOEXEC | rustix::net::SocketFlags::NONBLOCK,
                    None,
                )?;
                wire::send(&self.socket, &Event::Started { number }, &[socket.as_fd()])?;
                wire::send(&self.socket, &exited(number, 0, false), &[])
            }
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
        let group = self.bound(number, program)?;
        let ground = self.ground(group.as_ref());
        let started = if let Some(container) = &program.container {
            self.contain(program, container, &outputs, &ground)
        } else if program.guarded {
            guard::start(program, &outputs, &ground, &mut self.stack)
        } else {
            spawn::start(program, &outputs, &ground, &mut self.stack)
        };
        drop(outputs);
        let group = if matches!(started, Ok(Start::Running { .. })) {
            group
        } else {
            self.left.extend(group);
            None
        };
        match started {
            Ok(Start::Running { pid, tee }) => {
                self.children.push(Child {
                    number,
                    pid,
                    guarded: program.guarded || program.container.is_some(),
                    group,
                });
                let tee: Vec<_> = tee.iter().map(AsFd::as_fd).collect();
                wire::send(&self.socket, &Event::Started { number }, &tee)
            }
            Ok(Start::NotExecuted(code)) => {
                wire::send(&self.socket, &Event::Started { number }, &[])?;
                wire::send(&self.socket, &exited(number, code, false), &[])
            }
            Err(failure) => wire::send(&self.socket, &Event::NotStarted { number, failure }, &[]),
        }
    }

    /// Makes a group for a program that has limits. Where there is none to be had the program runs without, and that is said.
    fn bound(&self, number: u32, program: &Program) -> io::Result<Option<Group>> {
        let (group, lack) = match self.groups.make(&self.spec.slot, number, &program.limits) {
            Ok(Some((group, lack))) => (Some(group), lack),
            Ok(None) => (None, None),
            Err(error) => (None, Some(error)),
        };
        if let Some(lack) = lack {
            let cause =
                std::error::Error::source(&lack).map_or_else(String::new, |cause| format!(": {cause}"));
            wire::send(&self.socket, &Event::Unbounded(format!("{lack}{cause}")), &[])?;
        }
        Ok(group)
    }

    fn contain(
        &mut self,
        program: &Program,
        container: &ContainerSpec,
        outputs: &[OwnedFd],
        ground: &Ground<'_>,
    ) -> Result<Start, StartFailure> {
        let Isolation::Namespaces { machine, namespace } = self.isolation else {
            return Err(refuse("containers need namespaces"));
        };
        let joined = container.joins.map(|number| {
            let child = self.children.iter().find(|child| child.number == number);
            child
                .map(|child| child.pid)
                .ok_or_else(|| refuse("the container has ended"))
        });
        let joins = joined.transpose()?;
        let root = match joins {
            Some(_) => PathBuf::new(),
            None => self.roots.provide(&container.layers).map_err(|source| {
                let error = mount::Error::Mount {
                    what: "the layers of the image",
                    target: "/".into(),
                    source,
                };
                unmade(&error, std::error::Error::source(&error))
            })?,
        };
        let place = Place {
            machine,
            namespace: namespace.as_fd(),
            spec: &self.spec,
            root: &root,
            joins,
        };
        let started = contain::start(program, container, outputs, (ground, place), &mut self.stack);
        if let Ok(Start::Running { pid, .. }) = &started {
            self.roots.take(&root, *pid);
        }
        started
    }

    fn ground<'g>(&self, group: Option<&'g Group>) -> Ground<'g>
    where
        'i: 'g,
    {
        let groups = group.map_or(&[][..], Group::entries);
        match self.isolation {
            Isolation::Namespaces { machine, .. } => Ground {
                private_mounts: self.spec.private_mounts,
                shells: machine.ash.as_deref().map(|ash| (ash, machine.shell.as_path())),
                privileged: self.isolation.is_privileged(),
                isolated: true,
                groups,
                lost: (!machine.unprivileged || machine.view == View::Image).then_some(self.lost),
            },
            Isolation::Directories { .. } => Ground {
                private_mounts: false,
                shells: None,
                privileged: self.isolation.is_privileged(),
                isolated: false,
                groups,
                lost: None,
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
            self.roots.free(pid);
            if !child.guarded {
                // As when a container ends: what the process left in the background ends with it.
                self.sweep(&mut |pid, code| ended.push((pid, code)));
            }
            // A step that went on without what was killed has not failed for it.
            let out_of_memory = code != 0 && child.group.as_ref().is_some_and(Group::has_killed);
            wire::send(&self.socket, &exited(child.number, code, out_of_memory), &[])?;
            self.left.extend(child.group);
        }
        self.left.retain(|group| !self.groups.remove(group));
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
        let groups = self.children.drain(..).filter_map(|child| child.group);
        let groups: Vec<_> = self.left.drain(..).chain(groups).collect();
        self.groups.remove_all(groups);
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

fn exited(number: u32, code: i32, out_of_memory: bool) -> Event {
    Event::Exited {
        number,
        code,
        out_of_memory,
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
