//! Follows a run to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::reasons::pipeline_run;
use windlass_api::reasons::task_run;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::client;
use windlass_runtime::client::LogChunk;
use windlass_runtime::client::LogQuery;
use windlass_runtime::client::LogStream;
use windlass_runtime::client::Watch;

use super::interrupts::Interrupt;
use super::interrupts::Interrupts;
use super::interrupts::cancel;
use super::lines::Container;
use super::lines::Lines;
use super::logs::LogDirectory;
use super::model::Progress;
use super::state::succeeded;
use super::view::View;
use super::view::step_name;

/// Kinds whose changes are a run's progress.
const KINDS: &[Kind] = &[Kind::TaskRun, Kind::PipelineRun, Kind::CustomRun];

/// How often a moving view moves: often enough to look alive, and too seldom to cost anything.
const TICK: Duration = Duration::from_millis(100);

/// How long output may come in late, when the plane says that everything ended.
const LATE_OUTPUT: Duration = Duration::from_millis(500);

/// How long children may take to end after the run that made them: the grace that their processes have, and a little.
const LATE_CHILDREN: Duration = Duration::from_secs(35);

/// Bytes of output that are held before the plane says whose they are; after that, reading waits.
const MOST_EARLY: usize = 1024 * 1024;

/// Output that came before the plane said whose it is.
type Early = HashMap<Arc<str>, Vec<LogChunk>>;

/// Follows one run.
pub(crate) struct Follower<'a> {
    /// The plane.
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    watch: Box<dyn Watch>,
    output: Output<'a>,
    namespace: String,
    interrupted: Interrupt,
    is_told_to_wait: bool,
}

/// Where output goes.
struct Output<'a> {
    /// Until its end, and where anybody wants to see it.
    stream: Option<Box<dyn LogStream>>,
    view: &'a mut dyn View,
    directory: Option<LogDirectory>,
    lines: Lines,
    prefixes: HashMap<Container, Arc<str>>,
    early: Early,
    early_bytes: usize,
}

/// The next piece of output; never, where there is no more. Cancel-safe.
async fn next(stream: &mut Option<Box<dyn LogStream>>) -> Option<LogChunk> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

impl<'a> Follower<'a> {
    /// Opens the streams; do it before the run is created, so that nothing is missed.
    ///
    /// # Errors
    /// As the plane says.
    pub(crate) async fn open(
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        namespace: &str,
        view: &'a mut dyn View,
        directory: Option<LogDirectory>,
    ) -> client::Result<Self> {
        let watch = client.watch(KINDS, Some(namespace), None).await?;
        let query = LogQuery {
            namespace: namespace.to_owned(),
            follow: true,
            ..LogQuery::default()
        };
        let stream = if view.wants_output() || directory.is_some() {
            Some(client.logs(query).await?)
        } else {
            None
        };
        let output = Output {
            stream,
            view,
            directory,
            lines: Lines::default(),
            prefixes: HashMap::new(),
            early: HashMap::new(),
            early_bytes: 0,
        };
        let namespace = namespace.to_owned();
        Ok(Self {
            client,
            clock,
            watch,
            output,
            namespace,
            interrupted: Interrupt::None,
            is_told_to_wait: false,
        })
    }

    /// Follows until the run and its children ended, or the user wants no more.
    ///
    /// # Errors
    /// As the plane says.
    pub(crate) async fn follow(
        &mut self,
        root: Object,
        interrupts: &mut Interrupts,
    ) -> client::Result<Progress> {
        let key = root.key();
        let mut progress = Progress::new(root);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let late = tokio::time::sleep(LATE_CHILDREN);
        tokio::pin!(late);
        loop {
            let is_ended = progress.is_ended();
            if is_ended && progress.is_quiet() {
                break;
            }
            if !is_ended {
                late.as_mut().reset(tokio::time::Instant::now() + LATE_CHILDREN);
            }
            tokio::select! {
                biased;
                interrupt = interrupts.beyond(self.interrupted) => {
                    if self.interrupt(interrupt, &key).await? == Interrupt::Kill {
                        break;
                    }
                }
                event = self.watch.next() => self.see(event.map(|event| event.object), &mut progress).await?,
                chunk = next(&mut self.output.stream), if self.output.early_bytes < MOST_EARLY => {
                    self.output.take(chunk, &progress);
                    self.output.view.settle(&progress, self.clock.now());
                }
                _ = tick.tick(), if self.output.view.is_moving() => {
                    self.output.view.settle(&progress, self.clock.now());
                }
                () = &mut late, if is_ended => break,
            }
        }
        self.output.drain(&progress).await;
        self.output.view.finish();
        Ok(progress)
    }

