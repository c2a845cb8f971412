use rustix::thread::CapabilitySet;

use super::ARCHITECTURE;
use super::FIRST_ARGUMENT;
use super::Instruction;
use super::Kind;
use super::NUMBER;
use super::calls::CALLS;
use super::calls::NONE;
use super::filter;
use super::filter_for;

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const AARCH64: u32 = 0xc000_00b7;
const ARM: u32 = 0x4000_0028;

/// The kernel's part: runs a filter over a call. Panics at what the kernel would refuse to load.
fn run(program: &[Instruction], architecture: u32, number: u32, argument: u32) -> u32 {
    let (mut place, mut loaded) = (0, 0);
    for _ in 0..program.len() {
        let one = program[place];
        place += 1;
        let jump = |holds: bool| usize::from(if holds { one.jt } else { one.jf });
        match u32::from(one.code) {
            code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                loaded = match one.k {
                    NUMBER => number,
                    ARCHITECTURE => architecture,
                    FIRST_ARGUMENT => argument,
                    other => panic!("nothing at {other}"),
                };
            }
            code if code == libc::BPF_RET | libc::BPF_K => return one.k,
            code if code == libc::BPF_JMP | libc::BPF_JA => place += usize::try_from(one.k).unwrap(),
            code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => place += jump(loaded == one.k),
            code if code == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => place += jump(loaded >= one.k),
            code if code == libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K => place += jump(loaded > one.k),
            code if code == libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K => {
                place += jump(loaded & one.k != 0);
            }
            other => panic!("unknown instruction {other:#x}"),
        }
    }
    panic!("no answer");
}

