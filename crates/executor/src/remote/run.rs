//! Asks for attempts and runs them.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::error::Error;
use super::error::Failure;
use super::held::All;
use super::held::Held;
use super::journal::Given;
use super::journal::Journal;
use super::options::Options;
use super::upload;
use super::upload::Backoff;
use crate::backend::Backend;
use crate::job::Job;
use crate::observation::Observation;
use crate::protocol::Offer;
use crate::protocol::Orders;
use crate::protocol::POLL_PATH;
use crate::protocol::Poll;
use crate::runner::Cancel;
use crate::runner::ExpandStep;
use crate::runner::Runner;
use crate::runner::RunnerConfig;

/// Executes what the server hands out, until it lingers in vain or the future is dropped, which kills what runs.
///
/// # Errors
/// When the directory is in use or broken, an option is wrong, or the server refuses the token.
pub async fn run(
    options: Options,
    backend: Arc<dyn Backend>,
    expand: ExpandStep,
    config: RunnerConfig,
) -> Result<(), Error> {
    let journal = Journal::open(&options.data_dir)?;
    let all = Arc::new(All::default());
    let capacity = config.capacity;
    let mut worker = Worker {
        connection: Arc::new(Connection::new(&options)?),
        runner: Runner::new(backend, expand, Arc::clone(&all) as _, config),
        freed: Arc::new(Notify::new()),
        tasks: JoinSet::new(),
        capacity,
        options,
        journal,
        all,
    };
    worker.take_up()?;
    worker.work().await
}

struct Worker {
    options: Options,
    journal: Journal,
    connection: Arc<Connection>,
    runner: Runner,
    all: Arc<All>,
    capacity: usize,
    /// An attempt ended.
    freed: Arc<Notify>,
    tasks: JoinSet<()>,
}

impl Worker {
    /// Goes on with what an earlier process held.
    fn take_up(&mut self) -> Result<(), Error> {
        for found in self.journal.find()? {
            let path = found.directory.clone();
            let held = Held::found(found).map_err(|source| Error::Journal { path, source })?;
            let held = Arc::new(held);
            self.all
                .lock()
                .insert(held.given.attempt.clone(), Arc::clone(&held));
            self.send(held);
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<(), Error> {
        let mut wait = Backoff::default();
        let mut heard = Instant::now();
        loop {
            while self.tasks.try_join_next().is_some() {}
            self.sweep();
            let poll = self.poll();
            let is_full = poll.slots == 0;
            let connection = Arc::clone(&self.connection);
            let freed = Arc::clone(&self.freed);
            let answer = tokio::select! {
                answer = connection.say::<Orders>(POLL_PATH, &poll) => answer,
                () = freed.notified(), if is_full => continue,
            };
            match answer {
                Ok(orders) => {
                    wait = Backoff::default();
                    heard = Instant::now();
                    self.obey(orders)?;
                }
                Err(Failure::Refused) => return Err(Error::Refused),
                Err(failure) => {
                    tracing::debug!(%failure, "the server is away");
                    if self.is_done_lingering(heard.elapsed()) {
                        return Ok(());
                    }
                    tokio::time::sleep(wait.next()).await;
                }
            }
        }
    }

    fn is_done_lingering(&self, alone: Duration) -> bool {
        self.options.linger.is_some_and(|linger| alone >= linger) && self.all.lock().is_empty()
    }

    fn poll(&self) -> Poll {
        let held: Vec<Arc<Held>> = self.all.lock().values().cloned().collect();
        let running = held.iter().filter(|held| held.progress().runs).count();
        Poll {
            runner: self.options.name.clone(),
            instance: self.journal.instance.clone(),
            version: self.options.version.clone(),
            executors: self.options.executors.clone(),
            capacity: self.capacity,
            labels: self.options.labels.clone(),
            slots: self.capacity.saturating_sub(running),
            held: held.iter().map(|held| held.holding()).collect(),
        }
    }

    fn obey(&mut self, orders: Orders) -> Result<(), Error> {
        for id in orders.gone {
            let held = self.all.lock().get(&id).cloned();
            if let Some(held) = held {
                held.control.cancel(Cancel::Kill);
                held.progress().gone = true;
                held.changed.notify_one();
            }
        }
        for change in orders.changes {
            let held = self.all.lock().get(&change.attempt).cloned();
            let Some(held) = held else {
                continue;
            };
            if let Some(cancel) = change.cancel {
                held.control.cancel(cancel);
            }
            for (step, release) in change.releases {
                held.control.release(step, release);
            }
            let mut progress = held.progress();
            if change.taken < progress.taken {
                // The server was started anew: it has no reports, and perhaps not the last bytes of the logs.
                progress.taken = change.taken;
                for log in progress.logs.values_mut() {
                    log.close_taken = false;
                }
                drop(progress);
                held.changed.notify_one();
            }
        }
        for offer in orders.jobs {
            self.begin(offer)?;
        }
        Ok(())
    }

    fn begin(&mut self, offer: Offer) -> Result<(), Error> {
        let Offer { job, fence } = offer;
        if self.all.lock().contains_key(&job.id) {
            return Ok(());
        }
        let given = Given {
            attempt: job.id.clone(),
            fence,
        };
        let directory = self.journal.give(&given)?;
        let held = Arc::new(Held::new(given, directory));
        self.all.lock().insert(job.id.clone(), Arc::clone(&held));
        self.send(Arc::clone(&held));
        let (runner, freed) = (self.runner.clone(), Arc::clone(&self.freed));
        self.tasks.spawn(async move {
            let ending = Ending { held, freed };
            execute(&runner, &job, &ending).await;
        });
        Ok(())
    }

    fn send(&mut self, held: Arc<Held>) {
        let connection = Arc::clone(&self.connection);
        self.tasks
            .spawn(async move { upload::upload(&held, &connection).await });
    }

    /// Forgets what is gone and does not run any more.
    fn sweep(&self) {
        self.all.lock().retain(|_, held| {
            let progress = held.progress();
            let forget = progress.gone && !progress.runs;
            drop(progress);
            if forget {
                held.forget();
            }
            !forget
        });
    }
}

async fn execute(runner: &Runner, job: &Job, ending: &Ending) {
    let slot = runner.slot().await;
    let mut observe = |observation| {
        let is_end = matches!(observation, Observation::Finished(_));
        ending.held.report(observation);
        if is_end {
            // The sandbox is still being removed, but the place is free.
            ending.held.end("");
            ending.freed.notify_one();
        }
    };
    runner.run(slot, job, &ending.held.control, &mut observe).await;
}

/// Notes the end of an attempt, also when its task panicked or the runner stops.
struct Ending {
    held: Arc<Held>,
    freed: Arc<Notify>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let why = if std::thread::panicking() {
            "its runner failed"
        } else {
            "its runner stopped"
        };
        self.held.end(why);
        self.freed.notify_one();
    }
}
