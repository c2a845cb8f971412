//! The few system calls that have no safe wrapper. All `unsafe` code of the crate is here.

#![expect(
    unsafe_code,
    reason = "fork, vfork and a handful of calls that no safe crate offers"
)]

use std::ffi::CStr;
use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::os::raw::c_int;
use std::os::raw::c_void;

/// Which side of a [`fork`] runs.
pub(super) enum Fork {
    /// The new process.
    Child,
    /// The caller, with the id of the new process.
    Parent(i32),
}

/// Copies the calling process into new namespaces (`CLONE_NEW*` flags; 0 for a plain copy).
///
/// The caller must have one thread: the copy may then use the whole of the standard library.
pub(super) fn fork(namespaces: c_int) -> io::Result<Fork> {
    let flags = i64::from(namespaces | libc::SIGCHLD);
    // SAFETY: without a stack, clone works as fork does. The launcher has one thread, so no lock is held by a thread
    // that the copy lacks.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0_i64, 0_i64, 0_i64, 0_i64) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => i32::try_from(pid).map(Fork::Parent).map_err(io::Error::other),
    }
}

/// Leaves the process at once, without running destructors.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Size of the stack on which a child prepares itself before it executes its program.
const CHILD_STACK: usize = 64 << 10;

/// A stack that one child after another borrows.
pub(super) struct ChildStack(Box<[u128]>);

impl ChildStack {
    /// Allocates it.
    pub(super) fn new() -> Self {
        Self(vec![0; CHILD_STACK / size_of::<u128>()].into_boxed_slice())
    }
}

/// Runs `body` in a child that shares memory with the caller, which waits until the child executes a program or exits.
///
/// `body` returns only when no program could be executed. It must not allocate, lock, panic or change anything but its
/// own process and what it was given: the memory is the caller's.
pub(super) fn vfork<F: FnMut()>(stack: &mut ChildStack, namespaces: c_int, body: &mut F) -> io::Result<i32> {
    extern "C" fn run<F: FnMut()>(body: *mut c_void) -> c_int {
        // SAFETY: the pointer was made from a live `&mut F` below, and the owner waits until this child is done.
        let body = unsafe { &mut *body.cast::<F>() };
        body();
        127
    }
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | namespaces;
    // SAFETY: the top of the stack is one past its end and aligned to 16 bytes; CLONE_VFORK keeps both the stack and
    // `body` alive and unused by the caller while the child runs on them.
    let pid = unsafe {
        let top = stack.0.as_mut_ptr_range().end;
        libc::clone(run::<F>, top.cast(), flags, std::ptr::from_mut(body).cast())
    };
    if pid == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(pid)
    }
}

/// Arguments or environment in the form the kernel wants: pointers to strings that live in the same value.
pub(super) struct StringTable {
    _strings: Vec<std::ffi::CString>,
    pointers: Vec<*const libc::c_char>,
}

impl StringTable {
    /// Takes the strings over.
    pub(super) fn new(strings: Vec<std::ffi::CString>) -> Self {
        let pointers = strings
            .iter()
            .map(|string| string.as_ptr())
            .chain([std::ptr::null()])
            .collect();
        Self {
            _strings: strings,
            pointers,
        }
    }
}

/// Executes a program; returns only with the reason why that was impossible. Does not allocate.
pub(super) fn execute(path: &CStr, arguments: &StringTable, environment: &StringTable) -> i32 {
    // SAFETY: both tables end with a null pointer and point to strings that they own.
    unsafe {
        libc::execve(
            path.as_ptr(),
            arguments.pointers.as_ptr(),
            environment.pointers.as_ptr(),
        );
        *libc::__errno_location()
    }
}

/// Gives signals their default meaning again before a program is executed. Does not allocate.
pub(super) fn reset_signals() {
    // SAFETY: SIG_DFL is a valid disposition; the set is initialised by sigemptyset. The child has its own table.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Makes signals readable from a descriptor instead of interrupting the process.
pub(super) fn signal_descriptor(signals: &[c_int]) -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by sigemptyset before use; the descriptor is new and owned by nobody else.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor)),
        }
    }
}

