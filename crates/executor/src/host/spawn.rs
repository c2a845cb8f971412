//! Starts programs from process 1 of a sandbox, by a child that shares its memory until it executes.

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::mount::MountFlags;
use rustix::mount::UnmountFlags;
use rustix::process::Signal;

use super::capability;
use super::mount;
use super::mount::PrivateMount;
use super::plan::STEP_SHELL;
use super::plan::Shell;
use super::plan::VOLUMES;
use super::process::Program;
use super::process::refuse;
use super::sys;
use crate::observation::StartFailure;

/// Exit code of a program that was not found, as shells give it.
const NOT_FOUND: i32 = 127;

/// Exit code of a program that was found and could not be executed.
const NOT_EXECUTABLE: i32 = 126;

/// The parts of a sandbox that starting a program needs.
pub(super) struct Ground<'g> {
    /// Volumes wait in the view, and are hidden from programs.
    pub(super) private_mounts: bool,
    /// Program that is `sh` where the image's is busybox's, and the machine's own.
    pub(super) shells: Option<(&'g Path, &'g Path)>,
    /// The launcher is root on the machine: it can change users and capabilities.
    pub(super) privileged: bool,
    /// The sandbox has a mount namespace of its own.
    pub(super) isolated: bool,
    /// Programs have no more than a container's capabilities; these, as bits, are out of reach already.
    pub(super) lost: Option<u64>,
}

/// What came of a start.
pub(super) enum Start {
    /// The program runs.
    Running {
        /// Id in the sandbox.
        pid: i32,
        /// Files that receive a copy of its output.
        tee: Vec<OwnedFd>,
    },
    /// The program could not be executed; its log says why.
    NotExecuted(i32),
}

/// Everything the child needs, made before it exists, because it must not allocate.
struct Prepared {
    candidates: Vec<CString>,
    arguments: sys::StringTable,
    environment: sys::StringTable,
    working_dir: CString,
    mounts: Vec<PrivateMount>,
    shell: Option<CString>,
    hide_volumes: bool,
    read_only_root: bool,
    user: Option<rustix::fs::Uid>,
    group: Option<rustix::fs::Gid>,
    groups: Option<Vec<rustix::fs::Gid>>,
    /// What is still to be lost, as bits.
    capabilities: u64,
    no_new_privileges: bool,
}

/// Where the child failed.
#[derive(Clone, Copy)]
enum Stage {
    Mounts,
    Identity,
    Directory,
    Execution,
}

/// Starts a program whose output goes to `outputs`: one descriptor for both streams, or one for each.
pub(super) fn start(
    program: &Program,
    outputs: &[OwnedFd],
    ground: &Ground<'_>,
    stack: &mut sys::ChildStack,
) -> Result<Start, StartFailure> {
    let (Some(stdout), Some(stderr)) = (outputs.first(), outputs.last()) else {
        return Err(refuse("no place for the output"));
    };
    write_script(program)?;
    let directory = Path::new(&program.working_dir);
    mount::make_directory(directory, 0o777).map_err(|error| {
        refuse(format!(
            "failed to create working directory {:?}: {error}",
            program.working_dir
        ))
    })?;
    let tee = open_tee(program)?;
    let prepared = prepare(program, ground)?;
    let mut failure = None;
    let namespaces = if prepared.needs_namespace() {
        libc::CLONE_NEWNS
    } else {
        0
    };
    let pid = sys::vfork(stack, namespaces, &mut || {
        failure = Some(prepared.run(stdout.as_fd(), stderr.as_fd()));
    })
    .map_err(|error| refuse(format!("failed to create a process: {error}")))?;
    let Some((stage, errno)) = failure else {
        return Ok(Start::Running { pid, tee });
    };
    reap(pid);
    let error = io::Error::from_raw_os_error(errno);
    match stage {
        Stage::Execution => Ok(Start::NotExecuted(report(program, &error, stderr.as_fd()))),
        Stage::Mounts => Err(refuse(format!(
            "failed to mount the volumes of the process: {error}"
        ))),
        Stage::Identity => Err(refuse(format!(
            "failed to take the user or the privileges asked for: {error}"
        ))),
        Stage::Directory => Err(refuse(format!(
            "failed to enter {:?}: {error}",
            program.working_dir
        ))),
    }
}

fn reap(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::io::retry_on_intr(|| {
            rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
        });
    }
}