/// How an answer reads in a table.
fn word(answer: u32) -> &'static str {
    let errno = |number: i32| libc::SECCOMP_RET_ERRNO | u32::try_from(number).unwrap();
    match answer {
        libc::SECCOMP_RET_ALLOW => "allowed",
        answer if answer == errno(libc::EPERM) => "EPERM",
        answer if answer == errno(libc::ENOSYS) => "ENOSYS",
        _ => "unknown",
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row for each case")]
fn calls_are_answered_as_in_the_table() {
    let none = CapabilitySet::empty();
    let admin = CapabilitySet::SYS_ADMIN;
    let x86 = Kind::X86;
    let arm = Kind::Arm;
    let new_user = 0x1000_0000;
    // A thread: memory, files, signals and so on are shared.
    let thread = 0x003d_0f00;
    let rows = [
        ("read", x86, none, X86_64, 0, 0, "allowed"),
        ("execve", x86, none, X86_64, 59, 0, "allowed"),
        ("ptrace", x86, none, X86_64, 101, 0, "allowed"),
        ("chroot", x86, none, X86_64, 161, 0, "allowed"),
        ("mount", x86, none, X86_64, 165, 0, "EPERM"),
        ("mount", x86, admin, X86_64, 165, 0, "allowed"),
        ("mount", x86, CapabilitySet::SYS_BOOT, X86_64, 165, 0, "EPERM"),
        ("setdomainname", x86, none, X86_64, 171, 0, "EPERM"),
        ("getresgid of i386", x86, none, I386, 171, 0, "allowed"),
        ("mount of i386", x86, none, I386, 21, 0, "EPERM"),
        ("access", x86, none, X86_64, 21, 0, "allowed"),
        ("mount of aarch64", arm, none, AARCH64, 40, 0, "EPERM"),
        ("capset of aarch64", arm, none, AARCH64, 91, 0, "allowed"),
        ("execve of aarch64", arm, none, AARCH64, 221, 0, "allowed"),
        ("clone for a thread", x86, none, X86_64, 56, thread, "allowed"),
        ("clone for a namespace", x86, none, X86_64, 56, new_user, "EPERM"),
        ("the same as admin", x86, admin, X86_64, 56, new_user, "allowed"),
        ("clone for a process", arm, none, AARCH64, 220, 17, "allowed"),
        (
            "clone for a namespace",
            arm,
            none,
            AARCH64,
            220,
            0x2000_0011,
            "EPERM",
        ),
        ("clone3", x86, none, X86_64, 435, 0, "ENOSYS"),
        ("clone3 as admin", x86, admin, X86_64, 435, 0, "allowed"),
        ("unshare of files", x86, none, X86_64, 272, 0x400, "allowed"),
        ("unshare of time", x86, none, X86_64, 272, 0x80, "EPERM"),
        ("keyctl", x86, CapabilitySet::all(), X86_64, 250, 0, "EPERM"),
        ("io_uring_setup", arm, admin, AARCH64, 425, 0, "EPERM"),
        ("bpf", x86, CapabilitySet::BPF, X86_64, 321, 0, "allowed"),
        ("reboot", x86, admin, X86_64, 169, 0, "EPERM"),
        ("reboot", x86, CapabilitySet::SYS_BOOT, X86_64, 169, 0, "allowed"),
        ("personality, asked", x86, none, X86_64, 135, u32::MAX, "allowed"),
        (
            "personality without randomness",
            x86,
            none,
            X86_64,
            135,
            0x0004_0000,
            "EPERM",
        ),
        ("socket of IPv4", x86, none, X86_64, 41, 2, "allowed"),
        ("socket of the machine", x86, none, X86_64, 41, 40, "EPERM"),
        ("the newest known", x86, none, X86_64, 466, 0, "allowed"),
        ("a newer one", arm, none, AARCH64, 467, 0, "ENOSYS"),
        ("x32", x86, admin, X86_64, 0x4000_0000, 0, "ENOSYS"),
        ("another machine", x86, admin, AARCH64, 0, 0, "ENOSYS"),
        ("32 bits on ARM", arm, admin, ARM, 3, 0, "ENOSYS"),
    ];
    for (name, kind, kept, architecture, number, argument, then) in rows {
        let answer = run(&filter_for(kind, kept), architecture, number, argument);
        assert_eq!(word(answer), then, "{name} {kept:?}");
    }
}

#[test]
fn every_listed_call_is_refused_wherever_it_exists() {
    let column = |kind| match kind {
        Kind::X86 => [(X86_64, 0), (I386, 1)].to_vec(),
        Kind::Arm => [(AARCH64, 2)].to_vec(),
    };
    for kind in [Kind::X86, Kind::Arm] {
        let program = filter_for(kind, CapabilitySet::empty());
        // The kernel loads no more.
        assert!(program.len() <= 4096);
        for (architecture, column) in column(kind) {
            for call in CALLS.iter().filter(|call| call.numbers[column] != NONE) {
                let number = call.numbers[column];
                // Flags for namespaces, and sockets of the machine.
                let answers = [0x7e02_0000, 40].map(|argument| run(&program, architecture, number, argument));
                let refused = answers.iter().any(|answer| *answer != libc::SECCOMP_RET_ALLOW);
                assert!(refused, "{} on {architecture:#x}", call.name);
            }
        }
    }
}

/// A wrong number would refuse another call; the C library knows those of this machine.
#[test]
fn numbers_are_those_of_this_machine() {
    let known = [
        ("mount", libc::SYS_mount),
        ("umount2", libc::SYS_umount2),
        ("pivot_root", libc::SYS_pivot_root),
        ("setns", libc::SYS_setns),
        ("unshare", libc::SYS_unshare),
        ("clone", libc::SYS_clone),
        ("clone3", libc::SYS_clone3),
        ("bpf", libc::SYS_bpf),
        ("keyctl", libc::SYS_keyctl),
        ("add_key", libc::SYS_add_key),
        ("request_key", libc::SYS_request_key),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("reboot", libc::SYS_reboot),
        ("kexec_load", libc::SYS_kexec_load),
        ("init_module", libc::SYS_init_module),
        ("finit_module", libc::SYS_finit_module),
        ("delete_module", libc::SYS_delete_module),
        ("settimeofday", libc::SYS_settimeofday),
        ("clock_settime", libc::SYS_clock_settime),
        ("quotactl", libc::SYS_quotactl),
        ("swapon", libc::SYS_swapon),
        ("swapoff", libc::SYS_swapoff),
        ("acct", libc::SYS_acct),
        ("syslog", libc::SYS_syslog),
        ("personality", libc::SYS_personality),
        ("socket", libc::SYS_socket),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("move_mount", libc::SYS_move_mount),
        ("mount_setattr", libc::SYS_mount_setattr),
        ("kcmp", libc::SYS_kcmp),
    ];
    let column = if cfg!(target_arch = "x86_64") { 0 } else { 2 };
    for (name, number) in known {
        let call = CALLS.iter().find(|call| call.name == name).unwrap();
        assert_eq!(i64::from(call.numbers[column]), number, "{name}");
    }
    assert!(!filter(CapabilitySet::empty()).is_empty());
}
