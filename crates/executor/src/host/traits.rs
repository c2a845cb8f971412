//! What a process of a sandbox can change about the sandbox's first process, because both belong to one user.

use rustix::process::Resource;
use rustix::process::Rlimit;

/// Limits that programs inherit.
const LIMITS: [Resource; 15] = [
    Resource::Cpu,
    Resource::Fsize,
    Resource::Data,
    Resource::Stack,
    Resource::Core,
    Resource::Rss,
    Resource::Nproc,
    Resource::Nofile,
    Resource::Memlock,
    Resource::As,
    Resource::Locks,
    Resource::Sigpending,
    Resource::Msgqueue,
    Resource::Nice,
    Resource::Rtprio,
];

/// What the calling process's programs inherit from it and others can change.
#[derive(PartialEq)]
pub(super) struct Traits {
    limits: [Rlimit; 15],
    priority: Option<i32>,
    processors: Option<rustix::thread::CpuSet>,
    out_of_memory: Option<String>,
}

impl Traits {
    /// Reads them.
    pub(super) fn read() -> Self {
        Self {
            limits: LIMITS.map(rustix::process::getrlimit),
            priority: rustix::process::getpriority_process(None).ok(),
            processors: rustix::thread::sched_getaffinity(None).ok(),
            out_of_memory: std::fs::read_to_string("/proc/self/oom_score_adj").ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Traits;

    #[test]
    fn an_untouched_process_is_equal_to_itself() {
        assert!(Traits::read() == Traits::read());
    }
}
