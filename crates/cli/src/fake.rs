//! A plane that plays what a test wrote down.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::meta::Condition;
use windlass_api::meta::OwnerReference;
use windlass_api::reasons::labels;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::taskrun::ContainerStateTerminated;
use windlass_api::tekton::taskrun::StepState;
use windlass_runtime::Client;
use windlass_runtime::Clock;
use windlass_runtime::ManualClock;
use windlass_runtime::client;
use windlass_runtime::client::Error;
use windlass_runtime::client::Event;
use windlass_runtime::client::EventType;
use windlass_runtime::client::LogChunk;
use windlass_runtime::client::LogQuery;
use windlass_runtime::client::LogStream;
use windlass_runtime::client::Result;
use windlass_runtime::client::Watch;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::images::ImageStore;
use crate::images::Images;
use crate::plane::Options;
use crate::plane::Plane;
use crate::plane::Planes;
use crate::terminal::Stream;
use crate::terminal::Streams;
use crate::terminal::Style;

/// Something that the plane does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// An object appears or changes.
    See(Object),
    /// A container prints; nothing means that it is complete.
    Print(&'static str, &'static str, &'static [u8]),
}

/// What happens once a run was created.
type Script = Box<dyn Fn(&Object) -> Vec<Act> + Send + Sync>;

/// A client whose plane plays a script.
pub(crate) struct FakeClient {
    script: Script,
    objects: Mutex<BTreeMap<Key, Object>>,
    events: (
        mpsc::UnboundedSender<Event>,
        Mutex<Option<mpsc::UnboundedReceiver<Event>>>,
    ),
    output: (
        mpsc::UnboundedSender<LogChunk>,
        Mutex<Option<mpsc::UnboundedReceiver<LogChunk>>>,
    ),
    printed: Mutex<Vec<LogChunk>>,
}

impl FakeClient {
    /// A plane that plays a script when a run is created.
    pub(crate) fn new(script: impl Fn(&Object) -> Vec<Act> + Send + Sync + 'static) -> Arc<Self> {
        let (events, event_reader) = mpsc::unbounded_channel();
        let (output, output_reader) = mpsc::unbounded_channel();
        Arc::new(Self {
            script: Box::new(script),
            objects: Mutex::default(),
            events: (events, Mutex::new(Some(event_reader))),
            output: (output, Mutex::new(Some(output_reader))),
            printed: Mutex::default(),
        })
    }

    /// Kinds and names of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects
            .lock()
            .unwrap()
            .keys()
            .map(ToString::to_string)
            .collect()
    }

    fn see(&self, object: Object) {
        let kind = if self
            .objects
            .lock()
            .unwrap()
            .insert(object.key(), object.clone())
            .is_none()
        {
            EventType::Added
        } else {
            EventType::Modified
        };
        self.events.0.send(Event { kind, object }).unwrap();
    }

    fn play(&self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::See(object) => self.see(object),
                Act::Print(pod, container, bytes) => {
                    let chunk = LogChunk {
                        pod: pod.into(),
                        container: container.into(),
                        bytes: Bytes::from_static(bytes),
                    };
                    self.printed.lock().unwrap().push(chunk.clone());
                    self.output.0.send(chunk).unwrap();
                }
            }
        }
    }
}

impl Client for FakeClient {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>>> {
        let object = self.objects.lock().unwrap().get(key).cloned();
        async { Ok(object) }.boxed()
    }

    fn list<'a>(&'a self, _: Kind, _: Option<&'a str>) -> BoxFuture<'a, Result<client::List>> {
        async { Ok(client::List::default()) }.boxed()
    }

    fn create(&self, mut object: Object) -> BoxFuture<'_, Result<Object>> {
        async {
            let metadata = object.metadata_mut();
            if metadata.name.is_empty() {
                metadata.name = format!("{}abcde", metadata.generate_name);
            }
            if self.objects.lock().unwrap().contains_key(&object.key()) {
                return Err(Error::AlreadyExists(format!("{} exists", object.key())));
            }
            self.see(object.clone());
            if matches!(object.kind(), Kind::TaskRun | Kind::PipelineRun | Kind::CustomRun) {
                self.play((self.script)(&object));
            }
            Ok(object)
        }
        .boxed()
    }

    fn update(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        async {
            self.see(object.clone());
            Ok(object)
        }
        .boxed()
    }

    fn update_status(&self, object: Object) -> BoxFuture<'_, Result<Object>> {
        self.update(object)
    }

    fn delete<'a>(&'a self, _: &'a Key, _: &'a str) -> BoxFuture<'a, Result<()>> {
        async { Ok(()) }.boxed()
    }

    fn watch<'a>(
        &'a self,
        _: &'a [Kind],
        _: Option<&'a str>,
        _: Option<u64>,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>>> {
        let reader = self.events.1.lock().unwrap().take().unwrap();
        async { Ok(Box::new(FakeWatch(reader)) as Box<dyn Watch>) }.boxed()
    }

    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<Box<dyn LogStream>>> {
        let stream: Box<dyn LogStream> = if query.follow {
            Box::new(FakeOutput(self.output.1.lock().unwrap().take().unwrap()))
        } else {
            let (sender, reader) = mpsc::unbounded_channel();
            let printed = self.printed.lock().unwrap();
            let of_query = |chunk: &&LogChunk| *chunk.pod == query.pod && *chunk.container == query.container;
            printed
                .iter()
                .filter(of_query)
                .for_each(|chunk| sender.send(chunk.clone()).unwrap());
            Box::new(FakeOutput(reader))
        };
        async { Ok(stream) }.boxed()
    }
}

struct FakeWatch(mpsc::UnboundedReceiver<Event>);

