//! A process that adopts the orphans of one program, so that they are not taken for another's.
//!
//! Sidecars run beside steps. When a step ends, every process that is nobody's child any more is taken for the step's
//! and killed; a sidecar that puts itself in the background would die with it. So a sidecar has a guardian between
//! itself and process 1, which ends, with the program's exit code, when the program and all it left behind are gone.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;

use rustix::process::Signal;

use super::process::Program;
use super::process::refuse;
use super::spawn;
use super::spawn::Ground;
use super::spawn::Start;
use super::sys;
use super::sys::ChildStack;
use super::sys::Fork;
use super::tree;
use super::wire;
use super::wire::Inbox;
use crate::observation::StartFailure;

/// Starts a program below a guardian; the id is the guardian's.
pub(super) fn start(
    program: &Program,
    outputs: &[OwnedFd],
    ground: &Ground<'_>,
    stack: &mut ChildStack,
) -> Result<Start, StartFailure> {
    let begin = || {
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        spawn::start(program, outputs, ground, stack)
    };
    let started = below(0, begin, || tree::kill_below(&[], |_, _| {}))
        .map_err(|error| refuse(format!("failed to create a process: {error}")))?;
    started.unwrap_or_else(|| Err(refuse("the process ended before its program was executed")))
}

/// Starts a program below a process of its own, in new namespaces (`CLONE_NEW*` flags) or none; the id is that process's.
///
/// `begin` starts the program there; the process then waits for the program, does what `end` says, and ends with the
/// program's exit code. `None` when it ended before it told how the start went.
pub(super) fn below(
    namespaces: i32,
    begin: impl FnOnce() -> Result<Start, StartFailure>,
    end: impl FnOnce(),
) -> io::Result<Option<Result<Start, StartFailure>>> {
    let (ours, theirs) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    match sys::fork(namespaces)? {
        Fork::Child => {
            drop(ours);
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            let program = tell(begin(), &theirs);
            drop(theirs);
            let code = await_program(program);
            end();
            sys::exit_now(code)
        }
        Fork::Parent(pid) => {
            drop(theirs);
            let told = Inbox::default().receive::<Result<Option<i32>, StartFailure>>(&ours);
            Ok(told.ok().flatten().map(|(told, tee)| {
                told.map(|code| code.map_or(Start::Running { pid, tee }, Start::NotExecuted))
            }))
        }
    }
}

/// Tells the parent how the start went; returns the program's id, and not at all when there is no program.
fn tell(started: Result<Start, StartFailure>, parent: &OwnedFd) -> i32 {
    let (told, tee, program) = match started {
        Ok(Start::Running { pid, tee }) => (Ok(None::<i32>), tee, Some(pid)),
        Ok(Start::NotExecuted(code)) => (Ok(Some(code)), Vec::new(), None),
        Err(failure) => (Err(failure), Vec::new(), None),
    };
    let tee: Vec<_> = tee.iter().map(AsFd::as_fd).collect();
    let _ = wire::send(parent, &told, &tee);
    program.unwrap_or_else(|| sys::exit_now(0))
}

/// Waits for a program's end, reaping whatever else ends meanwhile; returns its exit code.
fn await_program(program: i32) -> i32 {
    let mut exit = None;
    while exit.is_none() {
        let mut ended = |pid, code| {
            if pid == program {
                exit = Some(code);
            }
        };
        if !tree::reap_one(true, &mut ended) {
            break;
        }
    }
    exit.unwrap_or(255)
}
