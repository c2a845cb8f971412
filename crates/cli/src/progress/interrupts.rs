//! Ctrl-C: the first cancels, the second kills.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::watch;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::reasons::pipeline_run;
use windlass_api::reasons::task_run;
use windlass_api::tekton::CustomRun;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::TaskRun;
use windlass_runtime::Client;
use windlass_runtime::client;

use crate::exit::Exit;

/// How long a run has to end after SIGTERM or SIGHUP, whose sender seldom waits longer than ten seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A signal that comes so soon after another is the same one: wrappers pass on what the terminal sent to all.
const ECHO: Duration = Duration::from_millis(200);

/// What was asked for so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interrupt {
    /// Nothing.
    None,
    /// To cancel and let `finally` run.
    Cancel,
    /// To end now.
    Kill,
}

/// The signals of this process, from now on.
pub(crate) struct Interrupts {
    state: watch::Receiver<Interrupt>,
}

impl Interrupts {
    /// Listens. Signals no longer end the process by themselves, except a third one.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        let hang_up = signal(SignalKind::hangup())?;
        let (sender, state) = watch::channel(Interrupt::None);
        tokio::spawn(wait(interrupt, terminate, hang_up, sender));
        Ok(Self { state })
    }

    /// What was asked for so far.
    pub(crate) fn so_far(&self) -> Interrupt {
        *self.state.borrow()
    }

    /// Waits until more is asked for than the caller knows of. Cancel-safe.
    pub(crate) async fn beyond(&mut self, known: Interrupt) -> Interrupt {
        match self.state.wait_for(|state| *state > known).await {
            Ok(state) => *state,
            // The listener never ends before the process does.
            Err(_) => std::future::pending().await,
        }
    }
}

async fn wait(
    mut interrupt: Signal,
    mut terminate: Signal,
    mut hang_up: Signal,
    state: watch::Sender<Interrupt>,
) {
    let is_patient = tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => false,
        _ = hang_up.recv() => false,
    };
    state.send_replace(Interrupt::Cancel);
    let heard = tokio::time::Instant::now();
    let patience = tokio::time::sleep(PATIENCE);
    tokio::pin!(patience);
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            () = &mut patience, if !is_patient => break,
        }
        if heard.elapsed() > ECHO {
            break;
        }
    }
    state.send_replace(Interrupt::Kill);
    let heard = tokio::time::Instant::now();
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if heard.elapsed() > ECHO {
            break;
        }
    }
    // Whoever asks three times does not want to wait for tidiness; the launcher takes the processes down by itself.
    std::process::exit(i32::from(Exit::Cancelled.code()));
}

/// Asks a run to cancel, in the way that lets `finally` run.
///
/// # Errors
/// As the plane says.
pub(super) async fn cancel(client: &Arc<dyn Client>, key: &Key) -> client::Result<()> {
    match key.kind {
        Kind::PipelineRun => {
            let request = |run: &mut PipelineRun| {
                pipeline_run::REQUEST_CANCELLED_RUN_FINALLY
                    .clone_into(&mut Arc::make_mut(&mut run.spec).status);
            };
            client.modify(key, request).await.map(drop)
        }
        Kind::TaskRun => {
            let request = |run: &mut TaskRun| {
                task_run::REQUEST_CANCELLED.clone_into(&mut Arc::make_mut(&mut run.spec).status);
            };
            client.modify(key, request).await.map(drop)
        }
        _ => {
            let request = |run: &mut CustomRun| "RunCancelled".clone_into(&mut run.spec.status);
            client.modify(key, request).await.map(drop)
        }
    }
}
