//! What a backend is able to do, and what came of it.

use std::fmt;

/// What a backend claims to honour; cases that need something else are skipped, with the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct Profile {
    /// Runs real processes with `sh` and the usual small tools.
    pub shell: bool,
    /// Mounts volumes.
    pub volumes: bool,
    /// Each attempt has a view of its own, and nothing a step writes reaches the machine.
    pub private_view: bool,
    /// Processes are children of this machine and show in `/proc`.
    pub local_processes: bool,
    /// Runs processes as any user.
    pub users: bool,
}

/// What a case needs of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Shell,
    Volumes,
    PrivateView,
    LocalProcesses,
    Users,
}

impl Profile {
    /// Why a case cannot run; `None` when it can.
    pub(super) fn lacks(self, needs: Needs) -> Option<&'static str> {
        let (has, reason) = match needs {
            Needs::Nothing => return None,
            Needs::Shell => (self.shell, "backend runs no real processes"),
            Needs::Volumes => (self.shell && self.volumes, "backend mounts no volumes"),
            Needs::PrivateView => (
                self.shell && self.private_view,
                "attempts share the machine's files",
            ),
            Needs::LocalProcesses => (self.shell && self.local_processes, "processes run elsewhere"),
            Needs::Users => (self.shell && self.users, "backend cannot change users"),
        };
        (!has).then_some(reason)
    }
}

/// What came of the suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every case, in order.
    pub cases: Vec<CaseReport>,
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// The claim that the case checks.
    pub name: &'static str,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// Whether a claim holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Passed,
    /// It does not, and this is what was seen.
    Failed(String),
    /// The backend does not claim it.
    Skipped(&'static str),
}

impl Report {
    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases
            .iter()
            .filter(|case| matches!(case.verdict, Verdict::Failed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for case in &self.cases {
            match &case.verdict {
                Verdict::Passed => {
                    passed += 1;
                    writeln!(formatter, "passed   {}", case.name)?;
                }
                Verdict::Failed(why) => {
                    failed += 1;
                    writeln!(formatter, "FAILED   {}: {why}", case.name)?;
                }
                Verdict::Skipped(reason) => {
                    skipped += 1;
                    writeln!(formatter, "skipped  {}: {reason}", case.name)?;
                }
            }
        }
        write!(formatter, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}
