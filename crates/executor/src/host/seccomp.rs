//! Which system calls a container's program may make, as a program for the kernel's filter.
//!
//! The filter is a second wall: most of these calls need capabilities that a container lacks anyway. It closes what the first
//! one leaves open to everybody, such as namespaces of one's own, in which every file system can be mounted, the keys of the
//! machine, and calls in which most of the kernel's faults were found.
//!
//! 32-bit programs have numbers of their own on x86. Programs of any other foreign kind find no system call at all.

use rustix::thread::CapabilitySet;

use self::calls::CALLS;
use self::calls::NEWEST;
use self::calls::NONE;
use self::calls::Rule;

mod calls;

/// An instruction of the kernel's filter.
pub(super) type Instruction = libc::sock_filter;

/// A kind of machine, as the filter is built for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// 64-bit x86, which also runs 32-bit programs.
    X86,
    /// 64-bit ARM.
    Arm,
}

/// One way in which programs of a machine call its kernel.
struct Interface {
    /// `AUDIT_ARCH_*` of the kernel.
    architecture: u32,
    /// Index of its numbers in the table.
    column: usize,
    /// Numbers from here on belong to another interface that is refused.
    foreign_from: Option<u32>,
}

const X86_64: Interface = Interface {
    architecture: 0xc000_003e,
    column: 0,
    // The x32 interface, which hardly any kernel has.
    foreign_from: Some(0x4000_0000),
};

const I386: Interface = Interface {
    architecture: 0x4000_0003,
    column: 1,
    foreign_from: None,
};

const AARCH64: Interface = Interface {
    architecture: 0xc000_00b7,
    column: 2,
    foreign_from: None,
};

/// Offsets in what the kernel shows of a call. The low half of the first argument: these machines have it first.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

/// The filter for a program that has these capabilities, on this machine. Empty on machines of other kinds, where no call is
/// refused.
pub(super) fn filter(kept: CapabilitySet) -> Vec<Instruction> {
    let kind = if cfg!(target_arch = "x86_64") {
        Kind::X86
    } else if cfg!(target_arch = "aarch64") {
        Kind::Arm
    } else {
        return Vec::new();
    };
    filter_for(kind, kept)
}

fn filter_for(kind: Kind, kept: CapabilitySet) -> Vec<Instruction> {
    let interfaces: &[Interface] = match kind {
        Kind::X86 => &[X86_64, I386],
        Kind::Arm => &[AARCH64],
    };
    let mut program = Vec::new();
    for interface in interfaces {
        let body = body(interface, kept);
        program.push(load(ARCHITECTURE));
        program.push(unless_equal(interface.architecture, 1));
        program.push(skip(1));
        // Further than a conditional jump reaches.
        program.push(skip(body.len()));
        program.extend(body);
    }
    program.push(refuse(libc::ENOSYS));
    program
}

/// What becomes of the calls of one interface. Every way through it ends in an answer.
fn body(interface: &Interface, kept: CapabilitySet) -> Vec<Instruction> {
    let mut body = vec![load(NUMBER)];
    if let Some(foreign) = interface.foreign_from {
        body.extend([unless(libc::BPF_JGE, foreign, 1), refuse(libc::ENOSYS)]);
    }
    for call in &CALLS {
        let number = call
            .numbers
            .get(interface.column)
            .copied()
            .filter(|number| *number != NONE);
        let Some(number) = number.filter(|_| !kept.intersects(call.lifted_by)) else {
            continue;
        };
        let answer = answer(call.rule);
        let length = u8::try_from(answer.len()).unwrap_or(u8::MAX);
        body.push(unless_equal(number, length));
        body.extend(answer);
    }
    body.extend([unless(libc::BPF_JGT, NEWEST, 1), refuse(libc::ENOSYS), allow()]);
    body
}

/// What becomes of one call.
fn answer(rule: Rule) -> Vec<Instruction> {
    let refused = refuse(libc::EPERM);
    match rule {
        Rule::Refused => vec![refused],
        Rule::Missing => vec![refuse(libc::ENOSYS)],
        Rule::WithBits(bits) => vec![
            load(FIRST_ARGUMENT),
            unless(libc::BPF_JSET, bits, 1),
            refused,
            allow(),
        ],
        Rule::With(value) => vec![load(FIRST_ARGUMENT), unless_equal(value, 1), refused, allow()],
        Rule::Without(values) => {
            let mut answer = vec![load(FIRST_ARGUMENT)];
            answer.extend(values.iter().flat_map(|value| [unless_equal(*value, 1), allow()]));
            answer.push(refused);
            answer
        }
    }
}

fn instruction(code: u32, jump_if_not: u8, value: u32) -> Instruction {
    Instruction {
        // The kernel's codes are small numbers.
        code: u16::try_from(code).unwrap_or_default(),
        jt: 0,
        jf: jump_if_not,
        k: value,
    }
}

/// Loads 32 bits of what the kernel shows of a call.
fn load(offset: u32) -> Instruction {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, offset)
}

/// Skips instructions unless the loaded value compares so.
fn unless(comparison: u32, value: u32, skipped: u8) -> Instruction {
    instruction(libc::BPF_JMP | comparison | libc::BPF_K, skipped, value)
}

fn unless_equal(value: u32, skipped: u8) -> Instruction {
    unless(libc::BPF_JEQ, value, skipped)
}

fn skip(count: usize) -> Instruction {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    instruction(libc::BPF_JMP | libc::BPF_JA, 0, count)
}

fn refuse(errno: i32) -> Instruction {
    let errno = u32::try_from(errno).unwrap_or_default();
    instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | errno)
}

fn allow() -> Instruction {
    instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW)
}

#[cfg(test)]
mod tests;