    /// Says once that a run waits for somebody to let it start, because nobody else would.
    fn tell_of_waiting(&mut self, progress: &Progress) {
        let reason = succeeded(progress.root()).map_or("", |condition| condition.reason.as_str());
        if !self.is_told_to_wait && [pipeline_run::PENDING, task_run::PENDING].contains(&reason) {
            self.is_told_to_wait = true;
            self.output
                .view
                .notice(&format!("the run waits: its spec.status is {reason}"));
        }
    }

    async fn interrupt(&mut self, interrupt: Interrupt, key: &Key) -> client::Result<Interrupt> {
        self.interrupted = interrupt;
        if interrupt == Interrupt::Cancel {
            let notice = match key.kind {
                Kind::PipelineRun => "cancelling; finally tasks still run. Once more to end at once",
                _ => "cancelling. Once more to end at once",
            };
            self.output.view.notice(notice);
            cancel(&self.client, key).await?;
        } else {
            self.output.view.notice("ending at once");
        }
        Ok(interrupt)
    }

    async fn see(&mut self, object: Option<Object>, progress: &mut Progress) -> client::Result<()> {
        let Some(object) = object else {
            // Too slow for the plane, which starts over with all there is.
            self.watch = self.client.watch(KINDS, Some(&self.namespace), None).await?;
            return Ok(());
        };
        self.output.see(object, progress);
        while let Some(Some(event)) = self.watch.next().now_or_never() {
            self.output.see(event.object, progress);
        }
        self.tell_of_waiting(progress);
        Ok(())
    }
}

impl Output<'_> {
    fn see(&mut self, object: Object, progress: &mut Progress) {
        if !progress.see(object) || self.early.is_empty() {
            return;
        }
        let known: Vec<Arc<str>> = self
            .early
            .keys()
            .filter(|pod| progress.label_of_pod(pod).is_some())
            .cloned()
            .collect();
        for pod in known {
            for chunk in self.early.remove(&pod).unwrap_or_default() {
                self.early_bytes = self.early_bytes.saturating_sub(chunk.bytes.len());
                self.show(&chunk, progress);
            }
        }
    }

    fn take(&mut self, chunk: Option<LogChunk>, progress: &Progress) {
        let Some(chunk) = chunk else {
            self.stream = None;
            return;
        };
        if progress.label_of_pod(&chunk.pod).is_some() {
            self.show(&chunk, progress);
        } else {
            self.early_bytes += chunk.bytes.len();
            self.early.entry(Arc::clone(&chunk.pod)).or_default().push(chunk);
        }
    }

    fn show(&mut self, chunk: &LogChunk, progress: &Progress) {
        let Self {
            view,
            lines,
            prefixes,
            directory,
            ..
        } = self;
        let task = progress
            .label_of_pod(&chunk.pod)
            .cloned()
            .unwrap_or_else(|| Arc::clone(&chunk.pod));
        if let Some(logs) = directory
            && let Err(error) = logs.write(&task, chunk)
        {
            view.notice(&format!("warning: the log of {task} cannot be kept: {error}"));
            *directory = None;
        }
        let container = (Arc::clone(&chunk.pod), Arc::clone(&chunk.container));
        let prefix = prefixes
            .entry(container)
            .or_insert_with(|| view.prefix(&task, step_name(&chunk.container)).into());
        lines.push(chunk, |line| view.line(prefix, line));
    }

    /// Shows what was printed and not read yet.
    async fn drain(&mut self, progress: &Progress) {
        let deadline = tokio::time::Instant::now() + LATE_OUTPUT;
        while self.stream.is_some() {
            let next = match next(&mut self.stream).now_or_never() {
                Some(next) => next,
                None if self.lines.open() == 0 => break,
                None => match tokio::time::timeout_at(deadline, next(&mut self.stream)).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            self.take(next, progress);
        }
        for chunk in std::mem::take(&mut self.early).into_values().flatten() {
            self.show(&chunk, progress);
        }
        let Self {
            view,
            lines,
            prefixes,
            ..
        } = self;
        lines.finish(|container, line| {
            view.line(prefixes.get(container).map_or("", |prefix| prefix.as_ref()), line);
        });
    }
}
