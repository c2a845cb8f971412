//! Sandboxes in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::backend::Backend;
use crate::backend::Connection;
use crate::backend::Launch;
use crate::backend::Running;
use crate::backend::Sandbox;
use crate::fake::process::FakeProcess;
use crate::fake::script::Script;
use crate::job::Job;
use crate::job::Process;
use crate::observation::StartFailure;
use crate::observation::StartFailureKind;

/// The scripted backend. Clones share the journal.
#[derive(Clone, Debug, Default)]
pub struct Fake {
    journal: Arc<Journal>,
    prepare_failure: Option<String>,
}

impl Fake {
    /// Makes a fake with an empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a fake that cannot make sandboxes.
    pub fn broken(message: impl Into<String>) -> Self {
        Self {
            prepare_failure: Some(message.into()),
            ..Self::default()
        }
    }

    /// Everything that happened so far, one line each: `prepare <pod>`, `start <container>`, `signal <n> <container>`,
    /// `end <container> <code>`, `destroy <pod>`.
    pub fn journal(&self) -> Vec<String> {
        self.journal.lock().lines.clone()
    }

    /// Processes that run right now, plus sandboxes that exist.
    pub fn alive(&self) -> usize {
        self.journal.lock().alive
    }

    /// The most that were ever alive at the same time.
    pub fn most_alive(&self) -> usize {
        self.journal.lock().most_alive
    }
}

impl Backend for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Box<dyn Sandbox>, StartFailure>> {
        if let Some(message) = &self.prepare_failure {
            let failure = StartFailure {
                kind: StartFailureKind::Sandbox,
                message: message.clone(),
            };
            return std::future::ready(Err(failure)).boxed();
        }
        self.journal.note(format!("prepare {}", job.pod));
        self.journal.count(1);
        let sandbox = FakeSandbox {
            pod: job.pod.clone(),
            files: Arc::default(),
            started: BTreeMap::new(),
            journal: Arc::clone(&self.journal),
            destroyed: false,
        };
        std::future::ready(Ok(Box::new(sandbox) as Box<dyn Sandbox>)).boxed()
    }
}

struct FakeSandbox {
    pod: String,
    files: Arc<Files>,
    started: BTreeMap<String, (Instant, Option<Duration>)>,
    journal: Arc<Journal>,
    destroyed: bool,
}

impl FakeSandbox {
    fn is_ready(&self, container: &str) -> bool {
        self.started
            .get(container)
            .is_some_and(|(at, ready_after)| ready_after.is_none_or(|after| at.elapsed() >= after))
    }

    fn remove(&mut self) {
        if !self.destroyed {
            self.destroyed = true;
            self.journal.note(format!("destroy {}", self.pod));
            self.journal.count(-1);
        }
    }
}

impl Sandbox for FakeSandbox {
    fn start<'a>(&'a mut self, launch: Launch<'a>) -> BoxFuture<'a, Result<Box<dyn Running>, StartFailure>> {
        let Launch {
            container,
            process,
            tee,
            output,
        } = launch;
        let script = Script::new(container, process);
        if let Some(message) = script.pull_failure {
            let failure = StartFailure {
                kind: StartFailureKind::ImagePull,
                message,
            };
            return std::future::ready(Err(failure)).boxed();
        }
        if let Some(message) = script.start_failure {
            let failure = StartFailure {
                kind: StartFailureKind::ContainerConfig,
                message,
            };
            return std::future::ready(Err(failure)).boxed();
        }
        self.started
            .insert(container.to_owned(), (Instant::now(), script.ready_after));
        let (files, journal) = (Arc::clone(&self.files), Arc::clone(&self.journal));
        let process = FakeProcess::new(
            container,
            &process.image,
            script,
            output,
            tee.stdout,
            files,
            journal,
        );
        std::future::ready(Ok(Box::new(process) as Box<dyn Running>)).boxed()
    }

    fn probe<'a>(
        &'a self,
        container: &'a str,
        _process: &'a Process,
        _command: &'a [String],
    ) -> BoxFuture<'a, io::Result<i32>> {
        std::future::ready(Ok(i32::from(!self.is_ready(container)))).boxed()
    }

    fn connect(&self, _port: u16) -> BoxFuture<'_, io::Result<Box<dyn Connection>>> {
        let ready = self.started.keys().all(|container| self.is_ready(container));
        async move {
            if !ready {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (client, mut server) = tokio::io::duplex(1024);
            tokio::spawn(async move {
                let mut request = [0; 16];
                let _ = server.read(&mut request).await;
                let _ = server.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            });
            Ok(Box::new(client) as Box<dyn Connection>)
        }
        .boxed()
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
        self.files.read(path, limit)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.files.write(path, content)
    }

    fn destroy(&mut self) -> BoxFuture<'_, io::Result<()>> {
        self.remove();
        std::future::ready(Ok(())).boxed()
    }
}

impl Drop for FakeSandbox {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Files below `/tekton/`, by path.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<BTreeMap<PathBuf, Vec<u8>>>);

impl Files {
    fn read(&self, path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let files = self.lock();
        match files.get(inside(path)?) {
            Some(content) if content.len() > limit => Err(io::ErrorKind::FileTooLarge.into()),
            content => Ok(content.cloned()),
        }
    }

    pub(super) fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut files = self.lock();
        files.insert(inside(path)?.to_owned(), content.to_owned());
        Ok(())
    }

    pub(super) fn append(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut files = self.lock();
        files
            .entry(inside(path)?.to_owned())
            .or_default()
            .extend_from_slice(content);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn inside(path: &Path) -> io::Result<&Path> {
    let leaves = path
        .components()
        .any(|component| component == Component::ParentDir);
    if leaves || !path.starts_with("/tekton") {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(path)
}

/// What happened in all sandboxes of a fake.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Happened>);

#[derive(Debug, Default)]
struct Happened {
    lines: Vec<String>,
    alive: usize,
    most_alive: usize,
}

impl Journal {
    pub(super) fn note(&self, line: String) {
        self.lock().lines.push(line);
    }

    pub(super) fn started(&self, container: &str) {
        self.note(format!("start {container}"));
        self.count(1);
    }

    pub(super) fn ended(&self, container: &str, code: i32) {
        self.note(format!("end {container} {code}"));
        self.count(-1);
    }

    fn count(&self, change: isize) {
        let mut happened = self.lock();
        happened.alive = happened.alive.saturating_add_signed(change);
        happened.most_alive = happened.most_alive.max(happened.alive);
    }

    fn lock(&self) -> MutexGuard<'_, Happened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
