//! System calls that containers are refused: what Docker's default profile refuses a process without more capabilities.

use rustix::thread::CapabilitySet;

/// When a call is refused, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Always.
    Refused,
    /// Always, as if the kernel did not have it: the C library then uses its older form, whose arguments can be looked at.
    Missing,
    /// If the first argument has one of these bits.
    WithBits(u32),
    /// If the first argument is this.
    With(u32),
    /// Unless the first argument is one of these.
    Without(&'static [u32]),
}

/// A call with its numbers.
pub(super) struct Call {
    /// As the kernel names it.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader, and for the tests"))]
    pub(super) name: &'static str,
    /// On x86-64, on i386 and on aarch64; [`NONE`] where there is no such call.
    pub(super) numbers: [u32; 3],
    /// Any of these makes the call allowed.
    pub(super) lifted_by: CapabilitySet,
    /// When it is refused.
    pub(super) rule: Rule,
}

/// No call has this number.
pub(super) const NONE: u32 = u32::MAX;

/// `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID` and `NEWNET`.
const NAMESPACES: u32 = 0x7e02_0000;
/// `CLONE_NEWTIME`, which `clone` takes for a part of the signal's number.
const TIME: u32 = 0x80;

/// Linux, Linux with its own `uname` version, both for 32 bits, and the question which it is.
const PERSONALITIES: &[u32] = &[0, 8, 0x0002_0000, 0x0002_0008, u32::MAX];

/// `AF_VSOCK`: straight to the hypervisor, whatever the network.
const MACHINE_SOCKETS: u32 = 40;

const ADMIN: CapabilitySet = CapabilitySet::SYS_ADMIN;
const NOBODY: CapabilitySet = CapabilitySet::empty();

const fn call(name: &'static str, numbers: [u32; 3], lifted_by: CapabilitySet) -> Call {
    rule(name, numbers, lifted_by, Rule::Refused)
}

const fn rule(name: &'static str, numbers: [u32; 3], lifted_by: CapabilitySet, rule: Rule) -> Call {
    Call {
        name,
        numbers,
        lifted_by,
        rule,
    }
}

/// The newest call that was looked at, the same number everywhere; later ones count as missing.
pub(super) const NEWEST: u32 = 466;