/// Tells the program's own log why it did not start; returns the exit code a shell would give.
fn report(program: &Program, error: &io::Error, log: BorrowedFd<'_>) -> i32 {
    let name = program.arguments.first().map_or("", String::as_str);
    let (code, line) = if error.kind() != io::ErrorKind::NotFound {
        (NOT_EXECUTABLE, format!("cannot execute {name:?}: {error}\n"))
    } else if let Some((_, script)) = &program.script {
        let first = script
            .expose()
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let first =
            String::from_utf8_lossy(first.get(..first.len().min(200)).unwrap_or_default()).into_owned();
        (
            NOT_FOUND,
            format!("cannot execute the script: its interpreter is not on this machine: {first}\n"),
        )
    } else if name.contains('/') {
        (
            NOT_FOUND,
            format!("cannot execute {name:?}: no such file on this machine\n"),
        )
    } else {
        (
            NOT_FOUND,
            format!("cannot execute {name:?}: not found in PATH of this machine\n"),
        )
    };
    let _ = rustix::io::write(log, line.as_bytes());
    code
}

fn write_script(program: &Program) -> Result<(), StartFailure> {
    let Some((path, text)) = &program.script else {
        return Ok(());
    };
    let path = Path::new(path);
    // A link or a file that cannot be written again, left by an earlier step, must not be in the way.
    let _ = rustix::fs::unlink(path);
    mount::write_file(path, text.expose(), 0o755)
        .map_err(|error| refuse(format!("failed to write the script: {error}")))
}

fn open_tee(program: &Program) -> Result<Vec<OwnedFd>, StartFailure> {
    let mut opened = Vec::new();
    for path in program.tee.iter().flatten() {
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::APPEND
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK
            | OFlags::NOCTTY;
        let open = || {
            if let Some(parent) = Path::new(path).parent() {
                mount::make_directory(parent, 0o777)?;
            }
            Ok(rustix::fs::open(
                path.as_str(),
                flags,
                Mode::from_raw_mode(0o666),
            )?)
        };
        opened
            .push(open().map_err(|error: io::Error| {
                refuse(format!("failed to open {path:?} for output: {error}"))
            })?);
    }
    Ok(opened)
}

fn prepare(program: &Program, ground: &Ground<'_>) -> Result<Prepared, StartFailure> {
    let arguments = program
        .arguments
        .iter()
        .map(|part| text(part.as_bytes()))
        .collect::<Result<_, _>>()?;
    let environment = program
        .environment
        .iter()
        .map(|entry| text(entry.expose()))
        .collect::<Result<_, _>>()?;
    let security = &program.security;
    let shell = match (program.shell, ground.shells) {
        (Shell::Ash, Some((ash, _))) => Some(ash),
        (Shell::PerProcess, Some((_, machine))) => Some(machine),
        _ => None,
    };
    let shell = shell
        .map(|path| text(path.as_os_str().as_encoded_bytes()))
        .transpose()?;
    let switches = ground.privileged && (security.user.is_some() || security.group.is_some());
    let supplemental = security
        .supplemental_groups
        .iter()
        .copied()
        .chain(security.fs_group);
    let groups: Vec<_> = supplemental.map(rustix::fs::Gid::from_raw).collect();
    let lost = ground.lost.filter(|_| !security.privileged);
    Ok(Prepared {
        candidates: candidates(program)
            .iter()
            .map(|path| text(path.as_bytes()))
            .collect::<Result<_, _>>()?,
        arguments: sys::StringTable::new(arguments),
        environment: sys::StringTable::new(environment),
        working_dir: text(program.working_dir.as_bytes())?,
        mounts: private_mounts(program)?,
        shell,
        hide_volumes: ground.private_mounts,
        read_only_root: security.read_only_root && ground.isolated,
        user: security
            .user
            .filter(|_| ground.privileged)
            .map(rustix::fs::Uid::from_raw),
        // A container without a group of its own runs in group 0, whatever its user.
        group: switches.then(|| rustix::fs::Gid::from_raw(security.group.unwrap_or(0))),
        groups: (ground.privileged && (switches || !groups.is_empty())).then_some(groups),
        capabilities: lost.map_or(0, |lost| capability::dropped(security).bits() & !lost),
        no_new_privileges: security.allow_privilege_escalation == Some(false),
    })
}

fn text(bytes: &[u8]) -> Result<CString, StartFailure> {
    CString::new(bytes).map_err(|_| refuse("a text holds a NUL character"))
}

