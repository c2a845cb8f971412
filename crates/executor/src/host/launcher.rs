//! The launcher: a process with one thread that makes sandboxes for the plane by copying itself.
//!
//! The plane is large and has many threads; making namespaces or changing users between its `fork` and `exec` would be slow
//! and unsound. The launcher is the same binary started once with a hidden argument. It moves into a small tree of its
//! own, and from then on every sandbox costs one copy of a small process.
//!
//! # Guarantees
//! When the plane ends, however it does, the launcher sees the end of its socket, takes every sandbox down, removes the
//! scratch directory and ends.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::thread::LinkNameSpaceType;

use super::base;
use super::base::Base;
use super::cgroup::Groups;
use super::facts;
use super::init;
use super::init::Isolation;
use super::sys;
use super::sys::Fork;
use super::tree;
use super::wire;
use super::wire::Answer;
use super::wire::Inbox;
use super::wire::Order;

/// First argument of a process that is a launcher and not the program the user asked for.
pub const LAUNCHER_ARGUMENT: &str = "__launcher";

/// Becomes the launcher, and never returns, when the process was started as one; returns at once otherwise.
///
/// Must be called first in `main`, before any thread exists. The launcher speaks with the process that started it
/// through descriptor 0.
pub fn launcher_main() {
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(LAUNCHER_ARGUMENT)) {
        let code = match run() {
            Ok(()) => 0,
            // Nobody reads what a launcher says: the plane sees the end of the socket.
            Err(_) => 70,
        };
        sys::exit_now(code);
    }
}

fn run() -> io::Result<()> {
    sys::close_above(2);
    // Descriptor 0 becomes the null device, which every program inherits as its standard input.
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    drop(null);
    let signals = sys::signal_descriptor(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP])?;
    let mut inbox = Inbox::default();
    let Some((
        Order::Setup {
            isolation,
            scratch,
            memory_dir,
            current_dir,
            memory,
        },
        _,
    )) = inbox.receive(&socket)?
    else {
        return Ok(());
    };
    // While they are in sight.
    let groups = Groups::find();
    let established = match isolation {
        wire::Isolation::View => base::establish(&scratch, current_dir.as_deref(), memory),
        wire::Isolation::Containers { images } => base::establish_for_images(&scratch, &images, memory),
        wire::Isolation::Directories => {
            return serve_directories(socket, &mut inbox, &signals, &groups, [&scratch, &memory_dir]);
        }
    };
    match established {
        Ok(Base { machine, namespace }) => {
            let isolation = Isolation::Namespaces { machine, namespace };
            let means = (&isolation, &groups);
            serve_isolated(socket, &mut inbox, &signals, means, [&scratch, &memory_dir])
        }
        Err(error) => wire::send(&socket, &Answer::Refused(chain(&error)), &[]),
    }
}

fn serve_directories(
    socket: OwnedFd,
    inbox: &mut Inbox,
    signals: &OwnedFd,
    groups: &Groups,
    directories: [&Path; 2],
) -> io::Result<()> {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let any_user = rustix::process::geteuid().is_root() && facts::is_first_user_namespace(&map);
    let isolation = Isolation::Directories {
        scratch: directories[0].to_owned(),
        any_user,
    };
    serve_isolated(socket, inbox, signals, (&isolation, groups), directories)
}

/// Serves until the plane lets go, then takes everything down and removes the directories.
fn serve_isolated(
    socket: OwnedFd,
    inbox: &mut Inbox,
    signals: &OwnedFd,
    (isolation, groups): (&Isolation, &Groups),
    directories: [&Path; 2],
) -> io::Result<()> {
    let answer = Answer::Up {
        any_user: isolation.is_privileged(),
    };
    // A plane that is gone already leaves as much behind as one that goes later.
    let served = wire::send(&socket, &answer, &[]).and_then(|()| {
        groups.remove_abandoned();
        serve(socket, inbox, signals, isolation, groups)
    });
    tree::kill_below(&[], |_, _| {});
    groups.remove_own();
    if let Isolation::Namespaces { namespace, .. } = isolation {
        rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Mount))?;
    }
    // The plane removes it too, unless it was killed.
    for directory in directories {
        let _ = fs::remove_dir_all(directory);
    }
    served
}

fn serve(
    socket: OwnedFd,
    inbox: &mut Inbox,
    signals: &OwnedFd,
    isolation: &Isolation,
    groups: &Groups,
) -> io::Result<()> {
    let mut socket = Some(socket);
    while let Some(plane) = &socket {
        let mut ready = [
            PollFd::new(plane, PollFlags::IN),
            PollFd::new(signals, PollFlags::IN),
        ];
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut ready, None))?;
        let [from_plane, from_kernel] = ready.map(|descriptor| !descriptor.revents().is_empty());
        if from_kernel {
            while let Some(signal) = sys::next_signal(signals.as_fd()) {
                if signal == libc::SIGTERM {
                    return Ok(());
                }
            }
            while tree::reap_one(false, &mut |_, _| {}) {}
        }
        if from_plane && inbox.fill(plane)? == 0 {
            return Ok(());
        }
        while let Some((order, descriptors)) = inbox.next::<Order>()? {
            let (Order::Fork, Some(sandbox)) = (order, descriptors.into_iter().next()) else {
                continue;
            };
            if let Some(sandbox) = fork(sandbox, isolation) {
                // Only the plane may hold the launcher's socket, so that its end is noticed.
                drop(socket.take());
                init::serve(sandbox, signals.as_fd(), isolation, groups);
                sys::exit_now(0);
            }
        }
    }
    Ok(())
}

/// Copies the launcher; the copy gets the sandbox's socket back.
fn fork(sandbox: OwnedFd, isolation: &Isolation) -> Option<OwnedFd> {
    let namespaces = match isolation {
        Isolation::Namespaces { .. } => {
            libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS
        }
        Isolation::Directories { .. } => 0,
    };
    match sys::fork(namespaces) {
        Ok(Fork::Child) => Some(sandbox),
        Ok(Fork::Parent(_)) => None,
        Err(error) => {
            let failure = crate::observation::StartFailure {
                kind: crate::observation::StartFailureKind::Sandbox,
                message: format!(
                    "the sandbox could not be made: failed to create its first process: {error}"
                ),
            };
            let _ = wire::send(&sandbox, &wire::Event::Failed(failure), &[]);
            None
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
