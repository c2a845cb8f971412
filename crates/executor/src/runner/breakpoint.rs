//! Pauses for a person.

use std::path::Path;
use std::time::Duration;

use crate::backend::Sandbox;
use crate::runner::control::Release;
use crate::runner::control::Stop;
use crate::runner::control::Stops;

/// Files that release a breakpoint are a word long.
const MOST_BYTES: usize = 4096;

/// Which of the two pauses of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breakpoint {
    BeforeStep,
    OnFailure,
}

impl Breakpoint {
    /// What the log of the paused step says.
    pub(super) fn notice(self, index: usize) -> String {
        let (what, file) = match self {
            Self::BeforeStep => ("before this step", self.file()),
            Self::OnFailure => ("because this step failed", self.file()),
        };
        format!(
            "paused {what}; to go on, create /tekton/run/{index}/{file} (holding 0), \
             or {file}.err in the same place to let the step fail"
        )
    }

    fn file(self) -> &'static str {
        match self {
            Self::BeforeStep => "out.beforestepexit",
            Self::OnFailure => "out.breakpointexit",
        }
    }
}

/// Waits until the breakpoint is released from outside or by a file, or the attempt is interrupted.
pub(super) async fn pause(
    breakpoint: Breakpoint,
    sandbox: &dyn Sandbox,
    stops: &mut Stops,
    index: usize,
    period: Duration,
) -> Result<Release, Stop> {
    let mut orders = stops.orders();
    tokio::select! {
        biased;
        stop = stops.next() => Err(stop),
        release = Stops::released(&mut orders, index) => Ok(release),
        release = file(breakpoint, sandbox, index, period) => Ok(release),
    }
}

async fn file(breakpoint: Breakpoint, sandbox: &dyn Sandbox, index: usize, period: Duration) -> Release {
    let good = format!("/tekton/run/{index}/{}", breakpoint.file());
    let bad = format!("{good}.err");
    loop {
        if let Ok(Some(_)) = sandbox.read(Path::new(&bad), MOST_BYTES) {
            return Release::Fail;
        }
        if let Ok(Some(content)) = sandbox.read(Path::new(&good), MOST_BYTES) {
            // Upstream's scripts write the exit code that the step shall have.
            return match content.trim_ascii() {
                b"" | b"0" => Release::Continue,
                _ => Release::Fail,
            };
        }
        tokio::time::sleep(period).await;
    }
}
