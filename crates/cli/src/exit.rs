//! How a command ends. The codes are part of the interface: scripts rely on them.

/// Exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command did what was asked; a run succeeded, perhaps with tasks skipped.
    Succeeded = 0,
    /// The run failed. The end of the output names the failing step.
    Failed = 1,
    /// The command line is wrong: an unknown option, a malformed value, a parameter that is missing or unknown.
    Usage = 2,
    /// The input is wrong: it cannot be read, decoded or validated, or it is not clear what to run.
    InvalidInput = 3,
    /// This machine cannot do what was asked: no private view of it, no room, no permission.
    Environment = 4,
    /// The run was cancelled by a signal (Ctrl-C, SIGTERM, SIGHUP) and did not succeed before it stopped.
    Cancelled = 130,
}

impl Exit {
    /// The number that the parent process sees.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
