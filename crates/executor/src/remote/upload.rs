//! Sends what an attempt did and printed until the server wants no more of it.

use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use super::connection::Connection;
use super::error::Failure;
use super::held::Held;
use crate::observation::Observation;
use crate::protocol::LOG_PATH;
use crate::protocol::PIECE;
use crate::protocol::REPORT_PATH;
use crate::protocol::Report;
use crate::protocol::Taken;

/// Longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(2);

/// Sends until the attempt is gone.
pub(super) async fn upload(held: &Held, connection: &Connection) {
    let mut wait = Backoff::default();
    loop {
        if held.progress().gone {
            return;
        }
        match send_all(held, connection).await {
            Ok(()) => {
                wait = Backoff::default();
                held.changed.notified().await;
            }
            Err(Failure::Superseded) => {
                held.control.cancel(crate::runner::Cancel::Kill);
                held.progress().gone = true;
                return;
            }
            Err(failure) => {
                tracing::debug!(%failure, attempt = ?held.given.attempt, "to be sent again");
                tokio::time::sleep(wait.next()).await;
            }
        }
    }
}

/// Waits that grow, each with a share of chance, so that many runners do not come at once.
#[derive(Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// How long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        use std::hash::BuildHasher as _;
        let chance = std::hash::RandomState::new().hash_one(self.tries) % 50;
        let base = (Duration::from_millis(50) * 2_u32.pow(self.tries.min(6))).min(LONGEST);
        self.tries += 1;
        base * u32::try_from(chance).unwrap_or(0) / 100 + base / 2
    }
}

/// Sends everything that there is. The end of an attempt comes after all that was printed.
async fn send_all(held: &Held, connection: &Connection) -> Result<(), Failure> {
    loop {
        let containers: Vec<String> = held.progress().logs.keys().cloned().collect();
        for container in containers {
            send_log(held, connection, &container).await?;
        }
        let Some(report) = next_report(held) else {
            return Ok(());
        };
        if report.observations.is_empty() {
            continue;
        }
        let answer: Taken = connection.say(REPORT_PATH, &report).await?;
        held.progress().taken = usize::try_from(answer.taken).unwrap_or(usize::MAX);
    }
}

/// What is to be reported now; nothing in it when logs are to be sent before.
fn next_report(held: &Held) -> Option<Report> {
    let progress = held.progress();
    let logs_wait = progress.logs.values().any(|log| !log.close_taken);
    let sequence = progress.taken.min(progress.reports.len());
    let mut observations = progress.reports[sequence..].to_vec();
    if observations.is_empty() {
        return None;
    }
    let more_to_come = progress
        .logs
        .values()
        .any(|log| log.taken < log.length || (log.closed && !log.close_taken));
    if matches!(observations.last(), Some(Observation::Finished(_))) && logs_wait {
        observations.pop();
        if observations.is_empty() && !more_to_come {
            // Its processes' output is still being closed, which wakes this task.
            return None;
        }
    }
    Some(Report {
        attempt: held.given.attempt.clone(),
        fence: held.given.fence,
        sequence,
        observations,
    })
}

async fn send_log(held: &Held, connection: &Connection, container: &str) -> Result<(), Failure> {
    loop {
        let (file, offset, length, closed) = {
            let progress = held.progress();
            let Some(log) = progress.logs.get(container) else {
                return Ok(());
            };
            if log.taken >= log.length && (!log.closed || log.close_taken) {
                return Ok(());
            }
            (
                log.file.clone(),
                log.taken.min(log.length),
                log.length,
                log.closed,
            )
        };
        let size = usize::try_from(length - offset).unwrap_or(usize::MAX).min(PIECE);
        let mut bytes = vec![0; size];
        if let Some(file) = file {
            file.read_exact_at(&mut bytes, offset)
                .map_err(|error| Failure::Away(error.to_string()))?;
        }
        let end = offset + size as u64;
        let close = closed && end == length;
        let path = format!(
            "{LOG_PATH}?uid={}&attempt={}&fence={}&container={container}&offset={offset}&close={close}",
            held.given.attempt.task_run_uid, held.given.attempt.attempt, held.given.fence
        );
        let answer: Taken = connection
            .send(&path, "application/octet-stream", bytes.into())
            .await?;
        if let Some(log) = held.progress().logs.get_mut(container) {
            log.taken = answer.taken;
            log.close_taken = close && answer.taken >= end;
        }
    }
}