impl Watch for FakeWatch {
    fn next(&mut self) -> BoxFuture<'_, Option<Event>> {
        self.0.recv().boxed()
    }
}

struct FakeOutput(mpsc::UnboundedReceiver<LogChunk>);

impl LogStream for FakeOutput {
    fn next(&mut self) -> BoxFuture<'_, Option<LogChunk>> {
        self.0.recv().boxed()
    }
}

/// Planes that are all the same fake one.
pub(crate) struct FakePlanes {
    /// The plane's client.
    pub(crate) client: Arc<FakeClient>,
    /// What was asked of the plane.
    pub(crate) options: Mutex<Option<Options>>,
}

impl FakePlanes {
    /// A plane that plays a script.
    pub(crate) fn new(script: impl Fn(&Object) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self {
            client: FakeClient::new(script),
            options: Mutex::default(),
        }
    }
}

impl Planes for FakePlanes {
    fn start(&self, options: Options) -> BoxFuture<'_, anyhow::Result<Box<dyn Plane>>> {
        *self.options.lock().unwrap() = Some(options);
        let plane = FakePlane(Arc::clone(&self.client));
        async { Ok(Box::new(plane) as Box<dyn Plane>) }.boxed()
    }
}

/// Image stores that this machine refuses.
struct NoImages;

impl Images for NoImages {
    fn open(&self, _: Option<&Path>) -> anyhow::Result<Box<dyn ImageStore>> {
        Err(anyhow::anyhow!("no images here"))
    }
}

/// Planes that this machine refuses.
pub(crate) struct NoPlanes;

impl Planes for NoPlanes {
    fn start(&self, _: Options) -> BoxFuture<'_, anyhow::Result<Box<dyn Plane>>> {
        async { Err(anyhow::anyhow!("user namespaces are off").context("start the host executor")) }.boxed()
    }
}

struct FakePlane(Arc<FakeClient>);

impl Plane for FakePlane {
    fn client(&self) -> Arc<dyn Client> {
        Arc::clone(&self.0) as Arc<dyn Client>
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(ManualClock::new(at(10_000)))
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

/// What a command said and how it ended.
pub(crate) struct Said {
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
    /// How it ended.
    pub(crate) exit: Exit,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Executes a command line in a directory; its path is left out of what is said.
pub(crate) fn execute(planes: &dyn Planes, directory: &Path, arguments: &[&str]) -> Said {
    execute_with_images(planes, &NoImages, directory, arguments)
}

/// The same, with images.
pub(crate) fn execute_with_images(
    planes: &dyn Planes,
    images: &dyn Images,
    directory: &Path,
    arguments: &[&str],
) -> Said {
    let (out, err) = (Sink::default(), Sink::default());
    let stream = |sink: &Sink| Stream::new(Box::new(sink.clone()), false, Style::default());
    let mut streams = Streams {
        out: stream(&out),
        err: stream(&err),
    };
    let root = format!("{}/", directory.display());
    let arguments = std::iter::once("windlass".to_owned())
        .chain(arguments.iter().map(|argument| argument.replace("@/", &root)))
        .map(Into::into);
    let exit = Arguments::read(arguments)
        .unwrap()
        .execute_on(planes, images, &Nothing, &mut streams);
    let text = |sink: Sink| {
        String::from_utf8(sink.0.lock().unwrap().clone())
            .unwrap()
            .replace(&root, "")
    };
    Said {
        out: text(out),
        err: text(err),
        exit,
    }
}

/// A point in time, in milliseconds.
pub(crate) fn at(millis: i64) -> Time {
    Time::from_millis(millis)
}

/// The condition that every run has.
pub(crate) fn condition(status: &str, reason: &str, message: &str) -> Vec<Condition> {
    vec![Condition {
        r#type: "Succeeded".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        ..Condition::default()
    }]
}

/// A task run of a task of a pipeline run, or of none.
pub(crate) fn task_run(parent: Option<&PipelineRun>, name: &str, task: &str) -> TaskRun {
    let mut run = TaskRun::default();
    run.metadata.name = name.to_owned();
    run.metadata.namespace = "default".to_owned();
    if let Some(parent) = parent {
        run.metadata
            .labels
            .insert(labels::PIPELINE_TASK.to_owned(), task.to_owned());
        run.metadata.owner_references = vec![owner(parent)];
    }
    run.status.pod_name = format!("{name}-pod");
    run.status.start_time = Some(at(1_000));
    run
}

/// The reference by which children know their parent.
pub(crate) fn owner(parent: &PipelineRun) -> OwnerReference {
    OwnerReference {
        kind: "PipelineRun".to_owned(),
        name: parent.metadata.name.clone(),
        ..OwnerReference::default()
    }
}

/// Ends a task run.
pub(crate) fn ended(mut run: TaskRun, status: &str, reason: &str, message: &str) -> TaskRun {
    run.status.conditions = condition(status, reason, message);
    run.status.completion_time = Some(at(2_500));
    run
}

/// A step that ended.
pub(crate) fn step(name: &str, exit_code: i32, reason: &str) -> StepState {
    StepState {
        name: name.to_owned(),
        container: format!("step-{name}"),
        terminated: Some(ContainerStateTerminated {
            exit_code,
            ..ContainerStateTerminated::default()
        }),
        termination_reason: reason.to_owned(),
        ..StepState::default()
    }
}

/// Services that do not start.
struct Nothing;

impl crate::services::Services for Nothing {
    fn serve(&self, _: &crate::services::ServeOptions) -> anyhow::Result<()> {
        anyhow::bail!("nothing is served in a test of the command line")
    }

    fn run(&self, _: &crate::services::RunnerOptions) -> anyhow::Result<()> {
        anyhow::bail!("nothing is executed in a test of the command line")
    }
}