fn private_mounts(program: &Program) -> Result<Vec<PrivateMount>, StartFailure> {
    let mounts = program.mounts.iter().map(|mount| {
        let volume = Path::new(VOLUMES).join(mount.volume.to_string());
        PrivateMount::prepare(
            &volume,
            mount.sub_path.as_ref(),
            mount.path.as_ref(),
            mount.read_only,
        )
        .map_err(|error| refuse(format!("failed to mount a volume at {:?}: {error}", mount.path)))
    });
    let sealed = program.sealed.iter().map(|path| {
        PrivateMount::prepare(path.as_ref(), "".as_ref(), path.as_ref(), true)
            .map_err(|error| refuse(format!("failed to seal {path:?}: {error}")))
    });
    mounts.chain(sealed).collect()
}

/// Files that may be the program: one where it is named by path, else one for each directory of `PATH`.
fn candidates(program: &Program) -> Vec<String> {
    let Some(name) = program.arguments.first() else {
        return Vec::new();
    };
    if name.contains('/') {
        return vec![name.clone()];
    }
    let path = program
        .environment
        .iter()
        .find_map(|entry| entry.expose().strip_prefix(b"PATH="));
    let path = String::from_utf8_lossy(path.unwrap_or_default());
    path.split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| format!("{directory}/{name}"))
        .collect()
}

impl Prepared {
    fn needs_namespace(&self) -> bool {
        !self.mounts.is_empty() || self.shell.is_some() || self.hide_volumes || self.read_only_root
    }

    /// Becomes the program; returns where and why that failed. Runs in the child: nothing here allocates.
    fn run(&self, stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>) -> (Stage, i32) {
        if let Err(errno) = self.mount() {
            return (Stage::Mounts, errno.raw_os_error());
        }
        if let Err(errno) = Self::connect(stdout, stderr).and_then(|()| self.identify()) {
            return (Stage::Identity, errno.raw_os_error());
        }
        if let Err(errno) = rustix::process::chdir(self.working_dir.as_c_str()) {
            return (Stage::Directory, errno.raw_os_error());
        }
        sys::reset_signals();
        let mut errno = libc::ENOENT;
        for path in &self.candidates {
            // Asking costs a fraction of a failed execution, which prepares a new memory first.
            let missing = self.candidates.len() > 1
                && matches!(
                    rustix::fs::access(path.as_c_str(), rustix::fs::Access::EXISTS),
                    Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR)
                );
            if missing {
                continue;
            }
            match sys::execute(path, &self.arguments, &self.environment) {
                libc::ENOENT | libc::ENOTDIR => {}
                // As a shell does: a file that may not be executed is reported unless a later one can be; a directory
                // that may not be searched holds none.
                libc::EACCES => {
                    if rustix::fs::access(path.as_c_str(), rustix::fs::Access::EXISTS).is_ok() {
                        errno = libc::EACCES;
                    }
                }
                other => return (Stage::Execution, other),
            }
        }
        (Stage::Execution, errno)
    }

    fn mount(&self) -> rustix::io::Result<()> {
        for mount in &self.mounts {
            mount.attach()?;
        }
        if let Some(shell) = &self.shell {
            rustix::mount::mount_bind(shell.as_c_str(), STEP_SHELL)?;
        }
        if self.hide_volumes {
            rustix::mount::unmount(VOLUMES, UnmountFlags::DETACH)?;
        }
        if self.read_only_root {
            let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NODEV;
            rustix::mount::mount_remount("/", flags, c"")?;
        }
        Ok(())
    }

    fn connect(stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>) -> rustix::io::Result<()> {
        // Descriptor 0 is the launcher's null device.
        duplicate(stdout, 1)?;
        duplicate(stderr, 2)?;
        rustix::process::setsid()?;
        rustix::process::umask(Mode::from_raw_mode(0o022));
        sys::close_on_execute_from(3);
        Ok(())
    }

    fn identify(&self) -> rustix::io::Result<()> {
        if self.capabilities != 0 {
            sys::drop_capabilities(self.capabilities);
        }
        if let Some(groups) = &self.groups {
            rustix::thread::set_thread_groups(groups)?;
        }
        if let Some(group) = self.group {
            rustix::thread::set_thread_res_gid(group, group, group)?;
        }
        if let Some(user) = self.user {
            rustix::thread::set_thread_res_uid(user, user, user)?;
        }
        if self.no_new_privileges {
            rustix::thread::set_no_new_privs(true)?;
        }
        // A change of user clears it, so it comes last.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
    }
}

fn duplicate(from: BorrowedFd<'_>, to: i32) -> rustix::io::Result<()> {
    debug_assert!(
        from.as_raw_fd() > 2,
        "descriptors 0 to 2 are taken from the start"
    );
    match to {
        1 => rustix::stdio::dup2_stdout(from),
        _ => rustix::stdio::dup2_stderr(from),
    }
}
