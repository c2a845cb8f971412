//! A process that adopts the orphans of one program, so that they are not taken for another's.
//!
//! Sidecars run beside steps. When a step ends, every process that is nobody's child any more is taken for the step's
//! and killed; a sidecar that puts itself in the background would die with it. So a sidecar has a guardian between
//! itself and process 1, which ends, with the program's exit code, when the program and all it left behind are gone.

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
    let failed = |error: std::io::Error| refuse(format!("failed to create a process: {error}"));
    let (ours, theirs) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|error| failed(error.into()))?;
    match sys::fork(0).map_err(failed)? {
        Fork::Child => {
            drop(ours);
            guard(program, outputs, ground, stack, theirs)
        }
        Fork::Parent(pid) => {
            drop(theirs);
            match Inbox::default().receive::<Result<Option<i32>, StartFailure>>(&ours) {
                Ok(Some((Ok(None), tee))) => Ok(Start::Running { pid, tee }),
                Ok(Some((Ok(Some(code)), _))) => Ok(Start::NotExecuted(code)),
                Ok(Some((Err(failure), _))) => Err(failure),
                Ok(None) | Err(_) => Err(refuse("the process ended before its program was executed")),
            }
        }
    }
}

fn guard(
    program: &Program,
    outputs: &[OwnedFd],
    ground: &Ground<'_>,
    stack: &mut ChildStack,
    parent: OwnedFd,
) -> ! {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let program_pid = match spawn::start(program, outputs, ground, stack) {
        Ok(Start::Running { pid, tee }) => {
            let tee: Vec<_> = tee.iter().map(AsFd::as_fd).collect();
            let _ = wire::send(&parent, &Ok::<_, StartFailure>(None::<i32>), &tee);
            pid
        }
        Ok(Start::NotExecuted(code)) => {
            let _ = wire::send(&parent, &Ok::<_, StartFailure>(Some(code)), &[]);
            sys::exit_now(0);
        }
        Err(failure) => {
            let _ = wire::send(&parent, &Err::<Option<i32>, _>(failure), &[]);
            sys::exit_now(0);
        }
    };
    drop(parent);
    let mut exit = None;
    while exit.is_none() {
        let mut ended = |pid, code| {
            if pid == program_pid {
                exit = Some(code);
            }
        };
        if !tree::reap_one(true, &mut ended) {
            break;
        }
    }
    tree::kill_below(&[], |_, _| {});
    sys::exit_now(exit.unwrap_or(255))
}