/// Reads one pending signal; `None` when there is none.
pub(super) fn next_signal(descriptor: BorrowedFd<'_>) -> Option<c_int> {
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: the buffer is as large as the length passed, and every bit pattern is a valid `signalfd_siginfo`.
    unsafe {
        let mut info: libc::signalfd_siginfo = std::mem::zeroed();
        let read = libc::read(descriptor.as_raw_fd(), (&raw mut info).cast(), size);
        (usize::try_from(read) == Ok(size)).then(|| c_int::try_from(info.ssi_signo).unwrap_or(0))
    }
}

/// Kills every process of the calling process's pid namespace but itself. Only for process 1 of one.
pub(super) fn kill_namespace() {
    // SAFETY: kill has no memory effects.
    unsafe {
        libc::kill(-1, libc::SIGKILL);
    }
}

/// Sends any signal number, which may be a real-time one, to a process.
pub(super) fn kill(pid: i32, signal: c_int) {
    // SAFETY: kill has no memory effects. Failure means that the process is gone, which is what callers want.
    unsafe {
        libc::kill(pid, signal);
    }
}

/// `MOUNT_ATTR_RDONLY` of the kernel's `mount.h`.
const MOUNT_ATTR_RDONLY: u64 = 1;
const MOUNT_ATTR_NODEV: u64 = 4;

/// Makes a mount read-only, with everything mounted below it when asked. Does not allocate.
pub(super) fn refuse_writes(tree: BorrowedFd<'_>, recursive: bool) -> io::Result<()> {
    set_attributes(tree, MOUNT_ATTR_RDONLY, recursive)
}

/// Makes device files of a mount and of everything mounted below it useless.
pub(super) fn refuse_devices(tree: BorrowedFd<'_>) -> io::Result<()> {
    set_attributes(tree, MOUNT_ATTR_NODEV, true)
}

fn set_attributes(tree: BorrowedFd<'_>, set: u64, recursive: bool) -> io::Result<()> {
    // `struct mount_attr`: what to set, what to clear, propagation, user namespace.
    let attributes: [u64; 4] = [set, 0, 0, 0];
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, the attributes live across the call and their true size is passed.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    if done == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Closes every descriptor from `first` up in a process that is about to execute a program. Does not allocate.
pub(super) fn close_on_execute_from(first: c_int) {
    // SAFETY: close_range only marks descriptors; an old kernel refuses the call, and all are close-on-exec anyway.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            c_int::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
    }
}

/// Closes every descriptor above `last` that the process inherited, before it opens any of its own.
pub(super) fn close_above(last: c_int) {
    // SAFETY: called when nothing in this process owns such a descriptor yet.
    unsafe {
        libc::syscall(libc::SYS_close_range, last + 1, c_int::MAX, 0);
    }
}

/// Takes capabilities, given as bits, from what any program executed later can have. Does not allocate.
pub(super) fn drop_capabilities(bits: u64) {
    for capability in (0..64_u32).filter(|number| bits & (1 << number) != 0) {
        // SAFETY: the call only changes the calling process; one that the kernel does not know is refused, and then
        // none with a higher number exists either.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) } == -1 {
            return;
        }
    }
}

/// Puts a filter before the system calls of the calling process and of all that it starts; the error is the kernel's number.
/// Does not allocate.
pub(super) fn restrict_calls(filter: &[libc::sock_filter]) -> Result<(), c_int> {
    let program = libc::sock_fprog {
        len: libc::c_ushort::try_from(filter.len()).map_err(|_| libc::EINVAL)?,
        // The kernel only reads.
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the program lives across the call, and its length is that of the filter, which the kernel copies.
    let install = || unsafe {
        match libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        ) {
            0 => Ok(()),
            _ => Err(*libc::__errno_location()),
        }
    };
    match install() {
        // Without privileges over its namespace a process must first give up gaining any.
        Err(libc::EACCES) => {
            rustix::thread::set_no_new_privs(true).map_err(rustix::io::Errno::raw_os_error)?;
            install()
        }
        installed => installed,
    }
}

/// Makes the loopback interface of a new network namespace work.
pub(super) fn raise_loopback() -> io::Result<()> {
    // SAFETY: the request is as large as the kernel's `struct ifreq`, its name ends with NUL, and the socket is ours.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket == -1 {
            return Err(io::Error::last_os_error());
        }
        let socket = OwnedFd::from_raw_fd(socket);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (place, byte) in request.ifr_name.iter_mut().zip(*b"lo") {
            *place = byte.cast_signed();
        }
        request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or_default();
        match libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}
