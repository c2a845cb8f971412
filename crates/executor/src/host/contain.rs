//! The first process of a container: makes the container's view, starts the program, reaps, and ends with it.
//!
//! It is process 1 of a pid namespace of its own, so whatever the program leaves behind ends with it. A probe does not make
//! a view: it joins the one of its container.

use std::io;
use std::io::Read as _;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::FileType;
use rustix::fs::Gid;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Uid;
use rustix::thread::LinkNameSpaceType;

use super::guard;
use super::mount;
use super::mount::Builder;
use super::passwd;
use super::passwd::Identity;
use super::plan::Machine;
use super::plan::SandboxSpec;
use super::plan::container;
use super::plan::container::ContainerSpec;
use super::process::Program;
use super::process::refuse;
use super::spawn;
use super::spawn::Ground;
use super::spawn::Start;
use super::sys::ChildStack;
use crate::job::Secret;
use crate::observation::StartFailure;
use crate::observation::StartFailureKind;

/// More of `/etc/passwd` or `/etc/group` is not read.
const MOST: u64 = 1 << 20;

/// What a container is made in.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// Facts about the machine.
    pub(super) machine: &'p Machine,
    /// The machine's own mount namespace.
    pub(super) namespace: BorrowedFd<'p>,
    /// What the containers of the sandbox share.
    pub(super) spec: &'p SandboxSpec,
    /// Where the container's root is mounted.
    pub(super) root: &'p Path,
    /// First process of the container that a probe joins.
    pub(super) joins: Option<i32>,
}

/// Starts a program in a container of its own, or in the one it joins; the id is its first process's.
pub(super) fn start(
    program: &Program,
    container: &ContainerSpec,
    outputs: &[OwnedFd],
    (ground, place): (&Ground<'_>, Place<'_>),
    stack: &mut ChildStack,
) -> Result<Start, StartFailure> {
    let namespaces = if place.joins.is_some() {
        0
    } else {
        libc::CLONE_NEWNS | libc::CLONE_NEWPID
    };
    let begin = || begin(program, container, outputs, (ground, place), stack);
    // The end of the first process is the end of everything in the container.
    let started =
        guard::below(namespaces, begin, || {}).map_err(|error| unmade("create a process", &error))?;
    started.unwrap_or_else(|| Err(refuse("the container ended before its program was executed")))
}

/// Everything up to the running program.
fn begin(
    program: &Program,
    container: &ContainerSpec,
    outputs: &[OwnedFd],
    (ground, place): (&Ground<'_>, Place<'_>),
    stack: &mut ChildStack,
) -> Result<Start, StartFailure> {
    match place.joins {
        Some(pid) => join(pid).map_err(|error| unmade("enter the container", &error))?,
        None => make(program, container, place)?,
    }
    let mut program = program.clone();
    program.mounts.clear();
    let who = identify(&program, container, ground)?;
    settle(&mut program, container, &who, ground)?;
    spawn::start(&program, outputs, ground, stack)
}

fn make(program: &Program, container: &ContainerSpec, place: Place<'_>) -> Result<(), StartFailure> {
    let actions = container::view(place.machine, place.spec, container, (program, place.root));
    let mut builder = Builder::new(place.namespace, place.machine.unprivileged);
    builder.perform(&actions).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        StartFailure {
            kind: StartFailureKind::Sandbox,
            message: format!("the container could not be made: failed to {error}{cause}"),
        }
    })
}

/// Enters the namespaces of a container; the next process is one of its own.
fn join(pid: i32) -> io::Result<()> {
    let open = |name: &str| {
        let path = format!("/proc/{pid}/ns/{name}");
        rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    };
    let (processes, mounts) = (open("pid")?, open("mnt")?);
    rustix::thread::move_into_link_name_space(processes.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
    rustix::thread::move_into_link_name_space(mounts.as_fd(), Some(LinkNameSpaceType::Mount))?;
    Ok(rustix::process::chdir("/")?)
}

/// Who the program is: by its own wish, else by the image's.
fn identify(
    program: &Program,
    container: &ContainerSpec,
    ground: &Ground<'_>,
) -> Result<Identity, StartFailure> {
    let security = &program.security;
    let wanted = security
        .user
        .map_or_else(|| container.user.clone(), |user| user.to_string());
    let read = |path: &str| read_small(path).unwrap_or_default();
    let mut who = passwd::identify(&wanted, &read("/etc/passwd"), &read("/etc/group"))
        .map_err(|problem| refuse(format!("image user {wanted:?} cannot be had: {problem}")))?;
    if let Some(group) = security.group {
        who.group = group;
    }
    if security.run_as_non_root && who.user == 0 {
        let text = if security.user.is_some() {
            "container's runAsUser breaks non-root policy"
        } else {
            "container has runAsNonRoot and image will run as root"
        };
        return Err(refuse(text));
    }
    if !ground.privileged && (who.user, who.group) != (0, 0) {
        return Err(refuse(format!(
            "the container asks for user {} and group {}, and an ordinary user's container has no other user than root: \
             run as root, or leave runAsUser out",
            who.user, who.group
        )));
    }
    Ok(who)
}

/// Gives the program its user, its home and the files that belong there.
fn settle(
    program: &mut Program,
    container: &ContainerSpec,
    who: &Identity,
    ground: &Ground<'_>,
) -> Result<(), StartFailure> {
    let has_home = program
        .environment
        .iter()
        .find_map(|entry| entry.expose().strip_prefix(b"HOME="));
    let home = has_home.map_or_else(
        || who.home.clone(),
        |home| String::from_utf8_lossy(home).into_owned(),
    );
    if has_home.is_none() {
        program.environment.push(Secret::new(format!("HOME={home}")));
    }
    if ground.privileged {
        program.security.user = Some(who.user);
        program.security.group = Some(who.group);
        program.security.supplemental_groups.extend(&who.groups);
    }
    for base in [home.as_str(), "/tekton/creds"] {
        for file in container.credentials.iter().filter(|_| base.starts_with('/')) {
            let failed = |error| unmade("write credentials to the home directory", &error);
            mount::make_file(Path::new(base), file).map_err(failed)?;
            // The directories on the way too: programs add files of their own there.
            let on_the_way = file.path.ancestors().filter(|path| !path.as_os_str().is_empty());
            for path in on_the_way.filter(|_| ground.privileged) {
                let (user, group) = (Uid::from_raw(who.user), Gid::from_raw(who.group));
                let _ = rustix::fs::chown(Path::new(base).join(path), Some(user), Some(group));
            }
        }
    }
    Ok(())
}

/// Reads a regular file of the container, if it is one and not large.
fn read_small(path: &str) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    std::fs::File::from(file).take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unmade(what: &str, error: &io::Error) -> StartFailure {
    StartFailure {
        kind: StartFailureKind::Sandbox,
        message: format!("the container could not be made: failed to {what}: {error}"),
    }
}