/// All of them.
pub(super) const CALLS: [Call; 68] = [
    call("mount", [165, 21, 40], ADMIN),
    call("umount", [NONE, 22, NONE], ADMIN),
    call("umount2", [166, 52, 39], ADMIN),
    call("pivot_root", [155, 217, 41], ADMIN),
    call("fsopen", [430, 430, 430], ADMIN),
    call("fsconfig", [431, 431, 431], ADMIN),
    call("fsmount", [432, 432, 432], ADMIN),
    call("fspick", [433, 433, 433], ADMIN),
    call("open_tree", [428, 428, 428], ADMIN),
    call("move_mount", [429, 429, 429], ADMIN),
    call("mount_setattr", [442, 442, 442], ADMIN),
    call("quotactl", [179, 131, 60], ADMIN),
    call("quotactl_fd", [443, 443, 443], ADMIN),
    call("lookup_dcookie", [212, 253, 18], ADMIN),
    call("sethostname", [170, 74, 161], ADMIN),
    call("setdomainname", [171, 121, 162], ADMIN),
    call("setns", [308, 346, 268], ADMIN),
    call("fanotify_init", [300, 338, 262], ADMIN),
    call("swapon", [167, 87, 224], ADMIN),
    call("swapoff", [168, 115, 225], ADMIN),
    call("bpf", [321, 357, 280], ADMIN.union(CapabilitySet::BPF)),
    call(
        "perf_event_open",
        [298, 336, 241],
        ADMIN.union(CapabilitySet::PERFMON),
    ),
    call("syslog", [103, 103, 116], ADMIN.union(CapabilitySet::SYSLOG)),
    call("reboot", [169, 88, 142], CapabilitySet::SYS_BOOT),
    call("kexec_load", [246, 283, 104], CapabilitySet::SYS_BOOT),
    call("kexec_file_load", [320, NONE, 294], CapabilitySet::SYS_BOOT),
    call("init_module", [175, 128, 105], CapabilitySet::SYS_MODULE),
    call("finit_module", [313, 350, 273], CapabilitySet::SYS_MODULE),
    call("delete_module", [176, 129, 106], CapabilitySet::SYS_MODULE),
    call("create_module", [174, 127, NONE], CapabilitySet::SYS_MODULE),
    call("get_kernel_syms", [177, 130, NONE], CapabilitySet::SYS_MODULE),
    call("query_module", [178, 167, NONE], CapabilitySet::SYS_MODULE),
    call("acct", [163, 51, 89], CapabilitySet::SYS_PACCT),
    call(
        "open_by_handle_at",
        [304, 342, 265],
        CapabilitySet::DAC_READ_SEARCH,
    ),
    call("iopl", [172, 110, NONE], CapabilitySet::SYS_RAWIO),
    call("ioperm", [173, 101, NONE], CapabilitySet::SYS_RAWIO),
    call("vhangup", [153, 111, 58], CapabilitySet::SYS_TTY_CONFIG),
    call("settimeofday", [164, 79, 170], CapabilitySet::SYS_TIME),
    call("stime", [NONE, 25, NONE], CapabilitySet::SYS_TIME),
    call("clock_settime", [227, 264, 112], CapabilitySet::SYS_TIME),
    call("clock_settime64", [NONE, 404, NONE], CapabilitySet::SYS_TIME),
    call("kcmp", [312, 349, 272], CapabilitySet::SYS_PTRACE),
    call("pidfd_getfd", [438, 438, 438], CapabilitySet::SYS_PTRACE),
    call("process_madvise", [440, 440, 440], CapabilitySet::SYS_PTRACE),
    call("get_mempolicy", [239, 275, 236], CapabilitySet::SYS_NICE),
    call("set_mempolicy", [238, 276, 237], CapabilitySet::SYS_NICE),
    call("mbind", [237, 274, 235], CapabilitySet::SYS_NICE),
    call(
        "set_mempolicy_home_node",
        [450, 450, 450],
        CapabilitySet::SYS_NICE,
    ),
    call("migrate_pages", [256, 294, 238], CapabilitySet::SYS_NICE),
    call("move_pages", [279, 317, 239], CapabilitySet::SYS_NICE),
    call("keyctl", [250, 288, 219], NOBODY),
    call("add_key", [248, 286, 217], NOBODY),
    call("request_key", [249, 287, 218], NOBODY),
    call("userfaultfd", [323, 374, 282], NOBODY),
    call("io_uring_setup", [425, 425, 425], NOBODY),
    call("io_uring_enter", [426, 426, 426], NOBODY),
    call("io_uring_register", [427, 427, 427], NOBODY),
    call("nfsservctl", [180, 169, 42], NOBODY),
    call("ustat", [136, 62, NONE], NOBODY),
    call("sysfs", [139, 135, NONE], NOBODY),
    call("uselib", [134, 86, NONE], NOBODY),
    call("vm86", [NONE, 166, NONE], NOBODY),
    call("vm86old", [NONE, 113, NONE], NOBODY),
    rule("clone", [56, 120, 220], ADMIN, Rule::WithBits(NAMESPACES)),
    rule(
        "unshare",
        [272, 310, 97],
        ADMIN,
        Rule::WithBits(NAMESPACES | TIME),
    ),
    rule("clone3", [435, 435, 435], ADMIN, Rule::Missing),
    rule(
        "personality",
        [135, 136, 92],
        NOBODY,
        Rule::Without(PERSONALITIES),
    ),
    rule("socket", [41, 359, 198], NOBODY, Rule::With(MACHINE_SOCKETS)),
];
