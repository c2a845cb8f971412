//! Limits of a process as files of a control group and what to write to them.

use super::find::Controller;
use super::find::Version;
use crate::job::Limits;

/// Processes and threads that a process with limits may have at a time, itself included.
const MOST_PROCESSES: u64 = 2048;

/// Microseconds in which a process may use its share of processor time.
const PERIOD: u64 = 100_000;

/// The kernel takes no smaller share.
const LEAST_QUOTA: u64 = 1000;

/// What it means that a file cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// There is no such bound.
    Must,
    /// Nothing, where the kernel lacks the file.
    IfThere,
    /// Nothing, where the kernel refuses the value: a group above has a tighter one.
    UnlessTighter,
}

/// A file, its content and whether it matters.
pub(super) type Bound = (&'static str, String, Need);

/// Controllers that are needed for these limits: none where nothing is limited.
pub(super) fn needed(limits: &Limits) -> Vec<Controller> {
    let memory = limits.memory_bytes.filter(|bytes| *bytes > 0);
    let cpu = limits.cpu_millis.filter(|millis| *millis > 0);
    let mut needed = Vec::new();
    needed.extend(memory.map(|_| Controller::Memory));
    needed.extend(cpu.map(|_| Controller::Cpu));
    if !needed.is_empty() {
        needed.push(Controller::Pids);
    }
    needed
}

/// What to write for one controller, in order.
pub(super) fn bounds(version: Version, controller: Controller, limits: &Limits) -> Vec<Bound> {
    let quota = limits
        .cpu_millis
        .unwrap_or_default()
        .saturating_mul(PERIOD / 1000)
        .max(LEAST_QUOTA);
    let bytes = limits.memory_bytes.unwrap_or_default().to_string();
    match (version, controller) {
        (Version::One, Controller::Memory) => vec![
            ("memory.limit_in_bytes", bytes.clone(), Need::Must),
            // Memory and swap together, so that there is no swap beyond the bound.
            ("memory.memsw.limit_in_bytes", bytes, Need::IfThere),
        ],
        (Version::Two, Controller::Memory) => vec![
            ("memory.max", bytes, Need::Must),
            ("memory.swap.max", "0".to_owned(), Need::IfThere),
            // A step that lost one of its processes is of no use.
            ("memory.oom.group", "1".to_owned(), Need::IfThere),
        ],
        (Version::One, Controller::Cpu) => vec![
            ("cpu.cfs_period_us", PERIOD.to_string(), Need::UnlessTighter),
            ("cpu.cfs_quota_us", quota.to_string(), Need::UnlessTighter),
        ],
        (Version::Two, Controller::Cpu) => vec![("cpu.max", format!("{quota} {PERIOD}"), Need::Must)],
        (_, Controller::Pids) => vec![("pids.max", MOST_PROCESSES.to_string(), Need::Must)],
    }
}

/// File that counts the processes killed for memory.
pub(super) fn count_of_kills(version: Version) -> &'static str {
    match version {
        Version::One => "memory.oom_control",
        Version::Two => "memory.events",
    }
}

/// The count in the text of that file; 0 where the kernel does not count.
pub(super) fn kills(text: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}
