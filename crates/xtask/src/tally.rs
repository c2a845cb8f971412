//! Counts of tests, and the one summary line.

use std::fmt;
use std::ops::AddAssign;
use std::process::ExitCode;

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ran and held.
    pub(crate) passed: usize,
    /// Ran and did not hold, or could not be built.
    pub(crate) failed: usize,
    /// Not run, each with a printed reason.
    pub(crate) skipped: usize,
}

impl Tally {
    /// Reads one `test result:` line of libtest; any other line is `None`.
    pub(crate) fn from_libtest(line: &str) -> Option<Self> {
        let counts = line.trim().strip_prefix("test result:")?;
        let count = |noun: &str| {
            let before = counts.split(noun).next()?.trim_end();
            before.rsplit([' ', '.']).next()?.parse().ok()
        };
        Some(Self {
            passed: count(" passed")?,
            failed: count(" failed")?,
            skipped: count(" ignored")?,
        })
    }

    /// Failure of the process when anything failed.
    pub(crate) fn exit_code(self) -> ExitCode {
        if self.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn only_summary_lines_are_counted() {
        let rows = [
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
                Some(Tally {
                    passed: 12,
                    failed: 0,
                    skipped: 1,
                }),
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
                Some(Tally {
                    passed: 3,
                    failed: 2,
                    skipped: 0,
                }),
            ),
            ("test parser::reads ... ok", None),
            ("", None),
        ];
        for (line, expected) in rows {
            assert_eq!(Tally::from_libtest(line), expected, "{line}");
        }
    }

    #[test]
    fn the_summary_reads_plainly() {
        let tally = Tally {
            passed: 1,
            failed: 2,
            skipped: 3,
        };
        assert_eq!(tally.to_string(), "1 passed, 2 failed, 3 skipped");
    }
}
