//! Looks after one started process until it is gone.

use std::io;
use std::time::Duration;
use std::time::SystemTime;

use crate::backend::Exit;
use crate::backend::Running;
use crate::output::Output;
use crate::runner::control::Cancel;
use crate::runner::control::Stop;
use crate::runner::control::Stops;
use crate::runner::control::Why;
use crate::runner::control::after;
use crate::runner::control::elapsed;

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// How a process went.
pub(super) struct Ended {
    pub(super) exit: io::Result<Exit>,
    /// The first reason for which it was told to stop; `None` when it ended by itself.
    pub(super) stopped: Option<Why>,
    pub(super) at: SystemTime,
}

/// Moves the output of a process into its log and passes on what stops it, until it ended and its output is complete.
///
/// # Caveats
/// A process that survives SIGKILL (stuck in the kernel) keeps this waiting.
pub(super) async fn attend(
    running: &mut dyn Running,
    output: &mut Output,
    stops: &mut Stops,
    grace: Duration,
) -> Ended {
    let mut stopped = None;
    let mut patience = None;
    let exit = loop {
        tokio::select! {
            biased;
            Stop { why, force } = stops.next() => {
                match force {
                    Cancel::Kill => {
                        patience = None;
                        signal(running, SIGKILL);
                    }
                    Cancel::Graceful if stopped.is_none() => {
                        patience = Some(after(grace));
                        signal(running, SIGTERM);
                    }
                    Cancel::Graceful => {}
                }
                stopped.get_or_insert(why);
            }
            () = elapsed(&mut patience) => signal(running, SIGKILL),
            exit = running.wait() => break exit,
            () = output.flow() => {}
        }
    };
    let at = SystemTime::now();
    if exit.is_ok() {
        output.drain().await;
    }
    Ended { exit, stopped, at }
}

fn signal(running: &mut dyn Running, signal: i32) {
    if let Err(error) = running.signal(signal) {
        tracing::warn!(%error, signal, "could not signal a process");
    }
}
